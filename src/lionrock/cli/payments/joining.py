"""A bank's folder on its way onto a switch, and its signed calls to the onboarding API.

The folder holds `key.pem` (the private key that signs), `application.json` (to be filled in) and
`candidate.json` (which switch, which application). Any switch can be joined, over the same HTTP
API as a bank's own system uses it; nothing here needs a simulated bank.
Not for: what the switch decides; sending the messages of a bank's own tests, which its own system
must show that it can. Source: RFC 9421 (calls and answers are signed), RFC 5958 (key file).
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives import serialization

from lionrock.app.supervisor import CityRefused
from lionrock.directory.api import (
    PLATFORM_ORGANISATION,
    RemoteDirectory,
    Sender,
    check_signed_reply,
    send_signed,
)
from lionrock.kernel.clock import WireClock
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key, generate_key, key_from_pkcs8
from lionrock.kernel.network import Network, Unreachable
from lionrock.payments.api import ParticipantApplication

API = "/payments/v1/onboarding"
KEY_FILE, APPLICATION_FILE, CANDIDATE_FILE = "key.pem", "application.json", "candidate.json"
POLL_S = 1.0
# What cannot be mended at this moment without being told how.
ADVICE = {
    "payments.candidate_malformed": f"mend {APPLICATION_FILE}, then apply again",
    "payments.candidate_code_taken": f"ask for another clearing code in {APPLICATION_FILE}",
    "payments.candidate_organisation_taken":
        f"take another organisation_id in {APPLICATION_FILE}, or use the folder that applied",
    "payments.candidate_key_known": "make a new key: lionrock payments join add-key NEW.pem",
    "payments.candidate_tests_missing": "run them: lionrock payments join test",
    "payments.candidate_state": "see where it stands: lionrock payments join status",
    "payments.test_under_way": "wait for its end: lionrock payments join status",
    "payments.candidate_change_pending": "wait for the operators: lionrock payments join status",
    "payments.candidate_key_signs": "sign with the key that stays: --key FILE",
    "directory.key_unknown": "sign with a key that is in force: --key FILE",
    "signature.key_unknown": "sign with a key that is in force: --key FILE",
}


class SwitchRefused(Exception):
    """The switch said no; the text says why and what to do next."""


class Standing(msgspec.Struct, frozen=True):
    """Which switch was asked, and under which id it knows the application."""

    switch: str
    id: str


class Folder:
    """The files of a bank that joins."""

    def __init__(self, path: Path, key: Path | None = None) -> None:
        self.path = path
        self._key_path = key or path / KEY_FILE

    def begin(self, application: dict[str, Any]) -> Path:
        """Make the folder with a new key and an application to fill in; returns its file."""
        self.path.mkdir(parents=True, exist_ok=True)
        if (self.path / APPLICATION_FILE).exists():
            raise CityRefused(
                f"{self.path} holds an application already; mend it and run: "
                "lionrock payments join apply"
            )
        if not self._key_path.exists():
            write_key(self._key_path)
        file = self.path / APPLICATION_FILE
        file.write_bytes(msgspec.json.format(msgspec.json.encode(application), indent=2) + b"\n")
        return file

    def key(self) -> Key:
        """The private key that signs."""
        return read_key(self._key_path)

    def application(self) -> dict[str, Any]:
        """The application as it would be sent; the folder's key is in it if no other is."""
        file = self.path / APPLICATION_FILE
        try:
            asked: dict[str, Any] = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
            asked["keys"] = asked.get("keys") or [self.key().public_jwk]
            msgspec.convert(asked, ParticipantApplication)
        except FileNotFoundError as error:
            raise CityRefused(
                f"there is no {file}; begin with: lionrock payments join new"
            ) from error
        except msgspec.MsgspecError as error:
            raise CityRefused(f"{file}: {error}; mend it and apply again") from error
        return asked

    def standing(self) -> Standing:
        """Where the application was sent."""
        try:
            content = (self.path / CANDIDATE_FILE).read_bytes()
            return msgspec.json.decode(content, type=Standing)
        except FileNotFoundError as error:
            raise CityRefused(
                f"{self.path} has not applied yet; run: lionrock payments join apply"
            ) from error
        except msgspec.MsgspecError as error:
            raise CityRefused(
                f"{self.path / CANDIDATE_FILE}: {error}; apply again, which writes it anew"
            ) from error

    def applied(self, standing: Standing) -> None:
        """Remember where the application was sent."""
        (self.path / CANDIDATE_FILE).write_bytes(msgspec.json.encode(standing) + b"\n")


class Applicant:
    """A bank's signed calls about its own application."""

    def __init__(self, folder: Folder, network: Network, wire_clock: WireClock) -> None:
        self._folder = folder
        self._network = network
        self._clock = wire_clock

    async def apply(self, switch: str) -> dict[str, Any]:
        """Send the application; one that was not agreed to yet is replaced if it differs."""
        asked, address = self._folder.application(), switch.rstrip("/")
        try:
            standing: Standing | None = self._folder.standing()
        except CityRefused:
            standing = None
        if standing is not None and standing.switch == address:
            shown = await self.show()
            if shown["state"] in ("asked", "returned"):
                return await self._call("PUT", self._own(standing), asked)
            if shown["state"] not in ("rejected", "withdrawn"):
                return shown
        shown = await self._call("POST", address + API, asked)
        self._folder.applied(Standing(address, shown["id"]))
        return shown

    async def show(self) -> dict[str, Any]:
        """How the application stands."""
        return await self._call("GET", self._own(self._folder.standing()))

    async def deed(self, path: str, body: object | None = None) -> dict[str, Any]:
        """A deed about the application: /runs, /go-live, /keys, /key-retirements, /endpoint."""
        return await self._call("POST", self._own(self._folder.standing()) + path, body)

    async def follow(
        self, names: set[str], wait_s: float, tell: Callable[[dict[str, Any]], None],
        pause: Callable[[float], Awaitable[None]],
    ) -> dict[str, Any]:
        """Wait until runs of these tests have ended; each is told once. Returns how all stands."""
        told: set[str] = set()
        left_s = wait_s
        while True:
            shown = await self.show()
            mine = [each for each in shown["tests"] if each["name"] in names]
            ended = [each for each in mine if each["state"] in ("passed", "failed")]
            for each in ended:
                if each["name"] not in told:
                    tell(each)
            told |= {each["name"] for each in ended}
            if told == names or left_s <= 0:
                return shown
            await pause(POLL_S)
            left_s -= POLL_S

    def _own(self, standing: Standing) -> str:
        return f"{standing.switch}{API}/{standing.id}"

    async def _call(self, method: str, url: str, body: object | None = None) -> dict[str, Any]:
        """A signed call; SwitchRefused says why not, CityRefused that nobody answered."""
        organisation_id = self._folder.application()["organisation_id"]
        switch = url.partition(API)[0]
        try:
            exchange = await send_signed(
                self._network, self._clock, Sender(organisation_id, self._folder.key()),
                method=method, url=url, body=b"" if body is None else msgspec.json.encode(body),
                headers={} if body is None else {"content-type": "application/json"},
            )
            if exchange.reply.status >= 300:
                raise SwitchRefused(sentence_of(exchange.reply.status, exchange.reply.body))
            directory = RemoteDirectory(self._network, switch, self._clock)
            signer = await directory.get(PLATFORM_ORGANISATION)
        except Unreachable as error:
            raise CityRefused(
                f"nothing answers at {switch} ({error.reason.value}); is it the switch's address? "
                "Apply with --switch URL; a city of your own starts with: lionrock up"
            ) from error
        if signer is None or isinstance(
            check_signed_reply(exchange, signer, self._clock), Refused
        ):
            raise CityRefused(
                f"the answer of {switch} is not signed by its switch; look at what stands between, "
                "and at this machine's clock"
            )
        shown: dict[str, Any] = msgspec.json.decode(exchange.reply.body)
        return shown


def sentence_of(status: int, body: bytes) -> str:
    """Why the switch refused, and what to do next."""
    try:
        problem = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError:
        return f"the switch answered {status}"
    code = str(problem.get("code") or status)
    words = " ".join(filter(None, (problem.get("title", ""), problem.get("detail", ""))))
    field = f", {problem['field']}" if problem.get("field") else ""
    advice = f"; {ADVICE[code]}" if code in ADVICE else ""
    return f"{words or 'refused'} ({code}{field}){advice}"


def write_key(path: Path) -> Key:
    """Make a signing key (P-256) in a file of its own that only its owner reads."""
    key = generate_key()
    assert key.private is not None, "it was made here"
    content = key.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )  # fmt: skip
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    return key


def read_key(path: Path) -> Key:
    """Read a private key; CityRefused when the file holds none."""
    try:
        native = serialization.load_pem_private_key(path.read_bytes(), password=None)
        return key_from_pkcs8(native.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ))  # fmt: skip
    except FileNotFoundError as error:
        raise CityRefused(
            f"there is no key {path}; begin with: lionrock payments join new, or name it with --key"
        ) from error
    except (ValueError, TypeError) as error:
        raise CityRefused(f"{path} holds no private key in PEM that signs: {error}") from error
