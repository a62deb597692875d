"""The device API: enrolment, what is asked, answering.

Each request is signed by the device's key (RFC 9421, keyid = device id) and each nonce counts once.
The number to match is on the requester's page only; nothing here sends it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from starlette.responses import Response

from lionrock.identity.domain.approvals import Approval
from lionrock.identity.domain.details import form_of
from lionrock.identity.domain.parties import DEVICES_PER_PERSON_MAX, Device, DeviceKind
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.errors import ERRORS
from lionrock.identity.forms.domain import FormChoice, choices
from lionrock.identity.service.identity import Identity
from lionrock.kernel import late
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Call, Route, reply
from lionrock.kernel.i18n import Text
from lionrock.kernel.jose import Key, trusted_key
from lionrock.kernel.signatures import check_request, signature_keyid, target_uri


class EnrolBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new device: the operator's code, the key, and a proof made with it."""

    code: str
    public_jwk: dict[str, Any]
    proof: str


class EnrolReply(msgspec.Struct, frozen=True):
    """The device's id (its keyid from now on) and whose it is."""

    device_id: str
    names: Text


class DeviceShown(msgspec.Struct, frozen=True, kw_only=True):
    """One of the holder's devices; until `trusted_from` it can only sign in."""

    device_id: str
    kind: DeviceKind
    enrolled_at: datetime
    trusted_from: datetime
    is_this: bool


class DevicesReply(msgspec.Struct, frozen=True):
    """The holder's devices in use, oldest first, and how many there may be."""

    devices: list[DeviceShown]
    devices_max: int


class QuietShown(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in that this phone was not told of; whoever began it sees the code to fetch it."""

    service: Text
    started_at: datetime


class QuietReply(msgspec.Struct, frozen=True):
    """The newest of them."""

    sign_ins: list[QuietShown]


class FetchBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The code on the sign-in's page."""

    code: str


class AnswerBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer: a JWS by the device's key, typ approval-answer+jwt."""

    answer: str


class AnswerReply(msgspec.Struct, frozen=True):
    """The state after the answer: with a quorum it may be pending still."""

    approval_id: str
    state: str


class AskedReply(msgspec.Struct, frozen=True, kw_only=True):
    """One question as the phone gets it: all that words_hash covers, and not the number."""

    approval_id: str
    kind: str
    requester: str
    language: str
    template: str
    fields: dict[str, str]
    words: str
    salt: str
    words_hash: str
    needs_number: bool
    expires_at: datetime
    # Checkboxes of a question about a form; narrowed by a call of its own before the answer.
    form_fields: list[FormChoice] = []


class AskedListReply(msgspec.Struct, frozen=True):
    """What the device's holder is asked now, oldest first."""

    approvals: list[AskedReply]


class DeviceCall(Call[Identity, Any]):
    """A call by a device whose signature holds."""

    device: Device


async def save_device(call: Call[Identity, EnrolBody]) -> Response | Refused:
    """Check the proof, use up the code, bind the key to the code's person."""
    body, room = call.body, call.room
    device = await room.devices.enrol(
        call.db, body.code, body.public_jwk, body.proof, call.lang
    )
    if isinstance(device, Refused):
        return device
    person = await room.person(call.db, device.person_id)
    assert not isinstance(person, Refused), "the code named a person on record"
    return reply(EnrolReply(device_id=device.id, names=person.names), status=201)


async def check_device(call: DeviceCall) -> Refused | None:
    """Check the request's signature by the key of the device it names (RFC 9421 s3.2)."""
    headers = call.request.headers.items()
    device_id = signature_keyid(headers)
    if isinstance(device_id, Refused):
        return Refused(IdentityRefusal.DEVICE_SIGNATURE, device_id.refusal.value)
    device = await call.room.devices.device(call.db, device_id)
    if isinstance(device, Refused):
        return device

    def key_of(keyid: str) -> Key | None:
        return trusted_key(device.public_jwk) if keyid == device.id else None

    scope = call.request.scope
    raw_path = scope.get("raw_path") or scope["path"].encode()
    checked = check_request(
        method=call.request.method,
        url=target_uri(call.room.issuer, raw_path.split(b"?", 1)[0], scope["query_string"]),
        headers=headers, body=call.raw_body, key_of=key_of,
        now_s=call.kernel.wire_clock.now_s(),
    )  # fmt: skip
    if isinstance(checked, Refused):
        return Refused(IdentityRefusal.DEVICE_SIGNATURE, checked.refusal.value)
    realm = f"identity.device/{device.id}"
    call.device = device
    return await late.once(
        call.db, realm, checked.nonce, checked.remember_until,
        Refused(IdentityRefusal.DEVICE_REPLAYED),
    )  # fmt: skip


async def reply_asked(call: DeviceCall) -> Response:
    """Answer with what the device's holder is asked now."""
    asked = await call.room.approvals.pending_for(call.db, call.device.person_id)
    return reply(
        AskedListReply(
            approvals=[show_asked(one) for one in asked if one.id != call.device.notice_id]
        )
    )


async def save_answer(call: DeviceCall) -> Response | Refused:
    """Count the signed answer; a wrong number is counted too."""
    approval = await call.room.approvals.answer(
        call.db, call.device, call.path_params["approval_id"], call.body.answer
    )
    if isinstance(approval, Refused):
        return approval
    return reply(AnswerReply(approval_id=approval.id, state=approval.state))


async def reply_devices(call: DeviceCall) -> Response:
    """Answer with the holder's devices."""
    return reply(await show_devices(call.room, call.db, call.device))


async def save_revoked(call: DeviceCall) -> Response | Refused:
    """Take one of the holder's devices out of use."""
    device_id = call.path_params["device_id"]
    problem = await call.room.devices.revoke_own(call.db, call.device, device_id)
    return problem or Response(status_code=204)


async def reply_quiet(call: DeviceCall) -> Response:
    """Answer with the sign-ins that the phone was not told of."""
    return reply(await show_quiet(call.room, call.db, call.device))


async def save_fetched(call: DeviceCall) -> Response | Refused:
    """Ask about the sign-in that shows this code, now."""
    quiet = call.room.authorization.quiet
    approval = await quiet.fetch(call.db, call.device.person_id, call.body.code)
    return approval if isinstance(approval, Refused) else reply(show_asked(approval), status=201)


async def show_devices(room: Identity, db: Connection, device: Device) -> DevicesReply:
    """Return the devices of a device's holder."""
    shown = [
        DeviceShown(
            device_id=each.id, kind=each.kind, enrolled_at=each.enrolled_at,
            trusted_from=each.trusted_from, is_this=each.id == device.id,
        )
        for each in await room.devices.devices_of(db, device.person_id)
    ]  # fmt: skip
    return DevicesReply(devices=shown, devices_max=DEVICES_PER_PERSON_MAX)


async def show_quiet(room: Identity, db: Connection, device: Device) -> QuietReply:
    """Return the quiet sign-ins of a device's holder."""
    listed = await room.authorization.quiet.listed(db, device.person_id)
    return QuietReply(
        sign_ins=[QuietShown(service=q.service, started_at=q.started_at) for q in listed]
    )


def _form_fields(approval: Approval) -> list[FormChoice]:
    asked, granted = form_of(approval.details), form_of(approval.granted)
    if asked is None or granted is None:
        return []
    return choices(asked, granted, approval.shown.language)


def show_asked(approval: Approval) -> AskedReply:
    """Return a question as a device gets it."""
    shown = approval.shown
    return AskedReply(
        approval_id=approval.id, kind=approval.kind, requester=approval.requester_org,
        language=shown.language, template=shown.template, fields=shown.fields, words=shown.words,
        salt=shown.salt, words_hash=approval.words_hash,
        needs_number=approval.number is not None, expires_at=approval.expires_at,
        form_fields=_form_fields(approval),
    )  # fmt: skip


ROUTES = (
    Route(
        method="POST", path="/identity/v1/devices", name="enrol_device",
        summary="Enrol a phone with the operator's code", steps=(save_device,), body=EnrolBody,
        replies={201: EnrolReply}, errors=ERRORS,
    ),
    Route(
        method="GET", path="/identity/v1/device/devices", name="list_own_devices",
        summary="The holder's devices", steps=(check_device, reply_devices), call=DeviceCall,
        replies={200: DevicesReply}, errors=ERRORS, scope="device", clause="RFC 9421 s3.2",
    ),
    Route(
        method="DELETE", path="/identity/v1/device/devices/{device_id}",
        name="revoke_own_device", summary="Take a device of the holder out of use",
        steps=(check_device, save_revoked), call=DeviceCall, replies={204: None}, errors=ERRORS,
        scope="device", clause="RFC 9421 s3.2",
    ),
    Route(
        method="GET", path="/identity/v1/device/sign-ins", name="list_quiet_sign_ins",
        summary="Sign-ins that the phone was not told of", steps=(check_device, reply_quiet),
        call=DeviceCall, replies={200: QuietReply}, errors=ERRORS, scope="device",
        clause="RFC 9421 s3.2",
    ),
    Route(
        method="POST", path="/identity/v1/device/sign-ins", name="fetch_sign_in",
        summary="Fetch a sign-in by the code on its page", steps=(check_device, save_fetched),
        call=DeviceCall, body=FetchBody, replies={201: AskedReply}, errors=ERRORS,
        scope="device", clause="RFC 9421 s3.2",
    ),
    Route(
        method="GET", path="/identity/v1/device/approvals", name="list_device_approvals",
        summary="What the phone's holder is asked", steps=(check_device, reply_asked),
        call=DeviceCall, replies={200: AskedListReply}, errors=ERRORS, scope="device",
        clause="RFC 9421 s3.2",
    ),
    Route(
        method="POST", path="/identity/v1/device/approvals/{approval_id}/answer",
        name="answer_device_approval", summary="Answer with the phone's key",
        steps=(check_device, save_answer), call=DeviceCall, body=AnswerBody,
        replies={200: AnswerReply}, errors=ERRORS, scope="device", clause="RFC 9421 s3.2",
    ),
)  # fmt: skip
