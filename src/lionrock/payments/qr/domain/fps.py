"""Tag 26, the FPS account: its proxies and their forms.

Pure. Source: HKMA's payee-presented FPS profile as far as public [secondary]; sub-tags 01 and 05
are known from public code only. Variants in the wild are read with a warning, never misread.
"""

from __future__ import annotations

import re

from lionrock.kernel.errors import Refused
from lionrock.payments.qr.domain.content import FPS_IDENTIFIER, FpsAccount
from lionrock.payments.qr.domain.items import Item
from lionrock.payments.qr.domain.layout import FPS_TAGS
from lionrock.payments.qr.domain.refusals import QrRefusal

VARIANT_IDENTIFIER = "hk.com.hkicl.fps"
FPS_ID_LENGTHS = (7, 9)
_MOBILE = re.compile(r"\+[1-9][0-9]{0,2}-[0-9]{6,14}")
_EMAIL = re.compile(r"[!-?A-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_TIMEOUT = re.compile(
    r"20[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]"
)


def is_fps(items: list[Item]) -> bool:
    """Say whether a template names the switch as its scheme."""
    first = items[0] if items else Item("", "")
    return first.tag == "00" and first.value.lower() in (FPS_IDENTIFIER, VARIANT_IDENTIFIER)


def fps_account(items: list[Item]) -> tuple[FpsAccount, tuple[str, ...]] | Refused:
    """Read the items of tag 26; returns the account and warnings."""
    named = {FPS_TAGS[item.tag]: item.value for item in items if item.tag in FPS_TAGS}
    account = FpsAccount(
        **named, others=tuple(item for item in items if item.tag not in FPS_TAGS)
    )
    warnings: tuple[str, ...] = ()
    if account.identifier != FPS_IDENTIFIER:
        warnings = ("identifier_variant",)
    if account.identifier.lower() == VARIANT_IDENTIFIER and account.fps_id.startswith("+"):
        # Seen in the wild: the mobile number in the place of the FPS ID.
        if account.mobile or account.email:
            return Refused(QrRefusal.PROXIES_MANY, "", "26")
        return _moved_mobile(account, warnings)
    refused = check_account(account)
    if refused is not None:
        return refused
    if account.fps_id and len(account.fps_id) not in FPS_ID_LENGTHS:
        warnings = (*warnings, "fps_id_length")
    return account, warnings


def _moved_mobile(
    account: FpsAccount, warnings: tuple[str, ...]
) -> tuple[FpsAccount, tuple[str, ...]] | Refused:
    if not _MOBILE.fullmatch(account.fps_id):
        return Refused(QrRefusal.MOBILE_MALFORMED, "Expected +852-51230001.", "26.02")
    moved = FpsAccount(
        identifier=account.identifier, clearing_code=account.clearing_code,
        mobile=account.fps_id, timeout=account.timeout, others=account.others,
    )
    return moved, (*warnings, "mobile_as_fps_id")


def check_account(account: FpsAccount) -> Refused | None:
    """Exactly one proxy, in its form; the time-out is an instant of fourteen digits."""
    proxies = [text for text in (account.fps_id, account.mobile, account.email) if text]
    if not proxies:
        return Refused(QrRefusal.PROXY_MISSING, "", "26")
    if len(proxies) > 1:
        return Refused(QrRefusal.PROXIES_MANY, "", "26")
    if account.timeout and not _TIMEOUT.fullmatch(account.timeout):
        return Refused(QrRefusal.TIMEOUT_MALFORMED, "Expected YYYYMMDDHHMMSS.", "26.05")
    return _check_proxy(account)


def _check_proxy(account: FpsAccount) -> Refused | None:
    if account.fps_id:
        if not re.fullmatch("[0-9]+", account.fps_id):
            return Refused(QrRefusal.FPS_ID_NOT_DIGITS, "", "26.02")
        if len(account.fps_id) < min(FPS_ID_LENGTHS):
            return Refused(QrRefusal.FPS_ID_TOO_SHORT, "Given out are 7 or 9 digits.", "26.02")
    elif account.mobile:
        if not _MOBILE.fullmatch(account.mobile):
            return Refused(QrRefusal.MOBILE_MALFORMED, "Expected +852-51230001.", "26.03")
    elif not _EMAIL.fullmatch(account.email):
        return Refused(QrRefusal.EMAIL_MALFORMED, "Expected an address with one @.", "26.04")
    return None
