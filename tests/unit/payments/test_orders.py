"""Orders: every field at its limit and beyond."""

from __future__ import annotations

import msgspec
import pytest

from lionrock.kernel.errors import Refused
from lionrock.kernel.money import AMOUNT_MINOR_MAX, Money
from lionrock.payments.domain.orders import (
    LEDGER_ID_MAX,
    NAME_LENGTH_MAX,
    REFERENCE_LENGTH_MAX,
    REFERENCES_MAX,
    REMITTANCE_LENGTH_MAX,
    CreditTransferOrder,
    check_order,
    is_account_number,
    is_clearing_code,
    is_identifier,
    shown,
)
from lionrock.payments.domain.refusals import PaymentRefusal
from lionrock.payments.http import ERRORS

ORDER = CreditTransferOrder(
    debit_account_id=1, debtor_name="Programme Office", amount=Money(1, "HKD"),
    creditor_proxy_kind="mobile", creditor_proxy="51230001", end_to_end_id="E1",
    initiator_org="programme-office",
)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"debit_account_id": LEDGER_ID_MAX},
        {"debtor_name": "名" * NAME_LENGTH_MAX},
        {"end_to_end_id": "e" * 35},
        {"remittance": "r" * REMITTANCE_LENGTH_MAX},
        {"reference": "r" * REFERENCE_LENGTH_MAX},
        {"references": {f"r{n}": "cas_1" for n in range(REFERENCES_MAX)}},
        {"amount": Money(AMOUNT_MINOR_MAX - 1, "CNY")},
    ],
)
def test_an_order_within_the_limits_is_taken(change: dict[str, object]) -> None:
    assert check_order(msgspec.structs.replace(ORDER, **change)) is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"debit_account_id": 0}, "debit_account_id"),
        ({"debit_account_id": LEDGER_ID_MAX + 1}, "debit_account_id"),
        ({"debtor_name": ""}, "debtor_name"),
        ({"debtor_name": "   "}, "debtor_name"),
        ({"debtor_name": "n" * (NAME_LENGTH_MAX + 1)}, "debtor_name"),
        ({"debtor_name": "evil\u202egnp.exe"}, "debtor_name"),
        ({"debtor_name": "nul\x00"}, "debtor_name"),
        ({"debtor_name": "lone\ud800"}, "debtor_name"),
        ({"debtor_name": "no character\uffff"}, "debtor_name"),
        ({"end_to_end_id": ""}, "end_to_end_id"),
        ({"end_to_end_id": "e" * 36}, "end_to_end_id"),
        ({"end_to_end_id": "a b"}, "end_to_end_id"),
        ({"end_to_end_id": "E1\n"}, "end_to_end_id"),
        ({"remittance": "r" * (REMITTANCE_LENGTH_MAX + 1)}, "remittance"),
        ({"remittance": "line\nbreak"}, "remittance"),
        ({"reference": "r" * (REFERENCE_LENGTH_MAX + 1)}, "reference"),
        ({"references": {f"r{n}": "c" for n in range(REFERENCES_MAX + 1)}}, "references"),
        ({"references": {"Case": "c"}}, "references"),
        ({"references": {"case_id": ""}}, "references"),
        ({"references": {"phone": "51230001"}}, "references"),
        ({"references": {"hkid": "A1234563"}}, "references"),
        ({"amount": Money(0, "HKD")}, "amount"),
        ({"amount": Money(-1, "HKD")}, "amount"),
        ({"amount": Money(AMOUNT_MINOR_MAX, "HKD")}, "amount"),
    ],
)
def test_an_order_outside_the_limits_names_the_field(
    change: dict[str, object], field: str
) -> None:
    refused = check_order(msgspec.structs.replace(ORDER, **change))
    assert isinstance(refused, Refused)
    assert refused.field == field


@pytest.mark.parametrize(
    "change",
    [
        {"debit_account_id": 2}, {"debtor_name": "x"}, {"amount": Money(2, "HKD")},
        {"amount": Money(1, "CNY")}, {"creditor_proxy": "51230002"},
        {"creditor_proxy_kind": "email"}, {"remittance": "x"}, {"reference": "x"},
        {"references": {"case_id": "c"}},
    ],
)
def test_another_order_has_another_digest(change: dict[str, object]) -> None:
    assert msgspec.structs.replace(ORDER, **change).digest() != ORDER.digest()
    assert msgspec.structs.replace(ORDER).digest() == ORDER.digest()


def test_identifiers_of_messages_are_ascii_and_bounded() -> None:
    assert is_account_number("a" * 34)
    assert not is_account_number("a" * 35)
    assert is_clearing_code("307")
    assert not is_clearing_code("30")
    assert not is_clearing_code("30a")
    assert not is_identifier("-x")


def test_every_refusal_has_a_row_and_fits_into_a_message() -> None:
    for refusal in PaymentRefusal:
        assert refusal in ERRORS, refusal
        assert is_identifier(refusal.value), refusal
    for member in ERRORS:
        assert is_identifier(member.value), member


def test_a_text_made_fit_to_be_shown_is_cut_and_cleaned() -> None:
    assert shown(" a\nb\u202ec ", 350) == "a b c"
    assert len(shown("x" * 400, 350)) == 350
