"""One fetch: the messages between a consumer and a provider, and who may have what.

The request carries the consent artefact and the public half of a key made for this one session. The
answer is a JWE to that key; inside is a JWS by the provider ("delivery+jwt"), so that the consumer
can show later who said it, to whom, under which consent and for which request. The hub relays
neither and can read neither.

`check_use` and `admit` are the provider's straight line of refusals; the consumer runs `check_use`
too, before asking, and `check_delivery` after. Source of the shape: ReBIT FI fetch (session keys,
frequency in the consent), restated on JOSE.

Not for: signatures and transport (gateway/).
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from lionrock.exchange.domain.consent import (
    ARTEFACT_BYTES_MAX,
    FREQUENCY_WINDOW_S,
    Artefact,
    ConsentId,
    FieldName,
    Frequency,
    MemberId,
    Sha256,
    Status,
    sha256_hex,
)
from lionrock.exchange.domain.products import Cut, check_payload, find_product
from lionrock.exchange.domain.refusals import ExchangeRefusal
from lionrock.kernel.errors import Refused

DELIVERY_TYP = "delivery+jwt"
FETCHES_PATH = "/fetches"
REQUEST_BYTES_MAX = 64 * 1024
ANSWER_BYTES_MAX = 1024 * 1024
# A repeat of a request is answered with the answer already given, and only so long: otherwise one
# request id would be a way to fetch for ever under a frequency of once.
REPEAT_WINDOW_S = 600
FIELDS_MAX = 64

RequestId = Annotated[str, Meta(pattern=r"^fch_[0-9a-f]{32}$")]


class FetchRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Body of POST {provider}/fetches; signed by the consumer (RFC 9421)."""

    request_id: RequestId
    consent: Annotated[str, Meta(max_length=ARTEFACT_BYTES_MAX)]
    product: str
    product_version: int
    fields: Annotated[tuple[FieldName, ...], Meta(max_length=FIELDS_MAX)]
    purpose: str
    recipient_key: dict[str, str]
    data_from: datetime.date | None = None
    data_until: datetime.date | None = None

    def cut(self) -> Cut:
        """Return what was asked for as a cut of the product."""
        return Cut(
            fields=frozenset(self.fields), data_from=self.data_from, data_until=self.data_until
        )


class FetchAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Body of the provider's 200; signed by the provider, bound to the request (RFC 9421 s2.4)."""

    request_id: RequestId
    consent_id: ConsentId
    delivery: str


class DeliveryClaims(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the provider signs inside the encryption."""

    iss: MemberId
    aud: MemberId
    iat: int
    jti: RequestId
    consent_id: ConsentId
    consent_sha256: Sha256
    request_sha256: Sha256
    product: str
    product_version: int
    purpose: str
    retention_days: int
    data: dict[str, Any]


class StatusAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The hub's word on a consent, to be relied on for `lease_ms`; 0 when not active."""

    consent_id: ConsentId
    revision: int
    artefact_sha256: Sha256
    status: Status
    lease_ms: int
    business_now: datetime.datetime
    reason: str = ""


class OwnerAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who the owner is to the member that asks; the identifier is for the provider only."""

    consent_id: ConsentId
    kind: str
    pseudonym: str
    identifier_kind: str = ""
    identifier: str = ""


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """One admitted request: when on each clock, and what exactly was asked."""

    at: datetime.datetime
    wire_at_s: int
    fingerprint: str


def fingerprint(request: FetchRequest) -> str:
    """Return the SHA-256 of everything that must stay the same when a request is repeated."""
    return sha256_hex(msgspec.json.encode(request, order="sorted"))


def check_use(request: FetchRequest, artefact: Artefact) -> Refused | None:
    """Check that a request stays inside its consent; one refusal for each way out of it."""
    terms = artefact.terms
    if artefact.status != "active":
        detail = f"this revision says {artefact.status}"
        return Refused(ExchangeRefusal.CONSENT_NOT_ACTIVE, detail)
    if (request.product, request.product_version) != (terms.product, terms.product_version):
        return Refused(ExchangeRefusal.PRODUCT_NOT_CONSENTED, field="product")
    if not request.fields:
        return Refused(ExchangeRefusal.FIELDS_EMPTY, field="fields")
    if len(set(request.fields)) != len(request.fields):
        return Refused(ExchangeRefusal.FIELDS_REPEATED, field="fields")
    beyond = sorted(set(request.fields) - set(terms.fields))
    if beyond:
        return Refused(ExchangeRefusal.FIELD_NOT_CONSENTED, beyond[0], field="fields")
    if request.purpose != terms.purpose:
        return Refused(ExchangeRefusal.PURPOSE_NOT_CONSENTED, field="purpose")
    return _check_data_period(request.cut(), terms.cut())


def _check_data_period(asked: Cut, consented: Cut) -> Refused | None:
    refused = Refused(ExchangeRefusal.DATA_PERIOD_NOT_CONSENTED, field="data_from")
    start, end = consented.data_from, consented.data_until
    if start is not None and (asked.data_from is None or asked.data_from < start):
        return refused
    if end is not None and (asked.data_until is None or asked.data_until > end):
        return refused
    return None


def check_status(answer: StatusAnswer, artefact: Artefact, artefact_sha256: str) -> Refused | None:
    """Check the hub's word against the artefact presented; the hub's business time decides."""
    if answer.consent_id != artefact.jti:
        return Refused(ExchangeRefusal.LEASE_REFUSED, "the answer is about another consent")
    if answer.status == "revoked":
        return Refused(ExchangeRefusal.CONSENT_REVOKED)
    if answer.status == "expired" or answer.business_now >= artefact.terms.expires_at:
        return Refused(ExchangeRefusal.CONSENT_EXPIRED)
    if answer.status == "paused":
        return Refused(ExchangeRefusal.CONSENT_PAUSED)
    if answer.business_now < artefact.terms.starts_at:
        return Refused(ExchangeRefusal.CONSENT_NOT_STARTED)
    if answer.reason == "mandate_ended":
        return Refused(ExchangeRefusal.MANDATE_ENDED)
    if answer.status != "active":
        return Refused(ExchangeRefusal.CONSENT_NOT_ACTIVE, f"the hub says {answer.status}")
    if answer.revision != artefact.revision or answer.artefact_sha256 != artefact_sha256:
        return Refused(ExchangeRefusal.CONSENT_SUPERSEDED)
    if answer.lease_ms <= 0:
        return Refused(ExchangeRefusal.LEASE_REFUSED)
    return None


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """An admitted request; `is_repeat` means that its answer was already given or begun."""

    is_repeat: bool
    uses: dict[str, Use]


def admit(
    uses: Mapping[str, Use], request_id: str, use: Use, frequency: Frequency
) -> Admission | Refused:
    """Count a request against the consent's frequency; a true repeat counts nothing.

    REQUEST_ID_REUSED when the id comes with another content or after REPEAT_WINDOW_S,
    FREQUENCY_EXCEEDED when the sliding window is full. Uses that no longer matter are forgotten.
    """
    before = uses.get(request_id)
    if before is not None:
        if before.fingerprint != use.fingerprint:
            return Refused(ExchangeRefusal.REQUEST_ID_REUSED, "with another content")
        if use.wire_at_s - before.wire_at_s > REPEAT_WINDOW_S:
            return Refused(ExchangeRefusal.REQUEST_ID_REUSED, "after the time for repeats")
        return Admission(is_repeat=True, uses=dict(uses))
    window_s = FREQUENCY_WINDOW_S[frequency.per]
    counted = {
        name: row
        for name, row in uses.items()
        if window_s is None or use.at - row.at < datetime.timedelta(seconds=window_s)
    }
    if len(counted) >= frequency.count_max:
        detail = f"at most {frequency.count_max} per {frequency.per}"
        return Refused(
            ExchangeRefusal.FREQUENCY_EXCEEDED, detail,
            retry_after_s=_seconds_until_free(counted, window_s, use.at),
        )
    kept = {
        name: row
        for name, row in uses.items()
        if name in counted or use.wire_at_s - row.wire_at_s <= REPEAT_WINDOW_S
    }
    return Admission(is_repeat=False, uses=kept | {request_id: use})


def _seconds_until_free(
    counted: Mapping[str, Use], window_s: int | None, now: datetime.datetime
) -> int:
    """Whole seconds until the oldest counted use leaves the window; 0 when none ever does."""
    if window_s is None:
        return 0
    oldest = min(row.at for row in counted.values())
    left = oldest + datetime.timedelta(seconds=window_s) - now
    assert left > datetime.timedelta(0), "what is counted is inside the window"
    return -(-left // datetime.timedelta(seconds=1))


class ExpectedDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """What the consumer asked, to hold the delivery against."""

    request: FetchRequest
    artefact: Artefact
    request_sha256: str


def check_delivery(claims: DeliveryClaims, expected: ExpectedDelivery) -> Refused | None:
    """Check a signed delivery against the request: parties, request, consent, content."""
    request, artefact = expected.request, expected.artefact
    if claims.iss != artefact.parties.provider or claims.aud != artefact.parties.consumer:
        return Refused(ExchangeRefusal.DELIVERY_OTHER_REQUEST, "other parties", field="iss")
    if claims.jti != request.request_id or claims.request_sha256 != expected.request_sha256:
        return Refused(ExchangeRefusal.DELIVERY_OTHER_REQUEST, field="jti")
    consent = (claims.consent_id, claims.consent_sha256)
    if consent != (artefact.jti, sha256_hex(request.consent)):
        return Refused(ExchangeRefusal.DELIVERY_OTHER_REQUEST, field="consent_id")
    wanted = (request.product, request.product_version, request.purpose)
    if (claims.product, claims.product_version, claims.purpose) != wanted:
        return Refused(ExchangeRefusal.DELIVERY_OTHER_REQUEST, field="product")
    if claims.retention_days != artefact.terms.retention_days:
        return Refused(ExchangeRefusal.DELIVERY_OTHER_REQUEST, field="retention_days")
    product = find_product(request.product, request.product_version)
    if isinstance(product, Refused):
        return product
    return check_payload(product, claims.data, request.cut())
