"""A wire that fails on purpose: between a client and its Valkey, one request at a time."""

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import hiredis

from engine.connections import Connections, Endpoints

_pack: Callable[..., bytes] = hiredis.pack_command

Fate = Callable[[int, list[bytes]], object]
"""Told the number of a request and its words, says what becomes of it.

`pass` hands it on; `lose request` and `lose reply` end the connection before or after the server
has done it; bytes are sent as the answer without asking the server; a number is how many seconds
its answer takes.
"""


def unharmed(_number: int, _words: list[bytes]) -> object:
    """Let everything pass."""
    return "pass"


class FailingWire:
    """Listens on a socket of its own and forwards to `upstream` whatever `fate` lets pass."""

    def __init__(self, upstream: Path, fate: Fate = unharmed) -> None:
        self.fate = fate
        self.requests: list[list[bytes]] = []
        self._upstream = upstream
        self._directory = tempfile.TemporaryDirectory(prefix="pb-")
        self._socket = Path(self._directory.name) / "s"
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._carrying: set[asyncio.Task[None] | None] = set()

    @property
    def connections(self) -> Connections:
        """Factories of links that go over this wire."""
        return Connections(Endpoints(self.url))

    @property
    def url(self) -> str:
        """Its address, as `redis.url` has it."""
        return f"unix://{self._socket}"

    @property
    def open_links(self) -> int:
        """How many clients it carries at the moment."""
        return len(self._writers) // 2

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._carry, self._socket)
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await asyncio.gather(*[each for each in self._carrying if each is not None])
        self._directory.cleanup()

    def cut(self) -> None:
        """End every connection as it is."""
        for writer in list(self._writers):
            writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._carrying.add(asyncio.current_task())
        upstream = await asyncio.open_unix_connection(self._upstream)
        self._writers |= {writer, upstream[1]}
        asked = hiredis.Reader()
        try:
            while data := await reader.read(1 << 20):
                asked.feed(data)
                while (words := asked.gets()) is not False:
                    if not await self._carry_one(words, writer, *upstream):
                        return
        except (ConnectionError, OSError):
            return
        finally:
            for each in (writer, upstream[1]):
                self._writers.discard(each)
                each.close()
                with suppress(ConnectionError, OSError):
                    await each.wait_closed()
            self._carrying.discard(asyncio.current_task())

    async def _carry_one(
        self,
        words: list[bytes],
        writer: asyncio.StreamWriter,
        upstream: asyncio.StreamReader,
        to_upstream: asyncio.StreamWriter,
    ) -> bool:
        """Carry one request and its reply; return whether the connection lives on."""
        self.requests.append(words)
        fate = self.fate(len(self.requests), words)
        if fate == "lose request":
            return False
        if isinstance(fate, bytes):
            writer.write(fate)
            return True
        to_upstream.write(_pack(tuple(words)))
        raw = await _one_reply(upstream)
        if fate == "lose reply":
            return False
        if isinstance(fate, float):
            await asyncio.sleep(fate)
        writer.write(raw)
        return True


async def _one_reply(upstream: asyncio.StreamReader) -> bytes:
    """Read one whole reply, as it came."""
    parser: Any = hiredis.Reader()
    raw = b""
    while True:
        data = await upstream.read(1 << 20)
        if not data:
            raise ConnectionResetError
        raw += data
        parser.feed(data)
        if parser.gets() is not False:
            return raw
