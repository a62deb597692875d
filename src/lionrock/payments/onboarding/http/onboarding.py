"""A candidate's deeds: apply, mend, withdraw, run tests, ask to be live, change keys, send."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from lionrock.directory.api import sign_reply
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import reply
from lionrock.kernel.signatures import target_uri
from lionrock.payments.domain.iso20022 import (
    Envelope,
    Header,
    MessageReject,
    reference_of,
    write_envelope,
)
from lionrock.payments.domain.orders import shown
from lionrock.payments.onboarding.domain.candidates import Candidate, ChangeKind
from lionrock.payments.onboarding.domain.cases import ALL_CASES, TEST_MEMBER
from lionrock.payments.onboarding.errors import ONBOARDING_ROUTE_ERRORS
from lionrock.payments.onboarding.http.calls import ApplyCall, CandidateCall
from lionrock.payments.onboarding.http.replies import (
    EvidenceReply,
    RunsReply,
    show_candidate,
    show_exchange,
    show_run,
)
from lionrock.payments.onboarding.service.inbox import Incoming
from lionrock.payments.service.courier import MEDIA_TYPE

DESCRIPTION_LENGTH_MAX = 350
_KEPT_FIELDS = ("content-type", "content-digest", "signature-input", "signature")


class RunsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names of the tests to run; none: all."""

    cases: tuple[str, ...] = ()


class KeyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A public JWK to add beside those in force."""

    jwk: dict[str, Any]


class RetirementBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The name of the key to retire."""

    kid: str


class EndpointBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The end point from now on."""

    endpoint: str


async def save_application(call: ApplyCall) -> Response | Refused:
    """Keep an application; the same one again is the same one."""
    made = await call.room.onboarding.applications.apply(
        call.db, call.body, call.body.organisation_id
    )
    if isinstance(made, Refused):
        return made
    view = await call.room.onboarding.view(call.db, made)
    return sign_reply(call, reply(show_candidate(view, call.kernel.settings.public_url), 201))


async def reply_candidate(call: CandidateCall) -> Response:
    """Answer with the application as it stands."""
    return await _shown(call, call.candidate)


async def save_mended(call: CandidateCall) -> Response | Refused:
    """Replace an application that nobody agreed to yet."""
    mended = await call.room.onboarding.applications.mend(call.db, call.candidate, call.body)
    return mended if isinstance(mended, Refused) else await _shown(call, mended)


async def save_withdrawal(call: CandidateCall) -> Response | Refused:
    """End the application."""
    ended = await call.room.onboarding.applications.withdraw(call.db, call.candidate)
    return ended if isinstance(ended, Refused) else await _shown(call, ended)


async def save_go_live(call: CandidateCall) -> Response | Refused:
    """Ask to be live."""
    asked = await call.room.onboarding.applications.ask_go_live(call.db, call.candidate)
    return asked if isinstance(asked, Refused) else await _shown(call, asked)


async def save_runs(call: CandidateCall) -> Response | Refused:
    """Begin runs of tests."""
    begun = await call.room.onboarding.testing.start(call.db, call.candidate, call.body.cases)
    if isinstance(begun, Refused):
        return begun
    return sign_reply(call, reply(RunsReply([show_run(run) for run in begun]), 202))


async def reply_run(call: CandidateCall) -> Response | Refused:
    """Answer with a run and its evidence."""
    found = await call.room.onboarding.testing.run(
        call.db, call.candidate.id, call.path_params["run_id"]
    )
    if isinstance(found, Refused):
        return found
    run, exchanges = found
    return sign_reply(call, reply(EvidenceReply(
        run=show_run(run), expected=msgspec.to_builtins(ALL_CASES[run.case_name].expected),
        exchanges=[show_exchange(each) for each in exchanges],
    )))


async def save_key(call: CandidateCall) -> Response | Refused:
    """Ask for a key to be added."""
    return await _save_change(call, "add_key", call.body.jwk)


async def save_retirement(call: CandidateCall) -> Response | Refused:
    """Ask for a key to be retired."""
    return await _save_change(call, "retire_key", call.body.kid)


async def save_endpoint(call: CandidateCall) -> Response | Refused:
    """Ask for another end point."""
    return await _save_change(call, "endpoint", call.body.endpoint)


async def save_test_message(call: CandidateCall) -> Response | Refused:
    """Take a message of the test lane."""
    scope = call.request.scope
    raw_path = scope.get("raw_path") or scope["path"].encode()
    incoming = Incoming(
        url=target_uri(call.kernel.settings.public_url, raw_path, scope["query_string"]),
        headers={n: call.request.headers[n] for n in _KEPT_FIELDS if n in call.request.headers},
        body=call.raw_body,
    )
    refused = await call.room.onboarding.inbox.take(call.db, call.candidate, incoming)
    return refused or sign_reply(call, Response(status_code=202))


def render_test_refusal(call: CandidateCall, refused: Refused, step: str) -> Response | None:
    """Dress a refusal as admi.002 from the test lane; None for the kernel's own."""
    row = ONBOARDING_ROUTE_ERRORS.get(refused.refusal)
    candidate: Candidate | None = getattr(call, "candidate", None)
    if row is None or candidate is None:
        return None
    now = call.kernel.business_clock.now()
    header = Header(
        from_member=TEST_MEMBER, to_member=candidate.application.clearing_code,
        message_id=call.request_id.rpartition("_")[2], created_at=now,
    )
    description = " ".join(filter(None, (row.title, refused.detail, f"[{step}]")))
    reject = MessageReject(
        related_reference=reference_of(call.raw_body), reason=refused.refusal.value,
        rejected_at=now, description=shown(description, DESCRIPTION_LENGTH_MAX),
        location=shown(refused.field, DESCRIPTION_LENGTH_MAX),
    )
    response = Response(
        write_envelope(Envelope(header, reject)), status_code=row.status, media_type=MEDIA_TYPE
    )
    if refused.retry_after_s:
        response.headers["retry-after"] = str(refused.retry_after_s)
    return sign_reply(call, response)


async def _save_change(call: CandidateCall, kind: ChangeKind, value: Any) -> Response | Refused:
    asked = await call.room.onboarding.changes.ask(
        call.db, call.candidate, kind, value, call.signed_kid
    )
    return asked if isinstance(asked, Refused) else await _shown(call, call.candidate, 202)


async def _shown(call: CandidateCall, candidate: Candidate, status: int = 200) -> Response:
    view = await call.room.onboarding.view(call.db, candidate)
    return sign_reply(call, reply(show_candidate(view, call.kernel.settings.public_url), status))
