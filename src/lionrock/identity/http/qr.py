"""Sign in by scanning, or by the app on the same device: the page's side and the phone's side.

The page works without script: it loads itself again, and with it a fresh code. The picture is of
our own origin, so that the strict content policy stands.
"""

from __future__ import annotations

import io

import msgspec
import segno
from starlette.responses import Response

from lionrock.identity.domain.scans import ScanRefusal
from lionrock.identity.errors.scans import SCAN_ROUTE_ERRORS
from lionrock.identity.http.authorize import (
    AuthorizeCall,
    SignInCall,
    check_form,
    load_request,
    load_sign_in,
)
from lionrock.identity.http.devices import AskedReply, DeviceCall, check_device, show_asked
from lionrock.identity.http.pages import app_page
from lionrock.identity.service.identity import Identity
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Call, Route, html, redirect, reply

MODULE_PIXELS = 5


class ScanForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The form of the button that asks for a code to scan."""

    client_id: str
    request_uri: str
    form_token: str


class ScanBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a phone's camera read, or the link that opened the app."""

    content: str


class ScanReply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The question that the scan led to, and for an app link the address to go back to."""

    approval: AskedReply
    return_to: str | None = None


async def save_scan_start(call: AuthorizeCall) -> Response:
    """Begin a sign-in that waits for a phone, and show its code."""
    sign_in = await call.room.scans.start(call.db, call.pushed, call.client, call.browser_secret)
    return redirect(f"{call.room.issuer}/identity/sign-in/{sign_in.id}")


async def reply_code(call: SignInCall) -> Response | Refused:
    """Answer with the picture of the present code, to the browser whose sign-in it is."""
    sign_in = call.view.sign_in
    if not sign_in.is_open_to_scan or call.view.state != "waiting":
        return Refused(ScanRefusal.USED)
    content = call.room.scans.content(sign_in, "qr").web(call.room.issuer)
    picture = io.BytesIO()
    segno.make(content, error="m", micro=False).save(
        picture, kind="svg", scale=MODULE_PIXELS, dark="#000", light="#fff", xmldecl=False
    )
    return Response(picture.getvalue(), media_type="image/svg+xml")


async def check_return(call: SignInCall) -> Refused | None:
    """Take the way back only from the app that joined this browser's sign-in."""
    return await call.room.scans.bring_back(
        call.db, call.view.sign_in, call.query.get("secret", "")
    )


async def reply_returned(call: SignInCall) -> Response:
    """Go on with the sign-in's page."""
    return redirect(f"{call.room.issuer}/identity/sign-in/{call.view.sign_in.id}")


async def save_scan(call: DeviceCall) -> Response | Refused:
    """Ask the holder of the phone that scanned."""
    scanned = await call.room.scans.scan(call.db, call.device, call.body.content, call.lang)
    if isinstance(scanned, Refused):
        return scanned
    answer = ScanReply(approval=show_asked(scanned.approval), return_to=scanned.return_to)
    return reply(answer, status=201)


async def reply_app(call: Call[Identity, None]) -> Response:
    """Say that the code is for the app: it was opened in a browser. Nothing is looked up."""
    return html(app_page(language=call.lang))


ROUTES = (
    Route(
        method="POST", path="/identity/authorize/scan", name="start_scan",
        summary="Show a code to scan with the phone (browser)",
        steps=(check_form, load_request, save_scan_start), call=AuthorizeCall, body=ScanForm,
        body_kind="form", replies={303: None}, reply_media_type="text/html",
        errors=SCAN_ROUTE_ERRORS, family="html", clause="RFC 9700 s4.7", query=(),
    ),
    Route(
        method="GET", path="/identity/sign-in/{sign_in_id}/qr.svg", name="show_scan_code",
        summary="The picture of the present code", steps=(load_sign_in, reply_code),
        call=SignInCall, replies={200: None}, reply_media_type="image/svg+xml",
        errors=SCAN_ROUTE_ERRORS, query=None,
    ),
    Route(
        method="GET", path="/identity/sign-in/{sign_in_id}/return", name="return_from_app",
        summary="Back from the app on the same device (browser)",
        steps=(load_sign_in, check_return, reply_returned), call=SignInCall,
        replies={303: None}, reply_media_type="text/html", errors=SCAN_ROUTE_ERRORS,
        family="html", clause="RFC 9700 s4.7", query=("lang", "secret"),
    ),
    Route(
        method="GET", path="/identity/scan/{channel}/{sign_in_id}/{step}/{tag}",
        name="open_scan_link", summary="A code opened in a browser instead of the app",
        steps=(reply_app,), replies={200: None}, reply_media_type="text/html",
        errors=SCAN_ROUTE_ERRORS, family="html", mode="none", query=None,
    ),
    Route(
        method="POST", path="/identity/v1/device/scans", name="scan_with_device",
        summary="What the phone scanned", steps=(check_device, save_scan), call=DeviceCall,
        body=ScanBody, replies={201: ScanReply}, errors=SCAN_ROUTE_ERRORS, scope="device",
        clause="RFC 9421 s3.2",
    ),
)  # fmt: skip
