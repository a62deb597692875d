"""The connections of the ledger's socket: bytes in, requests to the writer, replies out.

A callback protocol and no streams: at two thousand calls a second a task switch and a timer for
each frame would be a tenth of a call. A malformed frame is answered once and its connection closed;
so is one that begins and does not arrive whole. A peer that does not read its replies, or has too
many requests in flight, is not read from either.

Not for: what requests mean (writer.py).
"""

from __future__ import annotations

import asyncio
import struct
from typing import cast

import structlog

from lionrock.ledger.service.writer import Answer, Busy, Malformed, Writer
from lionrock.ledger.wire import (
    FRAME_S_MAX,
    FrameRefused,
    ReplyFrame,
    RequestFrame,
    Status,
    Unavailable,
    decode_request,
    encode_frame,
    frame_length,
)

CONNECTIONS_MAX = 1_024
IN_FLIGHT_PER_CONNECTION_MAX = 256
CLOSING_S_MAX = 1.0
_LENGTH = struct.Struct(">I")

_log = structlog.get_logger("lionrock.ledger")


class Front:
    """The connections of one server."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.connections: set[Connection] = set()
        self._all_gone = asyncio.Event()

    def connection(self) -> Connection:
        """Make the protocol of a new connection."""
        return Connection(self)

    def gone(self, connection: Connection) -> None:
        """Forget a connection."""
        self.connections.discard(connection)
        if not self.connections:
            self._all_gone.set()

    async def close(self) -> None:
        """Close all connections, letting answers already written go out for a moment."""
        self._all_gone.clear()
        for connection in list(self.connections):
            connection.close()
        if self.connections:
            try:
                await asyncio.wait_for(self._all_gone.wait(), CLOSING_S_MAX)
            except TimeoutError:
                _log.warning("ledger_connections_aborted", count=len(self.connections))
        for connection in list(self.connections):
            connection.abort()


class Connection(asyncio.Protocol):
    """One peer."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._received = bytearray()
        self._in_flight = 0
        self._is_peer_slow = False
        self._is_reading = True
        self._transport: asyncio.Transport | None = None
        self._late: asyncio.TimerHandle | None = None  # while a frame has begun and not ended

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the peer in, unless there are too many."""
        # uvloop's transports are none by class, only by what they can.
        self._transport = cast(asyncio.Transport, transport)
        if len(self._front.connections) >= CONNECTIONS_MAX:
            _log.warning("ledger_connections_exhausted", connections_max=CONNECTIONS_MAX)
            self._transport.close()
            return
        self._front.connections.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        """The peer is gone; it repeats what it needs over a new connection."""
        self._transport = None
        self._stop_timer()
        self._front.gone(self)

    def pause_writing(self) -> None:
        """The peer does not read its replies: stop reading its requests."""
        self._is_peer_slow = True
        self._read_or_not()

    def resume_writing(self) -> None:
        """It reads again."""
        self._is_peer_slow = False
        self._read_or_not()

    def data_received(self, data: bytes) -> None:
        """Take whole frames out of what has arrived."""
        self._received += data
        self._take_frames()

    def _take_frames(self) -> None:
        at = 0
        received = self._received
        try:
            while self._in_flight < IN_FLIGHT_PER_CONNECTION_MAX:
                if len(received) - at < _LENGTH.size:
                    break
                end = at + _LENGTH.size + frame_length(received, at)
                if len(received) < end:
                    break
                self._start(decode_request(bytes(memoryview(received)[at + _LENGTH.size:end])))
                at = end
        except FrameRefused as error:
            self._refuse_frame(error)
            return
        del received[:at]
        self._time_frame(has_progressed=at > 0)
        self._read_or_not()

    def _time_frame(self, *, has_progressed: bool) -> None:
        """A frame that has begun must end in time."""
        is_waiting = bool(self._received) and self._in_flight < IN_FLIGHT_PER_CONNECTION_MAX
        if has_progressed or not is_waiting:
            self._stop_timer()
        if is_waiting and self._late is None:
            self._late = asyncio.get_running_loop().call_later(FRAME_S_MAX, self.close)

    def _stop_timer(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _refuse_frame(self, error: FrameRefused) -> None:
        _log.warning("ledger_frame_refused", reason=str(error))
        self._send(ReplyFrame(error.request_id, Status.MALFORMED, 0, str(error).encode()))
        self._received.clear()
        self.close()

    def _start(self, request: RequestFrame) -> None:
        try:
            future = self._front.writer.submit(request.operation, request.payload)
        except (Busy, Unavailable) as error:
            status = Status.BUSY if isinstance(error, Busy) else Status.UNAVAILABLE
            self._send(ReplyFrame(request.request_id, status, 0, str(error).encode()))
            return
        except Malformed as error:
            raise FrameRefused(str(error), request.request_id) from error
        self._in_flight += 1

        def reply(done: asyncio.Future[Answer]) -> None:
            error = done.exception()
            if error is None:
                answer = done.result()
                frame = ReplyFrame(request.request_id, Status.OK, answer.sequence, answer.payload)
            else:
                frame = ReplyFrame(request.request_id, Status.UNAVAILABLE, 0, str(error).encode())
            self._send(frame)
            self._in_flight -= 1
            if self._received and self._transport is not None:
                self._take_frames()
            else:
                self._read_or_not()

        future.add_done_callback(reply)

    def _read_or_not(self) -> None:
        may_read = not self._is_peer_slow and self._in_flight < IN_FLIGHT_PER_CONNECTION_MAX
        if self._transport is None or self._transport.is_closing() or may_read == self._is_reading:
            return
        self._is_reading = may_read
        if may_read:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def _send(self, frame: ReplyFrame) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(encode_frame(frame))

    def close(self) -> None:
        """Close once everything written has gone out."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()
