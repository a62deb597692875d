"""What a candidate sees of its application and of its tests."""

from __future__ import annotations

from typing import Any

import msgspec

from lionrock.kernel.money import format_minor
from lionrock.payments.onboarding.domain.cases import (
    TEST_ACCOUNT,
    TEST_MEMBER,
    TEST_NAME,
    Exchange,
)
from lionrock.payments.onboarding.service.desk import CandidateView
from lionrock.payments.onboarding.service.testing import TEST_PATH, Standing
from lionrock.payments.onboarding.store.runs import Run
from lionrock.payments.service.roster import ENDPOINT


class WordReply(msgspec.Struct, frozen=True, kw_only=True):
    """What the operators said; who said it stays with them."""

    step: str
    decision: str
    reasons: str
    at: str


class ChangeReply(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a key, an end point or limits; `test` is the last try of an end point."""

    id: str
    kind: str
    content: dict[str, Any]
    state: str
    asked_at: str
    test: RunReply | None = None


class TestReply(msgspec.Struct, frozen=True, kw_only=True):
    """A test, its last run, and whether that was with the keys and end point in force.

    `end_to_end_id`: what the transfer of a test of the candidate's own must bear.
    """

    __test__ = False

    name: str
    by: str
    title: dict[str, str]
    expected: dict[str, str]
    state: str
    came: str
    run_id: str
    is_current: bool
    end_to_end_id: str


class LaneReply(msgspec.Struct, frozen=True, kw_only=True):
    """The test lane: no money moves in it. What to send where, and where the switch sends."""

    member: str
    account: str
    name: str
    send_to: str
    received_at: str
    moves_money: bool = False


class CandidateReply(msgspec.Struct, frozen=True, kw_only=True):
    """An application as its candidate sees it; limits are decimal strings by currency.

    `limits`: of one payment; `daily_limits`: of a day, of which `sent_today` is counted.
    """

    id: str
    organisation_id: str
    state: str
    version: int
    clearing_code: str
    limits: dict[str, str]
    daily_limits: dict[str, str]
    sent_today: dict[str, str]
    endpoint: str
    kids: list[str]
    simulated: bool
    takes_bundles: bool
    words: list[WordReply]
    changes: list[ChangeReply]
    tests: list[TestReply]
    test_lane: LaneReply


class RunReply(msgspec.Struct, frozen=True, kw_only=True):
    """A run: what was expected is with the test; what came, and when."""

    id: str
    case: str
    state: str
    came: str
    started_at: str
    finished_at: str


class RunsReply(msgspec.Struct, frozen=True):
    """Runs that began."""

    runs: list[RunReply]


class ExchangeReply(msgspec.Struct, frozen=True, kw_only=True):
    """One request of a run and its answer, verbatim; status -1: no answer, `said` says why."""

    position: int
    direction: str
    label: str
    definition: str
    message_id: str
    said: str
    status: int
    url: str
    headers: dict[str, str]
    body: str
    reply: str
    at: str
    answered_at: str


class EvidenceReply(msgspec.Struct, frozen=True, kw_only=True):
    """A run with everything that was sent and received."""

    run: RunReply
    expected: dict[str, str]
    exchanges: list[ExchangeReply]


def show_candidate(view: CandidateView, public_url: str) -> CandidateReply:
    """The reply about an application."""
    held, organisation = view.candidate, view.organisation
    endpoint = organisation.endpoints[ENDPOINT]
    return CandidateReply(
        id=held.id, organisation_id=held.organisation_id, state=held.state.value,
        version=held.version, clearing_code=held.application.clearing_code,
        **held.limits.wire(),
        sent_today={c: format_minor(minor, c) for c, minor in view.sent_today.items()},
        endpoint=endpoint, kids=[jwk["kid"] for jwk in organisation.keys],
        simulated=held.application.simulated,
        takes_bundles=held.application.takes_bundles,
        words=[
            WordReply(step=word.step, decision=word.decision, reasons=word.reasons,
                      at=word.at.isoformat())
            for word in held.words
        ],
        changes=[
            ChangeReply(id=each.id, kind=each.kind, content=each.content, state=each.state,
                        asked_at=each.asked_at.isoformat(), test=_try_of(view, each.id))
            for each in view.changes
        ],
        tests=[show_test(each) for each in view.standings],
        test_lane=LaneReply(
            member=TEST_MEMBER, account=TEST_ACCOUNT, name=TEST_NAME,
            send_to=f"{public_url.rstrip('/')}/payments/v1/onboarding/{held.id}/messages",
            received_at=endpoint.rstrip("/") + TEST_PATH,
        ),
    )  # fmt: skip


def _try_of(view: CandidateView, change_id: str) -> RunReply | None:
    run = view.tries.get(change_id)
    return show_run(run) if run is not None else None


def show_test(standing: Standing) -> TestReply:
    """The reply about a test."""
    case, run = standing.case, standing.run
    return TestReply(
        name=case.name, by=case.by, title=msgspec.to_builtins(case.title),
        expected=msgspec.to_builtins(case.expected), state=run.state if run else "",
        came=run.came if run else "", run_id=run.id if run else "",
        is_current=standing.is_current,
        end_to_end_id=case.end_to_end_id if case.by == "candidate" else "",
    )


def show_run(run: Run) -> RunReply:
    """The reply about a run."""
    return RunReply(
        id=run.id, case=run.case_name, state=run.state, came=run.came,
        started_at=run.started_at.isoformat(),
        finished_at=run.finished_at.isoformat() if run.finished_at else "",
    )


def show_exchange(exchange: Exchange) -> ExchangeReply:
    """The reply about an exchange; bytes that are no UTF-8 are shown as replaced."""
    return ExchangeReply(
        position=exchange.position, direction=exchange.direction, label=exchange.label,
        definition=exchange.definition, message_id=exchange.message_id, said=exchange.said,
        status=exchange.status, url=exchange.url, headers=exchange.headers,
        body=exchange.body.decode(errors="replace"), reply=exchange.reply.decode(errors="replace"),
        at=exchange.at.isoformat(),
        answered_at=exchange.answered_at.isoformat() if exchange.answered_at else "",
    )
