"""Fillings without log-in over HTTP: the client's calls, the person's page, the phone's scan."""

from __future__ import annotations

import io
from typing import Any

import msgspec
import segno
from starlette.responses import Response

from lionrock.identity.domain.details import joined_details
from lionrock.identity.domain.grants import ClientPrincipal
from lionrock.identity.errors.forms import FORM_ROUTE_ERRORS
from lionrock.identity.forms.fillings import LIFE_S, PAGE_PATH, SCAN_PATH
from lionrock.identity.forms.http import KEY_HEADER, filled_reply
from lionrock.identity.forms.pages import filling_page
from lionrock.identity.forms.service import Delivered
from lionrock.identity.http.devices import AskedReply, DeviceCall, check_device, show_asked
from lionrock.identity.passkeys.errors import AUTHENTICATOR_ERRORS
from lionrock.identity.passkeys.http import AuthenticatorCall, check_page, check_session
from lionrock.identity.service.identity import Identity
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Call, Route, html, reply

FILLINGS_PATH = "/identity/v1/forms/fillings"
SCOPE = "forms"
MODULE_PIXELS = 5


class FillingBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A form and its fields, as in a detail of type form_filling."""

    form: dict[str, Any]
    fields: list[str]
    required: list[str] = []


class FillingReply(msgspec.Struct, frozen=True, kw_only=True):
    """`url`: the page for the person's browser, which shows the code to scan and the app link."""

    filling_id: str
    url: str
    expires_in: int


class ContentBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a phone's camera read."""

    content: str


class ClientTokenCall(Call[Identity, Any]):
    """A client's call with a token of its own."""

    client_principal: ClientPrincipal


async def check_client_token(call: ClientTokenCall) -> Response | None:
    """Take a client's own token with the scope, and its proof (RFC 6749 s4.4, RFC 9449 s7)."""
    return await call.room.check_client_token(call)


async def save_begun(call: ClientTokenCall) -> Response | Refused:
    """Begin a filling."""
    body: FillingBody = call.body
    detail: dict[str, Any] = {"form": body.form, "fields": body.fields}
    if body.required:
        detail["required"] = body.required
    begun = await call.room.fillings.begin(call.db, call.client_principal.client_id, detail)
    if isinstance(begun, Refused):
        return begun
    shown = FillingReply(filling_id=begun.filling.id, url=begun.url, expires_in=LIFE_S)
    return reply(shown, status=201)


async def reply_filled(call: ClientTokenCall) -> Response | Refused:
    """Deliver the filling, once."""
    filled = await call.room.fillings.fetch(
        call.db, call.client_principal.client_id, call.path_params["filling_id"],
        call.request.headers.get(KEY_HEADER),
    )  # fmt: skip
    if isinstance(filled, Refused):
        return filled
    return await filled_reply(call, call.client_principal.client_id, filled)


async def reply_page(call: Call[Identity, None]) -> Response | Refused:
    """Show the code and the number, or how it ended."""
    view = await call.room.fillings.view(call.db, call.path_params["handle"])
    if isinstance(view, Refused):
        return view
    return html(
        filling_page(
            language=call.lang, state=view.state, number=view.filling.number,
            service=view.client.names.in_language(call.lang), content=view.content,
            asks=joined_details((view.filling.detail,), call.lang),
            picture=f"{PAGE_PATH}/{call.path_params['handle']}/qr.svg",
        )
    )  # fmt: skip


async def reply_picture(call: Call[Identity, None]) -> Response | Refused:
    """Draw the present code."""
    view = await call.room.fillings.view(call.db, call.path_params["handle"])
    if isinstance(view, Refused):
        return view
    picture = io.BytesIO()
    segno.make(view.content, error="m", micro=False).save(
        picture, kind="svg", scale=MODULE_PIXELS, dark="#000", light="#fff", xmldecl=False
    )
    return Response(picture.getvalue(), media_type="image/svg+xml")


async def reply_app_only(call: Call[Identity, None]) -> Response:
    """Say that the code is for the app. Nothing is looked up."""
    return html(filling_page(language=call.lang, state="app_only"))


async def save_opened(call: DeviceCall) -> Response | Refused:
    """Ask the holder of the phone that scanned."""
    return await _opened(call)


async def save_page_opened(call: AuthenticatorCall) -> Response | Refused:
    """Ask the holder of the passkey whose page the code was given to."""
    return await _opened(call)


async def _opened(call: DeviceCall | AuthenticatorCall) -> Response | Refused:
    asked = await call.room.fillings.open(call.db, call.device, call.body.content, call.lang)
    return asked if isinstance(asked, Refused) else reply(show_asked(asked), status=201)


ROUTES = (
    Route(
        method="POST", path=FILLINGS_PATH, name="begin_form_filling",
        summary="Ask anybody to fill in a form, without log-in",
        steps=(check_client_token, save_begun), call=ClientTokenCall, body=FillingBody,
        replies={201: FillingReply}, errors=FORM_ROUTE_ERRORS, scope=SCOPE,
        clause="RFC 6749 s4.4",
    ),
    Route(
        method="GET", path=f"{FILLINGS_PATH}/{{filling_id}}", name="fetch_form_filling",
        summary="The granted fields, once", steps=(check_client_token, reply_filled),
        call=ClientTokenCall, replies={200: Delivered}, errors=FORM_ROUTE_ERRORS, scope=SCOPE,
        clause="RFC 6749 s4.4",
    ),
    Route(
        method="GET", path=f"{PAGE_PATH}/{{handle}}", name="form_filling_page",
        summary="The page of a form without log-in (browser)", steps=(reply_page,),
        replies={200: None}, reply_media_type="text/html", errors=FORM_ROUTE_ERRORS,
        family="html",
    ),
    Route(
        method="GET", path=f"{PAGE_PATH}/{{handle}}/qr.svg", name="form_filling_code",
        summary="The picture of the present code", steps=(reply_picture,), replies={200: None},
        reply_media_type="image/svg+xml", errors=FORM_ROUTE_ERRORS, query=None,
    ),
    Route(
        method="GET", path=f"{SCAN_PATH}/{{filling_id}}/{{step}}/{{tag}}",
        name="open_form_filling_link", summary="A code opened in a browser instead of the app",
        steps=(reply_app_only,), replies={200: None}, reply_media_type="text/html",
        errors=FORM_ROUTE_ERRORS, family="html", mode="none", query=None,
    ),
    Route(
        method="POST", path="/identity/v1/device/fillings", name="open_filling_with_device",
        summary="A form's code that the phone scanned", steps=(check_device, save_opened),
        call=DeviceCall, body=ContentBody, replies={201: AskedReply}, errors=FORM_ROUTE_ERRORS,
        scope="device", clause="RFC 9421 s3.2",
    ),
    Route(
        method="POST", path="/identity/authenticator/fillings", name="open_filling_on_page",
        summary="A form's code given to the authenticator's page",
        steps=(check_page, check_session, save_page_opened), call=AuthenticatorCall,
        body=ContentBody, replies={201: AskedReply},
        errors={**AUTHENTICATOR_ERRORS, **FORM_ROUTE_ERRORS}, scope="authenticator",
    ),
)  # fmt: skip
