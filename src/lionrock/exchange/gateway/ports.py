"""What a gateway needs from whoever runs it: other members' keys, a durable memory, the records."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from lionrock.exchange.domain.fetching import Admission, OwnerAnswer, Use
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key

Decide = Callable[[Mapping[str, Use]], Admission | Refused]


class MemberKeys(Protocol):
    """The directory, as a gateway sees it."""

    async def keys(self, organisation_id: str) -> Mapping[str, Key]:
        """Return an active member's signing keys by kid; empty for an unknown or suspended one.

        Raises Unreachable when the directory does not answer and nothing fresh is remembered.
        """
        ...


class Books(Protocol):
    """A gateway's durable memory. Every method is one transaction of its own."""

    async def remember_nonce(self, caller: str, nonce: str, until: datetime.datetime) -> bool:
        """Remember a signature's nonce; False when it was there already."""
        ...

    async def admit(self, consent_id: str, decide: Decide) -> Admission | Refused:
        """Load the uses of a consent, decide, and save them, with the consent locked."""
        ...

    async def claim_session_key(self, thumbprint: str, answer_key: str) -> bool:
        """Remember for which request a session's key came first; False when for another one."""
        ...

    async def kept_answer(self, request_id: str) -> str | None:
        """Return the delivery (JWE) already made for a request id."""
        ...

    async def keep_answer(self, request_id: str, delivery: str, receipt: str) -> str:
        """Keep a delivery and its receipt for posting, unless there is one; return the one kept."""
        ...

    async def keep_receipt(self, receipt: str) -> None:
        """Keep a receipt until the platform has taken it."""
        ...

    async def owner(self, consent_id: str) -> OwnerAnswer | None:
        """Return who the owner of a consent is, when the platform has said so before."""
        ...

    async def keep_owner(self, answer: OwnerAnswer) -> None:
        """Keep who the owner of a consent is."""
        ...


class Records(Protocol):
    """The provider's own data."""

    async def record(
        self, product: str, identifier_kind: str, identifier: str
    ) -> Mapping[str, Any] | None:
        """Return the whole record of an owner for a product as plain JSON objects, or None.

        The gateway cuts it to the consent; nothing else may.
        """
        ...
