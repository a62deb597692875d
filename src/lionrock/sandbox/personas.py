"""The sandbox's people, companies and organisations, read from the packaged files.

Not for: making them real (settle.py does, through the platform's own doors).
"""

from __future__ import annotations

import tomllib
from datetime import date
from importlib.resources import files

import msgspec

from lionrock.kernel.i18n import Text
from lionrock.programmes.api import Firm

FIRM_STAND_IN = "harbour-robotics"


class PersonaMandate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A persona's mandate for a company of the sandbox."""

    company: str
    role: str
    amount_max_hkd: int | None = None
    revoked: bool = False


class Persona(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One person with a story. `hkid` lacks its check digit, which is computed."""

    handle: str
    hkid: str
    phone: str
    email: str
    name: Text
    story: Text
    mandates: tuple[PersonaMandate, ...] = ()
    staff_roles: tuple[str, ...] = ()


class PersonaCompany(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One company; `phone` is its payment proxy at its bank."""

    id: str
    business_registration: str
    incorporated_on: date
    legal_form: str
    bank: str
    phone: str
    name: Text


class OutsideOrganisation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One simulated organisation; endpoints are relative to its own address in the world."""

    id: str
    roles: frozenset[str]
    endpoints: dict[str, str]
    names: Text
    clearing_code: str = ""
    # It is there to ask by itself to join; nobody enters it at the start.
    is_candidate: bool = False


class Cast(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everybody."""

    people: tuple[Persona, ...]
    companies: tuple[PersonaCompany, ...]

    def person(self, handle: str) -> Persona:
        """The persona of a handle; LookupError when there is none."""
        return next(each for each in self.people if each.handle == handle)

    def company(self, company_id: str) -> PersonaCompany:
        """The company of a sandbox name; LookupError when there is none."""
        return next(each for each in self.companies if each.id == company_id)


def load_cast(firm: Firm | None = None) -> Cast:
    """Read the packaged people and companies; a firm of the user's takes FIRM_STAND_IN's place."""
    cast = msgspec.convert(_read("personas.toml"), Cast)
    if firm is None:
        return cast
    own = _company_of(firm, cast.company(FIRM_STAND_IN))
    others = tuple(each for each in cast.companies if each.id != FIRM_STAND_IN)
    return Cast(people=cast.people, companies=(own, *others))


def packaged_firm_text() -> str:
    """The firm file of the company that the journey takes by default."""
    return (files("lionrock.sandbox") / "data" / "firm.toml").read_text(encoding="utf-8")


def _company_of(firm: Firm, stand_in: PersonaCompany) -> PersonaCompany:
    incorporated_on = firm.facts.get("incorporated_on")
    legal_form = firm.facts.get("legal_form")
    return msgspec.structs.replace(
        stand_in,
        name=Text(
            firm.name, firm.name_zh_hant or firm.name,
            firm.name_zh_hans or firm.name_zh_hant or firm.name,
        ),
        business_registration=firm.business_registration_number[:8]
        or stand_in.business_registration,
        incorporated_on=incorporated_on if isinstance(incorporated_on, date)
        else stand_in.incorporated_on,
        legal_form="cap_622_company" if legal_form == "company_cap_622" else "sole_proprietor",
    )  # fmt: skip


def load_organisations() -> tuple[OutsideOrganisation, ...]:
    """Read the packaged outside organisations."""
    return msgspec.convert(
        _read("organisations.toml")["organisations"], tuple[OutsideOrganisation, ...]
    )


def _read(name: str) -> dict[str, object]:
    text = (files("lionrock.sandbox") / "data" / name).read_text(encoding="utf-8")
    return tomllib.loads(text)
