"""A wire to Postgres that fails on purpose, one answer at a time."""

import asyncio
import struct
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, Self
from urllib.parse import parse_qs, urlsplit

from engine.connections import Connections, Endpoints

Fate = Callable[[int], object]
"""Told the number of an answer, says what becomes of it.

`pass` hands it on, `lose` ends the connection once the server has done what was asked, a number
waits so many seconds first.
"""

_DONE: Final = b"C"
_READY: Final = b"Z"
_HEAD: Final = struct.Struct("!cI")
_NAME: Final = ".s.PGSQL.5432"


def unharmed(_number: int) -> object:
    """Let everything pass."""
    return "pass"


class PostgresWire:
    """Listens on a socket of its own; `answers` counts what the server has said it is ready after.

    With `is_away` nobody gets through, and who is through is cut off.
    """

    def __init__(self, endpoints: Endpoints, fate: Fate = unharmed) -> None:
        self.fate = fate
        self.answers = 0
        self._endpoints = endpoints
        self._directory = tempfile.TemporaryDirectory(prefix="pb-")
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._is_away = False

    @property
    def dsn(self) -> str:
        """The address of the wire, as `postgres.dsn` has it."""
        assert self._endpoints.postgres_dsn is not None
        before, _, _ = self._endpoints.postgres_dsn.partition("?")
        return f"{before}?host={self._directory.name}"

    @property
    def connections(self) -> Connections:
        """Factories of connections that go over this wire, and of ordinary links to Redis."""
        return Connections(replace(self._endpoints, postgres_dsn=self.dsn))

    @property
    def _host(self) -> str:
        assert self._endpoints.postgres_dsn is not None
        return parse_qs(urlsplit(self._endpoints.postgres_dsn).query)["host"][0]

    async def __aenter__(self) -> Self:
        path = Path(self._directory.name) / _NAME
        self._server = await asyncio.start_unix_server(self._carry, path)
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await asyncio.sleep(0)
        self._directory.cleanup()

    def cut(self) -> None:
        """End every connection as it is."""
        for writer in list(self._writers):
            writer.close()

    def be_away(self, *, is_away: bool) -> None:
        """Let nobody through from now on, or everybody again."""
        self._is_away = is_away
        if is_away:
            self.cut()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_away:
            writer.close()
            return
        upstream = await asyncio.open_unix_connection(Path(self._host) / _NAME)
        ours = {writer, upstream[1]}
        self._writers |= ours
        asking = asyncio.create_task(_copy(reader, upstream[1]))
        with suppress(ConnectionError, OSError, asyncio.IncompleteReadError):
            await self._answer(upstream[0], writer)
        asking.cancel()
        self._writers -= ours
        for each in ours:
            each.close()
        await asyncio.gather(asking, *[each.wait_closed() for each in ours], return_exceptions=True)

    async def _answer(self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand on what the server says, that it has done something only as fate says."""
        held = b""
        while True:
            head = await upstream.readexactly(_HEAD.size)
            kind, size = _HEAD.unpack(head)
            held += head + await upstream.readexactly(size - 4)
            if kind == _DONE:
                continue
            if kind == _READY:
                self.answers += 1
                fate = self.fate(self.answers)
                if fate == "lose":
                    return
                if isinstance(fate, float):
                    await asyncio.sleep(fate)
            writer.write(held)
            held = b""
            await writer.drain()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
