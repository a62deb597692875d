"""Why data may be asked for: a small closed list, each mapped to the W3C Data Privacy Vocabulary.

A purpose is a code, never free text, so that it can be compared by a machine at the provider's side
and shown to a person in three languages. DPV terms: https://w3id.org/dpv (purposes, legal bases).

Not for: what a purpose may see; that is in products.py (each product lists its purposes).
"""

from __future__ import annotations

import msgspec

from lionrock.kernel.i18n import Text


class Purpose(msgspec.Struct, frozen=True, kw_only=True):
    """One purpose: our code, the DPV term, and the words a person reads."""

    code: str
    dpv: str
    words: Text


class LegalBasis(msgspec.Struct, frozen=True, kw_only=True):
    """One legal basis: our code, the DPV term, and the words a person reads."""

    code: str
    dpv: str
    words: Text


PURPOSES: dict[str, Purpose] = {
    row.code: row
    for row in (
        Purpose(
            code="funding-assessment",
            dpv="dpv:EstablishContractualAgreement",
            words=Text(
                "to assess an application for public funding",
                "評審公共資助申請",
                "评审公共资助申请",
            ),
        ),
        Purpose(
            code="grant-monitoring",
            dpv="dpv:FulfilmentOfContractualObligation",
            words=Text(
                "to monitor a funded project and its payments",
                "監察獲資助項目及其付款",
                "监察获资助项目及其付款",
            ),
        ),
        Purpose(
            code="form-filling",
            dpv="dpv:RequestedServiceProvision",
            words=Text(
                "to fill in a form that you asked for",
                "為你填寫你要求的表格",
                "为您填写您要求的表格",
            ),
        ),
        Purpose(
            code="account-opening",
            dpv="dpv:IdentityVerification",
            words=Text(
                "to check who you are when opening an account",
                "開立帳戶時核實身分",
                "开立账户时核实身份",
            ),
        ),
        Purpose(
            code="credit-assessment",
            dpv="dpv:CustomerSolvencyMonitoring",
            words=Text(
                "to assess an application for credit",
                "評估信貸申請",
                "评估信贷申请",
            ),
        ),
    )
}

# Where data may be kept and used. Only the home is allowed without a filed contract (consent.py).
JURISDICTIONS: dict[str, Text] = {
    "HK": Text("Hong Kong", "香港", "香港"),
    "CN-GD": Text("the nine Mainland cities of the Greater Bay Area",
                  "粵港澳大灣區內地九市", "粤港澳大湾区内地九市"),
}

LEGAL_BASES: dict[str, LegalBasis] = {
    row.code: row
    for row in (
        LegalBasis(
            code="consent",
            dpv="dpv:Consent",
            words=Text(
                "your consent",
                "你的同意",
                "您的同意",
            ),
        ),
        LegalBasis(
            code="contract",
            dpv="dpv:Contract",
            words=Text(
                "an agreement that you are entering into",
                "你正在訂立的協議",
                "您正在订立的协议",
            ),
        ),
    )
}
