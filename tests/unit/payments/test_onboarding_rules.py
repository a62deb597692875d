"""Rules of onboarding without a database: what an application may say, how a test is judged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import generate_encryption_key, generate_key, key_from_jwk
from lionrock.payments.onboarding.domain.application import (
    Application,
    Limits,
    check_application,
    check_key,
    read_limits,
)
from lionrock.payments.onboarding.domain.cases import (
    CASES,
    QUIET_MS,
    WINDOW_MS,
    Exchange,
    Send,
    Verdict,
    Wait,
    next_step,
)
from lionrock.payments.onboarding.domain.refusals import OnboardingRefusal as R
from lionrock.payments.onboarding.errors import ONBOARDING_ERRORS

START = datetime(2026, 2, 20, 9, 0, tzinfo=UTC)
LIMIT_MS = 20_000
KEY = generate_key()


def application(**changes: Any) -> Application:
    """A good application, changed."""
    good = {
        "organisation_id": "bank-peak", "kind": "bank", "bic": "LRXXHKHH",
        "names": dict.fromkeys(("en", "zh-Hant", "zh-Hans"), "Peak Bank"),
        "clearing_code": "903", "currencies": ("HKD", "CNY"), "endpoint": "https://peak.example/a",
        "keys": (KEY.public_jwk,),
        "contact": {"name": "Desk", "email": "d@peak.example", "phone": "+85221230000"},
        "test_accounts": {"open": "T-1", "closed": "T-2"}, "limits": {"HKD": "50000.00"},
    }
    return msgspec.convert(good | changes, Application)


def test_a_good_application_is_taken_and_every_refusal_has_its_row() -> None:
    assert check_application(application()) is None
    assert check_application(application(kind="stored_value_facility", bic="")) is None
    assert set(R) == set(ONBOARDING_ERRORS)


@pytest.mark.parametrize(
    ("field", "value", "refusal"),
    [
        ("organisation_id", "Bank Peak", R.MALFORMED), ("organisation_id", "a" * 65, R.MALFORMED),
        ("names", {"en": "Peak"}, R.MALFORMED),
        ("names", dict.fromkeys(("en", "zh-Hant", "zh-Hans"), "\u202ekaeP"), R.MALFORMED),
        ("names", dict.fromkeys(("en", "zh-Hant", "zh-Hans"), "x" * 141), R.MALFORMED),
        ("clearing_code", "12", R.MALFORMED), ("clearing_code", "1234", R.MALFORMED),
        ("clearing_code", "LRTEST", R.MALFORMED), ("clearing_code", "９０３", R.MALFORMED),
        ("bic", "", R.MALFORMED), ("bic", "LRXXHKH", R.MALFORMED), ("bic", "lrxxhkhh", R.MALFORMED),
        ("currencies", (), R.MALFORMED), ("currencies", ("USD",), R.MALFORMED),
        ("currencies", ("HKD", "HKD"), R.MALFORMED),
        ("limits", {"HKD": "0.00"}, R.LIMITS), ("limits", {"HKD": "1.005"}, R.LIMITS),
        ("limits", {"USD": "1.00"}, R.LIMITS), ("limits", {"HKD": "-1.00"}, R.LIMITS),
        ("contact", {"name": "", "email": "a@b.example", "phone": "+85221230000"}, R.MALFORMED),
        ("contact", {"name": "D", "email": "a@b", "phone": "+85221230000"}, R.MALFORMED),
        ("contact", {"name": "D", "email": "a@b.example", "phone": "2123"}, R.MALFORMED),
        ("test_accounts", {"open": "T-1", "closed": "T-1"}, R.MALFORMED),
        ("test_accounts", {"open": "T 1", "closed": "T-2"}, R.MALFORMED),
        ("keys", (), R.MALFORMED), ("keys", (KEY.public_jwk,) * 2, R.KEY_KNOWN),
        ("keys", tuple(generate_key().public_jwk for _ in range(5)), R.MALFORMED),
        *(("endpoint", address, R.MALFORMED) for address in (
            "", "peak.example", "ftp://peak.example", "https://", "https://u:p@peak.example",
            "https://peak.example/", "https://peak.example/a?b", "https://peak.example/a#b",
            "https://peak.example/../a", "https://peak.example/a//b", "https://peak.example/%2e",
            "https://peak.example\\@evil.example", "https://peak.example:0/a",
            "https://peäk.example", "https://peak.example/" + "a" * 400, "https://[::1",
        )),
    ],
)  # fmt: skip
def test_each_wrong_field_is_named(field: str, value: Any, refusal: R) -> None:
    refused = check_application(application(**{field: value}))
    assert isinstance(refused, Refused) and refused.refusal is refusal
    assert refused.field.split(".")[0] == field


def test_a_key_is_public_es256_and_named_by_its_thumbprint() -> None:
    private = {**KEY.public_jwk, "d": "AAAA"}
    ed25519 = generate_key("Ed25519").public_jwk
    enc = generate_encryption_key().public_jwk
    named = {**KEY.public_jwk, "kid": "mine"}
    for jwk, refusal in (
        (private, R.KEY_PRIVATE), (ed25519, R.KEY_NOT_ES256), (enc, R.KEY_NOT_ES256),
        (named, R.KEY_MALFORMED), ({"kty": "EC"}, R.KEY_MALFORMED), ({}, R.KEY_MALFORMED),
    ):
        refused = check_key(jwk)
        assert isinstance(refused, Refused) and refused.refusal is refusal, jwk
    assert not isinstance(key_from_jwk(KEY.public_jwk), Refused)


def test_limits_at_the_largest_amount_and_above_it() -> None:
    largest, above = {"HKD": "999999999999999.99"}, {"HKD": "1000000000000000.00"}
    assert read_limits(largest, largest, ("HKD",)) == Limits(
        payment={"HKD": 10**17 - 1}, daily={"HKD": 10**17 - 1}
    )
    for payment, daily, field in ((above, {}, "limits"), ({}, above, "daily_limits")):
        refused = read_limits(payment, daily, ("HKD",))
        assert isinstance(refused, Refused) and refused.field == field


def sent(label: str, status: int = 202, position: int = 1, at: datetime = START) -> Exchange:
    """A message of the switch's, with what came of it."""
    return Exchange(
        position=position, direction="out", label=label, definition="pacs.008.001.08",
        message_id=f"m-{label}", at=at, status=status, said="timed_out" if status < 0 else "",
    )


def came(about: str, said: str, position: int = 2, after_ms: int = 10) -> Exchange:
    """A message of the candidate's."""
    return Exchange(
        position=position, direction="in", label="answer", definition="pacs.002.001.10",
        message_id="a", about=f"m-{about}", said=said, status=202,
        at=START + timedelta(milliseconds=after_ms),
    )


def judged(case: str, exchanges: list[Exchange], after_ms: int = 20) -> Any:
    """What a run does next."""
    return next_step(
        CASES[case], exchanges, started_at=START,
        now=START + timedelta(milliseconds=after_ms), limit_ms=LIMIT_MS,
    )


@pytest.mark.parametrize(
    ("case", "exchanges", "is_passed"),
    [
        ("credit_accepted", [sent("credit"), came("credit", "ACCC")], True),
        ("credit_accepted", [sent("credit"), came("credit", "ACSP"), came("credit", "ACSC", 3)],
         True),
        ("credit_accepted", [sent("credit"), came("credit", "RJCT AC04")], False),
        ("credit_accepted", [sent("credit"), came("credit", "ACCC with another OrgnlTxId")], False),
        ("credit_accepted", [sent("credit", 500)], False),
        ("credit_accepted", [sent("credit", -1)], False),
        ("closed_account_refused", [sent("closed"), came("closed", "RJCT AC04")], True),
        ("closed_account_refused", [sent("closed"), came("closed", "RJCT AC01")], False),
        ("closed_account_refused", [sent("closed"), came("closed", "ACCC")], False),
        ("duplicate_refused", [sent("credit"), came("credit", "ACCC"), sent("changed", 409, 3)],
         None),
        ("duplicate_refused",
         [sent("credit"), came("credit", "ACCC"), sent("changed", 202, 3),
          came("changed", "RJCT AM05", 4)], True),
        ("duplicate_refused",
         [sent("credit"), came("credit", "ACCC"), sent("changed", 202, 3),
          came("changed", "ACCC", 4)], False),
        ("bad_schema_refused", [sent("invalid"), came("invalid", "admi.002 bad")], True),
        ("bad_schema_refused", [sent("invalid"), came("invalid", "ACCC")], False),
        ("bad_schema_refused", [sent("invalid", 500)], False),
        ("bad_signature_refused", [sent("forged", 202)], False),
        ("bad_signature_refused", [sent("forged", 401), came("forged", "ACCC")], False),
        ("bad_signature_refused", [sent("forged", 503)], False),
        ("replay_refused", [sent("credit"), came("credit", "ACCC"), sent("replayed", 202, 3)],
         False),
        ("outcome_taken", [sent("credit"), came("credit", "ACCC"), sent("outcome", 202, 3)], True),
        ("outcome_taken", [sent("credit"), came("credit", "ACCC"), sent("outcome", 404, 3)], False),
    ],
)  # fmt: skip
def test_what_came_decides_a_test(
    case: str, exchanges: list[Exchange], is_passed: bool | None
) -> None:
    step = judged(case, exchanges)
    if is_passed is None:
        assert isinstance(step, Wait)
    else:
        assert isinstance(step, Verdict) and step.is_passed is is_passed
        assert step.came, "a verdict says what came"


def test_an_http_refusal_counts_once_nothing_else_came() -> None:
    exchanges = [sent("forged", 401)]
    assert isinstance(judged("bad_signature_refused", exchanges, QUIET_MS - 1), Wait)
    assert judged("bad_signature_refused", exchanges, QUIET_MS) == Verdict(True, "HTTP 401")


def test_an_answer_at_the_limit_is_in_time_and_after_it_is_not() -> None:
    for after_ms, is_passed in ((LIMIT_MS, True), (LIMIT_MS + 1, False)):
        step = judged(
            "credit_accepted", [sent("credit"), came("credit", "ACCC", after_ms=after_ms)],
            after_ms,
        )
        assert isinstance(step, Verdict) and step.is_passed is is_passed
    assert judged("credit_accepted", [sent("credit")], LIMIT_MS - 1) == Wait(1)
    silent = judged("credit_accepted", [sent("credit")], LIMIT_MS)
    assert silent == Verdict(False, "taken, then nothing in 20000 ms")


def test_a_repeat_needs_a_new_answer_that_is_the_same() -> None:
    first = [sent("credit"), came("credit", "ACCC"), sent("again", position=3)]
    first[2] = msgspec.structs.replace(first[2], message_id="m-credit")
    assert isinstance(judged("repeat_answered_again", first), Wait)
    same = judged("repeat_answered_again", [*first, came("credit", "ACCC", 4)])
    assert isinstance(same, Verdict) and same.is_passed
    other = judged("repeat_answered_again", [*first, came("credit", "RJCT AC04", 4)])
    assert isinstance(other, Verdict) and not other.is_passed


def test_messages_are_sent_one_after_the_other_and_again_if_not_recorded() -> None:
    assert judged("answers_in_time", []) == Send("credit")
    assert judged("answers_in_time", [sent("credit", 0)]) == Send("credit")
    assert isinstance(judged("answers_in_time", [sent("credit")]), Wait)
    assert judged("answers_in_time", [sent("credit"), came("credit", "ACCC")]) == Send("second")


def own(label: str, position: int) -> Exchange:
    """A message that the candidate sends for a test of its own."""
    return Exchange(
        position=position, direction="in", label=label, definition="pacs.008.001.08",
        message_id="c", at=START, status=202,
        said="refused: payments.not_valid" if label == "refused" else "",
    )


def test_a_candidates_own_test_waits_for_its_message_as_long_as_the_window() -> None:
    assert judged("transfer_sent", [], WINDOW_MS - 1) == Wait(1)
    late = judged("transfer_sent", [own("refused", 1)], WINDOW_MS)
    assert late == Verdict(False, "no transfer in 120 s; refused: payments.not_valid")
    assert judged("transfer_sent", [own("transfer", 1)]) == Send("outcome")
    assert isinstance(judged("status_enquiry", [own("transfer", 1)]), Wait)
    changed = judged("repeat_unchanged", [own("busy", 1), own("altered", 2)])
    assert changed == Verdict(False, "sent again with another content")
    assert judged("repeat_unchanged", [own("busy", 1), own("transfer", 2)]) == Send("outcome")
