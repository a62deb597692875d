"""An SMTP relay on this machine, for tests: speaks enough of RFC 5321, keeps what it takes."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclasses.dataclass
class Relay:
    """What it was sent, and how it behaves."""

    port: int = 0
    taken: list[EmailMessage] = dataclasses.field(default_factory=list)
    recipients: list[str] = dataclasses.field(default_factory=list)
    connections: int = 0
    answer_to_recipient: str = "250 ok"
    answer_to_quit: str = "221 bye"
    is_silent: bool = False

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        if self.is_silent:
            await reader.read()
            writer.close()
            return
        await _say(writer, "220 relay.test")
        while line := (await reader.readline()).decode().strip():
            verb = line.split(" ")[0].upper()
            if verb == "RCPT":
                self.recipients.append(line.partition("<")[2].rstrip(">"))
                await _say(writer, self.answer_to_recipient)
            elif verb == "DATA":
                await _say(writer, "354 go on")
                raw = await reader.readuntil(b"\r\n.\r\n")
                read = message_from_bytes(raw[:-3], policy=policy.default)
                assert isinstance(read, EmailMessage)
                self.taken.append(read)
                await _say(writer, "250 taken")
            else:
                await _say(writer, self.answer_to_quit if verb == "QUIT" else "250 ok")
            if verb == "QUIT":
                break
        writer.close()


@asynccontextmanager
async def relay_open() -> AsyncIterator[Relay]:
    """A relay that listens on a port of its own."""
    relay = Relay()
    server = await asyncio.start_server(relay.talk, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()


async def _say(writer: asyncio.StreamWriter, line: str) -> None:
    writer.write(line.encode() + b"\r\n")
    await writer.drain()
