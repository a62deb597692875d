"""What the operator of the switch may see: positions, alerts, any payment by any of its names.

Read only. Not for: participants (service.payments, settlement), who see their own. Whoever calls
has checked that the reader is an operator. A proxy finds its registration with the name masked, and
no payments: their parties are sealed.
"""

from __future__ import annotations

import re
from uuid import UUID

import msgspec

from lionrock.kernel import ids
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import CURRENCY_DECIMALS
from lionrock.payments.addressing.domain.names import mask_name
from lionrock.payments.addressing.service.addressing import Addressing
from lionrock.payments.domain.payments import Payment
from lionrock.payments.service.core import Core
from lionrock.payments.settlement.service.settlement import Position, Settlement
from lionrock.payments.settlement.store.liquidity import Alert
from lionrock.payments.store import members, messages, payments, search
from lionrock.payments.store.members import Participant
from lionrock.payments.store.messages import Message

SEARCH_LENGTH_MAX = 140
_LEDGER_ID = re.compile(r"[0-9a-f]{32}")
_DECIMAL = re.compile(r"[0-9]{1,39}")
_FPS_ID = re.compile(r"[0-9]{7}|[0-9]{9}")


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """One participant with its positions, one for each currency."""

    participant: Participant
    positions: tuple[Position, ...]


class FoundProxy(msgspec.Struct, frozen=True, kw_only=True):
    """A registration, with nothing that names its holder in full."""

    kind: str
    currency: str
    organisation_id: str
    masked_name: str


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found."""

    payments: tuple[Payment, ...]
    proxies: tuple[FoundProxy, ...] = ()


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """A payment with its messages, oldest first."""

    payment: Payment
    messages: tuple[Message, ...]


class Oversight:
    """The operator's view of payments."""

    def __init__(self, core: Core, settlement: Settlement, addressing: Addressing) -> None:
        self._core = core
        self._settlement = settlement
        self._addressing = addressing

    async def holdings(self) -> list[Holding]:
        """Return what every participant has, as the ledger says now; raises Unavailable."""
        participants = await self._core.kernel.database.read(members.list_participants)
        return [
            Holding(
                participant=each, positions=tuple(await self._settlement.positions(each))
            )
            for each in participants
        ]

    async def alerts(self, db: Connection) -> list[Alert]:
        """Return the liquidity alerts of all participants, open ones first."""
        return await search.list_all_alerts(db)

    async def recent(self, db: Connection, count_max: int) -> list[Payment]:
        """Return the payments that were taken last, newest first."""
        return await self._load_all(db, await search.list_recent_ids(db, count_max))

    async def find(self, db: Connection, text: str) -> Found:
        """Find by payment id, MsgId, EndToEndId, TxId, UETR, ledger id (hold, booking), or proxy.

        What can be no name (empty, over SEARCH_LENGTH_MAX, control characters) finds nothing.
        """
        wanted = text.strip()
        if not wanted or len(wanted) > SEARCH_LENGTH_MAX or not wanted.isprintable():
            return Found(payments=())
        names = search.Names(text=wanted, ledger_id=ledger_id_of(wanted))
        found = await self._load_all(db, await search.find_payment_ids(db, names))
        return Found(payments=tuple(found), proxies=tuple(await self._proxies(db, wanted)))

    async def life(self, db: Connection, payment_id: str) -> Life | None:
        """Return a payment with its messages, None when there is none of that id."""
        payment = await payments.load_payment(db, self._core.vault, payment_id)
        if payment is None:
            return None
        rows = await search.list_message_rows(db, payment_id)
        return Life(payment=payment, messages=tuple(rows))

    async def message(self, db: Connection, payment_id: str, row_id: str) -> bytes | None:
        """Return a message of a payment, verbatim; None when it has none such."""
        found = await messages.load_content(db, self._core.vault, row_id)
        if found is None or found[0].subject_id != payment_id:
            return None
        return found[1]

    async def _load_all(self, db: Connection, payment_ids: list[str]) -> list[Payment]:
        vault = self._core.vault
        found = [await payments.load_payment(db, vault, each) for each in payment_ids]
        return [each for each in found if each is not None]

    async def _proxies(self, db: Connection, text: str) -> list[FoundProxy]:
        kind = proxy_kind_of(text)
        shown: dict[str, FoundProxy] = {}
        for currency in CURRENCY_DECIMALS if kind else ():
            found = await self._addressing.entry(db, kind, text, currency)
            if isinstance(found, Refused):
                continue
            entry = found[1]
            shown[entry.currency] = FoundProxy(
                kind=kind, currency=entry.currency, organisation_id=entry.organisation_id,
                masked_name=mask_name(entry.target.account_name),
            )
        return list(shown.values())


def ledger_id_of(text: str) -> UUID | None:
    """Read a ledger id as pages show it (32 hex digits), as a number, or as the id of a thing."""
    bare = text.lower().replace("-", "")
    if _LEDGER_ID.fullmatch(bare):
        return UUID(hex=bare)
    if _DECIMAL.fullmatch(text) and int(text) < 2**128:
        return UUID(int=int(text))
    return UUID(int=ids.u128(text)) if ids.is_id(text) else None


def proxy_kind_of(text: str) -> str:
    """Which kind of proxy a text can be, "" for none; identity card numbers are not searched."""
    if "@" in text:
        return "email"
    if text.startswith("+"):
        return "mobile"
    return "fps_id" if _FPS_ID.fullmatch(text) else ""
