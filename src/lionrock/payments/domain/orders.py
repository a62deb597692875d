"""The order to pay: what an initiator asks of the switch, and what makes it well-formed.

Not for: whether the proxy exists or the money is there (service, ledger).
Source: ISO 20022 Max35Text, Max140Text; our usage schemas, whose patterns these are.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.kernel.money import AMOUNT_MINOR_MAX, Money
from lionrock.payments.domain.iso20022 import PartyAccount
from lionrock.payments.domain.payments import order_digest_of
from lionrock.payments.domain.refusals import PaymentRefusal

NAME_LENGTH_MAX = 140
REMITTANCE_LENGTH_MAX = 140
REFERENCE_LENGTH_MAX = 128
REFERENCES_MAX = 8
LEDGER_ID_MAX = 2**128 - 2
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/\-]{0,34}")
_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-]{0,33}")
_MEMBER = re.compile(r"[0-9A-Z]{3,11}")
# What a receipt takes as the id of a thing: telephone and identity card numbers are not ids.
_REFERENCE = re.compile(
    r"(?!(?:[0-9]{7,15}|[A-Z]{1,2}[0-9]{6}[0-9A])\Z)[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}"
)
_REFERENCE_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
# Control characters, what XML cannot hold, and what turns the direction of writing.
_NOT_SHOWN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


class CreditTransferOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Pay `amount` from a ledger account to whoever is registered under a proxy.

    `end_to_end_id` names the order for its initiator for ever: the same order again is the same
    payment. `reference` comes back in the events; `references` (ids only) go into the receipts.
    With `creditor_names`, only an account in one of these names is paid. With `creditor`, that
    account is paid (a refund to where the money came from) and no proxy is looked up.
    """

    debit_account_id: int
    debtor_name: str
    amount: Money
    creditor_proxy_kind: Literal["mobile", "email", "fps_id", "hkid"] = "mobile"
    creditor_proxy: str = ""
    end_to_end_id: str
    initiator_org: str
    remittance: str = ""
    reference: str = ""
    references: dict[str, str] = {}
    creditor_names: tuple[str, ...] = ()
    creditor: PartyAccount | None = None

    def is_payable_to(self, account_name: str) -> bool:
        """Say whether an account of that name may be paid; case and spacing do not matter."""
        if not self.creditor_names:
            return True
        return _plain(account_name) in {_plain(name) for name in self.creditor_names}

    def digest(self) -> bytes:
        """Digest of what is asked."""
        references = [f"{name}={value}" for name, value in sorted(self.references.items())]
        references += [f"creditor name={name}" for name in self.creditor_names]
        if self.creditor is not None:
            references.append(f"creditor={self.creditor.member}/{self.creditor.account}")
        return order_digest_of(
            "order/1", str(self.debit_account_id), self.debtor_name, self.amount.wire(),
            self.amount.currency, self.creditor_proxy_kind, self.creditor_proxy, self.remittance,
            self.reference, *references,
        )


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).split()).casefold()


def check_order(order: CreditTransferOrder) -> Refused | None:
    """Check all fields; ORDER_MALFORMED names the first wrong one."""
    if not 0 < order.debit_account_id <= LEDGER_ID_MAX:
        return _malformed("debit_account_id", "the id of a ledger account")
    if not is_shown_text(order.debtor_name, NAME_LENGTH_MAX):
        return _malformed("debtor_name", f"1 to {NAME_LENGTH_MAX} printable characters")
    if not is_identifier(order.end_to_end_id):
        return _malformed("end_to_end_id", "1 to 35 of A-Z a-z 0-9 . _ / -")
    if order.remittance and not is_shown_text(order.remittance, REMITTANCE_LENGTH_MAX):
        return _malformed("remittance", f"at most {REMITTANCE_LENGTH_MAX} printable characters")
    if len(order.reference) > REFERENCE_LENGTH_MAX:
        return _malformed("reference", f"at most {REFERENCE_LENGTH_MAX} characters")
    return _check_references(order.references) or check_amount(order.amount)


def _check_references(references: dict[str, str]) -> Refused | None:
    if len(references) > REFERENCES_MAX:
        return _malformed("references", f"at most {REFERENCES_MAX} ids")
    for name, value in references.items():
        if not _REFERENCE_NAME.fullmatch(name) or not _REFERENCE.fullmatch(value):
            return _malformed("references", "names such as case_id, with an id each")
    return None


def check_amount(amount: Money) -> Refused | None:
    """An amount is positive and within what messages and the ledger can hold."""
    if 0 < amount.amount_minor < AMOUNT_MINOR_MAX:
        return None
    return Refused(PaymentRefusal.AMOUNT_OUT_OF_RANGE, field="amount")


def is_identifier(text: str) -> bool:
    """Say whether a text can be an identifier in a message (Max35Text, safe characters)."""
    return _IDENTIFIER.fullmatch(text) is not None


def is_account_number(text: str) -> bool:
    """Say whether a text can be an account number in a message (Max34Text, safe characters)."""
    return _ACCOUNT.fullmatch(text) is not None


def is_clearing_code(text: str) -> bool:
    """Say whether a text can be a participant's clearing code."""
    return _MEMBER.fullmatch(text) is not None


def is_shown_text(text: str, length_max: int) -> bool:
    """Say whether a text can be shown to a person as it is."""
    return len(text.strip()) > 0 and len(text) <= length_max and not _NOT_SHOWN.search(text)


def shown(text: str, length_max: int) -> str:
    """Make a text of ours fit to be shown: what cannot be is a space, what is too long is cut."""
    return _NOT_SHOWN.sub(" ", text).strip()[:length_max].strip()


def _malformed(field: str, expected: str) -> Refused:
    return Refused(PaymentRefusal.ORDER_MALFORMED, f"Expected {expected}.", field=field)
