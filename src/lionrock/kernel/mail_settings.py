"""What settings of a mail relay are usable; kernel/config.py asks, kernel/mail.py sends."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lionrock.kernel.config import Settings

# Less than a job has altogether (kernel/jobs.py), so that a silent relay is told from a slow job.
MAIL_TIMEOUT_MS_MAX = 7_000
_ADDRESS = re.compile(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*")
_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")


def relay_address(text: str) -> tuple[str, int] | None:
    """Return host and port of mail_relay; None when it is not host:port."""
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 1 <= int(port[:6]) <= 65_535:
        return None
    return host.strip("[]"), int(port)


def mail_problem(settings: Settings) -> str:
    """Say which setting of mail cannot be used, and what was expected; "" when all can be."""
    if not 100 <= settings.mail_timeout_ms <= MAIL_TIMEOUT_MS_MAX:
        return f"mail_timeout_ms: expected 100 to {MAIL_TIMEOUT_MS_MAX}"
    if not settings.mail_relay:
        return ""
    if settings.composition != "serve":
        return "mail_relay belongs to serve; the sandbox writes to nobody"
    address = relay_address(settings.mail_relay)
    if address is None:
        return "mail_relay: expected host:port such as mail.example.org:587"
    if settings.mail_security == "none" and address[0] not in _THIS_MACHINE:
        return "mail_security: none is for a relay on this machine only"
    if not _ADDRESS.fullmatch(settings.mail_from):
        return "mail_from: expected an address such as city@example.org"
    if bool(settings.mail_user) != bool(settings.mail_password):
        return "mail_user and mail_password: expected both or neither"
    return ""
