"""Answers that leave the server signed, and encrypted where the client registered it so.

One place signs: id_tokens, JARM responses, userinfo. What is encrypted is always signed first, and
the JWE says so (`cty` JWT). Not for: access tokens (opaque), what the claims mean.
Source: OIDC Core s2, s5.3.2, s10.2; JARM s2; RFC 7519 s5.2; FAPI 2.0 Message Signing s5.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlencode

from lionrock.identity.domain.clients import Client
from lionrock.identity.domain.policy import is_encrypted
from lionrock.identity.domain.requests import SIGNED_RESPONSE_MODE, AuthorizationRequest
from lionrock.identity.service.signing_keys import SigningKeys
from lionrock.kernel.context import Kernel
from lionrock.kernel.jose import Key, encrypt_jwe, sign_jws, trusted_key

RESPONSE_LIFE_S = 300

Kind = Literal["userinfo", "id_token", "authorization"]


class Answers:
    """The authorization server's own signature. Nothing here awaits."""

    def __init__(self, kernel: Kernel, issuer: str) -> None:
        self._kernel = kernel
        self._issuer = issuer
        self.keys = SigningKeys(kernel)

    def signing_key(self) -> Key:
        """The authorization server's key of now (ES256); its public half is at jwks_uri."""
        return self.keys.current()

    def sign(self, client: Client, kind: Kind, claims: Mapping[str, Any]) -> str:
        """Return the claims as a signed JWT, inside a JWE when the client's policy says so."""
        signed = sign_jws(self.signing_key(), claims, typ="JWT")
        if not is_encrypted(client.policy, kind):
            return signed
        recipient = encryption_key(client)
        assert recipient is not None, "registration demands a key where answers are encrypted"
        return encrypt_jwe(signed.encode(), recipient, {"cty": "JWT"})

    def userinfo(self, client: Client, claims: Mapping[str, Any]) -> str:
        """Return userinfo as a JWT for its client (OIDC Core s5.3.2)."""
        return self.sign(client, "userinfo", {**claims, "iss": self._issuer, "aud": client.id})

    def redirect_address(
        self, client: Client, request: AuthorizationRequest, answer: Mapping[str, str]
    ) -> str:
        """Return the client's address with the answer, for a browser to be sent to.

        Plain: the answer, `iss` (RFC 9207 s2) and the state pushed. By JARM: one signed `response`.
        """
        fields: dict[str, Any] = {**answer, "iss": self._issuer}
        if request.state is not None:
            fields["state"] = request.state
        if request.response_mode == SIGNED_RESPONSE_MODE:
            expires_at_s = self._kernel.wire_clock.now_s() + RESPONSE_LIFE_S
            claims = {**fields, "aud": client.id, "exp": expires_at_s}
            fields = {"response": self.sign(client, "authorization", claims)}
        joint = "&" if "?" in request.redirect_uri else "?"
        return f"{request.redirect_uri}{joint}{urlencode(fields)}"


def encryption_key(client: Client) -> Key | None:
    """Return the first of a client's keys that is for encryption."""
    keys = (trusted_key(jwk) for jwk in client.keys if jwk.get("use") == "enc")
    return next(keys, None)
