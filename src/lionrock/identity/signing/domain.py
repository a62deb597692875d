"""Who signs a document, in which order, and what each signature states.

A signature states more than "this key saw these bytes": the statement in its /Reason, which the
signature itself covers, names the approval in which a person was shown the document's SHA-256, the
mandate, and that SHA-256 with the number of bytes. So an auditor joins words, person and bytes
without asking us. Not for: cryptography (pdf.py), certificates (certificates.py).

Source: ETSI EN 319 142-1 (PAdES baseline; /Reason is used, commitment-type-indication is not);
eIDAS-style remote signing: the server's key signs only what an approval released.
Invariants: the hash shown is the hash of the very bytes handed in; one approval, one signature; a
seal never comes before the signature that its chain puts first.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum

import msgspec

from lionrock.identity.domain.approvals import Approval, ApprovalRequest
from lionrock.identity.domain.mandates import Mandate
from lionrock.kernel.errors import Refusal, Refused
from lionrock.kernel.money import Money

SIGN_SCOPE = "documents.sign"
SEAL_SCOPE = "documents.seal"
SIGNATURES_MAX = 8


class SigningRefusal(Refusal):
    """Every expected outcome of signing that is not a signature."""

    PDF_TOO_LARGE = "identity.pdf_too_large"
    PDF_MALFORMED = "identity.pdf_malformed"
    PDF_ENCRYPTED = "identity.pdf_encrypted"
    PDF_ACTIVE_CONTENT = "identity.pdf_active_content"
    XML_MALFORMED = "identity.xml_malformed"
    XML_ACTIVE = "identity.xml_active"
    SIGNATURES_TOO_MANY = "identity.signatures_too_many"
    SIGNATURE_BROKEN = "identity.signature_broken"
    CHAIN_ORDER = "identity.chain_order"
    CHAIN_COMPLETE = "identity.chain_complete"
    SIGNING_APPROVAL_UNKNOWN = "identity.signing_approval_unknown"
    SIGNING_APPROVAL_MISSING = "identity.signing_approval_missing"
    SIGNING_APPROVAL_OTHER_DEED = "identity.signing_approval_other_deed"
    SIGNING_APPROVAL_OTHER_SIGNER = "identity.signing_approval_other_signer"
    SIGNING_APPROVAL_OTHER_DOCUMENT = "identity.signing_approval_other_document"
    SIGNING_APPROVAL_USED = "identity.signing_approval_used"
    SIGNING_MANDATE = "identity.signing_mandate"
    SIGNING_MANDATE_JOINT = "identity.signing_mandate_joint"
    CERTIFICATE_UNKNOWN = "identity.certificate_unknown"


class Level(Enum):
    """The baseline levels of ETSI EN 319 142-1 s6: each holds what the one before it holds.

    T adds a trusted time, LT what a later verifier needs (certificates, revocation list), LTA a
    time-stamp over all of that, so that it still counts when keys and algorithms have aged.
    """

    B = "B-B"
    T = "B-T"
    LT = "B-LT"
    LTA = "B-LTA"


class SignerKind(Enum):
    """What kind of subject a certificate and a signature stand for."""

    PERSON = "person"
    COMPANY_SEAL = "company-seal"
    OFFICE_SEAL = "office-seal"


# What the person is asked on the phone: kind of the approval and name of its template.
APPROVAL_KINDS: Mapping[SignerKind, str] = {
    SignerKind.PERSON: "signing.document",
    SignerKind.COMPANY_SEAL: "signing.company_seal",
    SignerKind.OFFICE_SEAL: "signing.office_seal",
}

# Person first, then the company's chop; an agreement: the company, then the office.
CHAINS: Mapping[str, tuple[SignerKind, ...]] = {
    "single": (SignerKind.PERSON,),
    "application": (SignerKind.PERSON, SignerKind.COMPANY_SEAL),
    "agreement": (SignerKind.COMPANY_SEAL, SignerKind.OFFICE_SEAL),
}


class PersonSigner(msgspec.Struct, frozen=True, kw_only=True):
    """A natural person; with `company_id` the person signs for that company under a mandate."""

    person_id: str
    name: str
    company_id: str | None = None


class CompanySealSigner(msgspec.Struct, frozen=True, kw_only=True):
    """A company's seal; `officer_id` is the approving officer whose mandate carries it."""

    company_id: str
    name: str
    business_number: str
    officer_id: str


class OfficeSealSigner(msgspec.Struct, frozen=True, kw_only=True):
    """The seal of an organisation of the directory, such as the programme office."""

    organisation_id: str
    name: str


Signer = PersonSigner | CompanySealSigner | OfficeSealSigner


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """What one signature states; carried in /Reason. `mandate_id` is "" when none was needed."""

    kind: SignerKind
    subject_id: str
    approval_id: str
    mandate_id: str
    document_sha256: str
    document_bytes: int

    def reason(self) -> str:
        """Return the one line that goes into the signature's /Reason."""
        mandate = f"; mandate {self.mandate_id}" if self.mandate_id else ""
        return (
            f"{self.kind.value} of {self.subject_id}; approval {self.approval_id}{mandate}; "
            f"document SHA-256 {self.document_sha256}, {self.document_bytes} bytes"
        )


class SignatureReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a validation found for one signature.

    `is_intact`: the covered bytes are those signed, by that certificate's key. `is_trusted`: the
    certificate leads to a given CA and was valid, and not known as revoked, at `timestamped_at`
    (trusted time, from level B-T on) or else at `signed_at` (the signer's claim). `is_bound`: the
    statement's hash is that of the bytes that came before the signature. `is_closed`: nothing but
    later signatures and what levels LT and LTA add came after it. `is_valid`: all four.
    """

    field_name: str
    signer: str
    subject_id: str
    kind: str
    certificate_serial: str
    approval_id: str
    mandate_id: str
    document_sha256: str
    signed_at: datetime | None
    is_intact: bool
    is_trusted: bool
    is_bound: bool
    is_closed: bool
    problem: str = ""
    level: str = "B-B"
    timestamped_at: datetime | None = None

    @property
    def is_valid(self) -> bool:
        """Whether every check of this signature held."""
        return self.is_intact and self.is_trusted and self.is_bound and self.is_closed


class SignedPdf(msgspec.Struct, frozen=True, kw_only=True):
    """A signed document: its bytes, their SHA-256, and what its newest signature states."""

    pdf: bytes
    sha256: str
    statement: Statement
    certificate_serial: str
    signed_at: datetime


_REASON = re.compile(
    r"(person|company-seal|office-seal) of ([A-Za-z0-9_-]{1,80}); approval (apr_[0-9a-f]{32})"
    r"(?:; mandate ([a-z]{2,12}_[0-9a-f]{32}))?"
    r"; document SHA-256 ([0-9a-f]{64}), ([1-9][0-9]{0,9}) bytes"
)


def read_reason(text: str) -> Statement | None:
    """Read a statement back; None when the text is not exactly one of ours."""
    match = _REASON.fullmatch(text)
    if match is None:
        return None
    kind, subject_id, approval_id, mandate_id, digest, size = match.groups()
    return Statement(
        kind=SignerKind(kind), subject_id=subject_id, approval_id=approval_id,
        mandate_id=mandate_id or "", document_sha256=digest, document_bytes=int(size),
    )  # fmt: skip


def sha256_hex(content: bytes) -> str:
    """Return the SHA-256 of a document in hexadecimal, as the words on the phone show it."""
    return hashlib.sha256(content).hexdigest()


def kind_of(signer: Signer) -> SignerKind:
    """Return the kind of subject a signer is."""
    if isinstance(signer, PersonSigner):
        return SignerKind.PERSON
    if isinstance(signer, CompanySealSigner):
        return SignerKind.COMPANY_SEAL
    return SignerKind.OFFICE_SEAL


def subject_of(signer: Signer) -> str:
    """Return the id of the person, company or organisation that signs."""
    if isinstance(signer, PersonSigner):
        return signer.person_id
    if isinstance(signer, CompanySealSigner):
        return signer.company_id
    return signer.organisation_id


class ReleaseRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask before a signature: the document as it is now, and who is to be asked.

    `person_ids` are the signer, the company's officers, or the office's staff; `title` is shown as
    quoted; `reference` is the asker's own id of the deed. `amount` is what the document binds a
    company to: the mandate of whoever signs or seals for it must cover that.
    """

    signer: Signer
    person_ids: tuple[str, ...]
    document_sha256: str
    title: str
    language: str
    reference: str
    requester_org: str
    quorum: int = 1
    expires_in_s: int = 600
    amount: Money | None = None


def approval_request(asked: ReleaseRequest) -> ApprovalRequest:
    """Return the approval that, once given, `check_approval` accepts for this signature."""
    kind = APPROVAL_KINDS[kind_of(asked.signer)]
    fields = {"title": asked.title, "document_sha256": asked.document_sha256}
    company_id = scope = None
    if isinstance(asked.signer, CompanySealSigner):
        fields["company"] = asked.signer.name
        company_id, scope = asked.signer.company_id, SEAL_SCOPE
    elif isinstance(asked.signer, OfficeSealSigner):
        fields["office"] = asked.signer.name
    elif asked.signer.company_id is not None:
        company_id, scope = asked.signer.company_id, SIGN_SCOPE
    return ApprovalRequest(
        kind=kind, template=kind, person_ids=asked.person_ids, fields=fields,
        language=asked.language, requester_org=asked.requester_org, reference=asked.reference,
        company_id=company_id, scope=scope, quorum=asked.quorum, number_match=True,
        expires_in_s=asked.expires_in_s, amount=asked.amount if company_id else None,
    )  # fmt: skip


def next_in_chain(chain: str, present: Sequence[SignerKind]) -> SignerKind | None:
    """Return who must sign next, or None when the chain is complete."""
    order = CHAINS[chain]
    return order[len(present)] if len(present) < len(order) else None


def check_chain(chain: str, present: Sequence[SignerKind], kind: SignerKind) -> Refused | None:
    """Refuse a signature out of turn: CHAIN_COMPLETE, CHAIN_ORDER."""
    order = CHAINS[chain]
    if tuple(present) != order[: len(present)]:
        return Refused(SigningRefusal.CHAIN_ORDER, "The signatures there are not of this chain.")
    wanted = next_in_chain(chain, present)
    if wanted is None:
        return Refused(SigningRefusal.CHAIN_COMPLETE)
    if wanted is not kind:
        return Refused(SigningRefusal.CHAIN_ORDER, f"Next to sign: {wanted.value}.")
    return None


def check_approval(approval: Approval, signer: Signer, document_sha256: str) -> Refused | None:
    """Say whether an approval releases this signer's key for these very bytes.

    Order: given at all, asked for this deed, asked of this signer, shown this hash.
    """
    if approval.state != "approved":
        return Refused(SigningRefusal.SIGNING_APPROVAL_MISSING, f"It is {approval.state}.")
    if approval.kind != APPROVAL_KINDS[kind_of(signer)]:
        return Refused(SigningRefusal.SIGNING_APPROVAL_OTHER_DEED)
    if not _is_for_signer(approval, signer):
        return Refused(SigningRefusal.SIGNING_APPROVAL_OTHER_SIGNER)
    if approval.shown.fields.get("document_sha256") != document_sha256:
        return Refused(SigningRefusal.SIGNING_APPROVAL_OTHER_DOCUMENT)
    return None


def check_mandate(mandate: Mandate, approval: Approval) -> Refused | None:
    """Refuse a joint mandate when fewer officers than it needs had to approve."""
    if mandate.signatures_needed > approval.quorum:
        return Refused(
            SigningRefusal.SIGNING_MANDATE_JOINT,
            f"{mandate.signatures_needed} officers must approve together.",
        )
    return None


def _is_for_signer(approval: Approval, signer: Signer) -> bool:
    if isinstance(signer, PersonSigner):
        is_company = approval.company_id == signer.company_id
        # A joint officer signs with the others' consent; whether they did themselves: the service.
        is_alone = approval.person_ids == (signer.person_id,)
        is_joint = signer.company_id is not None and signer.person_id in approval.person_ids
        return is_company and (is_alone or is_joint)
    if isinstance(signer, CompanySealSigner):
        # Without the scope the officers' mandates were never checked for sealing.
        is_asked_to_seal = approval.scope == SEAL_SCOPE
        is_company = approval.company_id == signer.company_id
        return is_company and is_asked_to_seal and signer.officer_id in approval.person_ids
    return approval.company_id is None and approval.requester_org == signer.organisation_id
