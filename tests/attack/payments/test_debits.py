"""A bank that collects what nobody allowed it, or plays with the messages of authorisations."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from lionrock.kernel.money import Money
from lionrock.payments.api import (
    Document,
    MandateAcceptance,
    MandateAmendment,
    MandateCancellation,
    MandateInitiation,
    MandateTerms,
    PartyAccount,
    settlement_date_of,
    uetr_of,
)
from lionrock.payments.debits.errors import ERRORS, DebitRefusal
from tests.attack.payments.hostile import reject_in
from tests.unit.payments.city import HARBOUR, LANTAU, WORLD, PaymentsCity
from tests.unit.payments.debit_city import (
    collect,
    join_third_bank,
    mandate_shown,
    operate,
    outcome_of,
    post,
    raw_debit,
    start_mandate,
)

FUNDED_MINOR = 3_000_00
FIRM = PartyAccount(name="Harbour Robotics", account="307-000001", member="307")
TEA = PartyAccount(name="Little Tea House", account="512-000009", member="512")


def initiation(city: PaymentsCity, **changes: Any) -> MandateInitiation:
    """A request for an authorisation as the firm's bank would write it, to be changed."""
    today = settlement_date_of(city.kernel.business_clock.now())
    terms = MandateTerms(
        occurrence="RCUR", period="MNTH", collections_per_period=2, first_date=today,
        max_amount=Money(100_00, "HKD"),
    )
    made = MandateInitiation(request_id="RAW-1", terms=terms, creditor=FIRM, debtor=TEA)
    terms_changes = changes.pop("terms", {})
    return msgspec.structs.replace(
        made, terms=msgspec.structs.replace(terms, **terms_changes), **changes
    )


async def refusal(city: PaymentsCity, bank_id: str, document: Document) -> str:
    """The stable code with which the switch refuses a message."""
    reply = await post(city, bank_id, document)
    assert reply.status >= 400, reply
    return reject_in(reply).reason


async def sent_to(city: PaymentsCity, mandate_id: str) -> str:
    """The MsgId that the debtor's bank was asked under."""
    found = await city.kernel.database.read(lambda db: db.fetchval(
        "SELECT sent_message_id FROM payments.mandates WHERE id = $1", f"mdt_{mandate_id}"
    ))
    return str(found)


def test_every_refusal_of_direct_debits_has_a_row() -> None:
    assert set(ERRORS) == set(DebitRefusal)
    assert all(len(refusal.value) <= 35 for refusal in DebitRefusal)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"creditor": TEA}, "payments.agent_differs"),
        ({"mandate_id": "0" * 32}, "payments.mandate_id_given"),
        ({"debtor": msgspec.structs.replace(TEA, member="999")},
         "payments.mandate_debtor_agent_wrong"),
        ({"debtor": FIRM}, "payments.mandate_debtor_agent_wrong"),
        ({"terms": {"occurrence": "OOFF"}}, "payments.mandate_terms_malformed"),
        ({"terms": {"period_max_amount": Money(99_99, "HKD")}},
         "payments.mandate_terms_malformed"),
        ({"terms": {"period_max_amount": Money(500_00, "CNY")}},
         "payments.mandate_terms_malformed"),
    ],
    ids=["foreign_creditor", "own_id", "no_bank", "own_bank", "once_twice", "period", "currencies"],
)
async def test_a_request_for_an_authorisation_that_makes_no_sense_is_refused(
    city: PaymentsCity, changes: dict[str, Any], reason: str
) -> None:
    assert await refusal(city, HARBOUR, initiation(city, **changes)) == reason
    assert await city.kernel.database.read(
        lambda db: db.fetchval("SELECT count(*) FROM payments.mandates")
    ) == 0


async def test_an_authorisation_cannot_end_before_it_begins(city: PaymentsCity) -> None:
    yesterday = settlement_date_of(city.kernel.business_clock.now()) - timedelta(days=1)
    asked = initiation(city, terms={"final_date": yesterday})
    assert await refusal(city, HARBOUR, asked) == "payments.mandate_terms_malformed"


async def test_the_debtors_bank_that_is_away_is_not_asked(city: PaymentsCity) -> None:
    await city.kernel.database.run(lambda db: db.execute(
        "UPDATE directory.organisations SET status = 'suspended' WHERE id = $1", LANTAU
    ))
    reason = await refusal(city, HARBOUR, initiation(city))
    assert reason == "payments.mandate_debtor_agent_off"


async def test_one_request_id_stands_for_one_authorisation(city: PaymentsCity) -> None:
    asked = initiation(city)
    assert (await post(city, HARBOUR, asked)).status == 202
    assert (await post(city, HARBOUR, asked)).status == 202
    other = msgspec.structs.replace(asked, contract="C-2")
    assert await refusal(city, HARBOUR, other) == "payments.mandate_request_reused"
    assert await city.kernel.database.read(
        lambda db: db.fetchval("SELECT count(*) FROM payments.mandates")
    ) == 1


async def test_the_creditors_bank_does_not_answer_for_the_debtor(city: PaymentsCity) -> None:
    mandate_id = await start_mandate(city, max_amount="9.21", period_max_amount="")
    yes = MandateAcceptance(
        original_message_id=await sent_to(city, mandate_id),
        original_definition="pain.009.001.05", mandate_id=mandate_id, is_accepted=True,
    )
    assert await refusal(city, HARBOUR, yes) == "payments.mandate_not_for_sender"
    for wrong in (
        {"original_message_id": "guessed"}, {"original_definition": "pain.010.001.05"},
    ):
        crossed = msgspec.structs.replace(yes, **wrong)
        assert await refusal(city, LANTAU, crossed) == "payments.mandate_not_asked"
    assert (await mandate_shown(city, HARBOUR, mandate_id))["state"] == "pending"
    assert (await post(city, LANTAU, yes)).status == 202
    # A second word, the other way, comes too late.
    no = msgspec.structs.replace(yes, is_accepted=False, reason_code="MS02")
    assert await refusal(city, LANTAU, no) == "payments.mandate_not_asked"
    assert (await mandate_shown(city, HARBOUR, mandate_id))["state"] == "active"


async def test_a_third_bank_neither_sees_nor_touches_an_authorisation(
    city: PaymentsCity,
) -> None:
    mandate_id = await start_mandate(city)
    await join_third_bank(city)
    documents: tuple[Document, ...] = (
        MandateCancellation(mandate_id=mandate_id, reason_code="MD16"),
        MandateAmendment(mandate_id=mandate_id, reason="SUSPEND"),
        MandateAcceptance(
            original_message_id="x", original_definition="pain.009.001.05",
            mandate_id=mandate_id, is_accepted=True,
        ),
    )
    for document in documents:
        reason = await refusal(city, "bank-third", document)
        assert reason == "payments.mandate_unknown"
    exchange = await city.call(
        "bank-third", f"/payments/v1/mandates/{mandate_id}", b"", method="GET"
    )
    assert exchange.reply.status == 404
    debit = raw_debit(
        city, mandate_id, creditor=msgspec.structs.replace(FIRM, member="777")
    )
    assert (await post(city, "bank-third", debit)).status == 202
    payment = await outcome_of(city, debit.uetr)
    assert (payment.state, payment.reason_code) == ("rejected", "MD01")
    assert (await mandate_shown(city, HARBOUR, mandate_id))["state"] == "active"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mandate_id": "f" * 32}, "MD01"),
        ({"debtor": msgspec.structs.replace(TEA, account="512-000010")}, "MD01"),
        ({"creditor": msgspec.structs.replace(FIRM, account="307-000002")}, "MD01"),
        ({"amount": Money(5_00, "CNY")}, "AM03"),
    ],
    ids=["unknown", "other_debtor", "other_creditor", "currency"],
)
async def test_a_collection_beside_its_authorisation_is_rejected(
    city: PaymentsCity, changes: dict[str, Any], reason: str
) -> None:
    mandate_id = await start_mandate(city)
    debit = raw_debit(city, mandate_id, **changes)
    assert (await post(city, HARBOUR, debit)).status == 202
    payment = await outcome_of(city, debit.uetr)
    assert (payment.state, payment.reason_code) == ("rejected", reason)
    await city.settle()
    assert await city.available(await city.settlement_id(LANTAU)) == FUNDED_MINOR


@pytest.mark.parametrize(("days", "reason"), [(1, "DT01"), (-6, "DT01")])
async def test_a_collection_for_tomorrow_or_last_week_is_rejected(
    city: PaymentsCity, days: int, reason: str
) -> None:
    mandate_id = await start_mandate(city)
    today = settlement_date_of(city.kernel.business_clock.now())
    debit = raw_debit(city, mandate_id, collection_date=today + timedelta(days=days))
    assert (await post(city, HARBOUR, debit)).status == 202
    assert (await outcome_of(city, debit.uetr)).reason_code == reason


async def test_a_collection_before_the_first_date_is_rejected(city: PaymentsCity) -> None:
    mandate_id = await start_mandate(city, first_date="2026-03-01")
    payment = await outcome_of(city, await collect(city, mandate_id, "5.00"))
    assert payment.reason_code == "MD05"


async def test_a_bank_does_not_collect_in_anothers_name(city: PaymentsCity) -> None:
    mandate_id = await start_mandate(city)
    debit = raw_debit(city, mandate_id)
    assert await refusal(city, LANTAU, debit) == "payments.agent_differs"


async def test_a_transaction_id_with_another_content_collects_nothing(
    city: PaymentsCity,
) -> None:
    mandate_id = await start_mandate(city)
    debit = raw_debit(city, mandate_id)
    assert (await post(city, HARBOUR, debit)).status == 202
    assert (await post(city, HARBOUR, debit)).status == 202
    for changes in (
        {"amount": Money(6_00, "HKD")}, {"end_to_end_id": "OTHER"},
        {"uetr": uetr_of("other")}, {"mandate_id": "e" * 32},
    ):
        changed = msgspec.structs.replace(debit, **changes)
        assert await refusal(city, HARBOUR, changed) == "payments.transaction_id_reused"
    new_id = msgspec.structs.replace(debit, transaction_id="tx-new", end_to_end_id="RENT-2")
    assert await refusal(city, HARBOUR, new_id) == "payments.transaction_id_reused"
    await city.settle()
    assert await city.available(await city.settlement_id(LANTAU)) == FUNDED_MINOR - 5_00


async def test_two_last_collections_at_once_are_one(city: PaymentsCity) -> None:
    mandate_id = await start_mandate(city, collections_per_period=1)
    debits = [raw_debit(city, mandate_id, end_to_end_id=f"RENT-{n}") for n in range(4)]
    replies = await asyncio.gather(*(post(city, HARBOUR, debit) for debit in debits))
    assert [reply.status for reply in replies] == [202] * 4
    await city.settle()
    outcomes = [(await outcome_of(city, debit.uetr)).state for debit in debits]
    assert sorted(outcomes) == ["rejected"] * 3 + ["settled"]
    assert await city.available(await city.settlement_id(LANTAU)) == FUNDED_MINOR - 5_00


async def test_a_debtors_bank_that_says_nothing_gives_nothing(city: PaymentsCity) -> None:
    mandate_id = await start_mandate(city)
    city.kernel.network.applications.pop(WORLD)
    uetr = await collect(city, mandate_id, "5.00")
    await city.pass_seconds(22)
    payment = await outcome_of(city, uetr)
    assert (payment.state, payment.reason_code) == ("rejected", "AB11")
    assert await city.available(await city.settlement_id(LANTAU)) == FUNDED_MINOR


@pytest.mark.parametrize("reason", ["SUSPEND", "RESUME"])
async def test_only_the_debtors_bank_suspends_and_only_the_creditors_amends(
    city: PaymentsCity, reason: Any
) -> None:
    mandate_id = await start_mandate(city)
    hers = MandateAmendment(mandate_id=mandate_id, reason=reason)
    assert await refusal(city, HARBOUR, hers) == "payments.mandate_not_for_sender"
    his = MandateAmendment(
        mandate_id=mandate_id, reason="AMEND", terms=initiation(city).terms
    )
    assert await refusal(city, LANTAU, his) == "payments.mandate_not_for_sender"


async def test_what_has_ended_is_neither_changed_nor_ended_again(city: PaymentsCity) -> None:
    mandate_id = await start_mandate(city, max_amount="9.20", period_max_amount="")
    amended = MandateAmendment(
        mandate_id=mandate_id, reason="AMEND", terms=initiation(city).terms
    )
    assert await refusal(city, HARBOUR, amended) == "payments.mandate_state_differs"
    resumed = MandateAmendment(mandate_id=mandate_id, reason="RESUME")
    assert await refusal(city, LANTAU, resumed) == "payments.mandate_state_differs"
    ended = MandateCancellation(mandate_id=mandate_id, reason_code="MD16")
    assert await refusal(city, HARBOUR, ended) == "payments.mandate_state_differs"


@pytest.mark.parametrize(
    "changes",
    [{"max_amount": Money(1_00, "CNY")}, {"occurrence": "OOFF", "collections_per_period": 1}],
    ids=["currency", "occurrence"],
)
async def test_other_terms_do_not_make_another_authorisation(
    city: PaymentsCity, changes: dict[str, Any]
) -> None:
    mandate_id = await start_mandate(city)
    terms = msgspec.structs.replace(initiation(city).terms, **changes)
    amended = MandateAmendment(mandate_id=mandate_id, reason="AMEND", terms=terms)
    assert await refusal(city, HARBOUR, amended) == "payments.mandate_terms_malformed"


async def test_a_collection_under_way_is_carried_through_when_the_authorisation_ends(
    city: PaymentsCity,
) -> None:
    mandate_id = await start_mandate(city)
    debit = raw_debit(city, mandate_id)
    assert (await post(city, HARBOUR, debit)).status == 202
    cancelled = MandateCancellation(mandate_id=mandate_id, reason_code="MD16")
    assert (await post(city, HARBOUR, cancelled)).status == 202
    assert (await post(city, HARBOUR, cancelled)).status == 202
    await operate(city, LANTAU, f"mandates/{mandate_id}/cancellations", {})
    await city.settle()
    assert (await outcome_of(city, debit.uetr)).is_final
