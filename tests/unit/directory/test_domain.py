"""The directory's rules: what an organisation may look like, who may change its keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from lionrock.directory.domain import (
    ENDPOINTS_MAX,
    ID_LENGTH_MAX,
    KEYS_MAX,
    NAME_LENGTH_MAX,
    PROPOSAL_LIFETIME,
    ROLES_MAX,
    ChangeStatus,
    DirectoryRefusal,
    KeyChange,
    KeyRecord,
    Organisation,
    Status,
    check_key,
    check_operator,
    check_organisation,
    decide_decision,
    decide_proposal,
    keyid,
    parse_keyid,
)
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key, generate_encryption_key, generate_key

KEY = generate_key()
SEALED = generate_encryption_key()
NOW = datetime(2026, 2, 20, 9, 0, tzinfo=UTC)


def bank(**changes: Any) -> Organisation:
    whole = Organisation(
        id="bank-harbour",
        names={"en": "Harbour Bank", "zh-Hant": "海港銀行", "zh-Hans": "海港银行"},
        roles=frozenset({"participant"}),
        endpoints={"payments": "http://world.test/bank-harbour/payments"},
        keys=(KEY.public_jwk,),
        simulated=True,
    )
    return msgspec.structs.replace(whole, **changes)


def test_a_whole_organisation_is_accepted() -> None:
    assert check_organisation(bank()) is None
    assert bank().is_active
    assert not bank(status=Status.SUSPENDED).is_active


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": ""}, "id"), ({"id": "Bank"}, "id"), ({"id": "bank_"}, "id"), ({"id": "-a"}, "id"),
        ({"id": "a--b"}, "id"), ({"id": "a#b"}, "id"), ({"id": "1a"}, "id"), ({"id": "a\n"}, "id"),
        ({"id": "a" * (ID_LENGTH_MAX + 1)}, "id"), ({"id": "銀行"}, "id"),
        ({"names": {}}, "names"), ({"names": {"en": "a"}}, "names"),
        ({"names": {"en": "a", "zh-Hant": "b", "zh-Hans": "c", "fr": "d"}}, "names"),
        ({"names": {"en": " ", "zh-Hant": "b", "zh-Hans": "c"}}, "names"),
        ({"names": dict.fromkeys(("en", "zh-Hant", "zh-Hans"), "x" * 201)}, "names"),
        ({"roles": frozenset({"Big"})}, "roles"),
        ({"roles": frozenset(f"r{i}" for i in range(ROLES_MAX + 1))}, "roles"),
        ({"endpoints": {"A": "http://a"}}, "endpoints"),
        ({"endpoints": {f"e{i}": "http://a" for i in range(ENDPOINTS_MAX + 1)}}, "endpoints"),
        ({"endpoints": {"a": "ftp://a"}}, "endpoints.a"), ({"endpoints": {"a": ""}}, "endpoints.a"),
        ({"endpoints": {"a": "http://u@a/"}}, "endpoints.a"),
        ({"endpoints": {"a": "http://a/?q=1"}}, "endpoints.a"),
        ({"endpoints": {"a": "http://a/#f"}}, "endpoints.a"),
        ({"endpoints": {"a": "http://a b/"}}, "endpoints.a"),
        ({"endpoints": {"a": "http://a:0/"}}, "endpoints.a"),
        ({"endpoints": {"a": "http://a:99999/"}}, "endpoints.a"),
        ({"endpoints": {"a": "http://[::1"}}, "endpoints.a"),
        ({"endpoints": {"a": "http://ä/"}}, "endpoints.a"),
        ({"endpoints": {"a": "http://a/" + "x" * 512}}, "endpoints.a"),
        ({"keys": ()}, "keys"), ({"keys": (KEY.public_jwk, KEY.public_jwk)}, "keys"),
        ({"keys": (SEALED.public_jwk,)}, "keys"),
        ({"keys": tuple(generate_key().public_jwk for _ in range(KEYS_MAX + 1))}, "keys"),
    ],
)  # fmt: skip
def test_a_field_out_of_shape_is_named(changes: dict[str, Any], field: str) -> None:
    refused = check_organisation(bank(**changes))
    assert refused is not None
    assert refused.refusal is DirectoryRefusal.ORGANISATION_MALFORMED
    assert refused.field == field


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "a" * ID_LENGTH_MAX}, {"roles": frozenset()}, {"endpoints": {}},
        {"names": dict.fromkeys(("en", "zh-Hant", "zh-Hans"), "x" * NAME_LENGTH_MAX)},
        {"roles": frozenset(f"r{i}" for i in range(ROLES_MAX))},
        {"endpoints": {f"e{i}": "https://a:8443/b" for i in range(ENDPOINTS_MAX)}},
        {"keys": tuple(generate_key().public_jwk for _ in range(KEYS_MAX))},
        {"keys": (KEY.public_jwk, SEALED.public_jwk)},
    ],
)  # fmt: skip
def test_a_field_at_its_limit_is_taken(changes: dict[str, Any]) -> None:
    assert check_organisation(bank(**changes)) is None


@pytest.mark.parametrize(
    "change", [{"d": "AA"}, {"crv": "P-384"}, {"kid": "my-own-name"}, {"x": "A"}, {"alg": "none"}]
)
def test_a_key_that_is_private_or_named_freely_is_refused(change: dict[str, str]) -> None:
    for refused in (
        check_key(KEY.public_jwk | change),
        check_organisation(bank(keys=(KEY.public_jwk | change,))),
    ):
        assert isinstance(refused, Refused)
        assert refused.refusal is DirectoryRefusal.KEY_MALFORMED


def test_a_key_without_kid_gets_its_thumbprint() -> None:
    key = check_key(KEY.bare_jwk)
    assert isinstance(key, Key)
    assert key.kid == KEY.kid


def test_a_verification_key_is_found_by_its_kid_only_when_it_signs() -> None:
    both = bank(keys=(KEY.public_jwk, SEALED.public_jwk))
    found = both.verification_key(KEY.kid)
    assert found is not None
    assert not found.is_private
    assert both.verification_key(SEALED.kid) is None
    assert both.verification_key("other") is None
    assert both.key_of(keyid("bank-harbour", KEY.kid)) is not None
    assert both.key_of(keyid("bank-peak", KEY.kid)) is None
    assert both.key_of(KEY.kid) is None


@pytest.mark.parametrize("text", ["", "#", "a#", "#k", "bank", "A#k", "a b#k"])
def test_a_keyid_of_another_form_names_nobody(text: str) -> None:
    assert parse_keyid(text) is None


def test_a_keyid_is_split_at_the_first_sign() -> None:
    assert parse_keyid("bank-harbour#a#b") == ("bank-harbour", "a#b")


def test_a_name_falls_back_to_english() -> None:
    assert bank().name("zh-Hant") == "海港銀行"
    assert bank().name("fr") == "Harbour Bank"


@pytest.mark.parametrize("operator", ["", " ", "a ", "x" * 129, "Zoë", "a\nb"])
def test_an_operator_without_a_plain_name_is_refused(operator: str) -> None:
    refused = check_operator(operator)
    assert refused is not None
    assert refused.refusal is DirectoryRefusal.OPERATOR_MALFORMED


def test_an_operator_with_the_longest_name_is_taken() -> None:
    assert check_operator("x" * 128) is None


def record(key: Key) -> KeyRecord:
    return KeyRecord(
        kid=key.kid, organisation_id="bank-harbour", jwk=key.public_jwk, valid_from=NOW
    )


def change(status: ChangeStatus = "pending") -> KeyChange:
    return KeyChange(
        id="kch_1", organisation_id="bank-harbour", kind="retire", kid=KEY.kid, jwk=None,
        requested_by="alice", requested_at=NOW, status=status,
    )  # fmt: skip


def code(refused: Refused | None) -> object:
    return refused.refusal if refused is not None else None


def test_proposals_are_decided_by_the_keys_there_are() -> None:
    new, old = generate_key(), record(KEY)
    full = tuple(record(generate_key()) for _ in range(KEYS_MAX))
    assert decide_proposal("add", new.kid, "sig", (old,)) is None
    assert decide_proposal("add", new.kid, "sig", full[:-1]) is None
    assert code(decide_proposal("add", new.kid, "sig", full)) is DirectoryRefusal.KEYS_TOO_MANY
    assert code(decide_proposal("add", KEY.kid, "sig", (old,))) is DirectoryRefusal.KEY_TAKEN
    assert code(decide_proposal("retire", KEY.kid, "sig", (old,))) is DirectoryRefusal.KEY_LAST
    assert code(decide_proposal("retire", "x", "sig", (old,))) is DirectoryRefusal.KEY_UNKNOWN
    assert decide_proposal("retire", KEY.kid, "sig", (old, record(new))) is None
    assert decide_proposal("retire", SEALED.kid, "enc", (old, record(SEALED))) is None
    only_signing_left = (old, record(SEALED))
    assert (
        code(decide_proposal("retire", KEY.kid, "sig", only_signing_left))
        is DirectoryRefusal.KEY_LAST
    )


def test_a_second_operator_decides_and_the_first_does_not() -> None:
    assert decide_decision(change(), "bob", NOW) is None
    assert code(decide_decision(change(), "alice", NOW)) is DirectoryRefusal.SAME_OPERATOR
    assert code(decide_decision(change(), "ALICE", NOW)) is DirectoryRefusal.SAME_OPERATOR


def test_a_decision_is_made_once_and_in_time() -> None:
    last = NOW + PROPOSAL_LIFETIME
    assert decide_decision(change(), "bob", last - timedelta(microseconds=1)) is None
    assert code(decide_decision(change(), "bob", last)) is DirectoryRefusal.CHANGE_EXPIRED
    for status in ("approved", "rejected"):
        decided = change(status)
        assert code(decide_decision(decided, "bob", NOW)) is DirectoryRefusal.CHANGE_DECIDED
