"""Remote signing: whose key, which hashes, released by which approval, for which client.

A client asks for authorization of exact SHA-256 values. The person (or the company's officers)
reads on the phone what they stand for; once approved, the client gets signature activation data
(SAD) with which each of these values is signed once, and no other. Two kinds: *documents*, which we
hash ourselves when they are signed, and *values*, which the client computed (the words say so).

Source: CSC API v2 in shape (credentials/authorize, authorizeCheck, signatures/signHash, signDoc);
sole control as in EN 419 241-1 (SCAL2: activation data bound to the hashes).
Invariants: SAD is bound to client, person, company, credential and hashes; a hash is signed once.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime

import msgspec

from lionrock.identity.domain.approvals import ApprovalRequest
from lionrock.identity.domain.grants import Principal
from lionrock.identity.domain.words import is_safe_line, quote
from lionrock.identity.signing.domain import (
    SEAL_SCOPE,
    CompanySealSigner,
    Signer,
    SignerKind,
)
from lionrock.kernel.errors import Refusal, Refused
from lionrock.kernel.i18n import Text

HASHES_MAX = 16
LABEL_LENGTH_MAX = 140
# So that sixteen of them fit into one line of the words (PLAIN_LENGTH_MAX).
SHORT_LABEL_LENGTH_MAX = 22
SAD_LIFE_S = 300
APPROVAL_LIFE_S = 600
# Within this time after asking, the SAD must be fetched.
COLLECTION_LIFE_S = 900
SHA_256_OID = "2.16.840.1.101.3.4.2.1"
ECDSA_SHA_256_OID = "1.2.840.10045.4.3.2"
EC_PUBLIC_KEY_OID = "1.2.840.10045.2.1"
P_256_OID = "1.2.840.10045.3.1.7"
PERSON_CREDENTIAL = "person."
SEAL_CREDENTIAL = "seal."
_UNNAMED = Text("no name given", "未命名", "未命名")


class CscRefusal(Refusal):
    """Every expected outcome of remote signing that is not a signature."""

    CREDENTIAL_UNKNOWN = "identity.csc_credential_unknown"
    HASHES = "identity.csc_hashes"
    HASH_ALGORITHM = "identity.csc_hash_algorithm"
    SIGN_ALGORITHM = "identity.csc_sign_algorithm"
    LABELS = "identity.csc_labels"
    HANDLE_UNKNOWN = "identity.csc_handle_unknown"
    DENIED = "identity.csc_denied"
    EXPIRED = "identity.csc_expired"
    SAD_UNKNOWN = "identity.csc_sad_unknown"
    SAD_EXPIRED = "identity.csc_sad_expired"
    HASH_NOT_AUTHORIZED = "identity.csc_hash_not_authorized"
    HASH_SIGNED = "identity.csc_hash_signed"
    OTHER_PURPOSE = "identity.csc_other_purpose"
    MANDATE = "identity.csc_mandate"
    NOT_ASKED = "identity.csc_not_asked"
    DOCUMENT_REFUSED = "identity.csc_document_refused"
    FORMAT = "identity.csc_format"


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """One SHA-256 to be signed and what it is called; a label of "" was not given."""

    hash: bytes
    label: str = ""


class Authorization(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asked to have signed; `is_of_documents` False: values of its own making."""

    id: str
    approval_id: str
    client_id: str
    person_id: str
    company_id: str | None
    kind: SignerKind
    subject_id: str
    is_of_documents: bool
    created_at: datetime
    sad_expires_at: datetime | None = None


class AuthorizedHash(msgspec.Struct, frozen=True, kw_only=True):
    """One authorized value; `released_at` (business time) is set once it was signed."""

    position: int
    hash: bytes
    label: str
    released_at: datetime | None = None


def credential_ids(principal: Principal) -> dict[str, SignerKind]:
    """Return the credentials that a token's bearer may use, by id.

    The ids are made from the client's pairwise subjects, so that they tell two clients nothing.
    """
    person = principal.actor_subject or principal.subject
    found = {PERSON_CREDENTIAL + person: SignerKind.PERSON}
    if principal.company_id is not None:
        found[SEAL_CREDENTIAL + principal.subject] = SignerKind.COMPANY_SEAL
    return found


def read_hashes(values: Sequence[str], count: int | None) -> list[bytes] | Refused:
    """Read base64 SHA-256 values: 1 to HASHES_MAX different ones, as many as `count` says."""
    if not 1 <= len(values) <= HASHES_MAX:
        return Refused(CscRefusal.HASHES, f"1 to {HASHES_MAX} hashes are taken.", "hashes")
    if count is not None and count != len(values):
        return Refused(CscRefusal.HASHES, "numSignatures is not their number.", "numSignatures")
    read: list[bytes] = []
    for value in values:
        try:
            raw = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if len(raw) != 32:
            return Refused(CscRefusal.HASHES, "One is no base64 of 32 octets.", "hashes")
        read.append(raw)
    if len(set(read)) != len(read):
        return Refused(CscRefusal.HASHES, "One is given twice.", "hashes")
    return read


def check_labels(digests: Sequence[Digest]) -> Refused | None:
    """Refuse a label that could not be shown on a phone as it is."""
    for digest in digests:
        if digest.label and not is_safe_line(digest.label, LABEL_LENGTH_MAX):
            detail = f"A label is one line of 1 to {LABEL_LENGTH_MAX} characters."
            return Refused(CscRefusal.LABELS, detail, "labels")
    return None


def show_documents(digests: Sequence[Digest], language: str) -> str:
    """Return the list of the words: each name, quoted, with its SHA-256.

    One document shows its whole hash; several show the first and last eight digits each, while
    the approval's field `hashes` binds all of them in full.
    """
    if len(digests) == 1:
        name = _name(digests[0].label, language, LABEL_LENGTH_MAX)
        return f"{name} (SHA-256 {digests[0].hash.hex()})"
    shown: list[str] = []
    for number, digest in enumerate(digests, start=1):
        name = _name(digest.label, language, SHORT_LABEL_LENGTH_MAX)
        text = digest.hash.hex()
        shown.append(f"{number}. {name} ({text[:8]}…{text[-8:]})")
    return "; ".join(shown)


def all_hashes(digests: Sequence[Digest]) -> str:
    """Return every hash in full, in order: the field that makes words_hash bind them."""
    encoded = (base64.urlsafe_b64encode(d.hash).rstrip(b"=").decode() for d in digests)
    return " ".join(encoded)


def approval_request(
    signer: Signer,
    digests: Sequence[Digest],
    *,
    is_of_documents: bool,
    service: str,
    person_ids: tuple[str, ...],
    quorum: int,
    language: str,
    requester_org: str,
    reference: str,
) -> ApprovalRequest:
    """Return the approval that releases these hashes for this signer and no other."""
    fields = {
        "count": str(len(digests)), "documents": show_documents(digests, language),
        "hashes": all_hashes(digests),
    }  # fmt: skip
    is_seal = isinstance(signer, CompanySealSigner)
    if not is_of_documents:
        fields["service"] = service
    if isinstance(signer, CompanySealSigner):
        fields["company"] = signer.name
    name = ("seal_" if is_seal else "") + ("batch" if is_of_documents else "values")
    return ApprovalRequest(
        kind=f"signing.{name}", template=f"signing.{name}", person_ids=person_ids, fields=fields,
        language=language, requester_org=requester_org, reference=reference, quorum=quorum,
        company_id=signer.company_id if isinstance(signer, CompanySealSigner) else None,
        scope=SEAL_SCOPE if is_seal else None, number_match=True, expires_in_s=APPROVAL_LIFE_S,
    )  # fmt: skip


def choose_hashes(
    authorized: Sequence[AuthorizedHash], asked: Sequence[bytes]
) -> list[AuthorizedHash] | Refused:
    """Return the authorized values asked for, in that order.

    HASH_NOT_AUTHORIZED for any other one, HASH_SIGNED for one that was signed already.
    """
    by_hash = {row.hash: row for row in authorized}
    chosen: list[AuthorizedHash] = []
    for value in asked:
        row = by_hash.get(value)
        if row is None:
            return Refused(CscRefusal.HASH_NOT_AUTHORIZED)
        if row.released_at is not None:
            return Refused(CscRefusal.HASH_SIGNED)
        chosen.append(row)
    assert len(chosen) == len(asked), "each value has its row"
    return chosen


def _name(label: str, language: str, length_max: int) -> str:
    if not label:
        return _UNNAMED.in_language(language)
    cut = label if len(label) <= length_max else label[: length_max - 1] + "…"
    return quote(cut, language)
