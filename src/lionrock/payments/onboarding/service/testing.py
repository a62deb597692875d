"""The test lane: runs of tests against a candidate's end point, and by it against the switch's.

The lane writes its own two tables and nothing else: it is built without a ledger, knows no payment,
and its messages travel under other addresses and another member code than live ones, so that none
of them can be taken for a live one or the other way about.
A run is driven by a job: fix a message, send it holding no connection, record what came, judge; it
may be repeated at any point. Not for: what the tests are and how they are judged (domain.cases).
Invariant: an exchange is on record with its bytes before it is sent, and with the answer after it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta

import msgspec

from lionrock.directory.api import (
    PLATFORM_ORGANISATION,
    Organisation,
    keyid,
    organisation_key,
)
from lionrock.kernel import jobs
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import generate_key
from lionrock.kernel.network import Unreachable
from lionrock.kernel.signatures import sign_request
from lionrock.payments.onboarding.domain.candidates import ENDED, Candidate, Change
from lionrock.payments.onboarding.domain.cases import (
    ALL_CASES,
    CASES,
    CASES_VERSION,
    PROBE,
    Case,
    Exchange,
    Send,
    Verdict,
    Wait,
    next_step,
)
from lionrock.payments.onboarding.domain.refusals import OnboardingRefusal
from lionrock.payments.onboarding.service import composing
from lionrock.payments.onboarding.store import candidates, runs
from lionrock.payments.onboarding.store.runs import Run
from lionrock.payments.service.core import Core
from lionrock.payments.service.courier import MEDIA_TYPE
from lionrock.payments.service.participants import ROLE
from lionrock.payments.service.roster import ENDPOINT

TEST_QUEUE = "payments.onboarding_test"
TEST_PATH = "/payments/v1/test/messages"
SEND_TIMEOUT_MS = 3_000
RUNS_PER_DAY_MAX = 500
# A new end point is put into force as it was tried, not as it was once.
PROBE_VALID = timedelta(days=1)
REPLY_KEPT_BYTES_MAX = 64 * 1024
LABEL_REPLAYED, LABEL_FORGED = "replayed", "forged"
_R = OnboardingRefusal


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a candidate stands in one test; current: with the keys and end point now in force."""

    case: Case
    run: Run | None
    is_current: bool

    @property
    def is_passed(self) -> bool:
        """Whether the last run passed with what is in force."""
        return self.run is not None and self.run.state == "passed" and self.is_current


class Testing:
    """Runs tests; see the module."""

    __test__ = False

    def __init__(self, core: Core) -> None:
        self._core = core

    async def organisation(self, db: Connection, candidate: Candidate) -> Organisation:
        """The candidate with the keys and the end point in force."""
        if candidate.is_registered or candidate.state in ENDED:
            found = await self._core.directory.get(db, candidate.organisation_id)
            assert found is not None or not candidate.is_registered, "never deleted"
            if found is not None and ENDPOINT in found.endpoints:
                return found
        return candidate.application.organisation(ROLE)

    async def start(
        self, db: Connection, candidate: Candidate, names: Sequence[str]
    ) -> list[Run] | Refused:
        """Begin runs of the tests named, of all when none is.

        Refused: STATE (not registered), CASE_UNKNOWN, RUNS_EXHAUSTED, RUN_UNDER_WAY.
        """
        if not candidate.is_registered:
            return Refused(_R.STATE, f"It is {candidate.state}.")
        wanted = list(dict.fromkeys(names)) or list(CASES)
        unknown = [name for name in wanted if name not in CASES]
        if unknown:
            return Refused(_R.CASE_UNKNOWN, f"{unknown[0][:40]!r}", "cases")
        fingerprint = fingerprint_of(await self.organisation(db, candidate), candidate)
        return await self._begin(db, [
            self._run(candidate, name, fingerprint) for name in wanted
        ])

    async def try_endpoint(
        self, db: Connection, candidate: Candidate, change: Change
    ) -> list[Run] | Refused:
        """Begin to try the end point that a change asks for; what is in force stays meanwhile.

        Refused: RUNS_EXHAUSTED, RUN_UNDER_WAY.
        """
        endpoint = change.content["endpoint"]
        fingerprint = await self._fingerprint_at(db, candidate, endpoint)
        run = self._run(candidate, PROBE.name, fingerprint)
        return await self._begin(db, [
            msgspec.structs.replace(run, change_id=change.id, endpoint=endpoint)
        ])

    async def check_endpoint(
        self, db: Connection, candidate: Candidate, change: Change
    ) -> Refused | None:
        """The end point that a change asks for has passed its test, as it would be in force.

        ENDPOINT_UNTESTED says how its last try stands.
        """
        run, code = await runs.last_run_of_change(db, change.id), _R.ENDPOINT_UNTESTED
        if run is None:
            return Refused(code, "It was not tried.", "endpoint")
        if run.state != "passed":
            stands = "is under way" if run.state == "running" else f"failed: {run.came}"
            return Refused(code, f"The last try {stands}.", "endpoint")
        as_asked = await self._fingerprint_at(db, candidate, change.content["endpoint"])
        if run.fingerprint != as_asked:
            return Refused(code, "The keys have changed since.", "endpoint")
        if self._core.kernel.wire_clock.now() - run.started_at > PROBE_VALID:
            return Refused(code, "The last try is more than a day old.", "endpoint")
        return None

    async def tries(self, db: Connection, changes: Sequence[Change]) -> dict[str, Run]:
        """The last try of each change of an end point, by the change."""
        found = {
            each.id: await runs.last_run_of_change(db, each.id)
            for each in changes if each.kind == "endpoint"
        }
        return {change_id: run for change_id, run in found.items() if run is not None}

    async def _fingerprint_at(
        self, db: Connection, candidate: Candidate, endpoint: str
    ) -> bytes:
        organisation = await self.organisation(db, candidate)
        endpoints = {**organisation.endpoints, ENDPOINT: endpoint}
        return fingerprint_of(
            msgspec.structs.replace(organisation, endpoints=endpoints), candidate
        )

    def _run(self, candidate: Candidate, name: str, fingerprint: bytes) -> Run:
        kernel = self._core.kernel
        return Run(
            id=kernel.ids.new("run"), candidate_id=candidate.id, case_name=name,
            fingerprint=fingerprint, state="running", came="", started_at=kernel.wire_clock.now(),
        )

    async def _begin(self, db: Connection, wanted: list[Run]) -> list[Run] | Refused:
        """Begin runs of one candidate, as many as it may in a day."""
        [candidate_id] = {run.candidate_id for run in wanted}
        since = self._core.kernel.wire_clock.now() - timedelta(days=1)
        begun = await runs.count_runs(db, candidate_id, since)
        if begun + len(wanted) > RUNS_PER_DAY_MAX:
            return Refused(_R.RUNS_EXHAUSTED, f"At most {RUNS_PER_DAY_MAX}.")
        for run in wanted:
            if not await runs.insert_run(db, run):
                return Refused(_R.RUN_UNDER_WAY, run.case_name, "cases")
            await jobs.schedule(db, queue=TEST_QUEUE, key=run.id)
        return wanted

    async def standings(self, db: Connection, candidate: Candidate) -> list[Standing]:
        """How a candidate stands in each test."""
        in_force = fingerprint_of(await self.organisation(db, candidate), candidate)
        last = await runs.last_runs(db, candidate.id)
        return [
            Standing(
                case=case, run=last.get(name),
                is_current=name in last and last[name].fingerprint == in_force,
            )
            for name, case in CASES.items()
        ]

    async def missing(self, db: Connection, candidate: Candidate) -> list[str]:
        """The tests whose last run did not pass with what is in force."""
        return [
            each.case.name for each in await self.standings(db, candidate) if not each.is_passed
        ]

    async def run(
        self, db: Connection, candidate_id: str, run_id: str
    ) -> tuple[Run, list[Exchange]] | Refused:
        """Return a candidate's run with its evidence; another's is not found."""
        run = await runs.load_run(db, run_id)
        if run is None or run.candidate_id != candidate_id:
            return Refused(_R.RUN_UNKNOWN)
        return run, await runs.list_exchanges(db, self._core.vault, run_id)

    async def drive(self, job: jobs.Job) -> jobs.Done | jobs.Again:
        """Job of a run: send what is next, wait, or end it."""
        core = self._core

        async def load(db: Connection) -> tuple[Run | None, list[Exchange]]:
            return await runs.load_run(db, job.key), await runs.list_exchanges(
                db, core.vault, job.key
            )

        run, exchanges = await core.kernel.database.run(load)
        if run is None or run.state != "running":
            return jobs.Done()
        step = next_step(
            ALL_CASES[run.case_name], exchanges, started_at=run.started_at,
            now=core.kernel.wire_clock.now(),
            limit_ms=core.kernel.settings.payment_answer_timeout_ms,
        )
        if isinstance(step, Send):
            await self._send(run.id, step.label)
            return jobs.Again(after_ms=0)
        if isinstance(step, Wait):
            return jobs.Again(after_ms=step.after_ms)
        await core.kernel.database.run(lambda db: self._finish(db, run, step))
        return jobs.Done()

    async def _finish(self, db: Connection, run: Run, verdict: Verdict) -> None:
        now = self._core.kernel.wire_clock.now()
        if not await runs.finish_run(
            db, run.id, is_passed=verdict.is_passed, came=verdict.came, at=now
        ):
            return
        exchanges = await runs.list_exchanges(db, self._core.vault, run.id)
        evidence = hashlib.sha256(
            b"".join(hashlib.sha256(part).digest() for e in exchanges for part in (e.body, e.reply))
        )
        await self._core.receipts.record(
            db, "payments.candidate_tested", PLATFORM_ORGANISATION,
            {"candidate": run.candidate_id, "run": run.id},
            {"exchanges": evidence.hexdigest()},
            about=f"{run.case_name} {'passed' if verdict.is_passed else 'failed'}",
        )

    async def _send(self, run_id: str, label: str) -> None:
        """Fix the message of a label, send it, record what came of it. Three beats."""
        core = self._core
        fixed = await core.kernel.database.run(lambda db: self._fix(db, run_id, label))
        if fixed is None:
            return
        exchange, replayed = fixed
        headers = dict(replayed) or self._signed(exchange)
        try:
            reply = await core.kernel.network.send(
                "POST", exchange.url, headers, exchange.body, timeout_ms=SEND_TIMEOUT_MS
            )
            came = msgspec.structs.replace(
                exchange, status=reply.status, reply=reply.body[:REPLY_KEPT_BYTES_MAX]
            )
        except Unreachable as error:
            came = msgspec.structs.replace(exchange, status=-1, said=error.reason.value)
        came = msgspec.structs.replace(
            came, headers=headers, answered_at=core.kernel.wire_clock.now()
        )
        await core.kernel.database.run(
            lambda db: runs.set_sent(db, core.vault, run_id, came)
        )

    async def _fix(
        self, db: Connection, run_id: str, label: str
    ) -> tuple[Exchange, Mapping[str, str]] | None:
        """Write the message down before it is sent, once; None when the run has ended."""
        core = self._core
        run = await runs.load_run(db, run_id, is_locking=True)
        if run is None or run.state != "running":
            return None
        exchanges = await runs.list_exchanges(db, core.vault, run_id)
        sent = {each.label: each for each in exchanges if each.direction == "out"}
        replayed = sent["credit"].headers if label == LABEL_REPLAYED else {}
        if label in sent:
            return sent[label], replayed
        candidate = await candidates.load_candidate(db, core.vault, run.candidate_id)
        assert candidate is not None, "applications are never deleted"
        organisation = await self.organisation(db, candidate)
        written = composing.compose(core, candidate, label, exchanges)
        exchange = Exchange(
            position=len(exchanges) + 1, direction="out", label=label,
            definition=written.definition, message_id=written.message_id, body=written.content,
            at=core.kernel.wire_clock.now(),
            url=(run.endpoint or organisation.endpoints[ENDPOINT]).rstrip("/") + TEST_PATH,
        )
        await runs.add_exchange(db, core.vault, run, exchange)
        return exchange, replayed

    def _signed(self, exchange: Exchange) -> dict[str, str]:
        """The headers of a sending; of a forged one by a key that nobody knows."""
        kernel = self._core.kernel
        own = organisation_key(kernel, PLATFORM_ORGANISATION)
        return sign_request(
            method="POST", url=exchange.url, headers={"content-type": MEDIA_TYPE},
            body=exchange.body, key=generate_key() if exchange.label == LABEL_FORGED else own,
            keyid=keyid(PLATFORM_ORGANISATION, own.kid), now_s=kernel.wire_clock.now_s(),
        )


def fingerprint_of(organisation: Organisation, candidate: Candidate) -> bytes:
    """What a test was passed with: the keys and end point in force, test accounts, the tests."""
    accounts = candidate.application.test_accounts
    parts = (
        CASES_VERSION, organisation.endpoints.get(ENDPOINT, ""),
        candidate.application.clearing_code, accounts.open, accounts.closed,
        *sorted(jwk["kid"] for jwk in organisation.keys),
    )
    return hashlib.sha256("\n".join(parts).encode()).digest()
