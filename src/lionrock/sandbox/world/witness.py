"""A simulated log witness: it cosigns a log's checkpoints as long as the log only grows.

Its word is worth something because it remembers: the last tree it cosigned of each log is written
down before it answers, and a checkpoint that does not extend it is refused for ever. It knows
nothing of what the log is about. Two of them run in the sandbox, each with its own key and book.

Source: C2SP tlog-witness (POST add-checkpoint), C2SP tlog-cosignature.
Invariants: reading the last tree, comparing and writing the new one happen with the book's row
locked; a log is trusted by the key it was first introduced with and by no other, also after a
restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from lionrock.evidence.api import witnessing
from lionrock.kernel.jobs import JobHandler
from lionrock.kernel.jose import Key
from lionrock.sandbox.world.frame import WorldContext
from lionrock.sandbox.world.store import Document

_BOOK = "witness-book"
_LOGS = "witness-logs"
VKEY_BYTES_MAX = 1024
_NOTHING_SEEN: Document = {"size": 0, "root": witnessing.encode_base64(witnessing.EMPTY_ROOT)}


class Witness:
    """One witness. `log_vkeys` are logs it follows from the start; others get introduced."""

    def __init__(
        self, context: WorldContext, party_id: str, log_vkeys: Iterable[str] = ()
    ) -> None:
        self.id = party_id
        self._context = context
        self._logs: dict[str, witnessing.VerifierKey] = {}
        for vkey in log_vkeys:
            key = _log_key(vkey)
            if key is None:
                raise ValueError("a log is introduced by its verifier key of type 1")
            self._logs[key.name] = key

    async def introduce(self, vkey: str) -> bool:
        """Follow a log from now on, also after a restart.

        False when the text is no verifier key of a log, or the log is known by another key.
        """
        key = _log_key(vkey)
        if key is None:
            return False
        await self._context.store.create(self.id, _LOGS, key.name, {"vkey": vkey})
        return await self._log(key.name) == key

    async def _log(self, origin: str) -> witnessing.VerifierKey | None:
        """The key of a log that it follows, from its book: memory alone could be newer than it."""
        if origin in self._logs:
            return self._logs[origin]
        kept = await self._context.store.get(self.id, _LOGS, origin)
        return _log_key(kept["vkey"]) if kept else None

    @property
    def key(self) -> Key:
        """Its own key (Ed25519); the public half stands in the directory."""
        return self._context.key_store.get_or_create(self.id, "Ed25519")

    def routes(self) -> Sequence[BaseRoute]:
        """Its endpoints, relative to its own address."""
        return (
            Route("/add-checkpoint", self.add_checkpoint, methods=["POST"]),
            Route("/operator/logs", self.put_log, methods=["PUT"]),
        )

    def jobs(self) -> Mapping[str, JobHandler]:
        """It does nothing on its own."""
        return {}

    async def add_checkpoint(self, request: Request) -> Response:
        """Cosign a checkpoint that extends the last one, or say what is wrong (C2SP tlog-witness).

        400 malformed, 403 not signed by the log, 404 unknown log, 409 another size (or another tree
        of the same size) was seen, 422 the proof does not hold.
        """
        body = await _read(request, witnessing.BODY_BYTES_MAX)
        asked = witnessing.decode_request(body) if body is not None else None
        if asked is None:
            return PlainTextResponse("not an add-checkpoint request\n", 400)
        log = await self._log(asked.checkpoint.origin)
        if log is None:
            return PlainTextResponse("unknown log\n", 404)
        if not witnessing.check_signature(asked.signed, log):
            return PlainTextResponse("not signed by the log\n", 403)
        if asked.old_size > asked.checkpoint.size:
            return PlainTextResponse("the old size is above the new\n", 400)
        refusals: list[Response] = []

        def extend(last: Document | None) -> Document:
            seen = last or _NOTHING_SEEN
            refusal = _check_extension(asked, seen)
            if refusal is not None:
                refusals.append(refusal)
                return seen
            return {
                "size": asked.checkpoint.size,
                "root": witnessing.encode_base64(asked.checkpoint.root),
            }

        await self._context.store.change(self.id, _BOOK, asked.checkpoint.origin, extend)
        if refusals:
            return refusals[0]
        now_s = self._context.wire_clock.now_s()
        line = witnessing.cosign(asked.signed.text, self._signer(), now_s)
        return PlainTextResponse(line.text() + "\n")

    async def put_log(self, request: Request) -> Response:
        """Its operator introduces a log by its verifier key: 200, 400 no such key, 409 another."""
        body = await _read(request, VKEY_BYTES_MAX)
        vkey = body.decode("utf-8", "replace").strip() if body else ""
        if _log_key(vkey) is None:
            return PlainTextResponse("not a verifier key of a log\n", 400)
        if not await self.introduce(vkey):
            return PlainTextResponse("this log is known by another key\n", 409)
        return PlainTextResponse("introduced\n")

    def _signer(self) -> witnessing.Signer:
        private = self.key.private
        assert isinstance(private, Ed25519PrivateKey), "a witness signs with Ed25519"
        return witnessing.Signer(self.id, witnessing.TYPE_COSIGNATURE, private)


def _check_extension(asked: witnessing.AddCheckpoint, seen: Document) -> Response | None:
    """Compare with the last tree seen; None when the new one extends it."""
    size, root = int(seen["size"]), witnessing.decode_base64(seen["root"])
    assert root is not None, "the book holds what was written into it"
    if asked.old_size != size:
        return Response(f"{size}\n", 409, media_type=witnessing.SIZE_MEDIA_TYPE)
    if asked.checkpoint.size == size and asked.checkpoint.root != root:
        return Response(f"{size}\n", 409, media_type=witnessing.SIZE_MEDIA_TYPE)
    if not witnessing.check_consistency(
        old_size=size, old_root=root, size=asked.checkpoint.size, root=asked.checkpoint.root,
        proof=asked.proof,
    ):  # fmt: skip
        return PlainTextResponse("the consistency proof does not hold\n", 422)
    return None


def _log_key(vkey: str) -> witnessing.VerifierKey | None:
    key = witnessing.parse_vkey(vkey)
    return key if key is not None and key.type_byte == witnessing.TYPE_LOG else None


async def _read(request: Request, bytes_max: int) -> bytes | None:
    """Read the body up to its limit; None when it is larger or breaks off."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > bytes_max:
                return None
    except ClientDisconnect:
        return None
    return bytes(body)
