"""A provider's receipts: made before the data leave, posted to the platform's evidence log after.

The statement names the request, consent and digests of what went over the wire; the digest of the
delivery is that of the ciphertext, because a digest of balances could be found by guessing.
Source: RFC 7515; shape of the evidence log's receipts (typ "receipt+jwt", canonical JSON).
"""

from __future__ import annotations

import dataclasses
from datetime import UTC

import msgspec

from lionrock.exchange.domain.consent import Artefact
from lionrock.exchange.gateway.hub import HUB_TIMEOUT_MS
from lionrock.kernel.clock import BusinessClock, WireClock
from lionrock.kernel.ids import Ids
from lionrock.kernel.jose import Key, sign_jws
from lionrock.kernel.network import Network, Unreachable
from lionrock.kernel.signatures import sign_request

RECEIPT_TYP = "receipt+jwt"
RECEIPTS_PATH = "/evidence/v1/receipts"
ANSWERED = "exchange.answered"
WITHHELD = "exchange.withheld"


class ReceiptDigests(msgspec.Struct, frozen=True, kw_only=True):
    """The request's id and the SHA-256 of consent (JWS), request (body) and delivery (JWE)."""

    fetch_id: str
    consent: str
    request: str
    delivery: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReceiptMaker:
    """Makes and posts one member's receipts."""

    member_id: str
    key: Key
    hub_url: str
    network: Network
    wire_clock: WireClock
    business_clock: BusinessClock
    ids: Ids

    def make(self, kind: str, artefact: Artefact, digests: ReceiptDigests) -> str:
        """Return the signed receipt of one answer given (ANSWERED) or held back (WITHHELD)."""
        at = self.business_clock.now().astimezone(UTC)
        statement = {
            "id": self.ids.new("rct"),
            "kind": kind,
            "issuer": self.member_id,
            "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "iat": self.wire_clock.now_s(),
            "references": {
                "consent_id": artefact.jti,
                "fetch_id": digests.fetch_id,
                "consumer": artefact.parties.consumer,
                "product": f"{artefact.terms.product}/{artefact.terms.product_version}",
            },
            "digests": {
                "consent": digests.consent,
                "request": digests.request,
                "delivery": digests.delivery,
            },
            "about": "",
        }
        # Sorted, compact and ASCII: the canonical JSON (RFC 8785) that the log insists on.
        return sign_jws(self.key, msgspec.json.encode(statement, order="sorted"), typ=RECEIPT_TYP)

    async def post(self, receipt: str) -> bool:
        """Hand a receipt to the platform; False means later again. Taking it twice is harmless."""
        url = self.hub_url + RECEIPTS_PATH
        body = msgspec.json.encode({"receipt": receipt})
        headers = sign_request(
            method="POST", url=url, headers={"content-type": "application/json"}, body=body,
            key=self.key, keyid=f"{self.member_id}#{self.key.kid}",
            now_s=self.wire_clock.now_s(),
        )  # fmt: skip
        try:
            reply = await self.network.send("POST", url, headers, body, HUB_TIMEOUT_MS)
        except Unreachable:
            return False
        return 200 <= reply.status < 300
