"""Settling the sandbox: what an operator would enter, entered once and for all personas.

It enrols the outside organisations with their own keys, creates people, companies and mandates,
gives each person a phone, registers clients, opens bank accounts and budgets. Running it again
changes nothing, so every start may run it. Nothing here is a shortcut around a check: it calls the
same provisioning functions that an operator has.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Protocol, TypeVar

import msgspec

from lionrock.directory.api import (
    PLATFORM_ORGANISATION,
    PROGRAMME_OFFICE,
    Directory,
    Organisation,
    organisation_key,
)
from lionrock.evidence.api import Evidence
from lionrock.exchange.api import Exchange
from lionrock.identity.api import (
    ROLE_SCOPES,
    Client,
    Company,
    CompanyDraft,
    Identity,
    Mandate,
    MandateDraft,
    Person,
    PersonDraft,
    Services,
    identity_check_digit,
)
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text
from lionrock.kernel.money import Money
from lionrock.payments.api import Enrolment, Payments
from lionrock.programmes.api import Cases, Firm
from lionrock.sandbox import fees
from lionrock.sandbox.listings import listing_of, simulated_services
from lionrock.sandbox.personas import (
    FIRM_STAND_IN,
    Cast,
    OutsideOrganisation,
    Persona,
    PersonaCompany,
    PersonaMandate,
    load_organisations,
)
from lionrock.sandbox.values import state_values

T = TypeVar("T")
OPERATOR = "sandbox-operator"
SERVICE_SCOPES = frozenset(
    {"openid", "profile", "contact", "company", "programmes", "exchange", "payments", "evidence"}
)
DESK_SCOPES = frozenset({"openid", "profile", "staff", "programmes"})
BANK_FUNDING = Money(5_000_000_000, "HKD")
# What each bank has at the simulated central institution, to move to the switch and back.
CENTRAL_FUNDING = (Money(1_000_000_000, "HKD"), Money(1_000_000_000, "CNY"))
# Budgets open with a token amount: an operator funds them, and until then the ledger refuses.
OPENING = Money(100, "HKD")
_INCORPORATED_UNDER = {
    "company_cap_622": "Cap. 622", "non_hong_kong_company": "outside Hong Kong",
}  # fmt: skip
_FUNDING_STATUS = {
    "private": "none", "government": "government",
    "government_subvented_organisation": "subvented",
}  # fmt: skip
OWN_NAMES = {
    PLATFORM_ORGANISATION: Text("Lion Rock platform", "獅子山平台", "狮子山平台"),
    PROGRAMME_OFFICE: Text(
        "Programme Office (simulated)", "計劃辦事處（模擬）", "计划办事处（模拟）"
    ),
}


class Town(Protocol):
    """The services of the platform that settling needs."""

    kernel: Kernel
    directory: Directory
    evidence: Evidence
    identity: Identity
    payments: Payments
    exchange: Exchange
    services: Services
    cases: Cases


class SettlingFailed(RuntimeError):
    """The platform refused something that the sandbox is made of: a bug, said plainly."""


class WorldParty(msgspec.Struct, frozen=True):
    """An outside party as it describes itself."""

    id: str
    address: str
    key: dict[str, Any]


async def settle(town: Town, cast: Cast, firm: Firm) -> None:
    """Make the sandbox as the cast describes it; again changes nothing.

    `firm` is the company of FIRM_STAND_IN's place: the registry states its particulars.
    """
    parties = await _parties(town)
    outside = tuple(each for each in load_organisations() if not each.is_candidate)
    await _enrol_organisations(town, parties, outside)
    for company in cast.companies:
        await settle_company(town, company)
    for persona in cast.people:
        await settle_person(town, cast, persona)
    await _register_clients(town, parties)
    await _introduce_witnesses(town, parties)
    await _state_particulars(town, cast.company(FIRM_STAND_IN), firm)
    await town.cases.open_budgets(OPENING)
    await send(
        town, "PUT", f"/{fees.BANK}/operator/accounts/{fees.ACCOUNT}", fees.account_body()
    )
    _done(await fees.open_refunds(town.payments), fees.DEPARTMENT)
    await town.kernel.database.run(
        lambda db: fees.appoint_officers(town.payments, town.identity, db)
    )


async def settle_company(town: Town, company: PersonaCompany) -> Company:
    """Create a company with its bank account and payment proxy."""
    draft = CompanyDraft(business_number=company.business_registration, names=company.name)

    async def use_case(db: Connection) -> Company | Refused:
        found = await town.identity.company_by_business_number(db, company.business_registration)
        if isinstance(found, Refused):
            return await town.identity.create_company(db, draft)
        return found

    created = _done(await town.kernel.database.run(use_case), company.id)
    await send(town, "PUT", f"/{company.bank}/operator/accounts/{account_number(company)}", {
        "name": company.name.en, "opening": {"HKD": "1000000.00"},
        "proxies": [["mobile", company.phone]],
    })  # fmt: skip
    return created


async def settle_person(town: Town, cast: Cast, persona: Persona) -> Person:
    """Create a person with a phone, staff roles and mandates."""

    async def use_case(db: Connection) -> tuple[Person, str] | Refused:
        found = await town.identity.parties.find_person(db, persona.handle)
        if found is not None:
            return found, ""
        person = await town.identity.create_person(db, _draft(persona))
        if isinstance(person, Refused):
            return person
        for role in persona.staff_roles:
            _done(await town.identity.grant_staff_role(db, person.id, role) or role, role)
        for mandate in persona.mandates:
            await _grant(db, town, cast, person, mandate)
        now = town.kernel.business_clock.now()
        problem = await state_values(db, town.identity, person.id, persona.handle, now)
        if problem is not None:
            return problem
        code = await town.identity.issue_enrolment_code(db, person.id)
        return code if isinstance(code, Refused) else (person, code)

    person, code = _done(await town.kernel.database.run(use_case), persona.handle)
    if code:
        await send(town, "POST", f"/phone/api/{persona.handle}", {"code": code})
    return person


async def _grant(
    db: Connection, town: Town, cast: Cast, person: Person, wanted: PersonaMandate
) -> None:
    number = cast.company(wanted.company).business_registration
    company = _done(await town.identity.company_by_business_number(db, number), number)
    role: Any = wanted.role
    limit = wanted.amount_max_hkd
    mandate: Mandate = _done(await town.identity.grant_mandate(db, MandateDraft(
        person_id=person.id, company_id=company.id, role=role, scopes=ROLE_SCOPES[role],
        valid_from=town.kernel.business_clock.now() - timedelta(days=1),
        amount_max=Money(limit * 100, "HKD") if limit else None,
    ), OPERATOR), wanted.company)  # fmt: skip
    if wanted.revoked:
        _done(await town.identity.revoke_mandate(db, mandate.id, company.id, OPERATOR), "revoke")


async def _enrol_organisations(
    town: Town, parties: dict[str, WorldParty], outside: tuple[OutsideOrganisation, ...]
) -> None:
    own = [
        Organisation(
            id=each, names=_names(OWN_NAMES[each]), roles=frozenset({role}),
            keys=(organisation_key(town.kernel, each).public_jwk,),
        )
        for each, role in ((PLATFORM_ORGANISATION, "platform"), (PROGRAMME_OFFICE, "consumer"))
    ]  # fmt: skip
    others = [_described(each, parties[each.id]) for each in outside]

    async def register(db: Connection) -> None:
        for organisation in (*own, *others):
            _done(await town.directory.register(db, organisation), organisation.id)

    await town.kernel.database.run(register)
    for each in outside:
        if "participant" in each.roles:
            await _enrol_bank(town, each)

    async def offer(db: Connection) -> None:
        for each in outside:
            if "provider" in each.roles:
                product = "account-data" if "participant" in each.roles else "company-particulars"
                _done(await town.exchange.register_offer(db, each.id, product), product)

    await town.kernel.database.run(offer)


async def _enrol_bank(town: Town, bank: OutsideOrganisation) -> None:
    known = await town.kernel.database.run(lambda db: town.payments.participant(db, bank.id))
    enrolment = Enrolment(
        organisation_id=bank.id, clearing_code=bank.clearing_code, takes_bundles=True
    )
    _done(await town.payments.enrol_participant(enrolment), bank.id)
    if known is None:
        funding_id = town.kernel.ids.new("fnd")
        _done(await town.payments.fund_participant(funding_id, bank.id, BANK_FUNDING), bank.id)
        central = town.payments.settlement.central
        for amount in CENTRAL_FUNDING:
            credit_id = town.kernel.ids.new("crd")
            _done(await central.credit(credit_id, bank.id, amount), bank.id)


async def _register_clients(town: Town, parties: dict[str, WorldParty]) -> None:
    """Register the sandbox's relying services, and list them with the invented ones."""
    names = {each.id: each.names for each in load_organisations()}
    as_of, listed = town.kernel.business_clock.now().date(), []
    for client_id, scopes in (("harbour-service", SERVICE_SCOPES), ("staff-desk", DESK_SCOPES)):
        party = parties[client_id]
        client = Client(
            id=client_id, names=names[client_id], organisation_id=client_id, sector=client_id,
            redirect_uris=(f"{party.address}/callback",), scopes=scopes, keys=(party.key,),
        )  # fmt: skip
        await register_client(town, client)
        listed.append(listing_of(client, party.address, as_of))
    services = [*simulated_services(as_of), *listed]
    _done(await town.kernel.database.run(lambda db: town.services.list_services(db, services)),
          "services")  # fmt: skip


async def register_client(town: Town, client: Client) -> None:
    """Register a client, or replace the registration that is there."""

    async def use_case(db: Connection) -> Client | Refused:
        replaced = await town.identity.clients.replace(db, client)
        return await town.identity.register_client(db, client) if isinstance(
            replaced, Refused) else replaced

    _done(await town.kernel.database.run(use_case), client.id)


async def _introduce_witnesses(town: Town, parties: dict[str, WorldParty]) -> None:
    trust = await town.kernel.database.run(town.evidence.trust_anchors)
    vkey = msgspec.json.decode(trust)["log"]["vkey"]
    for organisation in load_organisations():
        if "witness" in organisation.roles:
            url = f"{parties[organisation.id].address}/operator/logs"
            answer = await town.kernel.network.send("PUT", url, {}, vkey.encode())
            if answer.status != 200:
                raise SettlingFailed(f"{organisation.id}: {answer.body.decode()[:200]}")


async def _state_particulars(town: Town, company: PersonaCompany, firm: Firm) -> None:
    """Let the simulated registry state what the firm file says a registry would know."""
    record: dict[str, Any] = {
        "names": {"en": company.name.en, "zh_hant": company.name.zh_hant},
        "incorporated_under": _INCORPORATED_UNDER.get(str(firm.facts.get("legal_form")),
                                                      "not incorporated"),
        "incorporated_on": company.incorporated_on.isoformat(),
        "public_funding_status": _FUNDING_STATUS.get(str(firm.facts.get("public_status")), "none"),
    }
    employees = firm.facts.get("employees_full_time")
    if isinstance(employees, int):
        record["staff"] = {"full_time": employees, "part_time": 0, "as_of": "2026-01-31"}
    await send(
        town, "PUT", f"/companies-registry/operator/companies/{company.business_registration}",
        record,
    )


async def send(town: Town, method: str, path: str, body: dict[str, Any]) -> None:
    """Do something at a simulated party as its own operator."""
    answer = await town.kernel.network.send(
        method, f"{town.kernel.settings.world_url}{path}",
        {"content-type": "application/json"}, msgspec.json.encode(body),
    )  # fmt: skip
    if answer.status >= 300:
        raise SettlingFailed(f"{method} {path}: {answer.status} {answer.body.decode()[:300]}")


def account_number(company: PersonaCompany) -> str:
    """The company's account number at its bank."""
    return f"{company.business_registration}001"


async def _parties(town: Town) -> dict[str, WorldParty]:
    answer = await town.kernel.network.send("GET", f"{town.kernel.settings.world_url}/")
    listed = msgspec.convert(msgspec.json.decode(answer.body)["parties"], list[WorldParty])
    return {each.id: each for each in listed}


def _described(outside: OutsideOrganisation, party: WorldParty) -> Organisation:
    return Organisation(
        id=outside.id, names=_names(outside.names), roles=outside.roles,
        endpoints={name: f"{party.address}{path}" for name, path in outside.endpoints.items()},
        keys=(party.key,), simulated=True,
    )  # fmt: skip


def _draft(persona: Persona) -> PersonDraft:
    letters, digits = persona.hkid[:-6], persona.hkid[-6:]
    return PersonDraft(
        names=persona.name, phone=persona.phone, email=persona.email, handle=persona.handle,
        identity_number=f"{persona.hkid}{identity_check_digit(letters, digits)}",
    )  # fmt: skip


def _names(text: Text) -> dict[str, str]:
    return {"en": text.en, "zh-Hant": text.zh_hant, "zh-Hans": text.zh_hans}


def _done(result: T | Refused, what: str) -> T:
    if isinstance(result, Refused):
        raise SettlingFailed(f"{what}: {result.refusal.value} {result.detail}")
    return result
