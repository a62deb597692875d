"""The consumer's side of one fetch: ask the provider, believe only what was asked for.

What is checked of an answer, in order: size, signature by the provider bound to our request (RFC
9421 s2.4), shape, request id, decryption with this session's key, signature inside the encryption,
parties and consent, exactly the consented fields and days. The first failure refuses the whole.

Not for: keeping intent and outcome (service/), retrying (the caller repeats the same request id).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import msgspec

from lionrock.exchange.domain.consent import Artefact, sha256_hex
from lionrock.exchange.domain.fetching import (
    ANSWER_BYTES_MAX,
    DELIVERY_TYP,
    FETCHES_PATH,
    DeliveryClaims,
    ExpectedDelivery,
    FetchAnswer,
    FetchRequest,
    check_delivery,
)
from lionrock.exchange.domain.refusals import ExchangeRefusal
from lionrock.kernel.clock import WireClock
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key, decrypt_jwe, verify_jws
from lionrock.kernel.network import Network, Reply, Unreachable
from lionrock.kernel.signatures import check_response, sign_request

FETCH_TIMEOUT_MS = 5_000
DETAIL_LENGTH_MAX = 200


@dataclasses.dataclass(frozen=True, kw_only=True)
class Session:
    """One fetch: the request, its consent, the keys of both sides and of this session."""

    request: FetchRequest
    artefact: Artefact
    endpoint: str
    session_key: Key
    consumer_key: Key
    provider_keys: Sequence[Key]

    @property
    def body(self) -> bytes:
        """The request's bytes; the same for every repeat."""
        return msgspec.json.encode(self.request)

    @property
    def expected(self) -> ExpectedDelivery:
        """What the delivery is held against."""
        return ExpectedDelivery(
            request=self.request, artefact=self.artefact, request_sha256=sha256_hex(self.body)
        )


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that passed every check; `delivery` is the JWE as it came."""

    data: dict[str, Any]
    signed: str
    delivery: str
    request_sha256: str
    delivery_sha256: str


async def ask_provider(network: Network, wire_clock: WireClock, session: Session) -> (
    Received | Refused
):
    """Send the signed request and return the checked delivery.

    PROVIDER_UNREACHABLE and PROVIDER_REFUSED (detail: the provider's code) are about the provider;
    every ANSWER_ and DELIVERY_ refusal means that what came was not believed.
    """
    url = session.endpoint + FETCHES_PATH
    body = session.body
    headers = sign_request(
        method="POST", url=url, headers={"content-type": "application/json"}, body=body,
        key=session.consumer_key, now_s=wire_clock.now_s(),
        keyid=f"{session.artefact.parties.consumer}#{session.consumer_key.kid}",
    )  # fmt: skip
    try:
        reply = await network.send("POST", url, headers, body, FETCH_TIMEOUT_MS)
    except Unreachable as error:
        return Refused(ExchangeRefusal.PROVIDER_UNREACHABLE, error.reason.value)
    refused = _check_answer(reply, headers, session, wire_clock.now_s())
    if refused is not None:
        return refused
    answer = _read_answer(reply.body, session)
    return answer if isinstance(answer, Refused) else open_delivery(answer.delivery, session)


def open_delivery(delivery: str, session: Session) -> Received | Refused:
    """Decrypt a delivery, check the signature inside and hold it against the request."""
    plaintext = decrypt_jwe(delivery, session.session_key)
    if isinstance(plaintext, Refused):
        return Refused(ExchangeRefusal.ANSWER_NOT_FOR_US, plaintext.refusal.value)
    if not plaintext.isascii():
        return Refused(ExchangeRefusal.DELIVERY_SIGNATURE_WRONG, "no signed delivery inside")
    signed = plaintext.decode("ascii")
    verified = verify_jws(signed, list(session.provider_keys), typ=DELIVERY_TYP)
    if isinstance(verified, Refused):
        return Refused(ExchangeRefusal.DELIVERY_SIGNATURE_WRONG, verified.refusal.value)
    try:
        claims = msgspec.convert(verified.claims, DeliveryClaims, strict=True)
    except msgspec.ValidationError as error:
        return Refused(ExchangeRefusal.DELIVERY_MALFORMED, str(error)[:DETAIL_LENGTH_MAX])
    expected = session.expected
    refused = check_delivery(claims, expected)
    if refused is not None:
        return refused
    return Received(
        data=claims.data, signed=signed, delivery=delivery,
        request_sha256=expected.request_sha256, delivery_sha256=sha256_hex(delivery),
    )  # fmt: skip


def _check_answer(
    reply: Reply, request_headers: dict[str, str], session: Session, now_s: int
) -> Refused | None:
    """Check size and signature, then the status: an unsigned refusal is nobody's word."""
    if len(reply.body) > ANSWER_BYTES_MAX:
        return Refused(ExchangeRefusal.ANSWER_TOO_LARGE, f"{len(reply.body)} bytes")
    provider = session.artefact.parties.provider
    keys = {f"{provider}#{key.kid}": key for key in session.provider_keys}
    checked = check_response(
        status=reply.status, headers=reply.headers, body=reply.body,
        request_headers=request_headers, key_of=keys.get, now_s=now_s,
    )  # fmt: skip
    if isinstance(checked, Refused):
        detail = f"{checked.refusal.value}, status {reply.status}"
        return Refused(ExchangeRefusal.ANSWER_SIGNATURE_WRONG, detail)
    if reply.status != 200:
        return Refused(ExchangeRefusal.PROVIDER_REFUSED, _problem_code(reply))
    return None


class _Problem(msgspec.Struct, frozen=True):
    code: str = "unnamed"


def _problem_code(reply: Reply) -> str:
    try:
        code = msgspec.json.decode(reply.body, type=_Problem).code
    except msgspec.DecodeError:
        code = "unnamed"
    return code[:60] if code.isascii() and code.isprintable() else "unnamed"


def _read_answer(body: bytes, session: Session) -> FetchAnswer | Refused:
    try:
        answer = msgspec.json.decode(body, type=FetchAnswer)
    except msgspec.DecodeError as error:
        return Refused(ExchangeRefusal.ANSWER_MALFORMED, str(error)[:DETAIL_LENGTH_MAX])
    named = (answer.request_id, answer.consent_id)
    if named != (session.request.request_id, session.artefact.jti):
        return Refused(ExchangeRefusal.ANSWER_OTHER_REQUEST)
    return answer
