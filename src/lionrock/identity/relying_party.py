"""A relying party: what a service needs to sign people in here, and to act for their companies.

Pure protocol code for services (the portal, the sandbox's separate parties): it knows the
authorization server by its issuer only and reaches it over the network. Strict as the server: every
answer is checked before it is believed. Each session has a DPoP key of its own, so that two
sessions of a service cannot use each other's tokens.

Not for: keeping sessions (Transaction and Tokens are plain values; the service seals and stores
them).
Source: FAPI 2.0 Security Profile s5.3.3, RFC 9126, RFC 9207 s2.4, RFC 9449, OIDC Core s3.1.3.7.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from lionrock.identity.domain.assertions import ASSERTION_TYPE
from lionrock.identity.domain.clients import TOKEN_EXCHANGE
from lionrock.identity.domain.dpop import PROOF_TYPE, normal_target, token_hash
from lionrock.identity.domain.grants import ACCESS_TOKEN_TYPE, COMPANY_URN
from lionrock.identity.domain.refusals import RelyingPartyRefusal
from lionrock.kernel import secrets
from lionrock.kernel.clock import WireClock
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import (
    Key,
    generate_key,
    key_from_jwk,
    key_from_pkcs8,
    sign_jws,
    strict_json_object,
    verify_jws,
)
from lionrock.kernel.network import Network, Reply

ASSERTION_LIFE_S = 60
ID_TOKEN_SKEW_S_MAX = 30
KEYS_MAX = 20
FORM = "application/x-www-form-urlencoded"
_ENDPOINTS = (
    "authorization_endpoint", "pushed_authorization_request_endpoint", "token_endpoint",
    "userinfo_endpoint", "jwks_uri",
)  # fmt: skip


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in under way; belongs to one browser session and is a secret of the service."""

    state: str
    nonce: str
    code_verifier: str
    dpop_key: str


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """A signed-in session's token; `subject` is who signed in, `dpop_key` its PKCS#8 in base64."""

    access_token: str
    scope: str
    expires_at_s: int
    dpop_key: str
    subject: str
    id_claims: dict[str, Any]


class RelyingParty:
    """One registered client of one authorization server."""

    def __init__(
        self,
        client_id: str,
        issuer: str,
        key: Key,
        redirect_uri: str,
        network: Network,
        wire_clock: WireClock,
    ) -> None:
        self.client_id = client_id
        self.issuer = issuer.rstrip("/")
        self.redirect_uri = redirect_uri
        self._key = key
        self._network = network
        self._wire_clock = wire_clock
        self._metadata: dict[str, str] | None = None
        self._nonces: dict[str, str] = {}
        self._keys: list[Key] = []

    async def begin(
        self, *, scope: str = "openid profile contact company", language: str = "en"
    ) -> tuple[str, Transaction] | Refused:
        """Push a request; returns the address to send the browser to, and what to remember.

        Refused: METADATA, PUSH. Raises Unreachable.
        """
        metadata = await self._load_metadata()
        if isinstance(metadata, Refused):
            return metadata
        dpop_key = generate_key()
        transaction = Transaction(
            state=secrets.token(), nonce=secrets.token(), code_verifier=secrets.token(48),
            dpop_key=_pack(dpop_key),
        )  # fmt: skip
        digest = hashlib.sha256(transaction.code_verifier.encode()).digest()
        form = {
            "response_type": "code", "redirect_uri": self.redirect_uri, "scope": scope,
            "state": transaction.state, "nonce": transaction.nonce, "ui_locales": language,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }  # fmt: skip
        url = metadata["pushed_authorization_request_endpoint"]
        answer = await self._post(url, form, dpop_key)
        request_uri = answer.get("request_uri") if isinstance(answer, dict) else None
        if isinstance(answer, Refused) or not isinstance(request_uri, str):
            detail = answer.detail if isinstance(answer, Refused) else "no request_uri"
            return Refused(RelyingPartyRefusal.PUSH, detail)
        query = urlencode({"client_id": self.client_id, "request_uri": request_uri})
        return f"{metadata['authorization_endpoint']}?{query}", transaction

    async def finish(
        self, callback: Mapping[str, str], transaction: Transaction
    ) -> Tokens | Refused:
        """Check the browser's return and get the token.

        Refused: ISSUER_MIXED (RFC 9207), STATE (not this browser's), DENIED (the person said no, or
        an error), TOKEN, ID_TOKEN. Raises Unreachable.
        """
        if callback.get("iss") != self.issuer:
            return Refused(RelyingPartyRefusal.ISSUER_MIXED)
        if not secrets.equal(callback.get("state", ""), transaction.state):
            return Refused(RelyingPartyRefusal.STATE)
        if "error" in callback or not callback.get("code"):
            return Refused(RelyingPartyRefusal.DENIED, callback.get("error", "no code")[:60])
        form = {
            "grant_type": "authorization_code", "code": callback["code"],
            "redirect_uri": self.redirect_uri, "code_verifier": transaction.code_verifier,
        }  # fmt: skip
        dpop_key = _unpack(transaction.dpop_key)
        answer = await self._token(form, dpop_key)
        if isinstance(answer, Refused):
            return answer
        claims = await self._check_id_token(answer.get("id_token"), transaction.nonce)
        if isinstance(claims, Refused):
            return claims
        return self._tokens(answer, transaction.dpop_key, claims)

    async def exchange_for_company(self, tokens: Tokens, company: str) -> Tokens | Refused:
        """Return a token that acts for a company (its id); TOKEN when the person may not."""
        form = {
            "grant_type": TOKEN_EXCHANGE, "subject_token": tokens.access_token,
            "subject_token_type": ACCESS_TOKEN_TYPE, "resource": f"{COMPANY_URN}{company}",
        }  # fmt: skip
        answer = await self._token(form, _unpack(tokens.dpop_key))
        if isinstance(answer, Refused):
            return answer
        return self._tokens(answer, tokens.dpop_key, tokens.id_claims)

    async def userinfo(self, tokens: Tokens) -> dict[str, Any] | Refused:
        """Return the claims about the token's subject; a person's must be who signed in."""
        metadata = await self._load_metadata()
        if isinstance(metadata, Refused):
            return metadata
        answer = await self.call("GET", metadata["userinfo_endpoint"], tokens)
        claims = strict_json_object(answer.body)
        if answer.status != 200 or claims is None:
            return Refused(RelyingPartyRefusal.USERINFO, f"status {answer.status}")
        actor = claims.get("act", claims)
        if not isinstance(actor, dict) or actor.get("sub") != tokens.subject:
            # OIDC Core s5.3.2: claims about somebody else must not be used.
            return Refused(RelyingPartyRefusal.USERINFO, "another subject")
        return claims

    async def call(
        self,
        method: str,
        url: str,
        tokens: Tokens,
        body: bytes = b"",
        *,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Call a resource with the token and a fresh proof (RFC 9449 s7); raises Unreachable."""
        dpop_key = _unpack(tokens.dpop_key)
        fields = dict(headers or {}) | {"authorization": f"DPoP {tokens.access_token}"}
        if body:
            fields["content-type"] = content_type

        async def send() -> Reply:
            proof = self._proof(dpop_key, method, url, tokens.access_token)
            return await self._network.send(method, url, fields | {"dpop": proof}, body)

        return await self._with_nonce(url, send)

    async def _with_nonce(self, url: str, send: Callable[[], Awaitable[Reply]]) -> Reply:
        """Send, and once more when the server wants a nonce that it now names (RFC 9449 s8, s9).

        What was refused for its nonce was not carried out, so that sending again is safe.
        """
        answer = await send()
        nonce = answer.headers.get("dpop-nonce")
        if nonce is None:
            return answer
        self._nonces[_origin(url)] = nonce
        told = answer.headers.get("www-authenticate", "").encode() + answer.body
        is_wanted = answer.status in (400, 401) and b"use_dpop_nonce" in told
        return await send() if is_wanted else answer

    async def _token(self, form: dict[str, str], dpop_key: Key) -> dict[str, Any] | Refused:
        metadata = await self._load_metadata()
        if isinstance(metadata, Refused):
            return metadata
        answer = await self._post(metadata["token_endpoint"], form, dpop_key)
        if isinstance(answer, Refused):
            return answer
        is_usable = (
            isinstance(answer.get("access_token"), str)
            and str(answer.get("token_type", "")).lower() == "dpop"
            and type(answer.get("expires_in")) is int
        )
        # A bearer token where a bound one was asked for is a downgrade (RFC 9449 s5).
        return answer if is_usable else Refused(RelyingPartyRefusal.TOKEN, "not a DPoP token")

    async def _post(
        self, url: str, form: dict[str, str], dpop_key: Key
    ) -> dict[str, Any] | Refused:
        """POST a form as the authenticated client; TOKEN with the server's error and code."""
        now_s = self._wire_clock.now_s()

        async def send() -> Reply:
            assertion = sign_jws(
                self._key,
                {
                    "iss": self.client_id, "sub": self.client_id, "aud": self.issuer,
                    "jti": secrets.token(), "iat": now_s, "exp": now_s + ASSERTION_LIFE_S,
                },
                typ="JWT",
            )  # fmt: skip
            own = {"client_assertion": assertion, "client_assertion_type": ASSERTION_TYPE}
            headers = {"content-type": FORM, "dpop": self._proof(dpop_key, "POST", url)}
            return await self._network.send("POST", url, headers, urlencode(form | own).encode())

        answer = await self._with_nonce(url, send)
        fields = strict_json_object(answer.body)
        if answer.status in (200, 201) and fields is not None:
            return fields
        shown = fields or {}
        detail = f"{shown.get('error', answer.status)} {shown.get('code', '')}".strip()
        return Refused(RelyingPartyRefusal.TOKEN, detail[:120])

    def _proof(
        self, dpop_key: Key, method: str, url: str, access_token: str | None = None
    ) -> str:
        claims: dict[str, Any] = {
            "jti": secrets.token(), "htm": method, "htu": normal_target(url) or url,
            "iat": self._wire_clock.now_s(),
        }  # fmt: skip
        if access_token is not None:
            claims["ath"] = token_hash(access_token)
        nonce = self._nonces.get(_origin(url))
        if nonce is not None:
            claims["nonce"] = nonce
        return sign_jws(dpop_key, claims, typ=PROOF_TYPE, headers={"jwk": dpop_key.bare_jwk})

    async def _load_metadata(self) -> dict[str, str] | Refused:
        """Read the metadata once; its issuer must be ours, letter for letter (RFC 8414 s3.3)."""
        if self._metadata is None:
            url = f"{self.issuer}/.well-known/openid-configuration"
            answer = await self._network.send("GET", url)
            found = strict_json_object(answer.body) if answer.status == 200 else None
            if found is None or found.get("issuer") != self.issuer:
                return Refused(RelyingPartyRefusal.METADATA, f"status {answer.status}")
            if not all(isinstance(found.get(name), str) for name in _ENDPOINTS):
                return Refused(RelyingPartyRefusal.METADATA, "an endpoint is missing")
            self._metadata = {name: found[name] for name in _ENDPOINTS}
        return self._metadata

    async def _check_id_token(self, id_token: object, nonce: str) -> dict[str, Any] | Refused:
        """Check the id_token (OIDC Core s3.1.3.7); an unknown kid makes us read the keys anew."""
        if not isinstance(id_token, str):
            return Refused(RelyingPartyRefusal.ID_TOKEN, "missing")
        verified = verify_jws(id_token, self._keys, typ=("JWT", "")) if self._keys else None
        if verified is None or isinstance(verified, Refused):
            await self._load_keys()
            verified = verify_jws(id_token, self._keys, typ=("JWT", ""))
        if isinstance(verified, Refused):
            return Refused(RelyingPartyRefusal.ID_TOKEN, verified.refusal.value)
        claims, now_s = verified.claims, self._wire_clock.now_s()
        expires_at, issued_at = claims.get("exp"), claims.get("iat")
        is_right = (
            claims.get("iss") == self.issuer
            and claims.get("aud") == self.client_id
            and secrets.equal(str(claims.get("nonce", "")), nonce)
            and isinstance(claims.get("sub"), str)
            and type(expires_at) is int
            and expires_at > now_s - ID_TOKEN_SKEW_S_MAX
            and type(issued_at) is int
            and issued_at <= now_s + ID_TOKEN_SKEW_S_MAX
        )
        return claims if is_right else Refused(RelyingPartyRefusal.ID_TOKEN, "a claim is wrong")

    async def _load_keys(self) -> None:
        assert self._metadata is not None, "a token came from the endpoint that it names"
        answer = await self._network.send("GET", self._metadata["jwks_uri"])
        found = strict_json_object(answer.body) if answer.status == 200 else None
        listed = found.get("keys") if found else None
        keys = [key_from_jwk(jwk) for jwk in listed[:KEYS_MAX]] if isinstance(listed, list) else []
        self._keys = [key for key in keys if isinstance(key, Key)]

    def _tokens(
        self, answer: dict[str, Any], dpop_key: str, id_claims: dict[str, Any]
    ) -> Tokens:
        return Tokens(
            access_token=answer["access_token"], scope=str(answer.get("scope", "")),
            expires_at_s=self._wire_clock.now_s() + answer["expires_in"], dpop_key=dpop_key,
            subject=id_claims["sub"], id_claims=id_claims,
        )  # fmt: skip


def _pack(key: Key) -> str:
    return base64.b64encode(key.pkcs8()).decode()


def _unpack(text: str) -> Key:
    return key_from_pkcs8(base64.b64decode(text))


def _origin(url: str) -> str:
    """Scheme, host and port: a nonce is good at the server that gave it only."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
