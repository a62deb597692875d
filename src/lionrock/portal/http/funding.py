"""Find funding: the navigator for a visitor or a company, one scheme in full, facts by consent.

What a visitor types in is answered and forgotten. What an officer types in, or a provider states
under the company's consent, is kept sealed in the session and ends with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.responses import Response

from lionrock.kernel import secrets
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import KernelRefusal, Refused
from lionrock.kernel.http import redirect
from lionrock.kernel.i18n import HONG_KONG
from lionrock.portal.errors import PortalRefusal
from lionrock.portal.http.calls import PortalCall, is_own_site, show
from lionrock.portal.texts import FACT_GROUPS
from lionrock.programmes.api import Answer, FactDefinition, navigation_document
from lionrock.programmes.api import decision_document as document_of

FIELDS_MAX = 160
SHOWN = ("all", *(answer.value for answer in Answer))


class BankForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The bank whose account data may be used."""

    form_token: str
    bank: str


async def reply_funding(call: PortalCall) -> Response | Refused:
    """Show all schemes for the facts of the session, best first."""
    facts = call.session.kept.facts if call.session else {}
    return await _show_funding(call, facts)


async def save_facts(call: PortalCall) -> Response | Refused:
    """Read the form. A session keeps the facts; a visitor gets the answer at once."""
    fields = _fields(call.raw_body)
    if isinstance(fields, Refused):
        return fields
    values = _values(call, fields)
    read = call.room.programmes.read_facts(values)
    if isinstance(read, Refused):
        return await _show_funding(call, values, refused=read)
    session = call.session
    if session is None:
        return await _show_funding(call, values)
    if not is_own_site(call) or not secrets.equal(
        fields.get("form_token", [""])[0], session.form_token
    ):
        return Refused(PortalRefusal.FORM_FORGED)
    before = session.kept
    sources = {n: s for n, s in before.sources.items() if values.get(n) == before.facts.get(n)}
    kept = msgspec.structs.replace(before, facts=values, sources=sources)
    await call.room.keep(call.db, session, kept)
    return redirect("/portal/funding#results")


async def reply_scheme(call: PortalCall) -> Response | Refused:
    """Show one scheme: what it is, every clause with its source, and the way to apply."""
    room = call.room.programmes
    scheme = room.scheme(call.path_params["scheme_id"])
    if isinstance(scheme, Refused):
        return scheme
    facts = room.read_facts(call.session.kept.facts if call.session else {})
    on = room.read_date(None)
    assert not isinstance(facts, Refused) and not isinstance(on, Refused), "kept facts were read"
    decision = room.decide(scheme, facts, on)
    return show(
        call, "scheme.html", scheme=scheme, decision=document_of(room.book, decision, call.lang),
        amount_minor=decision.amount_minor, record=scheme.record,
        questions={n: d.question.in_language(call.lang)
                   for n, d in room.book.vocabulary.definitions.items()},
    )  # fmt: skip


async def save_requests(call: PortalCall) -> Response | Refused:
    """Ask the company's consents for registry and bank; the phone asks the person."""
    asked = await call.room.intake.request(call.db, call.officer, call.body.bank, call.lang)
    return asked if isinstance(asked, Refused) else redirect("/portal/consents")


async def save_collection(call: PortalCall) -> Response | Refused:
    """Fetch what the consents open; what a provider states replaces what was typed in."""
    room, session = call.room, call.signed_in
    today = call.kernel.business_clock.now().astimezone(HONG_KONG).date()
    collected = await room.intake.collect(call.officer, f"portal-{today.isoformat()}")
    if isinstance(collected, Refused):
        return collected
    facts = {fact.name: fact.value for fact in collected.facts}
    sources = {fact.name: fact.provider for fact in collected.facts}
    kept = msgspec.structs.replace(
        session.kept, facts={**session.kept.facts, **facts},
        sources={**session.kept.sources, **sources},
    )  # fmt: skip
    await call.kernel.database.run(lambda db: room.keep(db, session, kept))
    return redirect("/portal/funding#results")


async def _show_funding(
    call: PortalCall, values: Mapping[str, Any], refused: Refused | None = None
) -> Response | Refused:
    room = call.room.programmes
    facts = room.read_facts({} if refused else values)
    on = room.read_date(None)
    assert not isinstance(facts, Refused) and not isinstance(on, Refused), "read before"
    decisions = room.navigate(facts, on)
    wanted = call.query.get("show", "all")
    document = navigation_document(room.book, decisions, on, call.lang)
    amounts = {d.scheme.id: d.amount_minor for d in decisions}
    listed = [d for d in document["decisions"] if wanted in ("all", d["answer"])]
    sources = call.session.kept.sources if call.session else {}
    company = await _company_side(call) if call.session and call.session.officer else None
    return show(
        call, "funding.html", status=422 if refused else 200, refused=refused,
        refused_question=_question(call, refused.field) if refused else "",
        document=document, listed=listed, amounts=amounts, wanted=wanted, shown=SHOWN, on=on,
        values=values, sources=sources, groups=_groups(call), company=company,
        providers=await _names(call) if sources or company else {},
    )  # fmt: skip


async def _company_side(call: PortalCall) -> dict[str, Any] | None:
    """The banks to choose from, and how the company's consents to the office stand.

    None for an officer whose mandate is not for the company's data.
    """
    if await call.room.intake.check_mandate(call.db, call.officer) is not None:
        return None
    offers = await call.room.exchange.offers(call.db)
    consents = await call.room.intake.consents(call.db, call.officer)
    statuses = [consent.status for consent in consents]
    return {
        "banks": sorted(each.provider for each in offers if each.product == "account-data"),
        "active": statuses.count("active"), "pending": statuses.count("pending"),
    }


async def _names(call: PortalCall) -> dict[str, str]:
    return await organisation_names(call, call.db)


async def organisation_names(call: PortalCall, db: Connection) -> dict[str, str]:
    """All organisations' names in the reader's language."""
    return {each.id: each.name(call.lang) for each in await call.room.directory.list(db)}


def _question(call: PortalCall, name: str) -> str:
    definition = call.room.programmes.book.vocabulary.definitions.get(name)
    return definition.question.in_language(call.lang) if definition else name


def _groups(call: PortalCall) -> list[tuple[str, list[FactDefinition]]]:
    """The questions by subject; a question without a place comes last, never nowhere."""
    definitions = dict(call.room.programmes.book.vocabulary.definitions)
    groups = []
    for title, names in FACT_GROUPS.items():
        groups.append((title, [definitions.pop(name) for name in names if name in definitions]))
    return [*groups, ("facts_other", list(definitions.values()))]


def _fields(raw: bytes) -> dict[str, list[str]] | Refused:
    """Read the form; a question with several answers has its name several times."""
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX
        )
    except ValueError:
        detail = f"Not a form of at most {FIELDS_MAX} UTF-8 fields."
        return Refused(KernelRefusal.BODY_MALFORMED, detail)
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value.strip())
    return fields


def _values(call: PortalCall, fields: Mapping[str, list[str]]) -> dict[str, Any]:
    """Turn what a form says into facts as JSON states them; an empty field states nothing."""
    values: dict[str, Any] = {}
    for name, definition in call.room.programmes.book.vocabulary.definitions.items():
        given = [value for value in fields.get(name, []) if value]
        if not given:
            continue
        if definition.kind == "codes":
            values[name] = given
        elif definition.kind == "flag":
            values[name] = {"true": True, "false": False}.get(given[0], given[0])
        else:
            values[name] = given[0].replace(",", "") if definition.kind == "money" else given[0]
    return values
