"""The pushed authorization request endpoint (RFC 9126): the only way to begin."""

from __future__ import annotations

import re

import msgspec
from starlette.responses import Response

from lionrock.identity.domain.policy import Presented
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.domain.requests import (
    DEFAULT_RESPONSE_MODE,
    REQUEST_PARAMETERS,
    AuthorizationRequest,
    PushedForm,
    check_pushed,
)
from lionrock.identity.errors import ERRORS
from lionrock.identity.errors.grants import GRANT_ERRORS
from lionrock.identity.http.clients import (
    BindingCall,
    check_client,
    check_dpop,
    check_policy,
    learn_keys,
)
from lionrock.identity.http.discovery import PAR_PATH
from lionrock.identity.http.keeping import kept
from lionrock.identity.service.authorization import PushedReply
from lionrock.kernel.errors import KernelRefusal, Refused
from lionrock.kernel.http import Route, reply

# As JSON spells the character; an even number of backslashes before it spells themselves.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class PushCall(BindingCall):
    """A push on its way: its client, the key of its proof, the checked request."""

    body: PushedForm
    pushed: AuthorizationRequest
    form: PushedForm

    def presented(self) -> Presented:
        """Every control, and those of an authorization request."""
        proofs = self.request.headers.getlist("dpop")
        return msgspec.structs.replace(
            super().presented(), asks_person=True,
            is_request_signed=self.body.request is not None,
            response_mode=self.form.response_mode or DEFAULT_RESPONSE_MODE,
            binds_code=bool(proofs) or self.form.dpop_jkt is not None,
        )  # fmt: skip


async def load_form(call: PushCall) -> Refused | None:
    """Open a signed request object; what was sent beside it does not count (RFC 9101 s6.3)."""
    call.form = call.body
    if call.body.request_uri is not None:
        return kept(Refused(IdentityRefusal.REQUEST_URI_PUSHED, field="request_uri"))
    if call.body.request is None:
        return None
    opened = await call.room.request_objects.open(
        call.db, call.client, call.body.request, names=REQUEST_PARAMETERS
    )
    if isinstance(opened, Refused):
        return kept(opened)
    call.form = msgspec.convert(opened, PushedForm)
    return None


async def check_request(call: PushCall) -> Refused | None:
    """Check every parameter of the authorization request (RFC 9126 s2.1, FAPI 2.0 s5.3.2.2)."""
    pushed = check_pushed(call.form, call.client, proof_jkt=call.proof_jkt)
    if isinstance(pushed, Refused):
        return kept(pushed)
    call.pushed = pushed
    return None


async def check_records(call: PushCall) -> Refused | None:
    """Check the grant and the consents that the request names (Grant Management s5, RFC 9396)."""
    problem = await call.room.grants.check_request(call.db, call.client, call.pushed)
    if problem is not None:
        return kept(problem)
    if call.pushed.details:
        call.pushed = await call.room.grants.enrich(call.db, call.pushed)
    return None


async def check_storable(call: PushCall) -> Refused | None:
    """Refuse NUL in any spelling: PostgreSQL stores none, and would end a commit that many share.

    Found there, it would cost the others their commit and make the assertion good once more.
    """
    if _NUL.search(msgspec.json.encode(call.pushed)) is None:
        return None
    return kept(Refused(KernelRefusal.BODY_MALFORMED, "No value may hold a NUL character."))


async def save_request(call: PushCall) -> Response:
    """Keep the request and answer with its one-time address."""
    return reply(await call.room.authorization.push(call.db, call.pushed), status=201)


ROUTES = (
    Route(
        method="POST", path=PAR_PATH, name="push_authorization_request",
        summary="Push an authorization request",
        steps=(check_client, load_form, check_policy, check_dpop, check_request, check_records,
               check_storable, save_request),
        call=PushCall, body=PushedForm, body_kind="form", replies={201: PushedReply},
        errors={**ERRORS, **GRANT_ERRORS},
        family="oauth", mend=learn_keys, clause="RFC 9126 s2", query=(),
    ),
)  # fmt: skip
