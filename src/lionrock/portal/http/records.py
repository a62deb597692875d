"""What is on record about me: consents and their uses, receipts and their proof; the awards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.responses import Response

from lionrock.evidence.api import EvidenceRefusal
from lionrock.exchange.api import PRODUCTS, PURPOSES, Consent, Owner
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import redirect, reply
from lionrock.portal.errors import PortalRefusal
from lionrock.portal.http.calls import PortalCall, actor_of, in_transaction, show
from lionrock.portal.http.cases import StateReply
from lionrock.portal.http.funding import organisation_names

_BUNDLE_HEADERS = {"cache-control": "no-store"}


def owner_of(call: PortalCall) -> Owner:
    """The company whose officer is signed in."""
    return Owner(kind="company", id=call.company_id)


async def check_data_mandate(call: PortalCall) -> Refused | None:
    """Check that the officer's mandate is for the company's data too, as the API does."""
    return await in_transaction(call, lambda db: call.room.exchange.check_mandate(
        db, call.officer.actor_person_id, call.company_id
    ))


async def reply_consents(call: PortalCall) -> Response:
    """Show the company's consents: to whom, what, why, until when."""
    found = await call.room.exchange.owners_consents(call.db, owner_of(call))
    return show(
        call, "consents.html", consents=[_shown(call, each) for each in found],
        names=await organisation_names(call, call.db), fingerprint=_fingerprint(found),
        is_waiting=any(each.status == "pending" for each in found),
    )  # fmt: skip


async def reply_consents_state(call: PortalCall) -> Response:
    """Answer whether a consent has changed; changes nothing."""
    found = await call.room.exchange.owners_consents(call.db, owner_of(call))
    return reply(StateReply(_fingerprint(found)))


async def reply_consent(call: PortalCall) -> Response | Refused:
    """Show one consent: its words, its uses with receipts, its signed revisions."""
    room = call.room.exchange
    consent = await room.owners_consent(call.db, owner_of(call), call.path_params["consent_id"])
    if isinstance(consent, Refused):
        return consent
    return show(
        call, "consent.html", one=_shown(call, consent), consent=consent,
        names=await organisation_names(call, call.db), uses=await room.uses(call.db, consent.id),
        revisions=await room.revisions(call.db, consent.id),
    )  # fmt: skip


async def save_revocation(call: PortalCall) -> Response | Refused:
    """Revoke a consent of the company; answered when no provider answers under it any more."""
    room = call.room.exchange
    return await _changed(call, lambda db, one: room.revoke(db, one, "owner"), is_closing=True)


async def save_pause(call: PortalCall) -> Response | Refused:
    """Pause a consent of the company; answered as a revocation is."""
    return await _changed(call, call.room.exchange.pause, is_closing=True)


async def save_resumption(call: PortalCall) -> Response | Refused:
    """Let a paused consent open data again, under the same words."""
    return await _changed(call, call.room.exchange.resume, is_closing=False)


async def _changed(
    call: PortalCall, change: Callable[[Connection, str], Awaitable[Consent | Refused]], *,
    is_closing: bool,
) -> Response | Refused:
    """Change a consent of the company, wait until what was closed is acknowledged, show it."""
    room, consent_id, owner = call.room.exchange, call.path_params["consent_id"], owner_of(call)

    async def use_case(db: Connection) -> Consent | Refused:
        found = await room.owners_consent(db, owner, consent_id)
        return found if isinstance(found, Refused) else await change(db, consent_id)

    changed = await call.kernel.database.run(use_case)
    if isinstance(changed, Refused):
        return changed
    if is_closing:
        await room.wait_for_acknowledgement(consent_id)
    return redirect(f"/portal/consents/{consent_id}")


async def reply_evidence(call: PortalCall) -> Response | Refused:
    """List the company's cases with the number of receipts, and how to check them."""
    cases = await call.room.cases.own_cases(call.db, actor_of(call.officer))
    if isinstance(cases, Refused):
        return cases
    counts = {
        case.id: len(await call.room.evidence.receipts_about(call.db, {"case_id": case.id}))
        for case in cases
    }
    return show(call, "evidence.html", cases=cases, counts=counts)


async def reply_case_evidence(call: PortalCall) -> Response | Refused:
    """Show the receipts of one of the company's cases, each with its proof."""
    room, case_id = call.room, call.path_params["case_id"]
    view = await room.cases.own_case(call.db, actor_of(call.officer), case_id)
    if isinstance(view, Refused):
        return view
    shown = []
    for receipt in await room.evidence.receipts_about(call.db, {"case_id": case_id}):
        proven = await room.evidence.receipt(call.db, receipt.id)
        is_proven = not isinstance(proven, Refused) and bool(proven.proof)
        shown.append({"receipt": receipt, "is_proven": is_proven})
    return show(
        call, "case_evidence.html", case=view.case, receipts=shown,
        names=await organisation_names(call, call.db),
    )  # fmt: skip


async def reply_bundle(call: PortalCall) -> Response | Refused:
    """Hand out the bundle of one of the company's cases (see `lionrock verify`)."""
    case_id = call.path_params["case_id"]
    bundle = await call.room.office.case_evidence(actor_of(call.officer), case_id)
    if isinstance(bundle, Refused):
        is_of_evidence = isinstance(bundle.refusal, EvidenceRefusal)
        return Refused(
            PortalRefusal.EVIDENCE_NOT_READY, bundle.refusal.value
        ) if is_of_evidence else bundle  # fmt: skip
    headers = {
        **_BUNDLE_HEADERS, "content-disposition": f'attachment; filename="evidence-{case_id}.zip"'
    }
    return Response(bundle, media_type="application/zip", headers=headers)


async def reply_trust(call: PortalCall) -> Response:
    """Hand out the city's trust file: the keys that a verifier starts from."""
    trust = await call.room.office.trust_anchors(call.db)
    headers = {"content-disposition": 'attachment; filename="trust.json"'}
    return Response(trust, media_type="application/json", headers=headers)


async def reply_awards(call: PortalCall) -> Response | Refused:
    """Show a page of the public register of awards."""
    page = await call.room.cases.register_page(call.db, call.query.get("after"))
    if isinstance(page, Refused):
        return page
    return show(call, "awards.html", entries=page.entries, next_after=page.next_after)


def _shown(call: PortalCall, consent: Consent) -> dict[str, Any]:
    terms = consent.terms
    product = PRODUCTS.get((terms.product, terms.product_version))
    fields = {field.name: field.words.in_language(call.lang) for field in product.fields} \
        if product else {}  # fmt: skip
    return {
        "consent": consent,
        "product": product.words.in_language(call.lang) if product else terms.product,
        "fields": [fields.get(name, name) for name in terms.fields],
        "purpose": PURPOSES[terms.purpose].words.in_language(call.lang),
    }


def _fingerprint(consents: list[Consent]) -> str:
    return "-".join(f"{each.id[-8:]}.{each.revision}.{each.status}" for each in consents)[:400]
