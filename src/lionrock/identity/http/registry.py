"""The registry's door: an organisation with the role registry states a company's status.

Signed by the organisation (RFC 9421); the answer is signed too. The statement is in effect when the
answer arrives: the next use of any mandate of the company reads it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from starlette.responses import Response

from lionrock.directory.api import SignedCall, check_signed_call, sign_reply
from lionrock.identity.domain.companies import CompanyRefusal
from lionrock.identity.domain.parties import CompanyStatus
from lionrock.identity.domain.registry import REGISTRY_ROLE, SOURCE_LENGTH_MAX
from lionrock.identity.errors.companies import REGISTRY_ERRORS
from lionrock.identity.service.identity import Identity
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Route, reply

PATH = "/identity/v1/registry/companies/{business_number}/status"


class StatementBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A company's status since `as_of`, by `source`; `reference` is the registry's own, once."""

    status: CompanyStatus
    as_of: Annotated[datetime, msgspec.Meta(tz=True)]
    source: Annotated[str, msgspec.Meta(max_length=SOURCE_LENGTH_MAX)]
    reference: Annotated[str, msgspec.Meta(max_length=64)]


class StatementReply(msgspec.Struct, frozen=True, kw_only=True):
    """A statement on record; `is_applied` is false when a newer one was known."""

    statement_id: str
    status: str
    as_of: datetime
    is_applied: bool
    recorded_at: datetime


class RegistryCall(SignedCall[Identity, StatementBody]):
    """A registry's call."""


async def check_role(call: RegistryCall) -> Refused | None:
    """Take statements from registries of the directory only."""
    if REGISTRY_ROLE not in call.caller.roles:
        return Refused(CompanyRefusal.REGISTRY_ROLE)
    return None


async def save_statement(call: RegistryCall) -> Response | Refused:
    """Take the statement, once."""
    body = call.body
    statement = await call.room.registry.state(
        call.db, organisation_id=call.caller.id,
        business_number=call.path_params["business_number"], status=body.status,
        as_of=body.as_of, source=body.source, reference=body.reference,
    )  # fmt: skip
    if isinstance(statement, Refused):
        return statement
    answer = StatementReply(
        statement_id=statement.id, status=statement.status, as_of=statement.as_of,
        is_applied=statement.is_applied, recorded_at=statement.recorded_at,
    )  # fmt: skip
    return sign_reply(call, reply(answer))


ROUTES = (
    Route(
        method="POST", path=PATH, name="state_company_status",
        summary="For registries: a company is live, suspended or has ceased",
        steps=(check_signed_call, check_role, save_statement), call=RegistryCall,
        body=StatementBody, replies={200: StatementReply}, errors=REGISTRY_ERRORS,
        scope="member", clause="RFC 9421 s3.2",
    ),
)  # fmt: skip
