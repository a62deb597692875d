"""The operator's pages on participants that join: the list, one candidate's way, its tests.

What needs two operators is decided by the payments' own rules; a page shows what can be done now.
To whoever is no operator there are no such pages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec
from starlette.responses import Response

from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Route, redirect
from lionrock.kernel.i18n import show_money
from lionrock.payments.api import (
    ALL_TEST_CASES,
    CANDIDATE_PATH,
    TEST_CASES,
    Candidate,
    CandidateState,
    CandidateView,
    ParticipantApplication,
)
from lionrock.portal.errors import PortalRefusal
from lionrock.portal.http.calls import PlainForm, PortalCall, show

_PAGE = "/portal/participants"
_SPOKEN_ABOUT = (
    CandidateState.ASKED, CandidateState.SETTINGS, CandidateState.GO_LIVE_ASKED,
    CandidateState.RETURN_ASKED,
)
# Where a state that is off the straight way stands on it.
_STANDS_AT = {
    CandidateState.RETURNED: 0, CandidateState.SUSPENDED: len(CANDIDATE_PATH) - 1,
    CandidateState.RETURN_ASKED: len(CANDIDATE_PATH) - 1, CandidateState.REJECTED: -1,
    CandidateState.WITHDRAWN: -1,
}


class EnterForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An application that came on paper, as the candidate's API would send it."""

    form_token: str
    application: str


class WordForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An operator's word on the version that was shown."""

    form_token: str
    version: str
    decision: Literal["agree", "return", "reject"]
    reasons: str


class SettingsForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of a payment and of a day; empty: none."""

    form_token: str
    version: str
    reasons: str
    limit_hkd: str = ""
    limit_cny: str = ""
    daily_hkd: str = ""
    daily_cny: str = ""


class LimitsForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Other limits of a participant; empty: none."""

    form_token: str
    reasons: str
    limit_hkd: str = ""
    limit_cny: str = ""
    daily_hkd: str = ""
    daily_cny: str = ""


class ReasonsForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A deed with its reasons."""

    form_token: str
    reasons: str


class ReturnForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The return of a suspended participant, proposed."""

    form_token: str
    version: str
    reasons: str


class ChangeForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An operator's word on a change."""

    form_token: str
    decision: Literal["agree", "return"]
    reasons: str


def rows(
    page: Callable[..., Route], form: Callable[..., Route], operator: tuple[Any, ...]
) -> tuple[Route, ...]:
    """The rows of these pages; `operator` are the steps before each."""
    one = f"{_PAGE}/{{candidate_id}}"

    def deed(path: str, name: str, summary: str, step: Any, body: type = PlainForm) -> Route:
        return form(path, name, summary, (*operator, step), body)

    return (
        page(_PAGE, "participants", "Who asks to join the switch", (*operator, reply_list)),
        deed(_PAGE, "enter_application", "Enter an application", save_application, EnterForm),
        page(one, "candidate", "A candidate's way, its words and tests",
             (*operator, reply_candidate)),
        deed(f"{one}/words", "candidate_word", "Agree, return or reject", save_word, WordForm),
        deed(f"{one}/settings", "candidate_settings", "Propose limits", save_settings,
             SettingsForm),
        deed(f"{one}/limits", "candidate_limits", "Propose other limits", save_limits,
             LimitsForm),
        deed(f"{one}/runs", "candidate_runs", "Run all tests", save_runs),
        page(f"{one}/runs/{{run_id}}", "test_run", "A test's evidence", (*operator, reply_run)),
        deed(f"{one}/suspension", "candidate_suspension", "Suspend a participant",
             save_suspension, ReasonsForm),
        deed(f"{one}/return", "candidate_return", "Propose a participant's return",
             save_return, ReturnForm),
        deed(f"{one}/changes/{{change_id}}", "candidate_change",
             "Agree to a changed key, end point or limit", save_change, ChangeForm),
    )  # fmt: skip


async def reply_list(call: PortalCall) -> Response:
    """Show who asks to join, and who did."""
    return show(
        call, "joining.html", candidates=await call.room.payments.onboarding.candidates(call.db)
    )


async def save_application(call: PortalCall) -> Response | Refused:
    """Keep an application that an operator enters; this operator does not review it."""
    try:
        application = msgspec.json.decode(call.body.application, type=ParticipantApplication)
    except msgspec.DecodeError as error:
        return Refused(PortalRefusal.FIELD_MALFORMED, f"{error}"[:300], "application")
    made = await call.room.payments.onboarding.applications.apply(
        call.db, application, _operator(call)
    )
    return _to(made)


async def reply_candidate(call: PortalCall) -> Response | Refused:
    """Show a candidate with what can be done now."""
    held = await call.room.payments.onboarding.candidate(call.db, _id(call))
    if isinstance(held, Refused):
        return Refused(PortalRefusal.PAGE_UNKNOWN)
    view: CandidateView = await call.room.payments.onboarding.view(call.db, held)
    me, is_at_step = _operator(call), held.state in _SPOKEN_ABOUT
    has_spoken = is_at_step and (me in held.agreed() or me == held.asked_by)
    at = _STANDS_AT.get(held.state)
    return show(
        call, "candidate.html", view=view, path=[each.value for each in CANDIDATE_PATH],
        at=CANDIDATE_PATH.index(held.state) if at is None else at, has_spoken=has_spoken,
        can_speak=is_at_step and not has_spoken,
        can_reject=held.state is not CandidateState.RETURN_ASKED,
        titles={name: case.title for name, case in ALL_TEST_CASES.items()},
        waits=any(each.state == "asked" for each in view.changes), in_force=held.limits.wire(),
        money_of=lambda minor, currency: show_money(minor, currency, call.lang),
    )  # fmt: skip


async def reply_run(call: PortalCall) -> Response | Refused:
    """Show what was sent and received in a run."""
    found = await call.room.payments.onboarding.testing.run(
        call.db, _id(call), call.path_params["run_id"]
    )
    if isinstance(found, Refused):
        return Refused(PortalRefusal.PAGE_UNKNOWN)
    run, exchanges = found
    return show(
        call, "test_run.html", run=run, exchanges=exchanges, case=ALL_TEST_CASES[run.case_name]
    )


async def save_word(call: PortalCall) -> Response | Refused:
    """Keep an operator's word."""
    version = _version(call.body.version)
    if isinstance(version, Refused):
        return version
    return _to(await call.room.payments.onboarding.applications.say(
        call.db, _id(call), _operator(call), version=version, decision=call.body.decision,
        reasons=call.body.reasons.strip(),
    ))


async def save_settings(call: PortalCall) -> Response | Refused:
    """Keep proposed limits."""
    version, body = _version(call.body.version), call.body
    if isinstance(version, Refused):
        return version
    return _to(await call.room.payments.onboarding.applications.propose_settings(
        call.db, _id(call), _operator(call), version=version, reasons=body.reasons.strip(),
        limits=_amounts(body.limit_hkd, body.limit_cny),
        daily_limits=_amounts(body.daily_hkd, body.daily_cny),
    ))


async def save_limits(call: PortalCall) -> Response | Refused:
    """Keep other limits that are proposed for a participant."""
    body = call.body
    proposed = await call.room.payments.onboarding.changes.propose_limits(
        call.db, _id(call), _operator(call), reasons=body.reasons.strip(),
        limits=_amounts(body.limit_hkd, body.limit_cny),
        daily_limits=_amounts(body.daily_hkd, body.daily_cny),
    )
    return proposed if isinstance(proposed, Refused) else redirect(f"{_PAGE}/{_id(call)}")


async def save_runs(call: PortalCall) -> Response | Refused:
    """Begin a run of every test that the switch sends; a candidate begins its own."""
    desk = call.room.payments.onboarding
    held = await desk.candidate(call.db, _id(call), is_locking=True)
    if isinstance(held, Refused):
        return held
    names = [name for name, case in TEST_CASES.items() if case.by == "switch"]
    begun = await desk.testing.start(call.db, held, names)
    return begun if isinstance(begun, Refused) else redirect(f"{_PAGE}/{held.id}#tests")


async def save_suspension(call: PortalCall) -> Response | Refused:
    """Suspend a participant at once."""
    return _to(await call.room.payments.onboarding.applications.suspend(
        call.db, _id(call), _operator(call), call.body.reasons.strip()
    ))


async def save_return(call: PortalCall) -> Response | Refused:
    """Propose that a participant returns."""
    version = _version(call.body.version)
    if isinstance(version, Refused):
        return version
    return _to(await call.room.payments.onboarding.applications.ask_return(
        call.db, _id(call), _operator(call), version=version, reasons=call.body.reasons.strip()
    ))


async def save_change(call: PortalCall) -> Response | Refused:
    """Keep an operator's word on a change."""
    said = await call.room.payments.onboarding.changes.say(
        call.db, _id(call), call.path_params["change_id"], _operator(call),
        decision=call.body.decision, reasons=call.body.reasons.strip(),
    )
    return said if isinstance(said, Refused) else redirect(f"{_PAGE}/{_id(call)}")


def _to(made: Candidate | Refused) -> Response | Refused:
    return made if isinstance(made, Refused) else redirect(f"{_PAGE}/{made.id}")


def _amounts(hkd: str, cny: str) -> dict[str, str]:
    """Amounts as they were typed, by currency; an empty field is none."""
    typed = {"HKD": hkd, "CNY": cny}
    return {name: text.replace(",", "").strip() for name, text in typed.items() if text.strip()}


def _id(call: PortalCall) -> str:
    return call.path_params["candidate_id"]


def _operator(call: PortalCall) -> str:
    return call.signed_in.person.actor_person_id


def _version(text: str) -> int | Refused:
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    return Refused(PortalRefusal.FIELD_MALFORMED, "A whole number.", "version")
