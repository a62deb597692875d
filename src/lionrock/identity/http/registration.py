"""Dynamic client registration (RFC 7591) and its management (RFC 7592).

Registering is three beats: let in, check (which may fetch the client's keys), keep. The tokens here
are plain bearer tokens, as both standards have them; each is good for one registration only.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import msgspec
from starlette.responses import Response

from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.domain.registration import RegistrationRefusal
from lionrock.identity.errors import ERRORS
from lionrock.identity.errors.messages import REGISTRATION_ERRORS
from lionrock.identity.service.identity import Identity, PrincipalCall
from lionrock.identity.service.registration import (
    INITIAL_TOKEN_LIFE_S_MAX,
    INITIAL_TOKEN_USES_MAX,
    METADATA_BYTES_MAX,
    REGISTRATION_PATH,
    Accepted,
)
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Call, Route, reply

TOKEN_LENGTH_MAX = 200
CLIENT_PATH = f"{REGISTRATION_PATH}/{{client_id}}"
_NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}


class RegistrationCall(Call[Identity, bytes]):
    """A registration on its way."""

    token: str | None
    accepted: Accepted

    @property
    def source(self) -> str:
        """Whom registrations are counted by: the peer's address."""
        return self.request.client.host if self.request.client is not None else ""


async def load_token(call: RegistrationCall) -> Refused | None:
    """Read the one bearer token, if any (RFC 6750 s2.1)."""
    call.token = None
    headers = call.request.headers.getlist("authorization")
    if not headers:
        return None
    scheme, _, token = headers[0].partition(" ")
    is_one = len(headers) == 1 and len(token) <= TOKEN_LENGTH_MAX
    if not is_one or scheme.lower() != "bearer" or not token:
        return _challenged(call, Refused(RegistrationRefusal.TOKEN))
    call.token = token
    return None


async def check_token(call: RegistrationCall) -> Refused | None:
    """Demand the registration's own token before anything else is looked at (RFC 7592 s2)."""
    found = await call.kernel.database.run(
        lambda db: call.room.registrations.read(db, _client_id(call), call.token or "")
    )
    return _challenged(call, found) if isinstance(found, Refused) else None


async def check_open(call: RegistrationCall) -> Refused | None:
    """Where nobody may register, nothing is read (and nothing fetched for a stranger)."""
    mode = call.room.registrations.mode
    if mode == "off":
        return Refused(RegistrationRefusal.OFF)
    if mode == "token" and not call.token:
        return _challenged(call, Refused(RegistrationRefusal.TOKEN))
    return None


async def save_admission(call: RegistrationCall) -> Refused | None:
    """Count the caller and use up one use of an initial access token."""
    problem = await call.kernel.database.run(
        lambda db: call.room.registrations.admit(db, source=call.source, initial_token=call.token)
    )
    return _challenged(call, problem) if problem is not None else None


async def load_metadata(call: RegistrationCall) -> Refused | None:
    """Check what the client says of itself; its keys may be fetched for that."""
    client_id = call.path_params.get("client_id")
    accepted = await call.room.registrations.accept(
        call.body, source=call.source, client_id=client_id
    )
    if isinstance(accepted, Refused):
        return accepted
    call.accepted = accepted
    return None


async def save_client(call: RegistrationCall) -> Response | Refused:
    """Register the client."""
    answer = await call.kernel.database.run(
        lambda db: call.room.registrations.register(db, call.accepted, source=call.source)
    )
    return _answered(call, answer, 201)


async def reply_registration(call: RegistrationCall) -> Response | Refused:
    """Answer with the registration."""
    answer = await call.kernel.database.run(
        lambda db: call.room.registrations.read(db, _client_id(call), call.token or "")
    )
    return _answered(call, answer, 200)


async def save_replaced(call: RegistrationCall) -> Response | Refused:
    """Replace the registration and its token."""
    answer = await call.kernel.database.run(
        lambda db: call.room.registrations.replace(
            db, _client_id(call), call.token or "", call.accepted
        )
    )
    return _answered(call, answer, 200)


async def save_deleted(call: RegistrationCall) -> Response | Refused:
    """Take the client out of use."""
    problem = await call.kernel.database.run(
        lambda db: call.room.registrations.delete(db, _client_id(call), call.token or "")
    )
    if problem is not None:
        return _challenged(call, problem)
    return Response(status_code=204, headers=_NO_STORE)


class InitialTokenBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many clients the token registers, and for how long it is good."""

    uses: Annotated[int, msgspec.Meta(ge=1, le=INITIAL_TOKEN_USES_MAX)] = 1
    expires_in_s: Annotated[int, msgspec.Meta(ge=60, le=INITIAL_TOKEN_LIFE_S_MAX)] = 24 * 3600


class InitialTokenReply(msgspec.Struct, frozen=True):
    """The token, shown once."""

    initial_access_token: str
    uses: int
    expires_in_s: int


class InitialTokenCall(PrincipalCall):
    """An operator who lets somebody register."""

    body: InitialTokenBody


async def check_operator(call: InitialTokenCall) -> Response | Refused | None:
    """Take an operator's own token only."""
    answer: Response | None = await call.room.check_access_token(call)
    if answer is not None:
        return answer
    is_operator = "operator" in call.principal.staff_roles
    return None if is_operator else Refused(IdentityRefusal.STAFF_ROLE_MISSING)


async def save_initial_token(call: InitialTokenCall) -> Response:
    """Issue an initial access token (RFC 7591 s1.2)."""
    body = call.body
    token = await call.room.registrations.issue_initial_token(
        call.db, issued_by=call.principal.actor_person_id, uses=body.uses,
        life=timedelta(seconds=body.expires_in_s),
    )  # fmt: skip
    answer = InitialTokenReply(token, body.uses, body.expires_in_s)
    return reply(answer, status=201, headers=_NO_STORE)


def _client_id(call: RegistrationCall) -> str:
    return call.path_params["client_id"]


def _answered(
    call: RegistrationCall, answer: dict[str, Any] | Refused, status: int
) -> Response | Refused:
    if isinstance(answer, Refused):
        return _challenged(call, answer)
    return reply(answer, status=status, headers=_NO_STORE)


def _challenged(call: RegistrationCall, refused: Refused) -> Refused:
    """Name the scheme where a token is what is missing, and only there (RFC 6750 s3).

    A client reads any challenge as "authenticate", and never what is wrong with its metadata.
    """
    if refused.refusal is RegistrationRefusal.TOKEN:
        call.reply_headers["www-authenticate"] = "Bearer"
    return refused


ROUTES = (
    Route(
        method="POST", path="/identity/v1/registration-tokens", name="issue_registration_token",
        summary="Let somebody register clients (operators)",
        steps=(check_operator, save_initial_token), call=InitialTokenCall, body=InitialTokenBody,
        replies={201: InitialTokenReply}, errors=ERRORS, scope="staff", clause="RFC 7591 s1.2",
    ),
    Route(
        method="POST", path=REGISTRATION_PATH, name="register_client",
        summary="Register a client",
        steps=(load_token, check_open, save_admission, load_metadata, save_client),
        call=RegistrationCall, body_kind="raw", body_media_types=("application/json",),
        body_bytes_max=METADATA_BYTES_MAX, replies={201: None}, errors=REGISTRATION_ERRORS,
        family="oauth", clause="RFC 7591 s3", mode="beats", query=(),
    ),
    Route(
        method="GET", path=CLIENT_PATH, name="read_registration",
        summary="Read one's own registration", steps=(load_token, reply_registration),
        call=RegistrationCall, replies={200: None}, errors=REGISTRATION_ERRORS, family="oauth",
        clause="RFC 7592 s2.1", mode="beats", query=(),
    ),
    Route(
        method="PUT", path=CLIENT_PATH, name="replace_registration",
        summary="Replace one's own registration",
        steps=(load_token, check_token, load_metadata, save_replaced), call=RegistrationCall,
        body_kind="raw", body_media_types=("application/json",),
        body_bytes_max=METADATA_BYTES_MAX, replies={200: None}, errors=REGISTRATION_ERRORS,
        family="oauth", clause="RFC 7592 s2.2", mode="beats", query=(),
    ),
    Route(
        method="DELETE", path=CLIENT_PATH, name="delete_registration",
        summary="Delete one's own registration", steps=(load_token, save_deleted),
        call=RegistrationCall, body_kind="raw", body_bytes_max=0, replies={204: None},
        errors=REGISTRATION_ERRORS, family="oauth", clause="RFC 7592 s2.3", mode="beats",
        query=(),
    ),
)  # fmt: skip
