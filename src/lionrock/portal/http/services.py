"""The list of services, and the pages by which a company's own service comes on."""

from __future__ import annotations

import json
from typing import Any, Literal
from urllib.parse import urlencode

import msgspec
from starlette.responses import Response

from lionrock.identity.api import (
    SCOPES,
    Onboarding,
    ServiceDraft,
    ServicesRefusal,
    read_query,
)
from lionrock.identity.api import SERVICE_CATEGORIES as CATEGORIES
from lionrock.identity.api import SERVICE_CONTROLS as CONTROLS
from lionrock.identity.api import SERVICE_TESTS as TESTS
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import redirect
from lionrock.kernel.i18n import Text
from lionrock.portal.errors import PortalRefusal
from lionrock.portal.http.calls import PortalCall, show

PAGE_ROWS = 24
OFFERED_SCOPES = tuple(name for name in SCOPES if name not in ("staff", "values", "resource"))
Audience = Literal["persons", "companies", "both"]


class ServiceForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request for onboarding. `redirect_uris` one a line; `keys` is a JWK Set or a list."""

    form_token: str
    name_en: str
    name_hant: str
    name_hans: str
    summary_en: str
    summary_hant: str
    summary_hans: str
    category: str
    audience: Audience
    address: str
    redirect_uris: str
    scopes: str
    keys: str
    purpose: str
    service_roles: str = ""
    require_signed_request_object: Literal["", "true"] = ""
    require_signed_response: Literal["", "true"] = ""
    require_code_binding: Literal["", "true"] = ""
    require_dpop_nonce: Literal["", "true"] = ""


class ReviewForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An operator's word on the version that was shown."""

    form_token: str
    version: str
    decision: Literal["agree", "return"]
    reasons: str


async def reply_services(call: PortalCall) -> Response | Refused:
    """Show what a search finds, a page at a time."""
    asked = {name: call.query.get(name, "") for name in ("q", "category", "audience", "sign_in")}
    query = read_query(
        words=asked["q"], category=asked["category"], audience=asked["audience"],
        sign_in=asked["sign_in"], offset=call.query.get("offset", ""), limit=str(PAGE_ROWS),
    )  # fmt: skip
    if isinstance(query, Refused):
        return query
    found = await call.room.services.search(call.db, query)
    kept = {name: value for name, value in asked.items() if value}

    def link(**changes: Any) -> str:
        wanted = {**kept, **changes}
        return "/portal/services?" + urlencode({k: v for k, v in wanted.items() if v})

    following = query.offset + PAGE_ROWS
    return show(
        call, "services.html", found=found, asked=asked, link=link, categories=CATEGORIES,
        first=query.offset + 1, last=query.offset + len(found.services),
        before=link(offset=max(0, query.offset - PAGE_ROWS)) if query.offset else None,
        after=link(offset=following) if following < found.total else None,
    )  # fmt: skip


async def reply_service(call: PortalCall) -> Response | Refused:
    """Show one service."""
    service = await call.room.services.service(call.db, call.path_params["service_id"])
    if isinstance(service, Refused):
        return service
    return show(call, "service.html", service=service, categories=CATEGORIES)


async def reply_onboardings(call: PortalCall) -> Response:
    """Show the company's requests."""
    found = await call.room.services.of_company(call.db, call.officer)
    return show(call, "onboardings.html", onboardings=found)


async def reply_new_onboarding(call: PortalCall) -> Response:
    """Show an empty form."""
    return show(call, "onboarding_form.html", values=_EMPTY, onboarding=None, **_choices())


async def reply_onboarding(call: PortalCall) -> Response | Refused:
    """Show a request: where it stands, what comes next, who reviewed it."""
    found = await call.room.services.own(call.db, call.officer, _id(call))
    if isinstance(found, Refused):
        return found
    return show(call, "onboarding.html", onboarding=found, tests=TESTS, categories=CATEGORIES,
                controls=CONTROLS, issuer=call.room.origin)  # fmt: skip


async def reply_onboarding_form(call: PortalCall) -> Response | Refused:
    """Show the form of a request that can be changed."""
    found = await call.room.services.own(call.db, call.officer, _id(call))
    if isinstance(found, Refused):
        return found
    values = _values(found.draft)
    return show(call, "onboarding_form.html", values=values, onboarding=found, **_choices())


async def save_new_onboarding(call: PortalCall) -> Response | Refused:
    """Begin a request."""
    draft = _draft(call.body)
    made = draft if isinstance(draft, Refused) else await call.room.services.request(
        call.db, call.officer, draft
    )  # fmt: skip
    return _redrawn(call, made, None) if isinstance(made, Refused) else redirect(
        f"/portal/onboarding/{made.id}"
    )  # fmt: skip


async def save_onboarding(call: PortalCall) -> Response | Refused:
    """Change a request."""
    before = await call.room.services.own(call.db, call.officer, _id(call))
    if isinstance(before, Refused):
        return before
    draft = _draft(call.body)
    made = draft if isinstance(draft, Refused) else await call.room.services.change(
        call.db, call.officer, before.id, draft
    )  # fmt: skip
    return _redrawn(call, made, before) if isinstance(made, Refused) else redirect(
        f"/portal/onboarding/{made.id}"
    )  # fmt: skip


async def save_submission(call: PortalCall) -> Response | Refused:
    """Hand a draft to the reviewers."""
    made = await call.room.services.submit(call.db, call.officer, _id(call))
    return made if isinstance(made, Refused) else redirect(f"/portal/onboarding/{made.id}")


async def save_go_live(call: PortalCall) -> Response | Refused:
    """Ask for everybody."""
    made = await call.room.services.ask_go_live(call.db, call.officer, _id(call))
    return made if isinstance(made, Refused) else redirect(f"/portal/onboarding/{made.id}")


async def save_withdrawal(call: PortalCall) -> Response | Refused:
    """End a request."""
    made = await call.room.services.withdraw(call.db, call.officer, _id(call))
    return made if isinstance(made, Refused) else redirect("/portal/onboarding")


async def reply_reviews(call: PortalCall) -> Response | Refused:
    """Show an operator what waits for two reviewers."""
    found = await call.room.services.waiting(call.db, call.signed_in.person)
    if isinstance(found, Refused):
        return found
    me = call.signed_in.person.actor_person_id
    companies = {}
    for each in found:
        company = await call.room.identity.company(call.db, each.company_id)
        companies[each.id] = "" if isinstance(company, Refused) else company.names
    return show(
        call, "reviews.html", onboardings=found, companies=companies, categories=CATEGORIES,
        controls=CONTROLS,
        scopes={name: text.in_language(call.lang) for name, text in SCOPES.items()},
        mine={each.id for each in found if any(r.person_id == me for r in each.agreed())},
    )  # fmt: skip


async def save_review(call: PortalCall) -> Response | Refused:
    """Keep an operator's word."""
    body: ReviewForm = call.body
    if not (body.version.isascii() and body.version.isdigit() and len(body.version) < 10):
        return Refused(PortalRefusal.FIELD_MALFORMED, "A whole number.", "version")
    made = await call.room.services.review(
        call.db, call.signed_in.person, _id(call), version=int(body.version),
        decision=body.decision, reasons=body.reasons.strip(),
    )  # fmt: skip
    return made if isinstance(made, Refused) else redirect("/portal/reviews")


def _id(call: PortalCall) -> str:
    return call.path_params["onboarding_id"]


def _redrawn(
    call: PortalCall, refused: Refused, onboarding: Onboarding | None
) -> Response | Refused:
    """Show the form again as it was filled in, with what is to be mended; nothing was kept."""
    if refused.refusal not in (ServicesRefusal.ONBOARDING_DRAFT, PortalRefusal.FIELD_MALFORMED):
        return refused
    values = msgspec.to_builtins(call.body)
    return show(
        call, "onboarding_form.html", status=422, values=values, onboarding=onboarding,
        problem_label=_LABELS.get(refused.field, "field_purpose"),
        **(_choices() | {"problem": refused}),
    )  # fmt: skip


# The label on the form for each member of a draft that can be refused.
_LABELS = {
    "names": "field_name", "summaries": "service_summary", "category": "category",
    "address": "field_address", "redirect_uris": "field_redirects", "scopes": "field_scopes",
    "keys": "field_keys", "purpose": "field_purpose", "service_roles": "field_service_roles",
}  # fmt: skip


def _draft(form: ServiceForm) -> ServiceDraft | Refused:
    try:
        keys = json.loads(form.keys)
    except ValueError:
        return Refused(PortalRefusal.FIELD_MALFORMED, "Keys: JSON, a JWK Set.", "keys")
    if isinstance(keys, dict):
        keys = keys.get("keys")
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        return Refused(PortalRefusal.FIELD_MALFORMED, 'Keys: {"keys": [...]}.', "keys")
    return ServiceDraft(
        names=Text(form.name_en.strip(), form.name_hant.strip(), form.name_hans.strip()),
        summaries=Text(
            form.summary_en.strip(), form.summary_hant.strip(), form.summary_hans.strip()
        ),
        category=form.category, audience=form.audience, address=form.address.strip(),
        redirect_uris=tuple(form.redirect_uris.split()), scopes=tuple(form.scopes.split()),
        keys=tuple(keys), purpose=" ".join(form.purpose.split()),
        controls=tuple(name for name in CONTROLS if getattr(form, name)),
        service_roles=tuple(dict.fromkeys(form.service_roles.split())),
    )  # fmt: skip


def _values(draft: ServiceDraft) -> dict[str, str]:
    return {
        "name_en": draft.names.en, "name_hant": draft.names.zh_hant,
        "name_hans": draft.names.zh_hans, "summary_en": draft.summaries.en,
        "summary_hant": draft.summaries.zh_hant, "summary_hans": draft.summaries.zh_hans,
        "category": draft.category, "audience": draft.audience, "address": draft.address,
        "redirect_uris": "\n".join(draft.redirect_uris), "scopes": " ".join(draft.scopes),
        "keys": json.dumps({"keys": list(draft.keys)}, indent=1), "purpose": draft.purpose,
        "service_roles": " ".join(draft.service_roles),
        **{name: "true" if name in draft.controls else "" for name in CONTROLS},
    }  # fmt: skip


def _choices() -> dict[str, Any]:
    offered = {name: SCOPES[name] for name in OFFERED_SCOPES}
    return {
        "problem": None, "categories": CATEGORIES, "offered": offered, "controls": CONTROLS,
    }  # fmt: skip


_EMPTY = dict.fromkeys(_values(ServiceDraft(
    names=Text("", "", ""), summaries=Text("", "", ""), category="", audience="both", address="",
    redirect_uris=(), scopes=(), keys=(), purpose="",
)), "") | {"scopes": "openid"}  # fmt: skip
