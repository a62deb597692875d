"""A small town for the tests of evidence: platform, two members, two witnesses, one process."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec

from lionrock.directory import api as directory_api
from lionrock.directory.api import Directory, Organisation, Sender, SignedExchange, send_signed
from lionrock.evidence import api as evidence_api
from lionrock.evidence.api import Evidence, Receipt, canonical_json
from lionrock.evidence.domain.receipt import payload_of
from lionrock.evidence.service.evidence import Proven
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import build_application
from lionrock.kernel.jobs import Worker
from lionrock.kernel.jose import Key, generate_key, sign_jws
from lionrock.kernel.keys import KeyStore
from lionrock.kernel.network import Reply
from lionrock.sandbox.world.frame import World, WorldContext
from lionrock.sandbox.world.store import WorldStore
from lionrock.sandbox.world.witness import Witness

CASE = {"case_id": "cas_0123456789abcdef0123456789abcdef"}
WITNESSES = ("witness-harbour", "witness-peak")
MEMBERS = ("bank-harbour", "registry-department")
PLATFORM = directory_api.PLATFORM_ORGANISATION
OFFICE = directory_api.PROGRAMME_OFFICE


@dataclasses.dataclass
class Town:
    """Everything that a test touches."""

    kernel: Kernel
    directory: Directory
    evidence: Evidence
    world: World
    witnesses: list[Witness]
    member_keys: dict[str, Key]

    async def run(self, kind: str = "programmes.case_decided", **changes: object) -> str:
        """Record one receipt of the platform in a transaction of its own."""

        async def use_case(db: Connection) -> str:
            given: dict[str, object] = {"issuer": PLATFORM, "references": CASE, "digests": {}}
            return await self.evidence.record(db, kind, **(given | changes))  # type: ignore[arg-type]  # each test gives the fields it is about

        return await self.kernel.database.run(use_case)

    async def proven(self, receipt_id: str) -> Proven:
        """A receipt with its proof; it must be there."""
        found = await self.kernel.database.run(lambda db: self.evidence.receipt(db, receipt_id))
        assert not isinstance(found, Refused), found
        return found

    async def export(self, *artefacts: evidence_api.Artefact) -> bytes:
        """Export the case's bundle; it must not be refused."""
        bundle = await self.kernel.database.run(
            lambda db: self.evidence.export_bundle(db, CASE, artefacts)
        )
        assert isinstance(bundle, bytes), bundle
        return bundle

    async def trust(self) -> bytes:
        """The town's trust file."""
        return await self.kernel.database.run(self.evidence.trust_anchors)

    def receipt(self, signer: str, **changes: object) -> str:
        """A member's signed receipt; `changes` may make it one that is refused."""
        fields: dict[str, object] = {
            "id": self.kernel.ids.new("rct"), "kind": "exchange.data_sent", "issuer": signer,
            "at": "2026-02-20T09:00:00Z", "iat": self.kernel.wire_clock.now_s(),
            "references": dict(CASE), "digests": {"payload": "ab" * 32}, "about": "",
        }  # fmt: skip
        key = self.member_keys[signer]
        return sign_jws(key, canonical_json(fields | changes), typ="receipt+jwt")

    async def send(
        self, issuer: str, method: str, path: str, body: object = None, key: Key | None = None
    ) -> Reply:
        """A signed call of a member."""
        sender = Sender(issuer, key or self.member_keys[issuer])
        encoded = b"" if body is None else msgspec.json.encode(body)
        exchange: SignedExchange = await send_signed(
            self.kernel.network, self.kernel.wire_clock, sender, method=method,
            url=f"http://platform.test{path}", body=encoded,
            headers={"content-type": "application/json"} if encoded else None,
        )  # fmt: skip
        return exchange.reply

    async def get(self, path: str) -> Reply:
        """An unsigned call of anybody."""
        return await self.kernel.network.send("GET", f"http://platform.test{path}")

    def worker(self) -> Worker:
        """A worker that runs this pillar's jobs."""
        return Worker(
            self.kernel.database, self.kernel.wire_clock, self.kernel.business_clock,
            evidence_api.handlers(self.evidence),
        )  # fmt: skip


def organisation(name: str, key: Key, *roles: str, **endpoints: str) -> Organisation:
    """A directory entry with one key."""
    return Organisation(
        id=name, names={"en": name, "zh-Hant": name, "zh-Hans": name}, roles=frozenset(roles),
        endpoints=endpoints, keys=(key.public_jwk,), simulated=True,
    )  # fmt: skip


async def found(kernel: Kernel, folder: Path) -> Town:
    """Build the town and plug it into the kernel's network."""
    directory = Directory(kernel)
    evidence = Evidence(kernel, directory)
    context = WorldContext(
        platform_url="http://platform.test", world_url="http://world.test",
        wire_clock=kernel.wire_clock, business_clock=kernel.business_clock, ids=kernel.ids,
        key_store=KeyStore(folder / "world-keys", "the world's", scrypt_cost=2**4),
        network=kernel.network, database=kernel.database, store=WorldStore(kernel.database),
    )  # fmt: skip
    signer = await kernel.database.run(evidence.log.signer)
    witnesses = [Witness(context, name, [signer.verifier.vkey()]) for name in WITNESSES]
    world = World(context, witnesses)
    member_keys = {name: generate_key() for name in MEMBERS}

    async def register(db: Connection) -> None:
        entries = [
            organisation(name, directory_api.organisation_key(kernel, name), "platform")
            for name in (PLATFORM, OFFICE)
        ]
        entries += [organisation(name, key, "member") for name, key in member_keys.items()]
        entries += [
            organisation(w.id, w.key, "witness", witness=context.address(w.id)) for w in witnesses
        ]
        for entry in entries:
            registered = await directory.register(db, entry)
            assert not isinstance(registered, Refused), registered

    await kernel.database.run(register)
    kernel.network.applications["http://world.test"] = world.application
    kernel.network.applications["http://platform.test"] = build_application(
        kernel, [evidence_api.table(evidence), directory_api.table(directory)]
    )
    return Town(kernel, directory, evidence, world, witnesses, member_keys)


def payload(jws: str) -> Receipt:
    """The receipt inside a JWS."""
    return msgspec.json.decode(payload_of(jws), type=Receipt)
