"""One fetch: what a provider admits and what a consumer believes."""

from __future__ import annotations

import datetime
from typing import Any

import msgspec
import pytest

from lionrock.exchange.domain import consent as c
from lionrock.exchange.domain import fetching as f
from lionrock.exchange.domain.refusals import ExchangeRefusal
from lionrock.kernel.errors import Refused

NOW = datetime.datetime(2026, 2, 20, 9, 0, tzinfo=datetime.UTC)
FROM, UNTIL = datetime.date(2025, 8, 1), datetime.date(2026, 2, 1)
CONSENT_ID = "cns_" + "1" * 32
REQUEST_ID = "fch_" + "2" * 32


def artefact(**changes: Any) -> c.Artefact:
    decided = c.decide_terms(
        c.Wish(
            product="account-data", product_version=1, fields=("status", "transactions"),
            purpose="funding-assessment", legal_basis="consent", valid_for_s=86_400,
            frequency_count_max=2, frequency_per="day", retention_days=30, language="en",
            owner_kind="company", data_from=FROM, data_until=UNTIL,
        ),
        NOW,
    )
    assert isinstance(decided, c.Terms)
    base: dict[str, Any] = {
        "iss": "lionrock-platform", "iat": 1, "jti": CONSENT_ID, "revision": 2,
        "predecessor": "d" * 64, "status": "active", "at": NOW,
        "parties": c.Parties(provider="bank-harbour", consumer="programme-office"),
        "owner": c.OwnerCommitment(kind="company", to_provider="a" * 64, to_consumer="b" * 64),
        "terms": decided,
        "shown": c.Shown(approval_id="apr_1", language="en", words_sha256="c" * 64, mandate=None),
    }
    return c.Artefact(**base | changes)


def request(**changes: Any) -> f.FetchRequest:
    base: dict[str, Any] = {
        "request_id": REQUEST_ID, "consent": "jws", "product": "account-data",
        "product_version": 1, "fields": ("status", "transactions"),
        "purpose": "funding-assessment", "recipient_key": {"kty": "EC"},
        "data_from": FROM, "data_until": UNTIL,
    }
    return f.FetchRequest(**base | changes)


def assert_refused(outcome: object, refusal: ExchangeRefusal) -> None:
    assert isinstance(outcome, Refused), outcome
    assert outcome.refusal is refusal


def test_a_request_inside_its_consent_is_allowed() -> None:
    assert f.check_use(request(), artefact()) is None
    assert f.check_use(request(fields=("status",)), artefact()) is None
    narrower = request(data_from=datetime.date(2025, 9, 1), data_until=datetime.date(2025, 10, 1))
    assert f.check_use(narrower, artefact()) is None


@pytest.mark.parametrize(
    ("asked", "given", "refusal"),
    [
        ({}, {"status": "pending"}, ExchangeRefusal.CONSENT_NOT_ACTIVE),
        ({}, {"status": "revoked"}, ExchangeRefusal.CONSENT_NOT_ACTIVE),
        ({"product": "company-particulars"}, {}, ExchangeRefusal.PRODUCT_NOT_CONSENTED),
        ({"product_version": 2}, {}, ExchangeRefusal.PRODUCT_NOT_CONSENTED),
        ({"fields": ()}, {}, ExchangeRefusal.FIELDS_EMPTY),
        ({"fields": ("status", "status")}, {}, ExchangeRefusal.FIELDS_REPEATED),
        ({"fields": ("status", "balances")}, {}, ExchangeRefusal.FIELD_NOT_CONSENTED),
        ({"purpose": "credit-assessment"}, {}, ExchangeRefusal.PURPOSE_NOT_CONSENTED),
        ({"data_from": None}, {}, ExchangeRefusal.DATA_PERIOD_NOT_CONSENTED),
        ({"data_until": None}, {}, ExchangeRefusal.DATA_PERIOD_NOT_CONSENTED),
        ({"data_from": datetime.date(2025, 7, 31)}, {},
         ExchangeRefusal.DATA_PERIOD_NOT_CONSENTED),
        ({"data_until": datetime.date(2026, 2, 2)}, {},
         ExchangeRefusal.DATA_PERIOD_NOT_CONSENTED),
    ],
)
def test_a_request_that_leaves_its_consent_is_refused(
    asked: dict[str, Any], given: dict[str, Any], refusal: ExchangeRefusal
) -> None:
    assert_refused(f.check_use(request(**asked), artefact(**given)), refusal)


def status(**changes: Any) -> f.StatusAnswer:
    base: dict[str, Any] = {
        "consent_id": CONSENT_ID, "revision": 2, "artefact_sha256": "e" * 64, "status": "active",
        "lease_ms": 500, "business_now": NOW,
    }
    return f.StatusAnswer(**base | changes)


def test_the_hub_s_word_on_an_active_consent_opens_it() -> None:
    assert f.check_status(status(), artefact(), "e" * 64) is None


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"consent_id": "cns_" + "9" * 32}, ExchangeRefusal.LEASE_REFUSED),
        ({"status": "revoked", "lease_ms": 0}, ExchangeRefusal.CONSENT_REVOKED),
        ({"status": "expired", "lease_ms": 0}, ExchangeRefusal.CONSENT_EXPIRED),
        ({"status": "pending", "lease_ms": 0}, ExchangeRefusal.CONSENT_NOT_ACTIVE),
        ({"status": "rejected", "lease_ms": 0}, ExchangeRefusal.CONSENT_NOT_ACTIVE),
        ({"reason": "mandate_ended", "lease_ms": 0}, ExchangeRefusal.MANDATE_ENDED),
        ({"business_now": NOW + datetime.timedelta(days=1)}, ExchangeRefusal.CONSENT_EXPIRED),
        ({"business_now": NOW - datetime.timedelta(seconds=1)},
         ExchangeRefusal.CONSENT_NOT_STARTED),
        ({"revision": 3}, ExchangeRefusal.CONSENT_SUPERSEDED),
        ({"artefact_sha256": "f" * 64}, ExchangeRefusal.CONSENT_SUPERSEDED),
        ({"lease_ms": 0}, ExchangeRefusal.LEASE_REFUSED),
    ],
)
def test_any_other_word_of_the_hub_does_not(
    changes: dict[str, Any], refusal: ExchangeRefusal
) -> None:
    assert_refused(f.check_status(status(**changes), artefact(), "e" * 64), refusal)


def use(at: datetime.datetime = NOW, wire_at_s: int = 0, fingerprint: str = "x") -> f.Use:
    return f.Use(at=at, wire_at_s=wire_at_s, fingerprint=fingerprint)


TWICE_A_DAY = c.Frequency(count_max=2, per="day")
ONCE = c.Frequency(count_max=1, per="total")


def test_a_retried_request_counts_once() -> None:
    first = f.admit({}, "one", use(), ONCE)
    assert isinstance(first, f.Admission)
    assert not first.is_repeat
    again = f.admit(first.uses, "one", use(wire_at_s=f.REPEAT_WINDOW_S), ONCE)
    assert isinstance(again, f.Admission)
    assert again.is_repeat
    assert again.uses == first.uses


def test_a_second_request_under_a_consent_for_one_is_refused() -> None:
    first = f.admit({}, "one", use(), ONCE)
    assert isinstance(first, f.Admission)
    years_later = use(at=NOW + datetime.timedelta(days=3_000), wire_at_s=10**9)
    assert_refused(f.admit(first.uses, "two", years_later, ONCE),
                   ExchangeRefusal.FREQUENCY_EXCEEDED)


def test_a_request_id_is_not_a_way_to_fetch_for_ever() -> None:
    uses = {"one": use()}
    late = use(wire_at_s=f.REPEAT_WINDOW_S + 1)
    assert_refused(f.admit(uses, "one", late, ONCE), ExchangeRefusal.REQUEST_ID_REUSED)


def test_a_request_id_with_another_content_is_refused() -> None:
    assert_refused(f.admit({"one": use()}, "one", use(fingerprint="y"), ONCE),
                   ExchangeRefusal.REQUEST_ID_REUSED)


def test_the_window_slides_and_forgets() -> None:
    day = datetime.timedelta(days=1)
    uses: dict[str, f.Use] = {}
    for name, at, is_admitted in (
        ("a", NOW, True), ("b", NOW + day / 2, True), ("c", NOW + day * 0.99, False),
        ("d", NOW + day, True), ("e", NOW + day * 1.2, False), ("f", NOW + day * 1.5, True),
    ):
        wire_at_s = int((at - NOW).total_seconds())
        outcome = f.admit(uses, name, use(at=at, wire_at_s=wire_at_s), TWICE_A_DAY)
        assert isinstance(outcome, f.Admission) == is_admitted, name
        if isinstance(outcome, f.Admission):
            uses = outcome.uses
    assert set(uses) == {"d", "f"}


def delivery(**changes: Any) -> f.DeliveryClaims:
    base: dict[str, Any] = {
        "iss": "bank-harbour", "aud": "programme-office", "iat": 1, "jti": REQUEST_ID,
        "consent_id": CONSENT_ID, "consent_sha256": c.sha256_hex("jws"),
        "request_sha256": "7" * 64, "product": "account-data", "product_version": 1,
        "purpose": "funding-assessment", "retention_days": 30,
        "data": {"status": [], "transactions": []},
    }
    return f.DeliveryClaims(**base | changes)


def expected() -> f.ExpectedDelivery:
    return f.ExpectedDelivery(request=request(), artefact=artefact(), request_sha256="7" * 64)


def test_the_delivery_that_was_asked_for_is_believed() -> None:
    assert f.check_delivery(delivery(), expected()) is None


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"iss": "bank-peak"}, ExchangeRefusal.DELIVERY_OTHER_REQUEST),
        ({"aud": "bank-peak"}, ExchangeRefusal.DELIVERY_OTHER_REQUEST),
        ({"jti": "fch_" + "3" * 32}, ExchangeRefusal.DELIVERY_OTHER_REQUEST),
        ({"request_sha256": "8" * 64}, ExchangeRefusal.DELIVERY_OTHER_REQUEST),
        ({"consent_id": "cns_" + "3" * 32}, ExchangeRefusal.DELIVERY_OTHER_REQUEST),
        ({"consent_sha256": "8" * 64}, ExchangeRefusal.DELIVERY_OTHER_REQUEST),
        ({"product": "company-particulars"}, ExchangeRefusal.DELIVERY_OTHER_REQUEST),
        ({"purpose": "credit-assessment"}, ExchangeRefusal.DELIVERY_OTHER_REQUEST),
        ({"retention_days": 3_000}, ExchangeRefusal.DELIVERY_OTHER_REQUEST),
        ({"data": {"status": [], "transactions": [], "balances": []}},
         ExchangeRefusal.DELIVERY_EXTRA_FIELD),
        ({"data": {"status": []}}, ExchangeRefusal.DELIVERY_FIELD_MISSING),
    ],
)
def test_a_delivery_of_something_else_is_refused(
    changes: dict[str, Any], refusal: ExchangeRefusal
) -> None:
    assert_refused(f.check_delivery(delivery(**changes), expected()), refusal)


def test_every_change_of_a_request_changes_its_fingerprint() -> None:
    changes: list[dict[str, Any]] = [
        {}, {"consent": "other"}, {"fields": ("status",)}, {"purpose": "credit-assessment"},
        {"recipient_key": {"kty": "OKP"}}, {"data_from": None}, {"product_version": 2},
    ]
    prints = {f.fingerprint(request(**change)) for change in changes}
    assert len(prints) == len(changes)
    assert f.fingerprint(request()) == f.fingerprint(request())


def test_a_request_with_an_unknown_member_is_no_request() -> None:
    plain = msgspec.to_builtins(request())
    assert msgspec.convert(plain, f.FetchRequest) == request()
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(plain | {"limit": 1}, f.FetchRequest)
