"""What a browser's session is: who signed in, for which company, and what was typed in. Pure."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from lionrock.identity.api import Principal, Tokens, Transaction
from lionrock.kernel.jose import key_from_pkcs8


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in under way and the page to come back to."""

    transaction: Transaction
    return_to: str


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What is sealed in a session's row. `facts` as /programmes/v1/facts describes them.

    `sources` names the provider of each fact that a provider has stated.
    """

    person: Tokens
    company: Tokens | None = None
    facts: dict[str, Any] = {}
    sources: dict[str, str] = {}


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A live session, loaded for one request.

    `person` is the principal of the person's own token; `officer` that of the company's, when one
    was chosen and its mandate still holds.
    """

    secret: str
    kept: Kept
    form_token: str
    name: str
    person: Principal
    officer: Principal | None = None
    company_name: str = ""

    @property
    def is_staff(self) -> bool:
        """Whether the person holds a role at the office's desks."""
        return bool(self.person.staff_roles & {"assessor", "committee"})

    @property
    def is_operator(self) -> bool:
        """Whether the person is an operator of the city."""
        return "operator" in self.person.staff_roles


def dpop_key_of(tokens: Tokens) -> str:
    """Return the thumbprint of the key that a session's token is bound to (RFC 7638)."""
    return key_from_pkcs8(base64.b64decode(tokens.dpop_key)).kid
