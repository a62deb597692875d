"""The page of a filling without log-in, in three languages; the HTML is templates/filling.html."""

from __future__ import annotations

import functools
from pathlib import Path

import jinja2

from lionrock.kernel.i18n import Text

REFRESH_S = 4
_TEXTS = {
    "title": Text("Fill in a form", "填寫表格", "填写表格"),
    "asks": Text("{service} asks for:", "{service}要求：", "{service}要求："),
    "scan": Text(
        "Scan this code with the app on your phone. It changes every few seconds.",
        "請用手機應用程式掃描此碼。此碼每隔數秒更新。",
        "请用手机应用程序扫描此码。此码每隔数秒更新。",
    ),
    "app": Text("Open the app on this device", "在本裝置開啟應用程式", "在本设备打开应用程序"),
    "number": Text(
        "Enter this number on your phone", "請在手機上輸入此號碼", "请在手机上输入此号码"
    ),
    "approved": Text(
        "Done. Go back to the service.", "完成。請返回該服務。", "完成。请返回该服务。"
    ),
    "rejected": Text("You said no.", "你已拒絕。", "您已拒绝。"),
    "expired": Text("The time is over.", "時限已過。", "时限已过。"),
    "app_only": Text(
        "This code is for the app. Open the app on your phone and scan it there.",
        "此碼供應用程式使用。請打開手機應用程式掃描。",
        "此码供应用程序使用。请打开手机应用程序扫描。",
    ),
}  # fmt: skip


def filling_page(
    *,
    language: str,
    state: str,
    service: str = "",
    asks: str = "",
    number: str = "",
    content: str = "",
    picture: str = "",
) -> str:
    """Return the page; while it waits it loads itself with a fresh code."""
    texts = {name: text.in_language(language) for name, text in _TEXTS.items()}
    texts["asks"] = texts["asks"].format(service=service)
    return _environment().get_template("filling.html").render(
        language=language, text=texts, state=state, asks=asks, number=number, content=content,
        picture=picture, refresh_s=REFRESH_S,
    )  # fmt: skip


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).resolve().parent / "templates"),
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
