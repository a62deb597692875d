"""The log: growing it, signing its head, and asking witnesses to cosign.

Three separate steps, each its own transaction, so that a crash anywhere leaves something that the
next run completes:

1. `integrate` gives recorded receipts their places and writes tiles, size and root, all together.
2. `sign_head` signs what is *committed*: a tree that could still be rolled back is never signed, so
   that two different trees of one size cannot both have our signature.
3. `cosign` asks one witness, holding no connection meanwhile, and saves what it verified.

Source: C2SP tlog-checkpoint (a log never signs inconsistent checkpoints), C2SP tlog-witness.
Invariants: indices are dense from 0; the root is checked against the tiles before each growth.
"""

from __future__ import annotations

import hashlib
import re

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lionrock.directory.api import Directory, Organisation
from lionrock.evidence import store
from lionrock.evidence.domain import merkle, note, tiles, witnessing
from lionrock.kernel import jobs
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.network import Reply, Unreachable

LOG_KEY = "platform/evidence-log"
WITNESS_ROLE = "witness"
COSIGN_QUEUE = "evidence.cosign"
BATCH_MAX = 2_000
WITNESS_TIMEOUT_MS = 2_000
COSIGN_TRIES_MAX = 2

_log = structlog.get_logger("lionrock.evidence")


class LogDamaged(RuntimeError):
    """The stored tiles do not add up to the stored root: the log must not grow until repaired."""


class LogIdentityChanged(RuntimeError):
    """The log was begun under another key: the key store is not the one it belongs to."""


class Log:
    """The append-only log of one city."""

    def __init__(self, kernel: Kernel, directory: Directory) -> None:
        self._kernel = kernel
        self._directory = directory

    async def signer(self, db: Connection) -> note.Signer:
        """Return the log's signer, beginning the log when there is none; LogIdentityChanged."""
        key = self._kernel.key_store.get_or_create(LOG_KEY, "Ed25519")
        assert isinstance(key.private, Ed25519PrivateKey), "the log signs with Ed25519"
        tree = await store.load_tree(db)
        if tree is None:
            fresh = note.Signer(
                origin_of(self._kernel.settings.city), note.TYPE_LOG, key.private
            )
            await store.found_tree(db, fresh.name, fresh.verifier.vkey())
            tree = await store.load_tree(db)
        assert tree is not None, "the log was begun just now"
        # A renamed city keeps its log: the origin is the one that the log was begun under.
        signer = note.Signer(tree.origin, note.TYPE_LOG, key.private)
        if signer.verifier.vkey() != tree.vkey:
            raise LogIdentityChanged(f"the key {LOG_KEY!r} is not the one of {tree.vkey}")
        return signer

    async def integrate(self) -> int:
        """Give pending receipts their places; returns how many (0: none, or another is at it)."""
        return await self._kernel.database.run(self._grow)

    async def _grow(self, db: Connection) -> int:
        await self.signer(db)
        tree = await store.lock_tree(db)
        if tree is None:
            return 0
        pending = await store.list_pending(db, BATCH_MAX)
        if not pending:
            return 0
        edge = await store.load_tiles(db, tiles.right_edge(tree.size))
        _check_edge(edge, tree)
        hashes = [merkle.leaf_hash(receipt.entry) for receipt in pending]
        growth = tiles.grow(edge, tree.size, hashes)
        assert growth.size == tree.size + len(pending), "every receipt has its place"
        await store.save_indices(db, [receipt.id for receipt in pending], tree.size)
        await store.save_tiles(db, growth.changed)
        await store.save_tree(db, growth.size, growth.root)
        return len(pending)

    async def sign_head(self) -> int | None:
        """Sign the committed tree unless it is signed, and make its cosigning due.

        Returns the size signed, None when there was nothing to sign.
        """
        return await self._kernel.database.run(self._sign)

    async def _sign(self, db: Connection) -> int | None:
        signer = await self.signer(db)
        tree = await store.lock_tree(db)
        if tree is None or tree.size == 0 or await store.has_checkpoint(db, tree.size):
            return None
        text = note.Checkpoint(tree.origin, tree.size, tree.root).text()
        line = note.sign_note(text, signer)
        await store.insert_checkpoint(
            db, tree.size, text, line, self._kernel.wire_clock.now()
        )
        for witness in await self.witnesses(db):
            await jobs.schedule(db, queue=COSIGN_QUEUE, key=witness.id)
        return tree.size

    async def witnesses(self, db: Connection) -> list[Organisation]:
        """Return the active witnesses of the directory."""
        return [each for each in await self._directory.list(db, WITNESS_ROLE) if each.is_active]

    async def cosign(self, witness_id: str) -> bool:
        """Ask one witness to cosign the newest checkpoint; True when it has, or must not be asked.

        A witness that is down, refuses, or answers something else costs nothing but its absence.
        """
        old_size: int | None = None
        for _ in range(COSIGN_TRIES_MAX):
            request = await self._prepare(witness_id, old_size)
            if request is None:
                return True
            reply = await self._ask(request)
            if reply is None:
                return False
            outcome = witnessing.read_answer(request, reply.status, reply.headers, reply.body)
            if isinstance(outcome, note.SignatureLine):
                await self._save(request, outcome)
                return True
            if isinstance(outcome, str):
                _log.warning("witness_refused", witness=witness_id, status=reply.status,
                             reason=outcome)
                return False
            old_size = outcome  # it knows another size than we remember; ask again from there
        return False

    async def _prepare(
        self, witness_id: str, old_size: int | None
    ) -> witnessing.WitnessRequest | None:
        """Read what to send: the newest checkpoint with its proof from the witness's size."""

        async def use_case(db: Connection) -> witnessing.WitnessRequest | None:
            witness = await self._directory.get(db, witness_id)
            newest = await store.load_newest_note(db)
            head = note.parse_checkpoint(newest.text) if newest else None
            if witness is None or not witness.is_active or newest is None or head is None:
                return None
            key = witness_key(witness)
            address = witness.endpoints.get(WITNESS_ROLE)
            if key is None or address is None or note.check_cosignature(newest, key):
                return None
            known = await store.cosigned_size(db, witness_id) if old_size is None else old_size
            plan = merkle.consistency_plan(known, head.size) if known <= head.size else ()
            return witnessing.WitnessRequest(
                witness_id=witness_id, key=key, url=f"{address.rstrip('/')}/add-checkpoint",
                old_size=known, proof=tuple(await make_proof(db, plan)),
                signed=note.Note(newest.text, newest.signatures[:1]), size=head.size,
            )  # fmt: skip

        return await self._kernel.database.run(use_case)

    async def _ask(self, request: witnessing.WitnessRequest) -> Reply | None:
        try:
            return await self._kernel.network.send(
                "POST", request.url, {"content-type": "text/plain; charset=utf-8"},
                request.encode(), timeout_ms=WITNESS_TIMEOUT_MS,
            )  # fmt: skip
        except Unreachable as error:
            _log.warning("witness_unreachable", witness=request.witness_id, reason=str(error))
            return None

    async def _save(self, request: witnessing.WitnessRequest, line: note.SignatureLine) -> None:
        await self._kernel.database.run(
            lambda db: store.insert_cosignature(db, request.size, request.witness_id, line)
        )


def origin_of(city: str) -> str:
    """Return the origin line of a city's log (C2SP tlog-checkpoint: like an address, no scheme)."""
    slug = re.sub(r"[^a-z0-9]+", "-", city.lower()).strip("-")
    return f"{slug or hashlib.sha256(city.encode()).hexdigest()[:16]}.lionrock/evidence/v1"


def witness_key(witness: Organisation) -> note.VerifierKey | None:
    """Return the cosignature key of a witness: its Ed25519 key, under its organisation id."""
    for jwk in witness.keys:
        public = note.decode_base64url(str(jwk.get("x", "")))
        if jwk.get("crv") == "Ed25519" and public is not None:
            return note.VerifierKey(witness.id, note.TYPE_COSIGNATURE, public)
    return None


async def make_proof(db: Connection, plan: merkle.Plan) -> list[bytes]:
    """Make a planned proof from stored tiles; LogDamaged when one is missing or too short."""
    have = await store.load_tiles(db, tiles.tiles_for(plan))

    def lookup(node: merkle.Node) -> bytes:
        address = tiles.tile_of(node)
        try:
            return tiles.node_from_tile(node, have[address])
        except (KeyError, ValueError) as error:
            raise LogDamaged(f"tile {address} does not hold what the tree has") from error

    return merkle.make_proof(plan, lookup)


def _check_edge(edge: dict[tiles.TileAddress, bytes], tree: store.Tree) -> None:
    """Refuse to grow a tree whose tiles are not those of its root."""
    try:
        root = tiles.root_from_edge(edge, tree.size)
    except ValueError as error:
        raise LogDamaged(str(error)) from error
    if root != tree.root:
        raise LogDamaged(f"the tiles do not give the root of the tree of {tree.size} entries")
