"""lionrock bench login: full log-ins a second, through the doors that people and services use.

One log-in: the service pushes a request with a login_hint (PAR); the browser opens the
authorization endpoint and the page with the number; the person's phone fetches what it is asked and
signs the answer with the number; the browser is sent back with a code; the service takes it to the
token endpoint and reads userinfo. Eight requests, seven ES256 signatures by the driver. The driver
holds the keys of service and phone and speaks HTTP to the platform only; it checks the states it
needs and believes the rest. Assertions and the token request's proofs are signed before the window.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec

from lionrock.cli.benches.driver import Answer, Connection, connect, form, request
from lionrock.cli.benches.figures import Case, Stopwatch, report
from lionrock.cli.benches.token import TOKEN_PATH, authentication, proof
from lionrock.cli.benches.town import REDIRECT, Person, Service, Town, town
from lionrock.identity.api import ANSWER_TYPE
from lionrock.kernel import log, secrets
from lionrock.kernel.clock import SystemWireClock, monotonic_ms
from lionrock.kernel.jose import sign_jws
from lionrock.kernel.signatures import sign_request

CALLERS = (8, 12)
PER_S_MAX = 400
SECONDS_MAX = 20.0
WARM_UP_EACH = 20
FRONTS = 2
SCOPE = "openid profile contact"
PAR_PATH, AUTHORIZE_PATH = "/identity/par", "/identity/authorize"
USERINFO_PATH, ASKED_PATH = "/identity/userinfo", "/identity/v1/device/approvals"
STEPS = ("push", "authorize", "page", "asked", "answer", "return", "token", "userinfo")
_NUMBER = re.compile(rb'data-number="(\d+)"')


class LoginFailed(RuntimeError):
    """A step of a log-in was answered otherwise than expected; the text shows what came."""


class Prepared(msgspec.Struct, frozen=True):
    """What a service has ready for one log-in."""

    service: Service
    push: bytes
    verifier: str
    authentication: Mapping[str, str]
    proof: str


async def run(seconds: float, json_path: Path | None) -> None:
    """Measure each number of callers for `seconds` (at most SECONDS_MAX), print, and write."""
    log.configure("warning")
    async with town(FRONTS) as city:
        services = await city.services(
            max(CALLERS), frozenset({"openid", "profile", "contact"}), may_hint_login=True
        )
        people = await city.people(max(CALLERS))
        cases = [
            await measure(city, services[:callers], people[:callers], min(seconds, SECONDS_MAX))
            for callers in CALLERS
        ]
    report("login", cases, json_path)


async def measure(
    city: Town, services: list[Service], people: list[Person], seconds: float
) -> Case:
    """Warm up, then these people log in again and again, each at an own service's."""
    callers = len(people)
    warm_up = WARM_UP_EACH * callers
    count = warm_up + int(seconds * PER_S_MAX)
    prepared = [_prepare(city, services[n % callers], people[n % callers]) for n in range(count)]
    desks = [Desk(city, person, await connect(city.port)) for person in people]
    try:
        await _drive(desks, prepared[:warm_up], float("inf"))
        for desk in desks:
            desk.spent_ms = dict.fromkeys(STEPS, 0.0)
        watch = Stopwatch(city.processes)
        until_ms = monotonic_ms() + seconds * 1_000
        durations, failures = await _drive(desks, prepared[warm_up:], until_ms)
        count = max(1, len(durations))
        notes = {
            "callers": callers, "fronts": FRONTS, "clients": callers, "people": callers,
            "signed before the window": "assertions, the token request's proofs",
            "mean ms by step": {
                step: round(sum(desk.spent_ms[step] for desk in desks) / count, 2)
                for step in STEPS
            },
        }  # fmt: skip
        if failures:
            notes["first failure"] = failures[0]
        return watch.case(f"login-{callers}", durations, len(failures), notes)
    finally:
        for desk in desks:
            desk.connection.close()


async def _drive(
    desks: list[Desk], prepared: list[Prepared], until_ms: float
) -> tuple[list[float], list[str]]:
    durations: list[float] = []
    failures: list[str] = []

    async def work(desk: Desk, own: list[Prepared]) -> None:
        for each in own:
            started_ms = monotonic_ms()
            if started_ms >= until_ms:
                return
            try:
                await desk.log_in(each)
            except LoginFailed as error:
                failures.append(str(error))
            durations.append(monotonic_ms() - started_ms)

    # A push names its person, so each person's desk takes its own.
    await asyncio.gather(
        *(work(desk, prepared[n :: len(desks)]) for n, desk in enumerate(desks))
    )
    return durations, failures


class Desk:
    """One person with browser and phone, one log-in at a time, over one connection."""

    def __init__(self, city: Town, person: Person, connection: Connection) -> None:
        self._city = city
        self._person = person
        self.connection = connection
        self.spent_ms = dict.fromkeys(STEPS, 0.0)

    async def log_in(self, prepared: Prepared) -> None:
        """Log in once; LoginFailed."""
        pushed = await self._send("push", prepared.push, 201)
        query = urlencode({
            "client_id": prepared.service.id,
            "request_uri": msgspec.json.decode(pushed.body)["request_uri"],
        })  # fmt: skip
        begun = await self._get("authorize", f"{AUTHORIZE_PATH}?{query}", {}, 303)
        page = urlsplit(begun.header("location")).path
        cookie = {"cookie": begun.header("set-cookie").split(";", 1)[0]}
        shown = await self._get("page", page, cookie, 200)
        number = _NUMBER.search(shown.body)
        if number is None:
            raise LoginFailed(f"page: no number in {shown.body[:200]!r}")
        await self._approve(number.group(1).decode())
        done = await self._get("return", page, cookie | {"accept": "application/json"}, 200)
        address = msgspec.json.decode(done.body).get("redirect_to") or ""
        await self._redeem(prepared, parse_qs(urlsplit(address).query)["code"][0])

    async def _approve(self, number: str) -> None:
        asked = await self._signed("asked", "GET", ASKED_PATH, b"")
        approval = msgspec.json.decode(asked.body)["approvals"][0]
        claims = {
            "approval_id": approval["approval_id"], "words_hash": approval["words_hash"],
            "decision": "approved", "number": number, "iat": SystemWireClock().now_s(),
        }  # fmt: skip
        answer = {"answer": sign_jws(self._person.device_key, claims, typ=ANSWER_TYPE)}
        path = f"{ASKED_PATH}/{approval['approval_id']}/answer"
        await self._signed("answer", "POST", path, msgspec.json.encode(answer))

    async def _redeem(self, prepared: Prepared, code: str) -> None:
        fields = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT,
            "code_verifier": prepared.verifier, **prepared.authentication,
        }  # fmt: skip
        sent = form(TOKEN_PATH, self._city.host, fields, {"dpop": prepared.proof})
        token = msgspec.json.decode((await self._send("token", sent, 200)).body)["access_token"]
        digest = hashlib.sha256(token.encode()).digest()
        ath = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        url = f"{self._city.issuer}{USERINFO_PATH}"
        headers = {
            "authorization": f"DPoP {token}",
            "dpop": proof(prepared.service.proof_key, "GET", url, ath),
        }  # fmt: skip
        await self._get("userinfo", USERINFO_PATH, headers, 200)

    async def _signed(self, step: str, method: str, path: str, body: bytes) -> Answer:
        headers = sign_request(
            method=method, url=f"{self._city.issuer}{path}", body=body,
            key=self._person.device_key, keyid=self._person.device_id,
            now_s=SystemWireClock().now_s(),
            headers={"content-type": "application/json"} if body else None,
        )  # fmt: skip
        return await self._send(step, request(method, path, self._city.host, headers, body), 200)

    async def _get(
        self, step: str, path: str, headers: Mapping[str, str], expected: int
    ) -> Answer:
        return await self._send(step, request("GET", path, self._city.host, headers), expected)

    async def _send(self, step: str, sent: bytes, expected: int) -> Answer:
        started_ms = monotonic_ms()
        answer = await self.connection.send(sent)
        self.spent_ms[step] += monotonic_ms() - started_ms
        if answer.status != expected:
            raise LoginFailed(f"{step}: {answer.status} {answer.body[:300]!r}")
        return answer


def _prepare(city: Town, service: Service, person: Person) -> Prepared:
    verifier = secrets.token(32)
    digest = hashlib.sha256(verifier.encode()).digest()
    fields = {
        "response_type": "code", "redirect_uri": REDIRECT, "scope": SCOPE,
        "state": secrets.token(16), "nonce": secrets.token(16), "login_hint": person.handle,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }  # fmt: skip
    push = form(PAR_PATH, city.host, fields | authentication(city, service), {})
    token_proof = proof(service.proof_key, "POST", f"{city.issuer}{TOKEN_PATH}")
    return Prepared(service, push, verifier, authentication(city, service), token_proof)
