"""The back-channel authentication endpoint (CIBA): a service asks a person on the phone."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from lionrock.identity.domain.ciba import (
    CibaForm,
    CibaRequest,
    check_form,
)
from lionrock.identity.domain.clients import CIBA, CibaMode
from lionrock.identity.domain.policy import Presented
from lionrock.identity.errors.ciba import CIBA_ROUTE_ERRORS
from lionrock.identity.http.clients import (
    BindingCall,
    check_client,
    check_dpop,
    check_policy,
    learn_keys,
)
from lionrock.identity.http.discovery import CIBA_PATH
from lionrock.identity.http.keeping import kept
from lionrock.identity.service.ciba import CibaReply
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Route, reply

NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}


class CibaCall(BindingCall):
    """A back-channel request on its way."""

    body: CibaForm
    mode: CibaMode
    form: CibaForm
    asked: CibaRequest

    def presented(self) -> Presented:
        """Every control, and those of a request that asks a person."""
        return msgspec.structs.replace(
            super().presented(), grant_type=CIBA, asks_person=True,
            is_back_channel=True, is_request_signed=self.body.request is not None,
        )  # fmt: skip


async def load_mode(call: CibaCall) -> None:
    """How the client is answered; that it may ask at all was checked with its policy."""
    assert call.client.policy.ciba_mode is not None, "check_policy refuses its absence"
    call.mode = call.client.policy.ciba_mode


async def load_parameters(call: CibaCall) -> Refused | None:
    """Take the parameters from the signed request object when there is one (CIBA Core s7.1.1)."""
    call.form = call.body
    if call.body.request is None:
        return None
    form = await call.room.ciba.open_object(call.db, call.client, call.body, call.body.request)
    if isinstance(form, Refused):
        return kept(form)
    call.form = form
    return None


async def check_parameters(call: CibaCall) -> Refused | None:
    """Check every parameter of the request (CIBA Core s7.1, s7.2)."""
    asked = check_form(
        call.form, call.client, call.room.ciba.limits, mode=call.mode, proof_jkt=call.proof_jkt
    )
    if isinstance(asked, Refused):
        return kept(asked)
    call.asked = asked
    return None


async def save_request(call: CibaCall) -> Response | Refused:
    """Ask the person and answer with the request's one-time id."""
    answer = await call.room.ciba.begin(call.db, call.client, call.asked, call.lang)
    return kept(answer) if isinstance(answer, Refused) else reply(answer, headers=NO_STORE)


ROUTES = (
    Route(
        method="POST", path=CIBA_PATH, name="ask_over_back_channel",
        summary="Ask a person on the phone (CIBA)",
        steps=(
            check_client, check_policy, load_mode, check_dpop, load_parameters,
            check_parameters, save_request,
        ),
        call=CibaCall, body=CibaForm, body_kind="form", replies={200: CibaReply},
        errors=CIBA_ROUTE_ERRORS, family="oauth", mend=learn_keys, clause="CIBA Core s7", query=(),
    ),
)  # fmt: skip
