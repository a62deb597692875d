"""The simulated world composed: which parties there are, from the packaged personas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from starlette.routing import BaseRoute

from lionrock.app.kernels import open_network
from lionrock.app.schemes import read_firm
from lionrock.kernel.clock import OffsetBusinessClock, SystemWireClock
from lionrock.kernel.config import Settings
from lionrock.kernel.db import Database
from lionrock.kernel.epoch import read_offset
from lionrock.kernel.ids import Ids
from lionrock.kernel.jobs import JobHandler
from lionrock.kernel.keys import KeyStore
from lionrock.sandbox.personas import Cast, load_cast, load_organisations
from lionrock.sandbox.world.bank import Bank
from lionrock.sandbox.world.bank_data import BankData
from lionrock.sandbox.world.department import CompaniesRegistry, CompanySketch
from lionrock.sandbox.world.frame import Party, World, WorldContext
from lionrock.sandbox.world.payee import LinkPayee
from lionrock.sandbox.world.phone import Phone
from lionrock.sandbox.world.service import Service
from lionrock.sandbox.world.store import WorldStore
from lionrock.sandbox.world.witness import Witness


class Desk:
    """A client of the platform without pages of its own: its tokens are used by a driver."""

    def __init__(self, party_id: str) -> None:
        self.id = party_id

    def routes(self) -> Sequence[BaseRoute]:
        """None: its redirect address is never followed."""
        return ()

    def jobs(self) -> Mapping[str, JobHandler]:
        """None."""
        return {}


async def open_world(settings: Settings) -> World:
    """Open the world process: its database, its keys, all parties."""
    database = await Database.open(settings.world_database_url)
    offset = await database.run(read_offset)
    return build_world(
        world_context(settings, database, offset), cast_of(settings), settings.seed,
        phones_answer=settings.phones_answer,
    )  # fmt: skip


def cast_of(settings: Settings) -> Cast:
    """The personas, with the user's own company in its place when the settings name one."""
    firm = read_firm(Path(settings.firm_file)) if settings.firm_file else None
    return load_cast(firm)


def world_context(
    settings: Settings, database: Database, offset: timedelta = timedelta(0)
) -> WorldContext:
    """What the parties are built with, from the settings."""
    wire_clock = SystemWireClock()
    return WorldContext(
        platform_url=settings.public_url, world_url=settings.world_url, wire_clock=wire_clock,
        business_clock=OffsetBusinessClock(wire_clock, offset), ids=Ids(wire_clock),
        key_store=world_key_store(settings), network=open_network(settings), database=database,
        store=WorldStore(database),
    )  # fmt: skip


def world_key_store(settings: Settings) -> KeyStore:
    """The outside parties' keys; the platform never opens this folder."""
    return KeyStore(settings.data_path / "world-keys", settings.key_passphrase)


def build_world(
    context: WorldContext, cast: Cast, seed: int, *, phones_answer: str = "ask"
) -> World:
    """Build all parties. `phones_answer`: what a phone does by itself, unless told otherwise."""
    sketches = [
        CompanySketch(
            business_registration_number=each.business_registration, name_en=each.name.en,
            name_zh_hant=each.name.zh_hant, incorporated_on=each.incorporated_on,
            legal_form="cap_622_company" if each.legal_form == "cap_622_company"
            else "sole_proprietor",
        )
        for each in cast.companies
    ]  # fmt: skip
    parties: list[Party] = [
        Phone(context, phones_answer), Service(context), Desk("staff-desk"),
        CompaniesRegistry(context, sketches, seed),
    ]
    for organisation in load_organisations():
        if "participant" in organisation.roles:
            customers = frozenset(
                each.business_registration for each in cast.companies
                if each.bank == organisation.id
            )
            data_desk = BankData(context, organisation.id, customers, seed)
            parties.append(
                Bank(context, organisation.id, organisation.clearing_code, companion=data_desk)
            )
        elif "payee" in organisation.roles:
            parties.append(LinkPayee(context, organisation.id))
        elif "witness" in organisation.roles:
            parties.append(Witness(context, organisation.id, ()))
    return World(context, parties)
