"""The directory over HTTP: public reading, and the step that checks who calls.

`check_signed_call` is the door of every member-facing route: the signature holds, its key is an
active key of an active organisation of the directory, and the nonce is new. Pillars put it first in
a row's steps and read `call.caller` afterwards.

Source: RFC 9421 s3.2, RFC 9530, RFC 7517 s5 (JWK Set).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, TypeVar

import msgspec
from starlette.responses import Response

from lionrock.directory import store
from lionrock.directory.domain import (
    PLATFORM_ORGANISATION,
    DirectoryRefusal,
    Organisation,
    keyid,
    parse_keyid,
)
from lionrock.directory.service import Directory
from lionrock.kernel import replay
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import ErrorRow, ErrorTable, Refused
from lionrock.kernel.http import Call, Route, RouteTable, reply
from lionrock.kernel.jose import Key
from lionrock.kernel.signatures import (
    SIGNATURE_ERRORS,
    Checked,
    CombinedFields,
    SignatureRefusal,
    check_request,
    combined_fields,
    sign_response,
    signature_keyid,
    target_uri,
)

RoomT = TypeVar("RoomT")
BodyT = TypeVar("BodyT")
REPLAY_REALM = "rfc9421"
# Caches may keep an answer for seconds only: keys get retired and organisations suspended.
_CACHING = {"cache-control": "public, max-age=5"}

_R = DirectoryRefusal
ERRORS: ErrorTable = {
    _R.ORGANISATION_UNKNOWN: ErrorRow(404, "There is no organisation of that id."),
    _R.ORGANISATION_SUSPENDED: ErrorRow(
        403, "The organisation is suspended. Ask the operator of this city."
    ),
    _R.ORGANISATION_MALFORMED: ErrorRow(400, "A field of the organisation is not as expected."),
    _R.KEYS_DIFFER: ErrorRow(
        409, "The organisation is registered with other keys. Propose a key change."
    ),
    _R.KEY_MALFORMED: ErrorRow(
        400, "Send one public P-256 or Ed25519 JWK, named by its thumbprint.", "RFC 7638"
    ),
    _R.KEY_TAKEN: ErrorRow(409, "That key is, or was, already registered. Make a new one."),
    _R.KEY_UNKNOWN: ErrorRow(404, "The organisation has no active key of that name."),
    _R.KEY_LAST: ErrorRow(409, "That is the last signing key. Add another one first."),
    _R.KEYS_TOO_MANY: ErrorRow(409, "The organisation has too many keys. Retire one first."),
    _R.CHANGE_UNKNOWN: ErrorRow(404, "There is no key change of that id."),
    _R.CHANGE_DECIDED: ErrorRow(409, "The key change was decided before."),
    _R.CHANGE_EXPIRED: ErrorRow(409, "The key change was not decided in time. Propose it again."),
    _R.CHANGE_PENDING: ErrorRow(409, "A change of that key awaits its decision."),
    _R.OPERATOR_MALFORMED: ErrorRow(400, "Name the operator in at most 128 ASCII characters."),
    _R.SAME_OPERATOR: ErrorRow(
        403, "A key change needs two operators. Ask another one to decide.", "NIST SP 800-57"
    ),
}
# The rows that a route with `check_signed_call` among its steps needs in its own table.
SIGNED_CALL_ERRORS: ErrorTable = {
    **SIGNATURE_ERRORS,
    _R.ORGANISATION_SUSPENDED: ERRORS[_R.ORGANISATION_SUSPENDED],
}


class OrganisationReply(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation as the public sees it; `keys` are its active public JWKs."""

    id: str
    names: dict[str, str]
    roles: list[str]
    endpoints: dict[str, str]
    keys: list[dict[str, Any]]
    status: str
    simulated: bool


class OrganisationsReply(msgspec.Struct, frozen=True):
    """The directory's entries, or those with the role asked for."""

    organisations: list[OrganisationReply]


class JwksReply(msgspec.Struct, frozen=True):
    """A JWK Set (RFC 7517 s5)."""

    keys: list[dict[str, Any]]


class OrganisationCall(Call[Directory, None]):
    """A call about one organisation."""

    organisation: Organisation


class SignedCall(Call[RoomT, BodyT]):
    """A call by a member: subclass it on routes that begin with `check_signed_call`."""

    caller: Organisation
    signature: Checked

    @cached_property
    def fields(self) -> CombinedFields:
        """The fields of the request as signatures cover them."""
        return combined_fields(self.request.headers)


class ClaimedCall(SignedCall[RoomT, BodyT]):
    """A signed call whose caller, as it says, was read before; see `check_claimed_signature`."""

    claimed: Organisation | None = None


async def check_signed_call(call: SignedCall[Any, Any]) -> Refused | None:
    """Check signature, digest, caller's status and nonce (RFC 9421 s3.2); sets `call.caller`.

    In mode "transaction" everything happens in the request's own transaction, so that the nonce is
    forgotten when nothing was done; in the other modes in a transaction of its own.
    """
    claimed = signature_keyid(call.fields)
    if isinstance(claimed, Refused):
        return claimed

    async def load(db: Connection) -> Organisation | None:
        named = parse_keyid(claimed)
        return await store.load_organisation(db, named[0]) if named else None

    organisation = await _in_transaction(call, load)
    checked = check_call_signature(call, organisation)
    if isinstance(checked, Refused):
        return checked
    value, until = f"{checked.keyid}\n{checked.nonce}", checked.remember_until

    async def remember(db: Connection) -> bool:
        return await replay.remember(db, REPLAY_REALM, value, until)

    assert organisation is not None, "the key was found in it"
    # Only now: before the signature was checked, anyone could ask who is suspended.
    if not organisation.is_active:
        return Refused(DirectoryRefusal.ORGANISATION_SUSPENDED, organisation.id)
    if not await _in_transaction(call, remember):
        return Refused(SignatureRefusal.REPLAYED)
    call.caller = organisation
    call.signature = checked
    return None


def sign_reply(
    call: Call[Any, Any], response: Response, organisation_id: str = PLATFORM_ORGANISATION
) -> Response:
    """Sign a response to a signed call, bound to it, by an organisation hosted here."""
    key = organisation_key(call.kernel, organisation_id)
    content_type = response.headers.get("content-type")
    signed = sign_response(
        status=response.status_code,
        headers={"content-type": content_type} if content_type else {},
        body=bytes(response.body),
        request_headers=call.request.headers,
        key=key,
        keyid=keyid(organisation_id, key.kid),
        now_s=call.kernel.wire_clock.now_s(),
    )
    for name in ("content-digest", "signature-input", "signature"):
        response.headers[name] = signed[name]
    return response


def organisation_key(kernel: Kernel, organisation_id: str) -> Key:
    """The signing key of an organisation hosted by the platform: "org/<id>" in its key store."""
    return kernel.key_store.get_or_create(f"org/{organisation_id}")


def check_call_signature(
    call: SignedCall[Any, Any], organisation: Organisation | None
) -> Checked | Refused:
    """Check signature and digest of a call under an active key of `organisation`, nothing else.

    For `check_signed_call` and for steps that load callers and remember nonces in their own way.
    """
    scope = call.request.scope
    raw_path = scope.get("raw_path") or scope["path"].encode()
    url = target_uri(call.kernel.settings.public_url, raw_path, scope["query_string"])
    return check_request(
        method=call.request.method,
        url=url,
        headers=call.fields,
        body=call.raw_body,
        key_of=lambda named: organisation.key_of(named) if organisation else None,
        now_s=call.kernel.wire_clock.now_s(),
    )


async def check_claimed_signature(call: ClaimedCall[Any, Any]) -> Refused | None:
    """Check the signature under an active key of the active caller (RFC 9421 s3.2).

    The nonce (`call.signature`) is for the room to remember with whatever the call does.
    """
    checked = check_call_signature(call, call.claimed)
    if isinstance(checked, Refused):
        return checked
    assert call.claimed is not None, "the key was found in it"
    # Only now: before the signature was checked, anyone could ask who is suspended.
    if not call.claimed.is_active:
        return Refused(DirectoryRefusal.ORGANISATION_SUSPENDED, call.claimed.id)
    call.caller = call.claimed
    call.signature = checked
    return None


async def _in_transaction(call: Call[Any, Any], use_case: Any) -> Any:
    if call.route.mode == "transaction":
        return await use_case(call.db)
    return await call.kernel.database.run(use_case)


async def load_organisation(call: OrganisationCall) -> Refused | None:
    """Load the organisation of the path."""
    organisation = await call.room.get(call.db, call.path_params["organisation_id"])
    if organisation is None:
        return Refused(DirectoryRefusal.ORGANISATION_UNKNOWN)
    call.organisation = organisation
    return None


async def reply_organisation(call: OrganisationCall) -> Response:
    """Answer with the organisation."""
    return reply(public(call.organisation), headers=_CACHING)


async def reply_jwks(call: OrganisationCall) -> Response:
    """Answer with the active keys; none while the organisation is suspended."""
    keys = call.organisation.keys if call.organisation.is_active else ()
    return reply(JwksReply(list(keys)), headers=_CACHING)


async def reply_organisations(call: Call[Directory, None]) -> Response:
    """Answer with all organisations, or those with `?role=`."""
    found = await call.room.list(call.db, call.query.get("role"))
    return reply(OrganisationsReply([public(each) for each in found]), headers=_CACHING)


async def reply_snapshot(call: Call[Directory, None]) -> Response:
    """Answer with the signed snapshot."""
    jws = await call.room.snapshot_jws(call.db)
    return Response(jws, media_type="application/directory-snapshot+jwt", headers=_CACHING)


def public(organisation: Organisation) -> OrganisationReply:
    """What the public sees of an organisation: everything, roles sorted."""
    return OrganisationReply(
        id=organisation.id,
        names=organisation.names,
        roles=sorted(organisation.roles),
        endpoints=organisation.endpoints,
        keys=list(organisation.keys),
        status=organisation.status.value,
        simulated=organisation.simulated,
    )


def table(room: Directory) -> RouteTable:
    """The rows of the directory: all public reading."""
    common: Mapping[str, Any] = {"errors": ERRORS, "scope": "public"}
    base = "/directory/v1/organisations"
    return RouteTable(pillar="directory", room=room, routes=(
        Route(
            method="GET", path=base, name="list_organisations",
            summary="List organisations, optionally those with a role.",
            steps=(reply_organisations,), query=("lang", "role"),
            replies={200: OrganisationsReply}, **common,
        ),
        Route(
            method="GET", path=f"{base}/{{organisation_id}}", name="get_organisation",
            summary="Read one organisation: names, roles, endpoints, active keys, status.",
            steps=(load_organisation, reply_organisation), call=OrganisationCall,
            replies={200: OrganisationReply}, **common,
        ),
        Route(
            method="GET", path=f"{base}/{{organisation_id}}/jwks", name="get_organisation_jwks",
            summary="Read the active public keys of one organisation as a JWK Set.",
            steps=(load_organisation, reply_jwks), call=OrganisationCall,
            replies={200: JwksReply}, clause="RFC 7517 s5", **common,
        ),
        Route(
            method="GET", path="/directory/v1/snapshot", name="get_directory_snapshot",
            summary="Read all organisations with all keys ever held, signed by the directory.",
            steps=(reply_snapshot,), replies={200: None},
            reply_media_type="application/directory-snapshot+jwt", clause="RFC 7515", **common,
        ),
    ))  # fmt: skip
