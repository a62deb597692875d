"""The texts of the sign-in pages in three languages; the HTML is templates/sign_in.html."""

from __future__ import annotations

import functools
from pathlib import Path

import jinja2

from lionrock.kernel.i18n import Text

_TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
REFRESH_S = 2
# Below the time a code is good (domain/scans.py), so that the page always shows a good one.
SCAN_REFRESH_S = 4

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
    "scan": Text("Scan with my phone", "用手機掃描", "用手机扫描"),
    "scan_how": Text(
        "Scan this code with the app on your phone. It changes every few seconds.",
        "請用手機應用程式掃描此碼。此碼每隔數秒更新。",
        "请用手机应用程序扫描此码。此码每隔数秒更新。",
    ),
    "scan_app": Text(
        "Open the app on this device", "在本裝置開啟應用程式", "在本设备打开应用程序"
    ),
    "scan_web": Text("The app did not open?", "應用程式沒有開啟？", "应用程序没有打开？"),
    "app_only": Text(
        "This code is for the app. Open the app on your phone and scan it there.",
        "此碼供應用程式使用。請打開手機應用程式掃描。",
        "此码供应用程序使用。请打开手机应用程序扫描。",
    ),
    "cancel": Text("Cancel", "取消", "取消"),
    "logout": Text("Log out", "登出", "退出登录"),
    "logout_question": Text("Log out?", "確定登出？", "确定退出登录？"),
    "logout_asked": Text("{service} sent you here.", "{service}將你帶到此頁。",
                         "{service}将您带到此页。"),
    "logout_means": Text(
        "Every service that you signed in to in this browser is told, and its access ends.",
        "你在此瀏覽器登入過的所有服務均會收到通知，其存取權隨即終止。",
        "您在此浏览器登录过的所有服务均会收到通知，其访问权随即终止。",
    ),
    "logout_done": Text("You are logged out", "你已登出", "您已退出登录"),
    "logout_done_means": Text(
        "You can close this page.", "你可以關閉此頁。", "您可以关闭此页。"
    ),
    "refused": Text("This cannot go on", "未能繼續", "未能继续"),
    "refused_code": Text("Code", "代碼", "代码"),
    "refused_check": Text("Check", "檢查", "检查"),
    "refused_source": Text("Source", "依據", "依据"),
    "refused_request": Text("Request", "要求編號", "请求编号"),
    "refused_again": Text("Start again", "重新開始", "重新开始"),
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
    """Return the page with the number, and the code to fetch it with, that refreshes itself."""
    return _page(
        language, service, step="wait", number=number, sign_in_id=sign_in_id,
        form_token=form_token, refresh_s=REFRESH_S, code=f"{code[:4]} {code[4:]}",
    )  # fmt: skip


def logout_page(*, language: str, service: str, step: str, fields: dict[str, str]) -> str:
    """Return the page that asks before logging out, or says that it is done (`step` ended)."""
    texts = {name: text.in_language(language) for name, text in _TEXTS.items()}
    return _environment().get_template("logout.html").render(
        language=language, text=texts, service=service, step=step, fields=fields
    )


def scan_page(
    *,
    language: str,
    service: str,
    sign_in_id: str,
    content: str,
    app_link: str,
    web_link: str,
    form_token: str,
) -> str:
    """Return the page with the code to scan and the app links; it loads itself with fresh ones."""
    return _page(
        language, service, step="scan", sign_in_id=sign_in_id, content=content,
        app_link=app_link, web_link=web_link, form_token=form_token, refresh_s=SCAN_REFRESH_S,
    )  # fmt: skip


def app_page(*, language: str) -> str:
    """Return the page of a code that was opened in a browser."""
    return _page(language, "", step="app")


def refused_page(*, language: str, sentence: str, code: str, **facts: str) -> str:
    """Return the page of a refusal; `facts`: detail, step, clause, request_id."""
    texts = {name: text.in_language(language) for name, text in _TEXTS.items()}
    return _environment().get_template("refused.html").render(
        language=language, text=texts, sentence=sentence, code=code, **facts
    )


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
