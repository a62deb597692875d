"""Form filling over HTTP: the filled form for its client, one's own values, a registry's word.

No door here takes an identity number: a registry speaks of persons by pairwise names, and a
client of the ones who said yes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from starlette.responses import Response

from lionrock.directory.api import SignedCall, check_signed_call, sign_reply
from lionrock.identity.domain.registry import REGISTRY_ROLE
from lionrock.identity.domain.scopes import OPENID
from lionrock.identity.errors.forms import FORM_REGISTRY_ERRORS, FORM_ROUTE_ERRORS
from lionrock.identity.forms.domain import (
    FIELDS,
    FieldValue,
    FormRefusal,
    Source,
    masked,
)
from lionrock.identity.forms.service import Delivered
from lionrock.identity.http.devices import AskedReply, DeviceCall, check_device, show_asked
from lionrock.identity.passkeys.errors import AUTHENTICATOR_ERRORS
from lionrock.identity.passkeys.http import AuthenticatorCall, check_page, check_session
from lionrock.identity.service.identity import Identity, PrincipalCall
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Call, Route, reply

NO_STORE = {"cache-control": "no-store"}
KEY_HEADER = "idempotency-key"
DATA_PATH = "/identity/v1/forms/data"
OWN_PATH = "/identity/v1/forms/values"
OWN_SCOPE = "values"
REGISTRY_PATH = "/identity/v1/registry/persons/{subject}/values"


class ValueBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One's own word on a field."""

    value: Any


class ValueShown(msgspec.Struct, frozen=True, kw_only=True):
    """One field as its holder sees it; an identity number only by its ends."""

    name: str
    label: str
    value: Any
    source: str | None
    matched_at: datetime | None
    updated_at: datetime | None
    is_editable: bool


class ValuesReply(msgspec.Struct, frozen=True):
    """Every field of the catalogue."""

    fields: list[ValueShown]


class StatementBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A registry's word on one person; `reference` is the registry's own."""

    source: Source
    evidence: str
    matched_at: Annotated[datetime, msgspec.Meta(tz=True)]
    reference: str
    fields: dict[str, Any]


class StatementReply(msgspec.Struct, frozen=True):
    """The fields taken; of the others a newer match is on record."""

    taken: list[str]


class ChoiceBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fields that stay ticked."""

    fields: list[str]


class RegistryCall(SignedCall[Identity, StatementBody]):
    """A registry's call."""


class OwnCall(PrincipalCall):
    """A person's call about own values."""

    body: ValueBody


async def check_access_token(call: PrincipalCall) -> Response | None:
    """Check token, DPoP proof and scope (RFC 9449 s7)."""
    answer: Response | None = await call.room.check_access_token(call)
    return answer


async def reply_data(call: PrincipalCall) -> Response | Refused:
    """Fill the form that the token was given for, once."""
    key = call.request.headers.get(KEY_HEADER)
    filled = await call.room.forms.fill(call.db, call.principal, key)
    if isinstance(filled, Refused):
        return filled
    return await filled_reply(call, call.principal.client_id, filled)


async def filled_reply(
    call: Call[Identity, Any], client_id: str, filled: Delivered
) -> Response:
    """Answer with a filled form: encrypted for a client that registered so for userinfo."""
    client = await call.room.clients.find(call.db, client_id)
    assert client is not None, "a live token's client is on record"
    if not client.policy.userinfo_encrypted_response_alg:
        return reply(filled, headers=NO_STORE)
    signed = call.room.answers.userinfo(client, msgspec.to_builtins(filled))
    return Response(signed, media_type="application/jwt", headers=NO_STORE)


async def check_person(call: PrincipalCall) -> Refused | None:
    """A company's token shows nobody's values."""
    is_person = call.principal.company_id is None
    return None if is_person else Refused(FormRefusal.NOT_GRANTED)


async def reply_own(call: PrincipalCall) -> Response:
    """Show the caller's own values."""
    known = await call.room.forms.values(call.db, call.principal.actor_person_id)
    shown = [_shown(name, known.get(name), call.lang) for name in FIELDS]
    return reply(ValuesReply(shown), headers=NO_STORE)


async def save_own(call: OwnCall) -> Response | Refused:
    """Keep the caller's own word on a field."""
    field = call.path_params["field"]
    person_id = call.principal.actor_person_id
    kept = await call.room.forms.declare(call.db, person_id, field, call.body.value)
    return kept if isinstance(kept, Refused) else reply(_shown(field, kept, call.lang))


async def save_withdrawn(call: PrincipalCall) -> Response | Refused:
    """Forget the caller's own word on a field."""
    problem = await call.room.forms.withdraw(
        call.db, call.principal.actor_person_id, call.path_params["field"]
    )
    return problem or Response(status_code=204)


async def check_role(call: RegistryCall) -> Refused | None:
    """Take values from registries of the directory only."""
    is_registry = REGISTRY_ROLE in call.caller.roles
    return None if is_registry else Refused(FormRefusal.REGISTRY_ROLE)


async def save_statement(call: RegistryCall) -> Response | Refused:
    """Take a registry's word."""
    body = call.body
    taken = await call.room.forms.state(
        call.db, organisation_id=call.caller.id, subject=call.path_params["subject"],
        source=body.source, evidence=body.evidence, matched_at=body.matched_at,
        reference=body.reference, fields=body.fields,
    )  # fmt: skip
    return taken if isinstance(taken, Refused) else sign_reply(call, reply(StatementReply(taken)))


async def save_choice(call: DeviceCall) -> Response | Refused:
    """Narrow a pending question about a form; it is then answered with its new words."""
    return await _narrowed(call)


async def save_page_choice(call: AuthenticatorCall) -> Response | Refused:
    """The same from the authenticator's page."""
    return await _narrowed(call)


async def _narrowed(call: DeviceCall | AuthenticatorCall) -> Response | Refused:
    approval = await call.room.approvals.narrow(
        call.db, call.device, call.path_params["approval_id"], call.body.fields
    )
    return approval if isinstance(approval, Refused) else reply(show_asked(approval))


def _shown(name: str, known: FieldValue | None, language: str) -> ValueShown:
    spec = FIELDS[name]
    return ValueShown(
        name=name, label=spec.label.in_language(language),
        value=masked(name, known.value) if known else None,
        source=known.source if known else None, matched_at=known.matched_at if known else None,
        updated_at=known.updated_at if known else None,
        is_editable=spec.is_self_declared,
    )  # fmt: skip


_OWN = (check_access_token, check_person)
ROUTES = (
    Route(
        method="GET", path=DATA_PATH, name="fetch_form_data",
        summary="The granted fields of a form, once", steps=(check_access_token, reply_data),
        call=PrincipalCall, replies={200: Delivered}, errors=FORM_ROUTE_ERRORS, scope=OPENID,
        clause="RFC 9396 s7",
    ),
    Route(
        method="GET", path=OWN_PATH, name="list_own_values", summary="The person's own values",
        steps=(*_OWN, reply_own), call=PrincipalCall, replies={200: ValuesReply},
        errors=FORM_ROUTE_ERRORS, scope=OWN_SCOPE,
    ),
    Route(
        method="PUT", path=f"{OWN_PATH}/{{field}}", name="declare_own_value",
        summary="State one of one's own values", steps=(*_OWN, save_own), call=OwnCall,
        body=ValueBody, replies={200: ValueShown}, errors=FORM_ROUTE_ERRORS, scope=OWN_SCOPE,
    ),
    Route(
        method="DELETE", path=f"{OWN_PATH}/{{field}}", name="withdraw_own_value",
        summary="Take back one of one's own values", steps=(*_OWN, save_withdrawn),
        call=PrincipalCall, replies={204: None}, errors=FORM_ROUTE_ERRORS, scope=OWN_SCOPE,
    ),
    Route(
        method="POST", path=REGISTRY_PATH, name="state_person_values",
        summary="For registries: values of a person, as matched",
        steps=(check_signed_call, check_role, save_statement), call=RegistryCall,
        body=StatementBody, replies={200: StatementReply}, errors=FORM_REGISTRY_ERRORS,
        scope="member", clause="RFC 9421 s3.2",
    ),
    Route(
        method="POST", path="/identity/v1/device/approvals/{approval_id}/fields",
        name="narrow_device_approval", summary="Leave fields of a form out, before answering",
        steps=(check_device, save_choice), call=DeviceCall, body=ChoiceBody,
        replies={200: AskedReply}, errors=FORM_ROUTE_ERRORS, scope="device",
        clause="RFC 9396 s6.1",
    ),
    Route(
        method="POST", path="/identity/authenticator/approvals/{approval_id}/fields",
        name="narrow_authenticator_approval", summary="Leave fields of a form out, on the page",
        steps=(check_page, check_session, save_page_choice), call=AuthenticatorCall,
        body=ChoiceBody, replies={200: AskedReply},
        errors={**AUTHENTICATOR_ERRORS, **FORM_ROUTE_ERRORS}, scope="authenticator",
        clause="RFC 9396 s6.1",
    ),
)  # fmt: skip
