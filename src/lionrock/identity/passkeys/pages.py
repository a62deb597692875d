"""The authenticator's page in three languages, its script, and the policy that it lives under."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from pathlib import Path

import jinja2

from lionrock.identity.errors.chinese import sentence
from lionrock.identity.passkeys.errors import AUTHENTICATOR_ERRORS
from lionrock.kernel.i18n import Text

_HERE = Path(__file__).resolve().parent
SCRIPT = (_HERE / "static" / "authenticator.js").read_bytes()
_INTEGRITY = "sha384-" + base64.b64encode(hashlib.sha384(SCRIPT).digest()).decode()

_TEXTS = {
    "title": Text("Authenticator", "我的驗證器", "我的验证器"),
    "no_passkeys": Text(
        "This browser cannot use passkeys here.", "此瀏覽器無法在此使用通行密鑰。",
        "此浏览器无法在此使用通行密钥。",
    ),
    "sign_in": Text("Open with your passkey", "以通行密鑰開啟", "以通行密钥打开"),
    "enrol_title": Text("A new device", "新裝置", "新设备"),
    "code": Text("Enrolment code", "登記代碼", "登记代码"),
    "enrol": Text("Make a passkey", "建立通行密鑰", "创建通行密钥"),
    "enrolled": Text(
        "Enrolled. Open with your passkey.", "已登記。請以通行密鑰開啟。",
        "已登记。请以通行密钥打开。",
    ),
    "asked": Text("You are asked", "待確認事項", "待确认事项"),
    "nothing": Text("Nothing is asked.", "暫無待確認事項。", "暂无待确认事项。"),
    "number": Text(
        "Number on the service's page", "服務網頁顯示的號碼", "服务网页显示的号码"
    ),
    "fields": Text("Fields to give", "提供的資料", "提供的资料"),
    "approve": Text("Approve", "批准", "批准"),
    "reject": Text("Reject", "拒絕", "拒绝"),
    "asked_by": Text("Asked by", "提出者：", "提出者："),
    "fetch_title": Text("Fetch a sign-in", "取得登入要求", "取得登录请求"),
    "fetch_code": Text("Code on the sign-in's page", "登入頁顯示的代碼", "登录页显示的代码"),
    "fetch": Text("Fetch", "取得", "取得"),
    "quiet": Text(
        "Sign-ins in your name that were kept quiet:", "以你名義提出而未有通知的登入：",
        "以您名义提出而未有通知的登录：",
    ),
    "devices": Text("Your devices", "你的裝置", "您的设备"),
    "this": Text("this device", "本裝置", "本设备"),
    "key": Text("phone", "手機", "手机"),
    "passkey": Text("passkey", "通行密鑰", "通行密钥"),
    "revoke": Text("Take out of use", "停用", "停用"),
    "waiting": Text(
        "This device is new: until its waiting period ends it can only sign in.",
        "此裝置為新裝置：等候期結束前只可用於登入。", "此设备为新设备：等候期结束前只可用于登录。",
    ),
    "refresh": Text("Look again", "重新整理", "刷新"),
    "sign_out": Text("Close", "關閉", "关闭"),
    "done": Text("Done.", "完成。", "完成。"),
    "refused": Text("Not accepted:", "未獲接納：", "未获接纳："),
    "differ": Text(
        "The words are not those to be signed. Nothing was answered.",
        "文字與所簽內容不符，未有作答。", "文字与所签内容不符，未有作答。",
    ),
}  # fmt: skip


def page_policy(nonce: str) -> str:
    """Return the page's content security policy: its own script, style and calls; nothing else."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def authenticator_page(*, language: str, nonce: str) -> str:
    """Return the page; its script fills it in."""
    texts = {name: text.in_language(language) for name, text in _TEXTS.items()}
    codes = [refusal.value for refusal in AUTHENTICATOR_ERRORS]
    said = {code: sentence(code, "", language) for code in codes}
    return _environment().get_template("authenticator.html").render(
        language=language, text=texts, nonce=nonce, integrity=_INTEGRITY,
        refusals=json.dumps({code: text for code, text in said.items() if text}),
    )  # fmt: skip


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
