"""A relay is taken only when nothing can be read on the way, and in serve only."""

from __future__ import annotations

from typing import Any

import pytest

from lionrock.kernel.config import Settings, SettingsRefused, load_settings
from lionrock.kernel.mail_settings import relay_address

SERVE = {
    "composition": "serve", "key_passphrase": "long enough", "public_url": "https://city.example",
    "mail_relay": "mail.example.org:587", "mail_from": "city@example.org",
}  # fmt: skip


def loaded(**changes: Any) -> Settings:
    """A served city's settings."""
    return load_settings(environment={}, overrides={**SERVE, **changes})


def test_relay_with_tls_is_taken() -> None:
    assert loaded().mail_security == "starttls"
    assert loaded(mail_security="none", mail_relay="[::1]:25").mail_relay == "[::1]:25"
    assert loaded(mail_user="city", mail_password="pw").mail_user == "city"
    assert relay_address("[::1]:25") == ("::1", 25)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"mail_security": "none"}, "mail_security"),
        ({"mail_relay": "mail.example.org"}, "mail_relay"),
        ({"mail_relay": "mail.example.org:0"}, "mail_relay"),
        ({"mail_relay": "mail.example.org:65536"}, "mail_relay"),
        ({"mail_from": ""}, "mail_from"),
        ({"mail_from": "city@example.org\r\nBcc: x@example.org"}, "mail_from"),
        ({"mail_user": "city"}, "mail_password"),
        ({"mail_timeout_ms": 99}, "mail_timeout_ms"),
        ({"mail_timeout_ms": 7_001}, "mail_timeout_ms"),
        ({"composition": "sandbox"}, "belongs to serve"),
    ],
)  # fmt: skip
def test_relay_that_cannot_be_used_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsRefused, match=told):
        loaded(**changes)
