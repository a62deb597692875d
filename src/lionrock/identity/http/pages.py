"""The texts of the sign-in pages in three languages; the HTML is templates/sign_in.html."""

from __future__ import annotations

import functools
from pathlib import Path

import jinja2

from lionrock.kernel.i18n import Text

_TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
REFRESH_S = 2

_TEXTS = {
    "title": Text("Sign in", "登入", "登录"),
    "to": Text("Sign in to {service}", "登入{service}", "登录{service}"),
    "receives": Text("The service receives:", "該服務會收到：", "该服务会收到："),
    "identifier": Text(
        "Phone number, e-mail or handle", "電話號碼、電郵或代號", "电话号码、电邮或代号"
    ),
    "continue": Text("Ask my phone", "在我的手機上確認", "在我的手机上确认"),
    "number": Text(
        "Enter this number on your phone", "請在手機上輸入此號碼", "请在手机上输入此号码"
    ),
    "waiting": Text(
        "Open the app on your phone, read what it says, and enter the number only if you agree. "
        "This page moves on by itself.",
        "請打開手機應用程式，閱讀內容，同意才輸入號碼。此頁會自動更新。",
        "请打开手机应用程序，阅读内容，同意才输入号码。此页会自动更新。",
    ),
    "fetch": Text(
        "Nothing on your phone? Choose to fetch a sign-in there, and enter this code:",
        "手機沒有收到？請在手機選擇「取得登入要求」，並輸入此代碼：",
        "手机没有收到？请在手机选择「取得登录请求」，并输入此代码：",
    ),
    "cancel": Text("Cancel", "取消", "取消"),
}  # fmt: skip


def identify_page(
    *,
    language: str,
    service: str,
    receives: list[str],
    client_id: str,
    request_uri: str,
    form_token: str,
) -> str:
    """Return the page that asks for phone number, e-mail address or handle."""
    return _page(
        language, service, step="identify", receives=receives, client_id=client_id,
        request_uri=request_uri, form_token=form_token,
    )  # fmt: skip


def waiting_page(
    *, language: str, service: str, number: str, sign_in_id: str, form_token: str, code: str
) -> str:
    """Return the page that shows the number, and the code to fetch it with, and refreshes itself."""
    return _page(
        language, service, step="wait", number=number, sign_in_id=sign_in_id,
        form_token=form_token, refresh_s=REFRESH_S, code=f"{code[:4]} {code[4:]}",
    )  # fmt: skip


def _page(language: str, service: str, **values: object) -> str:
    texts = {name: text.in_language(language) for name, text in _TEXTS.items()}
    texts["to"] = texts["to"].format(service=service)
    return _environment().get_template("sign_in.html").render(
        language=language, text=texts, **values
    )


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
