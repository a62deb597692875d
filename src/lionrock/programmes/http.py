"""Programmes over HTTP: the schemes, the facts they ask for, and the navigator. All public.

The navigator takes facts and keeps none of them: nothing that a visitor states is stored or logged.
Cases have their own table in programmes.cases.
"""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Call, Route, RouteTable, reply
from lionrock.programmes.documents import (
    CodeReply,
    DecisionReply,
    FactReply,
    FactsReply,
    NavigationReply,
    SchemeReply,
    SchemesReply,
    SchemeSummary,
)
from lionrock.programmes.domain import present
from lionrock.programmes.domain.clauses import Scheme
from lionrock.programmes.errors import PROGRAMMES_ERRORS
from lionrock.programmes.service import Programmes

FactInput = int | bool | str | list[str]


class NavigatorBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Stated facts (see /programmes/v1/facts) and the date; without `on`, today in Hong Kong."""

    facts: dict[str, FactInput]
    on: str | None = None


async def reply_schemes(call: Call[Programmes, None]) -> Response:
    """Answer with all schemes in the fact sheet's order."""
    book = call.room.book
    return reply(
        SchemesReply(
            title=book.title, revision_date=book.revision_date.isoformat(),
            rules_digest=book.digest,
            schemes=[_summary(scheme, call.lang) for scheme in book.schemes.values()],
        )
    )


async def reply_scheme(call: Call[Programmes, None]) -> Refused | Response:
    """Answer with everything the data says about one scheme."""
    scheme = call.room.scheme(call.path_params["scheme_id"])
    if isinstance(scheme, Refused):
        return scheme
    document = present.scheme_document(call.room.book, scheme)
    return reply(msgspec.convert(document, SchemeReply))


async def reply_facts(call: Call[Programmes, None]) -> Response:
    """Answer with the FACTS table in the language asked for."""
    return reply(
        FactsReply(
            facts=[
                FactReply(
                    name=fact.name, kind=fact.kind, unit=fact.unit,
                    question=fact.question.in_language(call.lang), expected=fact.expected(),
                    codes=[
                        CodeReply(code=c.code, label=c.label.in_language(call.lang))
                        for c in fact.codes
                    ],
                )
                for fact in call.room.book.vocabulary.definitions.values()
            ]
        )
    )


async def reply_decision(call: Call[Programmes, NavigatorBody]) -> Refused | Response:
    """Read facts and date strictly, decide one scheme, answer with every clause."""
    scheme = call.room.scheme(call.path_params["scheme_id"])
    if isinstance(scheme, Refused):
        return scheme
    facts = call.room.read_facts(call.body.facts)
    if isinstance(facts, Refused):
        return facts
    on = call.room.read_date(call.body.on)
    if isinstance(on, Refused):
        return on
    decision = call.room.decide(scheme, facts, on)
    document = present.decision_document(call.room.book, decision, call.lang)
    return reply(msgspec.convert(document, DecisionReply))


async def reply_navigation(call: Call[Programmes, NavigatorBody]) -> Refused | Response:
    """Read facts and date strictly, decide all schemes, answer with the ranked list."""
    facts = call.room.read_facts(call.body.facts)
    if isinstance(facts, Refused):
        return facts
    on = call.room.read_date(call.body.on)
    if isinstance(on, Refused):
        return on
    decisions = call.room.navigate(facts, on)
    document = present.navigation_document(call.room.book, decisions, on, call.lang)
    return reply(msgspec.convert(document, NavigationReply))


async def reply_rule_book(call: Call[Programmes, None]) -> Refused | Response:
    """Answer with a published rule book, byte for byte as its digest was taken."""
    book = await call.room.rule_book(call.db, call.path_params["digest"])
    if isinstance(book, Refused):
        return book
    return Response(book.content, media_type="application/octet-stream")


def table(room: Programmes) -> RouteTable:
    """Return the pillar's routes outside cases."""
    common: dict[str, Any] = {"errors": PROGRAMMES_ERRORS, "mode": "none"}
    return RouteTable(
        pillar="programmes",
        room=room,
        routes=(
            Route(
                method="GET", path="/programmes/v1/schemes", name="schemes",
                summary="List the schemes of the rule book.", steps=(reply_schemes,),
                replies={200: SchemesReply}, **common,
            ),
            Route(
                method="GET", path="/programmes/v1/schemes/{scheme_id}", name="scheme",
                summary="Show one scheme with its dated rules and sources.",
                steps=(reply_scheme,), replies={200: SchemeReply}, **common,
            ),
            Route(
                method="GET", path="/programmes/v1/facts", name="facts",
                summary="List the facts that the rules ask for.", steps=(reply_facts,),
                replies={200: FactsReply}, **common,
            ),
            Route(
                method="POST", path="/programmes/v1/schemes/{scheme_id}/decision",
                name="decide", summary="Decide one scheme for stated facts on a date.",
                steps=(reply_decision,), body=NavigatorBody, replies={200: DecisionReply},
                **common,
            ),
            Route(
                method="POST", path="/programmes/v1/navigator", name="navigate",
                summary="Decide all schemes for stated facts on a date, best first.",
                steps=(reply_navigation,), body=NavigatorBody, replies={200: NavigationReply},
                **common,
            ),
            Route(
                method="GET", path="/programmes/v1/rule-books/{digest}", name="rule_book",
                summary="Fetch the rule book that a decision names.", steps=(reply_rule_book,),
                errors=PROGRAMMES_ERRORS, replies={200: None},
                reply_media_type="application/octet-stream",
            ),
        ),
    )


def _summary(scheme: Scheme, lang: str) -> SchemeSummary:
    record = scheme.record
    return msgspec.convert(
        {
            "id": scheme.id, "name": record.name.in_language(lang),
            "name_basis": record.name_basis, "abbreviation": record.abbreviation,
            "summary": record.summary.in_language(lang), "kind": record.kind,
            "status": record.status, "is_executable": scheme.is_executable,
            "source": present.source_document(record.source),
        },
        SchemeSummary,
    )
