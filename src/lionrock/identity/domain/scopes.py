"""OAuth scopes, and how a phone tells a person what a service receives.

Access takes two things: what the person let the service do (scope, here), and what the person may
do at all (mandate, staff role), which each resource asks anew at each use.
"""

from __future__ import annotations

from collections.abc import Iterable

from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text

OPENID = "openid"
PROFILE = "profile"
CONTACT = "contact"
COMPANY = "company"
SERVICE_ROLES = "service_roles"

SCOPES: dict[str, Text] = {
    OPENID: Text("a name for you that only it knows", "只供它使用的代號", "只供它使用的代号"),
    PROFILE: Text("your name", "你的姓名", "您的姓名"),
    CONTACT: Text("your phone number and e-mail", "你的電話及電郵", "您的电话及电邮"),
    COMPANY: Text(
        "which companies you act for, to act for them", "你代表的公司，並代其行事",
        "您代表的公司，并代其行事",
    ),
    "programmes": Text("your applications to programmes", "你的計劃申請", "您的计划申请"),
    "exchange": Text("your data consents", "你的資料同意書", "您的资料同意书"),
    "payments": Text("to prepare payments", "擬備付款", "拟备付款"),
    "mandates": Text(
        "to prepare changes of who acts for your company", "擬備公司授權的變更",
        "拟备公司授权的变更",
    ),
    "evidence": Text("your receipts", "你的收據", "您的收据"),
    "signing": Text("to prepare documents for signing", "擬備文件供簽署", "拟备文件供签署"),
    "directory": Text("the list of services", "服務名錄", "服务名录"),
    SERVICE_ROLES: Text(
        "to name roles that companies give", "訂明由公司委派的角色", "订明由公司委派的角色"
    ),
    "grant_management_query": Text(
        "to see what it was let do", "查看它獲准做甚麼", "查看它获准做什么"
    ),
    "grant_management_revoke": Text(
        "to give back what it was let do", "交還它獲准做的事", "交还它获准做的事"
    ),
    "values": Text(
        "your own details, to see and change them", "你的個人資料，可查看及更改",
        "您的个人资料，可查看及更改",
    ),
    "forms": Text(
        "forms without signing in", "毋須登入的表格", "无须登录的表格"
    ),
    "staff": Text("your duties as staff", "你的職員職責", "您的职员职责"),
    "resource": Text("a test resource without data", "不含資料的測試資源", "不含资料的测试资源"),
}  # fmt: skip
# What a client may be granted in its own name (client credentials): nothing about any person.
CLIENT_SCOPES = frozenset(
    {
        "resource", "directory", "forms", SERVICE_ROLES, "grant_management_query",
        "grant_management_revoke",
    }
)
# What no service asks for by itself: duties of staff, and everything that is known of a person.
RESERVED_SCOPES = frozenset({"staff", "values"})
_JOIN = Text("; ", "；", "；")
SCOPE_LENGTH_MAX = 400


def read_scope(scope: str | None, allowed: frozenset[str]) -> tuple[str, ...] | Refused:
    """Read a scope parameter (RFC 6749 s3.3): known, allowed, order without meaning."""
    if not scope or len(scope) > SCOPE_LENGTH_MAX:
        return Refused(IdentityRefusal.SCOPE, "It is missing or too long.", field="scope")
    asked = scope.split(" ")
    for name in asked:
        if name not in SCOPES or name not in allowed:
            return Refused(IdentityRefusal.SCOPE, "It names one this client has not.", "scope")
    # A fixed order, so that two spellings of one grant are equal.
    return tuple(name for name in SCOPES if name in asked)


def show_scopes(scopes: Iterable[str], language: str, more: Iterable[str] = ()) -> str:
    """Say what a service receives, in the language of the phone's words, `more` after it."""
    texts = [SCOPES[name].in_language(language) for name in SCOPES if name in set(scopes)]
    return _JOIN.in_language(language).join([*texts, *more])
