"""The consent's rules: terms, states, commitments."""

from __future__ import annotations

import datetime
import itertools
from typing import Any, get_args

import msgspec
import pytest

from lionrock.exchange.domain import consent as c
from lionrock.exchange.domain.products import ACCOUNT_DATA, COMPANY_PARTICULARS, PRODUCTS, Product
from lionrock.exchange.domain.purposes import LEGAL_BASES, PURPOSES
from lionrock.exchange.domain.refusals import ExchangeRefusal
from lionrock.exchange.domain.words import show_frequency, show_terms
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import LANGUAGES

NOW = datetime.datetime(2026, 2, 20, 9, 0, tzinfo=datetime.UTC)


def wish(**changes: Any) -> c.Wish:
    base: dict[str, Any] = {
        "product": "account-data", "product_version": 1, "fields": ("balances", "transactions"),
        "purpose": "funding-assessment", "legal_basis": "consent", "valid_for_s": 86_400,
        "frequency_count_max": 1, "frequency_per": "total", "retention_days": 30,
        "language": "en", "owner_kind": "company",
        "data_from": datetime.date(2025, 8, 1), "data_until": datetime.date(2026, 2, 1),
    }
    return c.Wish(**base | changes)


def terms(**changes: Any) -> c.Terms:
    decided = c.decide_terms(wish(**changes), NOW)
    assert isinstance(decided, c.Terms), decided
    return decided


def test_terms_hold_what_was_asked_and_its_standard_codes() -> None:
    decided = terms()
    assert decided.fields == ("balances", "transactions")
    assert decided.purpose_dpv == "dpv:EstablishContractualAgreement"
    assert decided.legal_basis_dpv == "dpv:Consent"
    assert decided.data_classes == ("transactional",)
    assert decided.starts_at == NOW
    assert decided.expires_at == NOW + datetime.timedelta(days=1)


def test_the_order_in_which_fields_are_asked_does_not_change_the_terms() -> None:
    assert terms(fields=("transactions", "balances")) == terms()


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"product": "unheard-of"}, ExchangeRefusal.PRODUCT_UNKNOWN),
        ({"product_version": 2}, ExchangeRefusal.PRODUCT_UNKNOWN),
        ({"fields": ()}, ExchangeRefusal.FIELDS_EMPTY),
        ({"fields": ("balances", "balances")}, ExchangeRefusal.FIELDS_REPEATED),
        ({"fields": ("balances", "directors")}, ExchangeRefusal.FIELD_UNKNOWN),
        ({"purpose": "marketing"}, ExchangeRefusal.PURPOSE_UNKNOWN),
        ({"purpose": "form-filling"}, ExchangeRefusal.PURPOSE_NOT_ALLOWED),
        ({"legal_basis": "because"}, ExchangeRefusal.LEGAL_BASIS_UNKNOWN),
        ({"valid_for_s": c.VALID_FOR_S_MIN - 1}, ExchangeRefusal.VALIDITY_OUT_OF_RANGE),
        ({"valid_for_s": c.VALID_FOR_S_MAX + 1}, ExchangeRefusal.VALIDITY_OUT_OF_RANGE),
        ({"retention_days": 0}, ExchangeRefusal.RETENTION_OUT_OF_RANGE),
        ({"retention_days": c.RETENTION_DAYS_MAX + 1}, ExchangeRefusal.RETENTION_OUT_OF_RANGE),
        ({"frequency_count_max": 0}, ExchangeRefusal.FREQUENCY_OUT_OF_RANGE),
        ({"frequency_count_max": c.FREQUENCY_COUNT_MAX + 1},
         ExchangeRefusal.FREQUENCY_OUT_OF_RANGE),
        ({"frequency_per": "second"}, ExchangeRefusal.FREQUENCY_OUT_OF_RANGE),
        ({"language": "fr"}, ExchangeRefusal.LANGUAGE_UNKNOWN),
        ({"owner_kind": "person"}, ExchangeRefusal.OWNER_KIND_WRONG),
        ({"jurisdiction": "US"}, ExchangeRefusal.JURISDICTION_UNKNOWN),
        ({"jurisdiction": "CN-GD"}, ExchangeRefusal.JURISDICTION_NOT_ALLOWED),
        ({"data_until": datetime.date(2025, 8, 1)}, ExchangeRefusal.DATA_PERIOD_WRONG),
    ],
)
def test_a_wish_that_breaks_one_rule_is_refused_for_that_rule(
    changes: dict[str, Any], refusal: ExchangeRefusal
) -> None:
    refused = c.decide_terms(wish(**changes), NOW)
    assert isinstance(refused, Refused)
    assert refused.refusal is refusal


@pytest.mark.parametrize(
    "changes",
    [
        {"valid_for_s": c.VALID_FOR_S_MIN}, {"valid_for_s": c.VALID_FOR_S_MAX},
        {"retention_days": 1}, {"retention_days": c.RETENTION_DAYS_MAX},
        {"frequency_count_max": c.FREQUENCY_COUNT_MAX, "frequency_per": "month"},
        {"data_from": None, "data_until": None},
        {"data_from": None}, {"data_until": None},
    ],
)
def test_limits_themselves_are_allowed(changes: dict[str, Any]) -> None:
    assert isinstance(c.decide_terms(wish(**changes), NOW), c.Terms)


def test_only_the_transitions_of_the_table_are_legal() -> None:
    statuses: tuple[c.Status, ...] = get_args(c.Status)
    legal = {
        ("pending", "active"), ("pending", "rejected"), ("pending", "expired"),
        ("pending", "revoked"), ("active", "revoked"), ("active", "expired"),
        ("active", "paused"), ("paused", "active"), ("paused", "revoked"), ("paused", "expired"),
    }
    for before, after in itertools.product(statuses, statuses):
        refused = c.check_transition(before, after)
        assert (refused is None) == ((before, after) in legal), (before, after)
        if refused is not None:
            assert refused.refusal is ExchangeRefusal.TRANSITION_ILLEGAL


def test_every_status_has_a_row_in_the_table_of_transitions() -> None:
    assert set(c.TRANSITIONS) == set(get_args(c.Status))


def test_an_active_consent_is_expired_from_the_very_instant_of_its_end() -> None:
    decided = terms()
    one_microsecond = datetime.timedelta(microseconds=1)
    assert c.status_at("active", decided, decided.expires_at - one_microsecond) == "active"
    assert c.status_at("active", decided, decided.expires_at) == "expired"
    assert c.status_at("revoked", decided, decided.expires_at) == "revoked"
    assert c.status_at("paused", decided, decided.expires_at) == "expired"


def test_terms_of_before_there_were_jurisdictions_say_the_home() -> None:
    plain = msgspec.to_builtins(terms())
    del plain["jurisdiction"], plain["deletion"]
    older = msgspec.convert(plain, c.Terms)
    assert (older.jurisdiction, older.deletion) == ("HK", "erase-and-confirm")


def test_two_members_and_two_consents_see_unlike_commitments_to_one_owner() -> None:
    made = {
        c.commit_owner(consent, member, pseudonym)
        for consent in ("cns_1", "cns_2")
        for member in ("bank", "office")
        for pseudonym in ("p1", "p2")
    }
    assert len(made) == 8
    # Joined parts must not be movable from one part to the next.
    assert c.commit_owner("ab", "c", "d") != c.commit_owner("a", "bc", "d")
    assert c.commit_mandate("cns_1", "x") != c.commit_owner("cns_1", "x", "")


def test_words_name_provider_fields_purpose_and_end_in_three_languages() -> None:
    decided = terms()
    expected = {
        "en": ("balances, transactions", "to assess an application for public funding",
               "21 Feb 2026"),
        "zh-Hant": ("結餘、交易紀錄", "評審公共資助申請", "2026年2月21日"),
        "zh-Hans": ("结余、交易记录", "评审公共资助申请", "2026年2月21日"),
    }
    for language, (fields, purpose, until) in expected.items():
        words = show_terms(
            decided, provider_name="Bank", consumer_name="Office", language=language
        )
        assert words["provider"] == "Bank"
        assert words["fields"] == fields
        assert words["purpose"] == purpose
        assert until in words["until"]
        assert all(words.values())


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ((None, None), "not limited by date"),
        ((datetime.date(2025, 8, 1), None), "from 1 August 2025"),
        ((None, datetime.date(2026, 2, 1)), "before 1 February 2026"),
        ((datetime.date(2025, 8, 1), datetime.date(2026, 2, 1)),
         "from 1 August 2025 and before 1 February 2026"),
    ],
)
def test_words_say_which_days_the_data_are_from(
    period: tuple[datetime.date | None, datetime.date | None], expected: str
) -> None:
    decided = terms(data_from=period[0], data_until=period[1])
    words = show_terms(decided, provider_name="B", consumer_name="O", language="en")
    assert words["data_period"] == expected


def test_once_is_called_once_and_more_is_counted() -> None:
    assert show_frequency(c.Frequency(count_max=1, per="total")).en == "once"
    assert show_frequency(c.Frequency(count_max=4, per="day")).en == "at most 4 times per day"
    assert show_frequency(c.Frequency(count_max=4, per="day")).zh_hant == "每日最多4次"


def test_every_product_purpose_and_field_has_words_in_three_languages() -> None:
    texts = [row.words for row in PURPOSES.values()]
    texts += [row.words for row in LEGAL_BASES.values()]
    for product in PRODUCTS.values():
        texts += [product.words, *(field.words for field in product.fields)]
        assert product.purposes <= PURPOSES.keys()
    for text in texts:
        assert all(text.in_language(language).strip() for language in LANGUAGES)


@pytest.mark.parametrize("product", [COMPANY_PARTICULARS, ACCOUNT_DATA])
def test_the_table_of_fields_is_the_payload_type(product: Product) -> None:
    assert product.field_names == {f.name for f in msgspec.structs.fields(product.payload)}


def test_an_artefact_with_an_unknown_member_is_no_artefact() -> None:
    decided = terms()
    artefact = c.Artefact(
        iss="lionrock-platform", iat=1, jti="cns_" + "0" * 32, revision=1, predecessor=None,
        status="pending", at=NOW,
        parties=c.Parties(provider="bank-harbour", consumer="programme-office"),
        owner=c.OwnerCommitment(kind="company", to_provider="a" * 64, to_consumer="b" * 64),
        terms=decided,
        shown=c.Shown(approval_id="apr_1", language="en", words_sha256="c" * 64, mandate=None),
    )
    plain = msgspec.to_builtins(artefact)
    assert msgspec.convert(plain, c.Artefact) == artefact
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(plain | {"extra": 1}, c.Artefact)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(plain | {"predecessor": "short"}, c.Artefact)
