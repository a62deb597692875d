"""The consent: who may fetch what, from whom, why, until when; its states and its signed form.

A consent is a chain of revisions. Each revision is one artefact, a JWS (typ "consent+jwt") by the
platform, that names its predecessor by SHA-256; only the revision with status "active" opens data,
and only while the hub confirms it (leases.py). Shape after ReBIT ConsentDetail and GovStack Consent
(Revision.predecessorHash), restated.

Invariants:
- legal transitions are the one table below; revoked, expired and rejected are final; an amendment
  changes terms, never parties, product, purpose or state;
- dates are business time, half-open [starts_at, expires_at); there is no `exp` claim, because the
  wire clock must not decide when a consent ends;
- the artefact names its owner to each member by a commitment to that member's own pairwise
  pseudonym, so that two members cannot join their records by comparing artefacts.
"""

from __future__ import annotations

import datetime
import hashlib
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from lionrock.exchange.domain.products import Cut, OwnerKind, check_fields, find_product
from lionrock.exchange.domain.purposes import JURISDICTIONS, LEGAL_BASES, PURPOSES
from lionrock.exchange.domain.refusals import ExchangeRefusal
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import LANGUAGES

CONSENT_TYP = "consent+jwt"
PLATFORM_ISSUER = "lionrock-platform"
VALID_FOR_S_MIN = 60
VALID_FOR_S_MAX = 366 * 24 * 3600
RETENTION_DAYS_MAX = 7 * 366
FREQUENCY_COUNT_MAX = 1_000
# A pause or an amendment needs fewer revisions than this; resuming and ending are always possible.
REVISIONS_CHANGED_MAX = 96
REVISIONS_MAX = 100
ARTEFACT_BYTES_MAX = 16 * 1024
HOME_JURISDICTION = "HK"
# The consumer erases the data and leaves a receipt of it: the one duty that there is so far.
DeletionDuty = Literal["erase-and-confirm"]
ERASE_AND_CONFIRM: DeletionDuty = "erase-and-confirm"

Status = Literal["pending", "active", "paused", "revoked", "expired", "rejected"]
FrequencyUnit = Literal["total", "hour", "day", "month"]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
MemberId = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{1,62}$")]
ConsentId = Annotated[str, Meta(pattern=r"^cns_[0-9a-f]{32}$")]
FieldName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,60}$")]

TRANSITIONS: dict[Status, frozenset[Status]] = {
    "pending": frozenset({"active", "rejected", "expired", "revoked"}),
    "active": frozenset({"paused", "revoked", "expired"}),
    "paused": frozenset({"active", "revoked", "expired"}),
    "revoked": frozenset(),
    "expired": frozenset(),
    "rejected": frozenset(),
}

# In which states terms may be amended; the state stays what it is.
AMENDABLE: frozenset[Status] = frozenset({"active", "paused"})

FREQUENCY_WINDOW_S: dict[FrequencyUnit, int | None] = {
    "total": None,
    "hour": 3600,
    "day": 24 * 3600,
    "month": 30 * 24 * 3600,
}


class Frequency(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """At most `count_max` different fetches per unit; a month is a sliding 30 days."""

    count_max: Annotated[int, Meta(ge=1, le=FREQUENCY_COUNT_MAX)]
    per: FrequencyUnit


class Parties(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Organisation ids of the two members."""

    provider: MemberId
    consumer: MemberId


class OwnerCommitment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the artefact says of its owner to each member (see `commit_owner`)."""

    kind: OwnerKind
    to_provider: Sha256
    to_consumer: Sha256


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was agreed; the same in every revision but after an amendment.

    `jurisdiction` is where the consumer may keep and use the data; `deletion` is its duty when
    `retention_days` are over.
    """

    product: str
    product_version: int
    fields: tuple[FieldName, ...]
    data_classes: tuple[str, ...]
    purpose: str
    purpose_dpv: str
    legal_basis: str
    legal_basis_dpv: str
    starts_at: datetime.datetime
    expires_at: datetime.datetime
    frequency: Frequency
    retention_days: int
    data_from: datetime.date | None = None
    data_until: datetime.date | None = None
    jurisdiction: str = HOME_JURISDICTION
    deletion: DeletionDuty = ERASE_AND_CONFIRM

    def cut(self) -> Cut:
        """Return what a delivery under these terms may hold."""
        return Cut(
            fields=frozenset(self.fields), data_from=self.data_from, data_until=self.data_until
        )


class Shown(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the persons saw and said yes to: approval, language and hash of the exact words.

    `quorum` of `officers` persons asked had to agree; `mandate` commits to those by which they did.
    """

    approval_id: str
    language: Literal["en", "zh-Hant", "zh-Hans"]
    words_sha256: Sha256
    mandate: Sha256 | None
    quorum: int = 1
    officers: int = 1


class Artefact(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Claims of one revision."""

    iss: str
    iat: int
    jti: ConsentId
    revision: Annotated[int, Meta(ge=1, le=REVISIONS_MAX)]
    predecessor: Sha256 | None
    status: Status
    at: datetime.datetime
    parties: Parties
    owner: OwnerCommitment
    terms: Terms
    shown: Shown


def commit_owner(consent_id: str, member_id: str, pseudonym: str) -> str:
    """Return the SHA-256 by which an artefact names its owner to one member.

    The pseudonym has 256 bits of keyed entropy, so the hash tells nothing to anyone else; bound to
    the consent, so that two artefacts about one owner do not look alike.
    """
    return sha256_hex("\x1f".join(("owner", consent_id, member_id, pseudonym)))


def commit_mandate(consent_id: str, mandate_id: str) -> str:
    """Return the SHA-256 by which an artefact names the mandate, for whoever knows its id."""
    return sha256_hex("\x1f".join(("mandate", consent_id, mandate_id)))


def sha256_hex(content: str | bytes) -> str:
    """Return the SHA-256 in lower-case hex."""
    raw = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(raw).hexdigest()


def check_transition(before: Status, after: Status) -> Refused | None:
    """Check a change of state against the table; TRANSITION_ILLEGAL names both."""
    if after in TRANSITIONS[before]:
        return None
    return Refused(ExchangeRefusal.TRANSITION_ILLEGAL, f"a {before} consent cannot become {after}")


def status_at(stored: Status, terms: Terms, now: datetime.datetime) -> Status:
    """Return the status in force: past its end a consent is expired, timer or no timer."""
    if stored in ("active", "paused") and now >= terms.expires_at:
        return "expired"
    return stored


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """The terms that a consumer asks for, before they are checked."""

    product: str
    product_version: int
    fields: tuple[str, ...]
    purpose: str
    legal_basis: str
    valid_for_s: int
    frequency_count_max: int
    frequency_per: str
    retention_days: int
    language: str
    owner_kind: OwnerKind
    data_from: datetime.date | None = None
    data_until: datetime.date | None = None
    jurisdiction: str = HOME_JURISDICTION


def decide_terms(wish: Wish, now: datetime.datetime) -> Terms | Refused:
    """Check what is asked for and return the terms; each broken rule has its own refusal."""
    product = find_product(wish.product, wish.product_version)
    if isinstance(product, Refused):
        return product
    refused = (
        check_fields(product, wish.fields)
        or _check_why(wish, product.purposes)
        or _check_limits(wish)
        or _check_data_period(wish)
        or _check_jurisdiction(wish)
    )
    if refused is not None:
        return refused
    if wish.owner_kind not in product.owner_kinds:
        detail = f"{product.id} is not a {wish.owner_kind}'s"
        return Refused(ExchangeRefusal.OWNER_KIND_WRONG, detail)
    ordered = tuple(f.name for f in product.fields if f.name in wish.fields)
    classes = {f.data_class for f in product.fields if f.name in wish.fields}
    assert ordered, "check_fields refuses an empty list"
    assert now.tzinfo is not None, "instants are timezone-aware"
    return Terms(
        product=product.id,
        product_version=product.version,
        fields=ordered,
        data_classes=tuple(sorted(classes)),
        purpose=wish.purpose,
        purpose_dpv=PURPOSES[wish.purpose].dpv,
        legal_basis=wish.legal_basis,
        legal_basis_dpv=LEGAL_BASES[wish.legal_basis].dpv,
        starts_at=now,
        expires_at=now + datetime.timedelta(seconds=wish.valid_for_s),
        frequency=msgspec.convert(
            {"count_max": wish.frequency_count_max, "per": wish.frequency_per}, Frequency
        ),
        retention_days=wish.retention_days,
        data_from=wish.data_from,
        data_until=wish.data_until,
        jurisdiction=wish.jurisdiction,
    )


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Other terms asked for, stated whole but for the end: None keeps it."""

    fields: tuple[str, ...]
    frequency: Frequency
    retention_days: int
    valid_for_s: int | None
    language: str
    data_from: datetime.date | None
    data_until: datetime.date | None


def amend_terms(
    before: Terms, change: Change, owner_kind: OwnerKind, now: datetime.datetime
) -> Terms | Refused:
    """Check other terms by the rules for new ones; AMENDMENT_EMPTY when they are the same.

    Product, purpose, legal basis, jurisdiction and beginning stay.
    """
    decided = decide_terms(Wish(
        product=before.product, product_version=before.product_version, fields=change.fields,
        purpose=before.purpose, legal_basis=before.legal_basis,
        valid_for_s=VALID_FOR_S_MIN if change.valid_for_s is None else change.valid_for_s,
        frequency_count_max=change.frequency.count_max, frequency_per=change.frequency.per,
        retention_days=change.retention_days, language=change.language, owner_kind=owner_kind,
        data_from=change.data_from, data_until=change.data_until,
        jurisdiction=before.jurisdiction,
    ), now)  # fmt: skip
    if isinstance(decided, Refused):
        return decided
    terms = msgspec.structs.replace(
        decided, starts_at=before.starts_at,
        expires_at=before.expires_at if change.valid_for_s is None else decided.expires_at,
    )  # fmt: skip
    return Refused(ExchangeRefusal.AMENDMENT_EMPTY) if terms == before else terms


def check_revisions(revision: int) -> Refused | None:
    """Check that a consent has room for changes: it must always be possible to end it."""
    if revision < REVISIONS_CHANGED_MAX:
        return None
    detail = f"at most {REVISIONS_CHANGED_MAX} revisions"
    return Refused(ExchangeRefusal.REVISIONS_TOO_MANY, detail)


def _check_why(wish: Wish, purposes_allowed: frozenset[str]) -> Refused | None:
    if wish.purpose not in PURPOSES:
        return Refused(ExchangeRefusal.PURPOSE_UNKNOWN, wish.purpose[:60], field="purpose")
    if wish.purpose not in purposes_allowed:
        return Refused(ExchangeRefusal.PURPOSE_NOT_ALLOWED, wish.purpose, field="purpose")
    if wish.legal_basis not in LEGAL_BASES:
        detail = wish.legal_basis[:60]
        return Refused(ExchangeRefusal.LEGAL_BASIS_UNKNOWN, detail, field="legal_basis")
    return None


def _check_limits(wish: Wish) -> Refused | None:
    if not VALID_FOR_S_MIN <= wish.valid_for_s <= VALID_FOR_S_MAX:
        detail = f"expected {VALID_FOR_S_MIN} to {VALID_FOR_S_MAX} seconds"
        return Refused(ExchangeRefusal.VALIDITY_OUT_OF_RANGE, detail, field="valid_for_s")
    if not 1 <= wish.retention_days <= RETENTION_DAYS_MAX:
        detail = f"expected 1 to {RETENTION_DAYS_MAX} days"
        return Refused(ExchangeRefusal.RETENTION_OUT_OF_RANGE, detail, field="retention_days")
    known_unit = wish.frequency_per in FREQUENCY_WINDOW_S
    if not known_unit or not 1 <= wish.frequency_count_max <= FREQUENCY_COUNT_MAX:
        detail = f"expected 1 to {FREQUENCY_COUNT_MAX} per total, hour, day or month"
        return Refused(ExchangeRefusal.FREQUENCY_OUT_OF_RANGE, detail, field="frequency")
    if wish.language not in LANGUAGES:
        return Refused(ExchangeRefusal.LANGUAGE_UNKNOWN, wish.language[:20], field="language")
    return None


def _check_data_period(wish: Wish) -> Refused | None:
    start, end = wish.data_from, wish.data_until
    if start is not None and end is not None and start >= end:
        return Refused(ExchangeRefusal.DATA_PERIOD_WRONG, "it is empty", field="data_until")
    return None


def _check_jurisdiction(wish: Wish) -> Refused | None:
    asked = wish.jurisdiction
    if asked not in JURISDICTIONS:
        return Refused(ExchangeRefusal.JURISDICTION_UNKNOWN, asked[:20], field="jurisdiction")
    if asked != HOME_JURISDICTION:
        # Across the boundary only under a filed contract, and none can be filed here yet.
        return Refused(ExchangeRefusal.JURISDICTION_NOT_ALLOWED, asked, field="jurisdiction")
    return None
