"""What the switch says in the test lane: one writer for each label of domain.cases.

Amounts are small and fixed; ids are new for each run. The lane's member code stands in every header
and as the other side's bank. Not for: sending (testing). Source: ISO 20022 pacs.008, pacs.002.
"""

from __future__ import annotations

import msgspec

from lionrock.kernel.money import Money
from lionrock.payments.domain.iso20022 import (
    CreditTransfer,
    Document,
    Envelope,
    Header,
    PartyAccount,
    StatusReport,
    definition_of,
    read_envelope,
    write_envelope,
)
from lionrock.payments.domain.iso20022.transfers import CREDIT_TRANSFER
from lionrock.payments.domain.payments import settlement_date_of, uetr_of
from lionrock.payments.onboarding.domain.candidates import Candidate
from lionrock.payments.onboarding.domain.cases import (
    TEST_ACCOUNT,
    TEST_MEMBER,
    TEST_NAME,
    Exchange,
)
from lionrock.payments.service.core import Core

AMOUNT_MINOR, OTHER_AMOUNT_MINOR = 101, 202
_CHARGES, _WRONG_CHARGES = b"<ChrgBr>SLEV</ChrgBr>", b"<ChrgBr>XXXX</ChrgBr>"


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it goes out."""

    definition: str
    message_id: str
    content: bytes


def compose(
    core: Core, candidate: Candidate, label: str, exchanges: list[Exchange]
) -> Written:
    """Write the message of a label, given what was exchanged before in the run."""
    by_label = {each.label: each for each in exchanges}
    if label in ("again", "replayed"):
        first = by_label["credit"]
        return Written(
            definition=first.definition, message_id=first.message_id, content=first.body
        )
    if label == "outcome":
        asked = by_label.get("transfer") or by_label["credit"]
        return _write(core, candidate, _outcome(asked, transfer_of(core, asked)))
    if label == "changed":
        other = msgspec.structs.replace(
            transfer_of(core, by_label["credit"]),
            amount=Money(OTHER_AMOUNT_MINOR, candidate.application.currencies[0]),
        )
        return _write(core, candidate, other)
    written = _write(core, candidate, _transfer(core, candidate, label))
    if label != "invalid":
        return written
    wrong = written.content.replace(_CHARGES, _WRONG_CHARGES)
    assert wrong != written.content, "the element is in every transfer"
    return msgspec.structs.replace(written, content=wrong)


def transfer_of(core: Core, exchange: Exchange) -> CreditTransfer:
    """The transfer in an exchange that was written or taken here."""
    envelope = read_envelope(exchange.body, core.schema)
    assert isinstance(envelope, Envelope), "it was valid when it was kept"
    assert isinstance(envelope.document, CreditTransfer), "the label says so"
    return envelope.document


def _transfer(core: Core, candidate: Candidate, label: str) -> CreditTransfer:
    application, test_id = candidate.application, core.kernel.ids.new("tst")
    accounts = application.test_accounts
    return CreditTransfer(
        settlement_date=settlement_date_of(core.kernel.business_clock.now()),
        end_to_end_id=f"TEST-{label}", transaction_id=test_id.removeprefix("tst_"),
        uetr=uetr_of(test_id), amount=Money(AMOUNT_MINOR, application.currencies[0]),
        debtor=PartyAccount(name=TEST_NAME, account=TEST_ACCOUNT, member=TEST_MEMBER),
        creditor=PartyAccount(
            name=TEST_NAME, member=application.clearing_code,
            account=accounts.closed if label == "closed" else accounts.open,
        ),
        remittance="Test lane: no money moves",
    )


def _outcome(asked: Exchange, transfer: CreditTransfer) -> StatusReport:
    return StatusReport(
        original_message_id=asked.message_id, original_definition=CREDIT_TRANSFER,
        end_to_end_id=transfer.end_to_end_id, transaction_id=transfer.transaction_id,
        uetr=transfer.uetr, status="ACSC", amount=transfer.amount,
    )


def _write(core: Core, candidate: Candidate, document: Document) -> Written:
    message_id = core.kernel.ids.new("msg").removeprefix("msg_")
    header = Header(
        from_member=TEST_MEMBER, to_member=candidate.application.clearing_code,
        message_id=message_id, created_at=core.kernel.business_clock.now(),
    )
    return Written(
        definition=definition_of(document), message_id=message_id,
        content=write_envelope(Envelope(header, document)),
    )
