"""What clients send to and get from the remote signing routes; member names are CSC API v2's.

The names of v1 (`hash`, `hashAlgo`) are taken as well, because clients in the field, pyHanko's
among them, speak v1's names to servers of both versions. Unknown members are ignored.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Empty(msgspec.Struct, frozen=True):
    """A body of no meaning to us, `{}`."""


class CredentialBody(msgspec.Struct, frozen=True, kw_only=True):
    """credentials/info: one credential, and how much of its chain to send."""

    credentialID: str  # noqa: N815 - the standard's own name
    certificates: str = "single"


class DocumentDigest(msgspec.Struct, frozen=True, kw_only=True):
    """A document's SHA-256 (base64) and the name that the phone shows."""

    hash: str
    label: str = ""


class AuthorizeBody(msgspec.Struct, frozen=True, kw_only=True):
    """credentials/authorize: `hashes` for signHash or `documentDigests` for signDoc, not both.

    `labels` (ours) names what each hash stands for; without it `description` names them all.
    """

    credentialID: str  # noqa: N815 - the standard's own name
    numSignatures: int | None = None  # noqa: N815 - the standard's own name
    hashes: list[str] | None = None
    hash: list[str] | None = None
    hashAlgorithmOID: str | None = None  # noqa: N815 - the standard's own name
    hashAlgo: str | None = None  # noqa: N815 - v1's own name
    documentDigests: list[DocumentDigest] | None = None  # noqa: N815 - the standard's own name
    labels: list[str] | None = None
    description: str = ""
    lang: str = ""


class HandleBody(msgspec.Struct, frozen=True):
    """credentials/authorizeCheck."""

    handle: str


class SignHashBody(msgspec.Struct, frozen=True, kw_only=True):
    """signatures/signHash."""

    credentialID: str  # noqa: N815 - the standard's own name
    SAD: str
    hashes: list[str] | None = None
    hash: list[str] | None = None
    hashAlgorithmOID: str | None = None  # noqa: N815 - the standard's own name
    hashAlgo: str | None = None  # noqa: N815 - v1's own name
    signAlgo: str | None = None  # noqa: N815 - the standard's own name


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One document of signDoc, base64; P = PAdES, X = XAdES."""

    document: str
    signature_format: str
    conformance_level: str = "Ades-B-B"


class SignDocBody(msgspec.Struct, frozen=True, kw_only=True):
    """signatures/signDoc."""

    credentialID: str  # noqa: N815 - the standard's own name
    SAD: str
    documents: list[Document]
    signAlgo: str | None = None  # noqa: N815 - the standard's own name


class TimestampBody(msgspec.Struct, frozen=True, kw_only=True):
    """signatures/timestamp."""

    hash: str
    hashAlgo: str  # noqa: N815 - the standard's own name
    nonce: str | None = None


class AuthorizeReply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Waiting for the phone: `handle` for authorizeCheck; `number` (ours) to be shown to people."""

    handle: str
    expiresIn: int  # noqa: N815 - the standard's own name
    number: str = ""


class SadReply(msgspec.Struct, frozen=True):
    """Signature activation data."""

    SAD: str
    expiresIn: int  # noqa: N815 - the standard's own name


def chosen(first: Any, second: Any) -> Any:
    """Return the v2 member, or v1's in its place; both at once must agree."""
    if first is not None and second is not None and first != second:
        return None
    return second if first is None else first
