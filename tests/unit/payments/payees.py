"""A payee in the payments city: registered, with its own address, paid under the firm's number."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec

from lionrock.directory.api import Organisation
from lionrock.kernel.errors import Refused
from lionrock.kernel.network import Reply
from lionrock.sandbox.world.frame import World
from lionrock.sandbox.world.payee import LinkPayee
from tests.unit.payments.city import FIRM_PHONE, LANTAU, TEA_ACCOUNT, WORLD, PaymentsCity

OFFICE = "licensing-office"
PAYEES = "http://payees.test"
ROLES = frozenset({"payee", "department"})


class Till:
    """What tests do with a payee and a payer."""

    def __init__(self, city: PaymentsCity, payee: LinkPayee) -> None:
        self.city = city
        self.payee = payee

    async def ask(self, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        """A call to the platform signed by the payee."""
        reply = await self.payee.ask("GET" if body is None else "POST", path, body)
        return reply.status_code, msgspec.json.decode(bytes(reply.body))

    def wish(self, **changes: Any) -> dict[str, Any]:
        """A link for HKD 88.80, called back and returned to."""
        return {
            "payee_reference": "LIC-1", "description": "Licence fee 牌照費",
            "proxy_kind": "mobile", "proxy": FIRM_PHONE, "amount": "88.80", "life_s": 900,
            "callback_url": f"{self.payee.address}/payments/v1/link-results",
            "return_url": f"{self.payee.address}/thanks",
        } | changes

    async def link(self, **changes: Any) -> dict[str, Any]:
        """A link that was made."""
        status, link = await self.ask("/payments/v1/links", self.wish(**changes))
        assert status == 201, link
        assert isinstance(link, dict)
        return link

    async def state(self, link: dict[str, Any]) -> str:
        """How a link stands."""
        _, shown = await self.ask(f"/payments/v1/links/{link['id']}")
        return str(shown["state"])

    async def pay(
        self, link: dict[str, Any], bank_id: str = LANTAU, **more: str
    ) -> tuple[int, Any]:
        """The customer of a bank taps the link."""
        body = {"account": TEA_ACCOUNT, "url": link["url"], **more}
        reply = await self.counter(bank_id, "link-payments", body)
        return reply.status, msgspec.json.decode(reply.body)

    async def counter(self, bank_id: str, path: str, body: dict[str, Any]) -> Reply:
        """A call at a bank's counter."""
        return await self.city.world.context.network.send(
            "POST", f"{WORLD}/{bank_id}/operator/{path}", {"content-type": "application/json"},
            msgspec.json.encode(body),
        )

    async def results(self) -> list[dict[str, Any]]:
        """What the payee was told."""
        reply = await self.city.world.context.network.send("GET", f"{self.payee.address}/results")
        found: list[dict[str, Any]] = msgspec.json.decode(reply.body)["results"]
        return found


async def open_till(
    city: PaymentsCity, payee_id: str = OFFICE, roles: frozenset[str] = ROLES
) -> Till:
    """Add a payee with an address of its own to the city."""
    context = dataclasses.replace(city.world.context, world_url=PAYEES)
    payee = LinkPayee(context, payee_id)
    application = World(context, [payee]).application
    city.world.context.network.applications[PAYEES] = application
    city.kernel.network.applications[PAYEES] = application
    done = await city.kernel.database.run(lambda db: city.directory.register(db, Organisation(
        id=payee_id, names=dict.fromkeys(("en", "zh-Hant", "zh-Hans"), "Licensing Office"),
        roles=roles, endpoints={"payment-links": payee.address}, keys=(payee.key.public_jwk,),
        simulated=True,
    )))
    assert not isinstance(done, Refused), done
    return Till(city, payee)
