"""The life of a payment as a pure table, and what an answer does in each state."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import get_args

import msgspec
import pytest

from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.domain.iso20022 import StatusReport
from lionrock.payments.domain.kinds import outgoing
from lionrock.payments.domain.payments import (
    FINAL_STATES,
    TRANSITIONS,
    AnswerEffect,
    Outcome,
    Parties,
    Payment,
    State,
    check_report,
    effect_of,
    may_move,
    settlement_date_of,
    status_report,
    transaction_id_of,
    uetr_of,
)
from lionrock.payments.domain.refusals import PaymentRefusal

from .samples import ACCEPTANCE, AT, REJECTION, TRANSFER, UETR

STATES: tuple[State, ...] = get_args(State)
PAYMENT = Payment(
    id="pay_" + "a" * 32, state="sent", initiator_id="programme-office", reference="r",
    references={}, debtor_organisation_id="", creditor_organisation_id="bank-harbour",
    end_to_end_id="PAYOUT-1", transaction_id="0192f0c4d5e6", uetr=UETR,
    amount=Money(1_234_50, "HKD"),
    parties=Parties(debtor=TRANSFER.debtor, creditor=TRANSFER.creditor, proxy=TRANSFER.proxy,
                    remittance=TRANSFER.remittance),
    debit_account_id=1, credit_account_id=2, hold_id=3, post_id=4, void_id=5,
    settlement_date=date(2026, 2, 20), created_at=AT, order_digest=b"d", sent_message_id="msg0001",
)  # fmt: skip


def payment_in(state: State, outcome: Outcome = "") -> Payment:
    return msgspec.structs.replace(PAYMENT, state=state, outcome=outcome)


def test_the_only_moves_are_those_of_the_table() -> None:
    allowed = {(a, b) for a in STATES for b in STATES if may_move(a, b)}
    assert allowed == {
        ("accepted", "held"), ("accepted", "rejected"), ("held", "sent"), ("held", "answered"),
        ("sent", "answered"), ("answered", "settled"), ("answered", "rejected"),
    }


def test_nothing_leaves_a_final_state_and_every_other_state_leads_on() -> None:
    for state in STATES:
        assert (TRANSITIONS[state] == frozenset()) == (state in FINAL_STATES)
        assert payment_in(state).is_final == (state in FINAL_STATES)


def test_the_status_reported_follows_the_state() -> None:
    expected = dict.fromkeys(STATES, "PDNG") | {"settled": "ACSC", "rejected": "RJCT"}
    assert {state: payment_in(state).status for state in STATES} == expected


@pytest.mark.parametrize(
    ("state", "outcome", "report", "effect"),
    [
        ("sent", "", ACCEPTANCE, AnswerEffect.ACCEPT),
        ("sent", "", REJECTION, AnswerEffect.REJECT),
        ("answered", "accept", ACCEPTANCE, AnswerEffect.NOTED),
        ("answered", "accept", REJECTION, AnswerEffect.LATE),
        ("answered", "reject", REJECTION, AnswerEffect.NOTED),
        ("answered", "reject", ACCEPTANCE, AnswerEffect.LATE),
        ("settled", "accept", ACCEPTANCE, AnswerEffect.NOTED),
        ("settled", "accept", REJECTION, AnswerEffect.LATE),
        ("rejected", "reject", ACCEPTANCE, AnswerEffect.LATE),
        ("rejected", "reject", REJECTION, AnswerEffect.NOTED),
    ],
)
def test_an_answer_decides_once_and_later_can_only_be_noted_or_late(
    state: State, outcome: Outcome, report: StatusReport, effect: AnswerEffect
) -> None:
    assert effect_of(payment_in(state, outcome), report) is effect


@pytest.mark.parametrize("state", ["sent", "answered", "settled", "rejected"])
def test_an_answer_under_way_decides_nothing(state: State) -> None:
    outcome: Outcome = "" if state == "sent" else "accept"
    for status in ("ACSP", "PDNG"):
        report = msgspec.structs.replace(ACCEPTANCE, status=status)
        assert effect_of(payment_in(state, outcome), report) is AnswerEffect.NOTED


def test_a_report_about_what_was_not_sent_is_refused() -> None:
    unsent = msgspec.structs.replace(PAYMENT, state="held", sent_message_id="")
    refused = check_report(unsent, ACCEPTANCE)
    assert refused is not None
    assert refused.refusal is PaymentRefusal.STATUS_NOT_ASKED


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"original_message_id": "other"}, "OrgnlMsgId"),
        ({"original_definition": "pacs.003.001.08"}, "OrgnlMsgNmId"),
        ({"transaction_id": "other"}, "OrgnlTxId"),
        ({"uetr": UETR.replace("6f1c", "6f1d")}, "OrgnlUETR"),
        ({"end_to_end_id": "other"}, "OrgnlEndToEndId"),
        ({"amount": Money(1_234_51, "HKD")}, "IntrBkSttlmAmt"),
        ({"amount": Money(1_234_50, "CNY")}, "IntrBkSttlmAmt"),
    ],
)
def test_a_report_that_repeats_the_original_wrongly_is_refused(
    change: dict[str, object], field: str
) -> None:
    assert check_report(PAYMENT, ACCEPTANCE) is None
    refused = check_report(PAYMENT, msgspec.structs.replace(ACCEPTANCE, **change))
    assert refused is not None
    assert (refused.refusal, refused.field) == (PaymentRefusal.ORIGINAL_DIFFERS, field)


def test_the_uetr_is_a_version_4_uuid_that_follows_from_the_payment() -> None:
    pattern = re.compile(r"[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}")
    made = {uetr_of(f"pay_{number:032x}") for number in range(500)}
    assert len(made) == 500
    assert all(pattern.fullmatch(uetr) for uetr in made)
    assert uetr_of("pay_1") == uetr_of("pay_1")


def test_the_transaction_id_fits_into_35_characters() -> None:
    assert transaction_id_of("pay_" + "a" * 32) == "a" * 32


def test_the_settlement_date_is_the_hong_kong_day() -> None:
    assert settlement_date_of(datetime(2026, 2, 20, 15, 59, tzinfo=UTC)) == date(2026, 2, 20)
    assert settlement_date_of(datetime(2026, 2, 20, 16, 0, tzinfo=UTC)) == date(2026, 2, 21)


def test_the_outgoing_transfer_says_what_the_payment_says() -> None:
    assert outgoing(PAYMENT) == TRANSFER


def test_a_report_of_ours_has_a_reason_only_when_it_is_a_rejection() -> None:
    rejected = msgspec.structs.replace(
        PAYMENT, state="rejected", outcome="reject", reason_code="AC04", reason_text="closed"
    )
    report = status_report(rejected, "m1")
    assert (report.status, report.reason_code) == ("RJCT", "AC04")
    settled = msgspec.structs.replace(PAYMENT, state="settled", outcome="accept")
    assert status_report(settled, "m1").reason_code == ""
    assert not isinstance(report, Refused)
