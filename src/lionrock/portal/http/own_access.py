"""My access: which services hold what of me, my devices, and leaving everywhere at once.

A grant is listed while it is on record, that is, when it may outlive one visit. What is ended here
is ended for the service at its next call.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from lionrock.identity.api import SCOPES, Grant, show_details
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import redirect
from lionrock.portal.http.access import forget_session
from lionrock.portal.http.calls import PortalCall, show

_PAGE = "/portal/access"


async def reply_access(call: PortalCall) -> Response:
    """Show grants and devices of the person who is signed in."""
    identity, person_id = call.room.identity, call.signed_in.person.actor_person_id
    now = call.kernel.business_clock.now()
    held = await identity.devices.devices_of(call.db, person_id)
    devices = [
        {
            "id": device.id, "kind": device.kind, "enrolled_at": device.enrolled_at,
            "waits_until": None if device.is_trusted(now) else device.trusted_from,
            "short": device.id[-6:],
        }
        for device in held
    ]  # fmt: skip
    grants = await identity.grants.of_person(call.db, person_id)
    shown = [await _grant(call, grant) for grant in grants]
    return show(call, "access.html", grants=shown, devices=devices)


async def save_grant_revocation(call: PortalCall) -> Response | Refused:
    """Take back what a service was let do; its tokens stop at their next use."""
    refused = await call.room.identity.grants.revoke_of_person(
        call.db, call.signed_in.person.actor_person_id, call.path_params["grant_id"]
    )
    return refused if refused is not None else redirect(_PAGE)


async def save_device_removal(call: PortalCall) -> Response | Refused:
    """Take a device out of use for ever."""
    refused = await call.room.identity.devices.revoke_signed_in(
        call.db, call.signed_in.person, call.path_params["device_id"]
    )
    return refused if refused is not None else redirect(f"{_PAGE}#devices")


async def save_log_out_everywhere(call: PortalCall) -> Response:
    """End what the person has open in any browser, this one too; services are told."""
    await call.room.identity.sessions.end_person(call.db, call.signed_in.person.actor_person_id)
    await call.room.end(call.db, call.signed_in)
    return forget_session(call, redirect("/"))


async def _grant(call: PortalCall, grant: Grant) -> dict[str, Any]:
    identity = call.room.identity
    client = await identity.clients.find(call.db, grant.client_id)
    company = await identity.company(call.db, grant.company_id) if grant.company_id else None
    # As on the phone: claims are told in the words of their scopes.
    told = set(grant.scopes) | (grant.claims.scopes if grant.claims is not None else frozenset())
    return {
        "id": grant.id, "since": grant.created_at, "until": grant.expires_at,
        "service": client.names.in_language(call.lang) if client else grant.client_id,
        "scopes": [text.in_language(call.lang) for name, text in SCOPES.items() if name in told],
        "words": show_details(grant.details, call.lang),
        "company": "" if company is None or isinstance(company, Refused)
        else company.names.in_language(call.lang),
    }  # fmt: skip
