"""Plain mail over an SMTP relay: the way out for messages to persons, where a city has one.

One message, one recipient, text only, over TLS or to this machine itself; a relay that offers no
TLS gets nothing. The library blocks, so it runs in threads of its own, few of them, each operation
within a timeout; while a relay does not answer, nobody else is made to wait for it. Not for: what
a message says, when it is tried again (the job that sends it). Source: RFC 5321, RFC 3207, RFC
5322, RFC 8314.
"""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
import ssl
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Literal

import msgspec

from lionrock.kernel.clock import WireClock
from lionrock.kernel.config import Settings
from lionrock.kernel.mail_settings import relay_address

THREADS_MAX = 2
# After a relay did not answer, it is left alone for so long: workers have other things to do.
REST_S = 30
Sent = Literal["sent", "later", "refused"]


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """One text to one address; `id` makes its Message-ID, so that a repeat is recognised."""

    id: str
    recipient: str
    subject: str
    body: str
    written_at: datetime


class SmtpRelay:
    """The relay of the settings; opens one connection for each message."""

    def __init__(self, settings: Settings, wire_clock: WireClock) -> None:
        address = relay_address(settings.mail_relay)
        assert address is not None, "the settings were checked"
        self._settings = settings
        self._host, self._port = address
        self._domain = settings.mail_from.rpartition("@")[2]
        self._wire_clock = wire_clock
        self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="mail")
        self._rests_until_s = 0

    async def send(self, mail: Mail) -> Sent:
        """Hand a message to the relay.

        "later": it did not answer, or said so for now (4yz). "refused": it will not, for good
        (5yz, RFC 5321 s4.2.1), or a header cannot hold the address as it is.
        """
        if self._wire_clock.now_s() < self._rests_until_s:
            return "later"
        running = asyncio.get_running_loop()
        try:
            return await running.run_in_executor(self._threads, self._hand_over, mail)
        except OSError:
            # Nobody there, no TLS, or a name or certificate that is not the relay's.
            self._rests_until_s = self._wire_clock.now_s() + REST_S
            return "later"

    def _hand_over(self, mail: Mail) -> Sent:
        """In a thread. SMTPException is an OSError."""
        written = self._written(mail)
        if written is None:
            return "refused"
        with contextlib.closing(self._connect()) as relay:
            try:
                relay.send_message(written)
            except smtplib.SMTPRecipientsRefused as error:
                codes = [code for code, _text in error.recipients.values()]
                return "refused" if all(code >= 500 for code in codes) else "later"
            except smtplib.SMTPDataError as error:
                return "refused" if error.smtp_code >= 500 else "later"
            # It has taken the message: however it takes the farewell, nothing is sent again.
            with contextlib.suppress(OSError):
                relay.quit()
        return "sent"

    def _connect(self) -> smtplib.SMTP:
        settings, timeout_s = self._settings, self._settings.mail_timeout_ms / 1000
        if settings.mail_security == "tls":
            relay: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, local_hostname=self._domain, timeout=timeout_s,
                context=ssl.create_default_context(),
            )  # fmt: skip
        else:
            relay = smtplib.SMTP(
                self._host, self._port, local_hostname=self._domain, timeout=timeout_s
            )
        try:
            if settings.mail_security == "starttls":
                relay.starttls(context=ssl.create_default_context())
            if settings.mail_user:
                relay.login(settings.mail_user, settings.mail_password)
        except OSError:
            relay.close()
            raise
        return relay

    def _written(self, mail: Mail) -> EmailMessage | None:
        """Return the text with its headers; None when its address would reach somebody else.

        EmailMessage refuses line ends in a header, so that no address smuggles in another one, and
        reads encoded words (RFC 2047) in an address: =?utf-8?q?ada?=@ would be sent to ada@.
        """
        written = EmailMessage()
        written["From"] = self._settings.mail_from
        try:
            written["To"] = mail.recipient
        except ValueError:
            return None
        if [one.addr_spec for one in written["To"].addresses] != [mail.recipient]:
            return None
        written["Subject"] = mail.subject
        written["Date"] = format_datetime(mail.written_at)
        written["Message-ID"] = f"<{mail.id}@{self._domain}>"
        # So that no out-of-office answers a code (RFC 3834 s5).
        written["Auto-Submitted"] = "auto-generated"
        written.set_content(mail.body)
        return written
