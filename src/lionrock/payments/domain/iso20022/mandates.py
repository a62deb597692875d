"""Direct-debit authorisations: pain.009 asks for one, pain.010 changes it, pain.011 ends it, and
pain.012 is the debtor's answer. All in version 001.05.

Not for: the life of an authorisation (debits). Source: ISO 20022 pain.009.001.05, pain.010.001.05,
pain.011.001.05, pain.012.001.05 in our narrower usage. Two things are ours: what all collections of
a period may sum up to stands in SplmtryData (the standard has only the number of collections), and
to suspend and resume are amendments with a proprietary reason (their own messages came later).
Invariant: new terms go with an amendment of reason AMEND and with nothing else.
"""

from __future__ import annotations

from datetime import date
from typing import Literal, cast

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.domain.iso20022.elements import (
    Fields,
    Node,
    account,
    amount_of,
    check_agents,
    check_message_id,
    find,
    group_header,
    institution,
    optional_text,
    party_of,
    text_of,
)
from lionrock.payments.domain.iso20022.messages import Header, PartyAccount
from lionrock.payments.domain.refusals import PaymentRefusal

MANDATE_INITIATION = "pain.009.001.05"
MANDATE_AMENDMENT = "pain.010.001.05"
MANDATE_CANCELLATION = "pain.011.001.05"
MANDATE_ACCEPTANCE = "pain.012.001.05"
TERMS_NAMESPACE = "urn:lionrock:payments:mandate:1"
_PERIOD_MAX = f"{{{TERMS_NAMESPACE}}}PrdMaxAmt"

Occurrence = Literal["RCUR", "OOFF"]
Period = Literal["DAIL", "WEEK", "MNTH", "QURT", "YEAR"]
AmendmentReason = Literal["AMEND", "SUSPEND", "RESUME"]


class MandateTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What the debtor allows: how much at once, how often, how much a period, from when to when."""

    occurrence: Occurrence
    period: Period
    collections_per_period: int
    first_date: date
    max_amount: Money
    final_date: date | None = None
    period_max_amount: Money | None = None


class MandateInitiation(msgspec.Struct, frozen=True, kw_only=True):
    """pain.009: the creditor asks for an authorisation; `mandate_id` is given by the switch."""

    request_id: str
    terms: MandateTerms
    creditor: PartyAccount
    debtor: PartyAccount
    mandate_id: str = ""
    contract: str = ""


class MandateAmendment(msgspec.Struct, frozen=True, kw_only=True):
    """pain.010: other terms, or suspend, or resume."""

    mandate_id: str
    reason: AmendmentReason
    terms: MandateTerms | None = None


class MandateCancellation(msgspec.Struct, frozen=True, kw_only=True):
    """pain.011: the authorisation ends."""

    mandate_id: str
    reason_code: str
    reason_text: str = ""


class MandateAcceptance(msgspec.Struct, frozen=True, kw_only=True):
    """pain.012: the debtor's answer to a pain.009 or pain.010; a reason if and only if it is no."""

    original_message_id: str
    original_definition: str
    mandate_id: str
    is_accepted: bool
    reason_code: str = ""
    reason_text: str = ""


def check_mandate(header: Header, body: Fields) -> Refused | None:
    """Header and group header agree."""
    refused = check_message_id(header, body, "GrpHdr/MsgId")
    return refused or check_agents(header, find(body, "GrpHdr"))


def check_amendment(header: Header, body: Fields) -> Refused | None:
    """New terms are there for AMEND and for nothing else; the mandate is named once."""
    refused = check_mandate(header, body)
    if refused is not None:
        return refused
    details = find(body, "UndrlygAmdmntDtls")
    has_terms = bool(optional_text(details, "Mndt/Ocrncs/SeqTp"))
    if has_terms != (text_of(details, "AmdmntRsn/Rsn/Prtry") == "AMEND"):
        return Refused(
            PaymentRefusal.REASON_MISPLACED, "Terms go with AMEND and with nothing else.",
            "UndrlygAmdmntDtls/Mndt",
        )
    if text_of(details, "Mndt/MndtId") != text_of(details, "OrgnlMndt/OrgnlMndtId"):
        return Refused(
            PaymentRefusal.REFERENCE_DIFFERS, "MndtId and OrgnlMndtId are the same.", "OrgnlMndt"
        )
    return None


def check_acceptance(header: Header, body: Fields) -> Refused | None:
    """A reason is there for a no and for nothing else."""
    refused = check_mandate(header, body)
    if refused is not None:
        return refused
    result = find(body, "UndrlygAccptncDtls/AccptncRslt")
    if (text_of(result, "Accptd") in {"true", "1"}) == bool(optional_text(result, "RjctRsn/Cd")):
        return Refused(
            PaymentRefusal.REASON_MISPLACED, "A reason goes with a no and with nothing else.",
            "AccptncRslt/RjctRsn",
        )
    return None


def read_initiation(body: Fields) -> MandateInitiation:
    """Read a valid MndtInitnReq."""
    mandate = find(body, "Mndt")
    return MandateInitiation(
        request_id=text_of(mandate, "MndtReqId"), terms=_read_terms(mandate, mandate),
        creditor=party_of(mandate, "Cdtr"), debtor=party_of(mandate, "Dbtr"),
        mandate_id=optional_text(mandate, "MndtId"), contract=optional_text(mandate, "MndtRef"),
    )


def read_amendment(body: Fields) -> MandateAmendment:
    """Read a valid MndtAmdmntReq."""
    details = find(body, "UndrlygAmdmntDtls")
    reason = cast(AmendmentReason, text_of(details, "AmdmntRsn/Rsn/Prtry"))
    mandate = find(details, "Mndt")
    return MandateAmendment(
        mandate_id=text_of(mandate, "MndtId"), reason=reason,
        terms=_read_terms(mandate, details) if reason == "AMEND" else None,
    )


def read_cancellation(body: Fields) -> MandateCancellation:
    """Read a valid MndtCxlReq."""
    details = find(body, "UndrlygCxlDtls")
    return MandateCancellation(
        mandate_id=text_of(details, "OrgnlMndt/OrgnlMndtId"),
        reason_code=text_of(details, "CxlRsn/Rsn/Cd"),
        reason_text=optional_text(details, "CxlRsn/AddtlInf"),
    )


def read_acceptance(body: Fields) -> MandateAcceptance:
    """Read a valid MndtAccptncRpt."""
    details = find(body, "UndrlygAccptncDtls")
    return MandateAcceptance(
        original_message_id=text_of(details, "OrgnlMsgInf/MsgId"),
        original_definition=text_of(details, "OrgnlMsgInf/MsgNmId"),
        mandate_id=text_of(details, "OrgnlMndt/OrgnlMndtId"),
        is_accepted=text_of(details, "AccptncRslt/Accptd") in {"true", "1"},
        reason_code=optional_text(details, "AccptncRslt/RjctRsn/Cd"),
        reason_text=optional_text(details, "AccptncRslt/AddtlRjctRsnInf"),
    )


def write_initiation(header: Header, request: MandateInitiation) -> Node:
    """Write a MndtInitnReq."""
    known: list[Node] = [("MndtId", request.mandate_id)] if request.mandate_id else []
    contract: list[Node] = [("MndtRef", request.contract)] if request.contract else []
    mandate: list[Node] = [
        *known,
        ("MndtReqId", request.request_id),
        *_terms(request.terms),
        ("Cdtr", [("Nm", request.creditor.name)]),
        ("CdtrAcct", account(request.creditor.account)),
        ("CdtrAgt", institution(request.creditor.member)),
        ("Dbtr", [("Nm", request.debtor.name)]),
        ("DbtrAcct", account(request.debtor.account)),
        ("DbtrAgt", institution(request.debtor.member)),
        *contract,
        *_period_max(request.terms),
    ]
    return "MndtInitnReq", [("GrpHdr", group_header(header)), ("Mndt", mandate)]


def write_amendment(header: Header, amendment: MandateAmendment) -> Node:
    """Write a MndtAmdmntReq."""
    assert (amendment.terms is not None) == (amendment.reason == "AMEND"), "terms are for AMEND"
    terms = _terms(amendment.terms) if amendment.terms else [("TrckgInd", "false")]
    details: list[Node] = [
        ("AmdmntRsn", [("Rsn", [("Prtry", amendment.reason)])]),
        ("Mndt", [("MndtId", amendment.mandate_id), *terms]),
        ("OrgnlMndt", [("OrgnlMndtId", amendment.mandate_id)]),
        *(_period_max(amendment.terms) if amendment.terms else []),
    ]
    return "MndtAmdmntReq", [("GrpHdr", group_header(header)), ("UndrlygAmdmntDtls", details)]


def write_cancellation(header: Header, cancellation: MandateCancellation) -> Node:
    """Write a MndtCxlReq."""
    text: list[Node] = (
        [("AddtlInf", cancellation.reason_text)] if cancellation.reason_text else []
    )
    details: list[Node] = [
        ("CxlRsn", [("Rsn", [("Cd", cancellation.reason_code)]), *text]),
        ("OrgnlMndt", [("OrgnlMndtId", cancellation.mandate_id)]),
    ]
    return "MndtCxlReq", [("GrpHdr", group_header(header)), ("UndrlygCxlDtls", details)]


def write_acceptance(header: Header, acceptance: MandateAcceptance) -> Node:
    """Write a MndtAccptncRpt."""
    assert acceptance.is_accepted != bool(acceptance.reason_code), "a no, and only it, has a reason"
    result: list[Node] = [("Accptd", "true" if acceptance.is_accepted else "false")]
    if acceptance.reason_code:
        result.append(("RjctRsn", [("Cd", acceptance.reason_code)]))
    if acceptance.reason_text:
        result.append(("AddtlRjctRsnInf", acceptance.reason_text))
    details: list[Node] = [
        ("OrgnlMsgInf", [
            ("MsgId", acceptance.original_message_id),
            ("MsgNmId", acceptance.original_definition),
        ]),
        ("AccptncRslt", result),
        ("OrgnlMndt", [("OrgnlMndtId", acceptance.mandate_id)]),
    ]
    return "MndtAccptncRpt", [("GrpHdr", group_header(header)), ("UndrlygAccptncDtls", details)]


def _terms(terms: MandateTerms) -> list[Node]:
    final: list[Node] = (
        [("FnlColltnDt", terms.final_date.isoformat())] if terms.final_date else []
    )
    return [
        ("Ocrncs", [
            ("SeqTp", terms.occurrence),
            ("Frqcy", [("Prd", [
                ("Tp", terms.period), ("CntPerPrd", str(terms.collections_per_period)),
            ])]),
            ("FrstColltnDt", terms.first_date.isoformat()),
            *final,
        ]),
        ("TrckgInd", "false"),
        ("MaxAmt", terms.max_amount),
    ]


def _period_max(terms: MandateTerms) -> list[Node]:
    if terms.period_max_amount is None:
        return []
    return [("SplmtryData", [("Envlp", [(_PERIOD_MAX, terms.period_max_amount)])])]


def _read_terms(mandate: Fields, beside: Fields) -> MandateTerms:
    occurrences = find(mandate, "Ocrncs")
    final = optional_text(occurrences, "FnlColltnDt")
    envelope = beside.get("SplmtryData/Envlp/PrdMaxAmt")
    period_max = None
    if envelope is not None:
        period_max = Money.parse(envelope.text.strip(), envelope.get("Ccy"))
    return MandateTerms(
        occurrence=cast(Occurrence, text_of(occurrences, "SeqTp")),
        period=cast(Period, text_of(occurrences, "Frqcy/Prd/Tp")),
        collections_per_period=int(text_of(occurrences, "Frqcy/Prd/CntPerPrd")),
        first_date=date.fromisoformat(text_of(occurrences, "FrstColltnDt")),
        max_amount=amount_of(mandate, "MaxAmt"),
        final_date=date.fromisoformat(final) if final else None,
        period_max_amount=period_max,
    )
