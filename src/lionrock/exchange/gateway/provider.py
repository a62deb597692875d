"""The provider's gateway: the one door through which a provider's data leave.

A fetch passes one straight line of checks, each its own refusal: the caller's signature, replay,
the consent's signature and parties, its terms, the platform's live word (lease), how often, whose
data. Then the record is cut to the consent, checked against the product's schema, signed, encrypted
to the session's key, and begun only while the lease lasts. Everything is enforced here, at the
provider's side; nothing relies on the consumer or the hub having checked.

Source: RFC 9421 (requests), RFC 7516 (payload), ReBIT's order of checks, restated.
Invariants: no response with data begins without a lease that covers that instant; a repeat of a
request is given the very answer it had, and counts once; a receipt is kept before the first byte.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from lionrock.exchange.domain.consent import Artefact, commit_owner, sha256_hex
from lionrock.exchange.domain.fetching import (
    DELIVERY_TYP,
    FETCHES_PATH,
    REQUEST_BYTES_MAX,
    Admission,
    DeliveryClaims,
    FetchAnswer,
    FetchRequest,
    OwnerAnswer,
    Use,
    admit,
    check_status,
    check_use,
    fingerprint,
)
from lionrock.exchange.domain.leases import HeldLease
from lionrock.exchange.domain.products import (
    DELIVERY_BYTES_MAX,
    Product,
    check_payload,
    cut_payload,
    find_product,
)
from lionrock.exchange.domain.refusals import ExchangeRefusal
from lionrock.exchange.errors import EXCHANGE_ERRORS
from lionrock.exchange.gateway.artefacts import read_artefact
from lionrock.exchange.gateway.fairness import (
    PLACES_MAX,
    WAITING_PER_CONSUMER_MAX,
    Turns,
)
from lionrock.exchange.gateway.hub import Hub, Leased
from lionrock.exchange.gateway.ports import Books, MemberKeys, Records
from lionrock.exchange.gateway.receipts import ANSWERED, WITHHELD, ReceiptDigests, ReceiptMaker
from lionrock.exchange.gateway.replies import LeasedResponse, Signer
from lionrock.kernel.clock import BusinessClock, WireClock, monotonic_ms
from lionrock.kernel.errors import Refused
from lionrock.kernel.http.replies import problem_reply
from lionrock.kernel.ids import Ids
from lionrock.kernel.jose import (
    Key,
    encrypt_jwe,
    key_from_jwk,
    sign_jws,
    strict_json_object,
    thumbprint,
)
from lionrock.kernel.network import Network, Unreachable
from lionrock.kernel.signatures import check_request, signature_keyid

LEASES_PER_FETCH_MAX = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProviderSetup:
    """Who runs the gateway and with what; `address` is the directory's endpoint "exchange"."""

    member_id: str
    address: str
    hub_url: str
    hub_id: str
    key: Key
    members: MemberKeys
    network: Network
    wire_clock: WireClock
    business_clock: BusinessClock
    ids: Ids
    books: Books
    records: Records
    products: frozenset[tuple[str, int]]
    places: int = PLACES_MAX
    waiting_per_consumer: int = WAITING_PER_CONSUMER_MAX


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request whose caller and consent are what they say they are."""

    request: FetchRequest
    request_sha256: str
    artefact: Artefact
    product: Product
    recipient: Any

    @property
    def answer_key(self) -> str:
        """Under what its answer is kept: a request id means nothing outside its consent."""
        return f"{self.artefact.jti}/{self.request.request_id}"

    @property
    def session_key(self) -> str:
        """By what a session's key is known again, whoever sends it: its thumbprint (RFC 7638)."""
        return thumbprint(self.recipient.public_jwk)

    def digests(self, delivery: str) -> ReceiptDigests:
        """What a receipt about this request covers."""
        return ReceiptDigests(
            fetch_id=self.request.request_id,
            consent=sha256_hex(self.request.consent),
            request=self.request_sha256,
            delivery=sha256_hex(delivery),
        )


class ProviderGateway:
    """Answers POST {address}/fetches for one provider."""

    def __init__(self, setup: ProviderSetup) -> None:
        self._setup = setup
        self._signer = Signer(setup.member_id, setup.key, setup.wire_clock)
        self._hub = Hub(
            url=setup.hub_url, hub_id=setup.hub_id, member_id=setup.member_id, key=setup.key,
            network=setup.network, wire_clock=setup.wire_clock, members=setup.members,
        )  # fmt: skip
        self._turns = Turns(setup.places, setup.waiting_per_consumer)
        self.receipts = ReceiptMaker(
            member_id=setup.member_id, key=setup.key, hub_url=setup.hub_url,
            network=setup.network, wire_clock=setup.wire_clock,
            business_clock=setup.business_clock, ids=setup.ids,
        )  # fmt: skip

    async def answer(self, http: Request) -> Response:
        """Take one fetch through the checks; the ASGI endpoint of POST {address}/fetches."""
        # Not as a dict: a field sent twice must reach the signature's check as two.
        headers = http.headers
        body = await _read_body(http)
        if isinstance(body, Refused):
            return self._refuse(body, headers)
        caller = await self._check_caller(headers, body)
        if isinstance(caller, Refused):
            return self._refuse(caller, headers)
        asked = await self._check_request(body, caller)
        if isinstance(asked, Refused):
            return self._refuse(asked, headers)
        # Only whose request was checked has a turn: nobody can fill another's queue.
        async with self._turns.turn(caller) as busy:
            answered = busy or await self._answer(asked)
        if isinstance(answered, Refused):
            return self._refuse(answered, headers)
        content, lease = answered
        response = LeasedResponse(
            content, lease=lease, withheld=lambda: self._withhold(asked, content, headers)
        )
        return self._signer.sign(response, headers)

    async def _check_caller(self, headers: Headers, body: bytes) -> str | Refused:
        """The request is signed by a member's registered key, for this address, and is new."""
        keyid = signature_keyid(headers)
        if isinstance(keyid, Refused):
            detail = keyid.refusal.value
            return Refused(ExchangeRefusal.REQUEST_SIGNATURE_WRONG, detail)
        caller = keyid.partition("#")[0]
        keys = await self._keys_of(caller)
        if isinstance(keys, Refused):
            return keys
        named = {f"{caller}#{kid}": key for kid, key in keys.items()}
        checked = check_request(
            method="POST", url=self._setup.address + FETCHES_PATH, headers=headers, body=body,
            key_of=named.get, now_s=self._setup.wire_clock.now_s(), required=("content-type",),
        )  # fmt: skip
        if isinstance(checked, Refused):
            detail = checked.refusal.value
            return Refused(ExchangeRefusal.REQUEST_SIGNATURE_WRONG, detail)
        is_first = await self._setup.books.remember_nonce(
            caller, checked.nonce, checked.remember_until
        )
        return caller if is_first else Refused(ExchangeRefusal.REQUEST_REPLAYED)

    async def _keys_of(self, member_id: str) -> Mapping[str, Key] | Refused:
        try:
            keys = await self._setup.members.keys(member_id)
        except Unreachable as error:
            return Refused(ExchangeRefusal.LEASE_UNAVAILABLE, error.reason.value)
        return keys or Refused(ExchangeRefusal.CALLER_UNKNOWN)

    async def _check_request(self, body: bytes, caller: str) -> _Asked | Refused:
        """The request has its shape, its consent is the platform's, for us, for the caller."""
        request = _read_request(body)
        if isinstance(request, Refused):
            return request
        platform_keys = await self._keys_of(self._setup.hub_id)
        if isinstance(platform_keys, Refused):
            return platform_keys
        artefact = read_artefact(
            request.consent, list(platform_keys.values()), self._setup.hub_id
        )
        if isinstance(artefact, Refused):
            return artefact
        if artefact.parties.provider != self._setup.member_id:
            return Refused(ExchangeRefusal.CONSENT_OTHER_PROVIDER)
        if artefact.parties.consumer != caller:
            return Refused(ExchangeRefusal.CONSENT_OTHER_CONSUMER)
        refused = check_use(request, artefact)
        if refused is not None:
            return refused
        product = find_product(request.product, request.product_version)
        if isinstance(product, Refused):
            return product
        if (product.id, product.version) not in self._setup.products:
            return Refused(ExchangeRefusal.PRODUCT_NOT_OFFERED)
        recipient = key_from_jwk(request.recipient_key)
        if isinstance(recipient, Refused) or recipient.use != "enc" or recipient.alg != "ES256":
            return Refused(ExchangeRefusal.SESSION_KEY_WRONG, field="recipient_key")
        return _Asked(
            request=request, request_sha256=sha256_hex(body), artefact=artefact,
            product=product, recipient=recipient,
        )  # fmt: skip

    async def _answer(self, asked: _Asked) -> tuple[bytes, HeldLease] | Refused:
        """Under a lease: count the use, find the owner, make or find the delivery."""
        leased = await self._lease(asked)
        if isinstance(leased, Refused):
            return leased
        if not await self._setup.books.claim_session_key(asked.session_key, asked.answer_key):
            return Refused(ExchangeRefusal.SESSION_KEY_REUSED, field="recipient_key")
        admission = await self._admit(asked, leased.answer.business_now)
        if isinstance(admission, Refused):
            return admission
        request_id = asked.request.request_id
        delivery = await self._setup.books.kept_answer(asked.answer_key)
        if delivery is None:
            made = await self._deliver(asked)
            if isinstance(made, Refused):
                return made
            delivery = made
        answer = FetchAnswer(
            request_id=request_id, consent_id=asked.artefact.jti, delivery=delivery
        )
        for number in range(LEASES_PER_FETCH_MAX):
            if number > 0:
                # Making the answer outlasted the lease: only a fresh word of the platform will do.
                leased = await self._lease(asked)
            if isinstance(leased, Refused):
                return leased
            if leased.lease.covers(monotonic_ms()):
                return msgspec.json.encode(answer), leased.lease
        return Refused(ExchangeRefusal.LEASE_RUN_OUT)

    async def _lease(self, asked: _Asked) -> Leased | Refused:
        leased = await self._hub.ask_status(asked.artefact.jti)
        if isinstance(leased, Refused):
            return leased
        consent_sha256 = sha256_hex(asked.request.consent)
        return check_status(leased.answer, asked.artefact, consent_sha256) or leased

    async def _admit(self, asked: _Asked, at: datetime.datetime) -> Admission | Refused:
        use = Use(
            at=at, wire_at_s=self._setup.wire_clock.now_s(), fingerprint=fingerprint(asked.request)
        )
        frequency = asked.artefact.terms.frequency

        def decide(uses: Mapping[str, Use]) -> Admission | Refused:
            return admit(uses, asked.request.request_id, use, frequency)

        return await self._setup.books.admit(asked.artefact.jti, decide)

    async def _owner(self, artefact: Artefact) -> OwnerAnswer | Refused:
        """Whose data: told once by the platform, held against the consent's commitment."""
        known = await self._setup.books.owner(artefact.jti)
        if known is not None:
            return known
        told = await self._hub.ask_owner(artefact.jti)
        if isinstance(told, Refused):
            return told
        commitment = commit_owner(artefact.jti, self._setup.member_id, told.pseudonym)
        if told.consent_id != artefact.jti or commitment != artefact.owner.to_provider:
            return Refused(ExchangeRefusal.LEASE_REFUSED, "another owner than the consent's")
        await self._setup.books.keep_owner(told)
        return told

    async def _deliver(self, asked: _Asked) -> str | Refused:
        """Cut, check, sign, encrypt; keep delivery and receipt before anything is sent."""
        owner = await self._owner(asked.artefact)
        if isinstance(owner, Refused):
            return owner
        record = await self._setup.records.record(
            asked.product.id, owner.identifier_kind, owner.identifier
        )
        if record is None:
            return Refused(ExchangeRefusal.RECORD_UNKNOWN)
        cut = asked.request.cut()
        data = cut_payload(asked.product, record, cut)
        refused = check_payload(asked.product, data, cut)
        if refused is not None:
            return refused
        claims = DeliveryClaims(
            iss=self._setup.member_id, aud=asked.artefact.parties.consumer,
            iat=self._setup.wire_clock.now_s(), jti=asked.request.request_id,
            consent_id=asked.artefact.jti, consent_sha256=sha256_hex(asked.request.consent),
            request_sha256=asked.request_sha256, product=asked.product.id,
            product_version=asked.product.version, purpose=asked.request.purpose,
            retention_days=asked.artefact.terms.retention_days, data=data,
        )  # fmt: skip
        payload = msgspec.json.encode(claims)
        if len(payload) > DELIVERY_BYTES_MAX:
            return Refused(ExchangeRefusal.ANSWER_TOO_LARGE, f"{len(payload)} bytes")
        signed = sign_jws(self._setup.key, payload, typ=DELIVERY_TYP)
        delivery = encrypt_jwe(signed.encode("ascii"), asked.recipient, {"cty": "JWT"})
        receipt = self.receipts.make(ANSWERED, asked.artefact, asked.digests(delivery))
        return await self._setup.books.keep_answer(asked.answer_key, delivery, receipt)

    async def _withhold(
        self, asked: _Asked, content: bytes, headers: Headers
    ) -> Response:
        """The lease ran out at the last moment: say so to the consumer and to the log."""
        delivery = msgspec.json.decode(content, type=FetchAnswer).delivery
        receipt = self.receipts.make(WITHHELD, asked.artefact, asked.digests(delivery))
        await self._setup.books.keep_receipt(receipt)
        return self._refuse(Refused(ExchangeRefusal.LEASE_RUN_OUT), headers)

    def _refuse(self, refused: Refused, headers: Headers) -> Response:
        row = EXCHANGE_ERRORS[refused.refusal]
        response = problem_reply(row, refused, "gateway", self._setup.ids.new("req"))
        if refused.retry_after_s:
            response.headers["retry-after"] = str(refused.retry_after_s)
        return self._signer.sign(response, headers)


async def _read_body(http: Request) -> bytes | Refused:
    """Read at most REQUEST_BYTES_MAX; what is longer is never held in memory."""
    body = bytearray()
    try:
        async for chunk in http.stream():
            body += chunk
            if len(body) > REQUEST_BYTES_MAX:
                return Refused(ExchangeRefusal.REQUEST_TOO_LARGE)
    except ClientDisconnect:
        return Refused(ExchangeRefusal.REQUEST_MALFORMED, "broken off")
    return bytes(body)


def _read_request(body: bytes) -> FetchRequest | Refused:
    plain = strict_json_object(body)
    if plain is None:
        return Refused(ExchangeRefusal.REQUEST_MALFORMED, "not a JSON object, each name once")
    try:
        return msgspec.convert(plain, FetchRequest, strict=True)
    except msgspec.ValidationError as error:
        return Refused(ExchangeRefusal.REQUEST_MALFORMED, str(error)[:200])
