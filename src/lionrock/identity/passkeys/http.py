"""The authenticator's page and the calls that its script makes.

The page is under a policy of its own: one script by nonce and integrity, no frame around it, no
form, no other origin. Calls that change something take JSON from that page only: the cookie is
SameSite=Strict, and the browser must say that the call is of the same origin.
Source: RFC 9700 s4.16 (clickjacking), Fetch metadata, WebAuthn L2 s13.4.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Literal

import msgspec
from starlette.responses import Response

from lionrock.identity.domain.parties import Device
from lionrock.identity.domain.webauthn import Assertion, PasskeyRefusal, from_b64url
from lionrock.identity.http.devices import (
    AnswerReply,
    AskedReply,
    DevicesReply,
    FetchBody,
    QuietReply,
    show_asked,
    show_devices,
    show_quiet,
)
from lionrock.identity.passkeys.errors import AUTHENTICATOR_ERRORS
from lionrock.identity.passkeys.pages import SCRIPT, authenticator_page, page_policy
from lionrock.identity.passkeys.service import SESSION_LIFE_S, Challenged
from lionrock.identity.service.identity import Identity
from lionrock.kernel import secrets
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Call, Route, html, reply
from lionrock.kernel.http.table import Step
from lionrock.kernel.i18n import Text

ROOT = "/identity/authenticator"
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


class CodeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An enrolment code."""

    code: str


class NewPasskeyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What navigator.credentials.create returned, binary as base64url."""

    code: str
    attestation: str
    client_data: str


class NewPasskeyReply(msgspec.Struct, frozen=True, kw_only=True):
    """The new device; until `trusted_from` it can only sign in."""

    device_id: str
    trusted_from: datetime


class AssertionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What navigator.credentials.get returned, binary as base64url."""

    credential_id: str
    client_data: str
    authenticator_data: str
    signature: str
    user_handle: str | None = None


class DecisionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answer that the person is about to sign."""

    decision: Literal["approved", "rejected"]
    number: str = ""


class HomeReply(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows to its holder."""

    names: Text
    trusted_from: datetime
    approvals: list[AskedReply]
    quiet: QuietReply
    devices: DevicesReply


class AuthenticatorCall(Call[Identity, Any]):
    """A call by the page or its script; `device` once the session was checked."""

    secret: str
    device: Device


async def reply_page(call: AuthenticatorCall) -> Response:
    """Show the page; a browser without a cookie gets a secret, which is no session yet."""
    nonce = secrets.token(16)
    response = html(
        authenticator_page(language=call.lang, nonce=nonce),
        headers={
            "content-security-policy": page_policy(nonce),
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "publickey-credentials-get=(self), "
            "publickey-credentials-create=(self), geolocation=(), camera=(), microphone=()",
            "x-frame-options": "DENY",
        },
    )  # fmt: skip
    if _secret(call) is None:
        _remember(call, response, secrets.token(32))
    return response


async def reply_script(_call: AuthenticatorCall) -> Response:
    """Send the page's one script."""
    return Response(SCRIPT, media_type="text/javascript")


async def check_page(call: AuthenticatorCall) -> Refused | None:
    """Take calls of our own page only, by a browser that opened it."""
    origin = call.room.passkeys.site.origin
    headers = call.request.headers
    is_own = (
        headers.get("sec-fetch-site", "same-origin") == "same-origin"
        and headers.get("origin", origin) == origin
    )
    secret = _secret(call)
    if not is_own or secret is None:
        return Refused(PasskeyRefusal.FORGED)
    call.secret = secret
    return None


async def check_session(call: AuthenticatorCall) -> Refused | None:
    """Find the passkey that the page's session began with."""
    device = await call.room.passkeys.session_device(call.db, call.secret)
    if isinstance(device, Refused):
        return device
    call.device = device
    return None


async def reply_enrolment(call: AuthenticatorCall) -> Response | Refused:
    """Answer with what to make a passkey with."""
    body: CodeBody = call.body
    begun = await call.room.passkeys.begin_enrolment(call.db, body.code, call.secret, call.lang)
    return _challenge(begun)


async def save_passkey(call: AuthenticatorCall) -> Response | Refused:
    """Add the passkey to the devices of the code's person."""
    body: NewPasskeyBody = call.body
    attestation, client_data = from_b64url(body.attestation), from_b64url(body.client_data)
    if attestation is None or client_data is None:
        return Refused(PasskeyRefusal.MALFORMED)
    device = await call.room.passkeys.finish_enrolment(
        call.db, body.code, call.secret, attestation=attestation, client_data=client_data,
        language=call.lang,
    )  # fmt: skip
    if isinstance(device, Refused):
        return device
    shown = NewPasskeyReply(device_id=device.id, trusted_from=device.trusted_from)
    return reply(shown, status=201)


async def reply_challenge(call: AuthenticatorCall) -> Response | Refused:
    """Answer with what to sign in to the page with."""
    return _challenge(await call.room.passkeys.begin_sign_in(call.db, call.secret))


async def save_session(call: AuthenticatorCall) -> Response | Refused:
    """Begin a session; the browser's secret changes with it, so that none can be planted."""
    assertion = read_assertion(call.body)
    if isinstance(assertion, Refused):
        return assertion
    session = await call.room.passkeys.finish_sign_in(
        call.db, call.secret, assertion, call.body.user_handle
    )
    if isinstance(session, Refused):
        return session
    response = Response(status_code=204)
    _remember(call, response, session)
    return response


async def save_session_end(call: AuthenticatorCall) -> Response:
    """Sign out of the page."""
    await call.room.passkeys.end_session(call.db, call.secret)
    response = Response(status_code=204)
    _remember(call, response, secrets.token(32))
    return response


async def reply_home(call: AuthenticatorCall) -> Response | Refused:
    """Answer with what the holder is asked, the quiet sign-ins and the devices."""
    room, device = call.room, call.device
    person = await room.person(call.db, device.person_id)
    if isinstance(person, Refused):
        return person
    asked = await room.approvals.pending_for(call.db, device.person_id)
    return reply(
        HomeReply(
            names=person.names, trusted_from=device.trusted_from,
            approvals=[show_asked(one) for one in asked if one.id != device.notice_id],
            quiet=await show_quiet(room, call.db, device),
            devices=await show_devices(room, call.db, device),
        )
    )  # fmt: skip


async def reply_decision(call: AuthenticatorCall) -> Response | Refused:
    """Answer with the challenge that binds this answer."""
    body: DecisionBody = call.body
    begun = await call.room.passkeys.begin_answer(
        call.db, call.device, call.secret, approval_id=call.path_params["approval_id"],
        decision=body.decision, number=body.number,
    )  # fmt: skip
    return _challenge(begun)


async def save_answer(call: AuthenticatorCall) -> Response | Refused:
    """Count the answer that the passkey signed."""
    assertion = read_assertion(call.body)
    if isinstance(assertion, Refused):
        return assertion
    approval = await call.room.passkeys.finish_answer(
        call.db, call.device, call.secret, approval_id=call.path_params["approval_id"],
        assertion=assertion,
    )  # fmt: skip
    if isinstance(approval, Refused):
        return approval
    return reply(AnswerReply(approval_id=approval.id, state=approval.state))


async def save_fetched(call: AuthenticatorCall) -> Response | Refused:
    """Ask about the sign-in that shows this code, now."""
    quiet = call.room.authorization.quiet
    approval = await quiet.fetch(call.db, call.device.person_id, call.body.code)
    return approval if isinstance(approval, Refused) else reply(show_asked(approval), status=201)


async def save_revoked(call: AuthenticatorCall) -> Response | Refused:
    """Take one of the holder's devices out of use."""
    device_id = call.path_params["device_id"]
    problem = await call.room.devices.revoke_own(call.db, call.device, device_id)
    return problem or Response(status_code=204)


def read_assertion(body: AssertionBody) -> Assertion | Refused:
    """Return the assertion of a body; MALFORMED when a part is no base64url or too long."""
    parts = [
        from_b64url(part)
        for part in (body.credential_id, body.client_data, body.authenticator_data, body.signature)
    ]
    found = [part for part in parts if part is not None]
    if len(found) != len(parts):
        return Refused(PasskeyRefusal.MALFORMED)
    return Assertion(
        credential_id=found[0], client_data=found[1], authenticator_data=found[2],
        signature=found[3],
    )  # fmt: skip


def _challenge(begun: Challenged | Refused) -> Response | Refused:
    return begun if isinstance(begun, Refused) else reply(begun)


def _cookie_name(call: AuthenticatorCall) -> str:
    is_secure = call.room.issuer.startswith("https://")
    return f"{'__Host-' if is_secure else ''}lionrock-authenticator"


def _secret(call: AuthenticatorCall) -> str | None:
    value = call.request.cookies.get(_cookie_name(call), "")
    return value if _SECRET.fullmatch(value) else None


def _remember(call: AuthenticatorCall, response: Response, secret: str) -> None:
    response.set_cookie(
        _cookie_name(call), secret, max_age=SESSION_LIFE_S, path="/", httponly=True,
        secure=call.room.issuer.startswith("https://"), samesite="strict",
    )  # fmt: skip


def _row(
    method: str,
    path: str,
    name: str,
    summary: str,
    steps: tuple[Step, ...],
    replies: dict[int, type | None],
    body: type | None = None,
) -> Route:
    """A call of the script: our own page first, then its steps."""
    return Route(
        method=method, path=f"{ROOT}{path}", name=name, summary=summary, body=body,
        steps=(check_page, *steps), call=AuthenticatorCall, replies=replies,
        errors=AUTHENTICATOR_ERRORS, scope="authenticator", clause="WebAuthn L2 s7",
    )  # fmt: skip


ROUTES = (
    Route(
        method="GET", path=ROOT, name="authenticator", steps=(reply_page,),
        summary="The authenticator (browser)", call=AuthenticatorCall, replies={200: None},
        reply_media_type="text/html", errors=AUTHENTICATOR_ERRORS, family="html", mode="none",
    ),
    Route(
        method="GET", path=f"{ROOT}/authenticator.js", name="authenticator_script",
        summary="The authenticator's script", steps=(reply_script,), call=AuthenticatorCall,
        replies={200: None}, reply_media_type="text/javascript", mode="none",
    ),
    _row(
        "POST", "/enrolment", "begin_passkey", "Begin to enrol a passkey", (reply_enrolment,),
        {200: Challenged}, CodeBody,
    ),
    _row(
        "POST", "/passkeys", "enrol_passkey", "Enrol a passkey", (save_passkey,),
        {201: NewPasskeyReply}, NewPasskeyBody,
    ),
    _row(
        "POST", "/challenge", "begin_authenticator_session", "Begin to sign in to the page",
        (reply_challenge,), {200: Challenged},
    ),
    _row(
        "POST", "/session", "start_authenticator_session", "Sign in to the page by passkey",
        (save_session,), {204: None}, AssertionBody,
    ),
    _row(
        "DELETE", "/session", "end_authenticator_session", "Sign out of the page",
        (save_session_end,), {204: None},
    ),
    _row(
        "GET", "/home", "authenticator_home", "What the holder is asked",
        (check_session, reply_home), {200: HomeReply},
    ),
    _row(
        "POST", "/approvals/{approval_id}/challenge", "begin_passkey_answer",
        "The challenge that binds one answer", (check_session, reply_decision),
        {200: Challenged}, DecisionBody,
    ),
    _row(
        "POST", "/approvals/{approval_id}/answer", "answer_by_passkey", "Answer by passkey",
        (check_session, save_answer), {200: AnswerReply}, AssertionBody,
    ),
    _row(
        "POST", "/sign-ins", "fetch_sign_in_by_page", "Fetch a sign-in by the code on its page",
        (check_session, save_fetched), {201: AskedReply}, FetchBody,
    ),
    _row(
        "DELETE", "/devices/{device_id}", "revoke_device_by_page",
        "Take a device of the holder out of use", (check_session, save_revoked), {204: None},
    ),
)  # fmt: skip
