"""Values of the back channel and of scanned codes, without a server."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime

import pytest

from lionrock.identity.domain.ciba import (
    CibaRefusal,
    half_hash,
    is_notification_token,
    push_claims,
)
from lionrock.identity.domain.scans import (
    STEP_S,
    ScanContent,
    ScanRefusal,
    check_step,
    read_content,
    step_at,
)
from lionrock.identity.errors.ciba import CIBA_ERRORS
from lionrock.identity.errors.scans import SCAN_ERRORS
from lionrock.identity.http.pages import SCAN_REFRESH_S
from lionrock.identity.store.ciba import REQUESTS
from lionrock.kernel.config import CIBA_LIFE_S_MAX, SettingsRefused, load_settings
from lionrock.kernel.errors import Refused

ISSUER = "https://city.example"
NOW = datetime(2026, 2, 20, 9, 0, tzinfo=UTC)
CONTENT = ScanContent(channel="qr", sign_in_id="sin_1.3", step=step_at(NOW), tag="a" * 32)


def test_every_refusal_has_its_row() -> None:
    assert set(CIBA_ERRORS) == set(CibaRefusal)
    assert set(SCAN_ERRORS) == set(ScanRefusal)
    assert all(row.oauth for row in CIBA_ERRORS.values())


def test_at_hash_is_the_left_half_of_sha256() -> None:
    digest = hashlib.sha256(b"token").digest()[:16]
    assert half_hash("token") == base64.urlsafe_b64encode(digest).decode().rstrip("=")


def test_the_refresh_tokens_hash_is_there_with_a_refresh_token_only() -> None:
    assert len(push_claims("id", "access", None)) == 2
    assert len(push_claims("id", "access", "refresh")) == 3


@pytest.mark.parametrize("token", [None, "", "a" * 21, "a" * 1025, "=" * 30, "a b" * 10, "é" * 30])
def test_what_is_no_bearer_token_of_128_bits_is_refused(token: str | None) -> None:
    assert not is_notification_token(token)


@pytest.mark.parametrize("text", [CONTENT.web(ISSUER), CONTENT.app(), f" {CONTENT.app()}\n"])
def test_a_code_reads_as_it_was_written(text: str) -> None:
    assert read_content(text, ISSUER) == CONTENT


@pytest.mark.parametrize(
    "text",
    ["", "https://evil.example/identity/scan/qr/sin_1.3/1/" + "a" * 32, "javascript:alert(1)",
     ISSUER + "/identity/scan", CONTENT.web(ISSUER + ".evil.example"), CONTENT.app() + "a" * 400],
)  # fmt: skip
def test_what_is_no_code_of_this_server_is_foreign(text: str) -> None:
    assert read_content(text, ISSUER) == Refused(ScanRefusal.FOREIGN, field="content")


@pytest.mark.parametrize(("behind", "is_good"), [(-1, False), (0, True), (1, True), (2, False)])
def test_a_code_is_good_in_its_step_and_the_next(behind: int, is_good: bool) -> None:
    moved = ScanContent(
        channel="qr", sign_in_id="sin_1.3", step=step_at(NOW) - behind, tag="a" * 32
    )  # fmt: skip
    assert (check_step(moved, NOW) is None) is is_good


def test_the_page_loads_itself_before_its_code_ends() -> None:
    assert SCAN_REFRESH_S < STEP_S


@pytest.mark.parametrize(
    "wrong",
    [{"ciba_life_s_max": 0}, {"ciba_life_s_max": CIBA_LIFE_S_MAX + 1}, {"ciba_life_s": 901},
     {"ciba_interval_s": 0}],
)  # fmt: skip
def test_settings_of_the_back_channel_beyond_their_bounds_are_refused(
    wrong: dict[str, int],
) -> None:
    with pytest.raises(SettingsRefused):
        load_settings(environment={}, overrides=wrong)


def test_the_longest_life_that_a_setting_allows_fits_the_table() -> None:
    assert load_settings(environment={}, overrides={"ciba_life_s_max": CIBA_LIFE_S_MAX})
    assert REQUESTS.reach_s >= CIBA_LIFE_S_MAX
