"""A Valkey that a test owns: configured, not embedded, to be killed, filled and started again."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from engine.connections import Connections, Endpoints, LinkLost, RedisLink, RedisReplyError
from persistence.embedded_valkey import ENVIRONMENT, find_valkey, valkey_arguments

_START_SECONDS = 20.0


class OwnValkey:
    """One server process with its data in a directory of its own; `settings` overrule ours.

    Where the test's settings shut out the default user, it logs in as `user`.
    """

    def __init__(self, *, user: str = "", program: Path | None = None, **settings: str) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="pb-"))
        self.socket = self.directory / "s"
        self.data = self.directory / "data"
        self.data.mkdir()
        self._program = program or find_valkey()
        self._user = user and f"{user}@"
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def connections(self) -> Connections:
        """Factories of links to it."""
        return Connections(Endpoints(self.url))

    @property
    def url(self) -> str:
        """Where it listens, as `redis.url` has it."""
        return f"unix://{self._user}{self.socket}"

    async def start(self, **settings: str) -> None:
        """Start it and wait until it has read its file."""
        self.spawn(**settings)
        async with asyncio.timeout(_START_SECONDS):
            while not await self._answers():  # noqa: ASYNC110 - a process
                await asyncio.sleep(0.01)

    @property
    def running(self) -> bool:
        """Whether it has not ended, as it does where it cannot read its file."""
        return self._process is not None and self._process.poll() is None

    async def start_if_it_can(self) -> bool:
        """Start it; return whether it has read its file."""
        self.spawn()
        async with asyncio.timeout(_START_SECONDS):
            while self.running and not await self._answers():  # noqa: ASYNC110 - a process
                await asyncio.sleep(0.01)
        return self.running

    def spawn(self, **settings: str) -> None:
        """Start it and wait for nothing."""
        overruled = {**self._settings, **settings}
        arguments = valkey_arguments(self._program, self.data, self.socket)
        for name, value in overruled.items():
            arguments += [f"--{name.replace('_', '-')}", value]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                arguments, stdout=log, stderr=log, env={**os.environ, **ENVIRONMENT}
            )

    def kill(self) -> None:
        """End it as `kill -9` does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self.socket.unlink(missing_ok=True)

    async def set(self, name: str, value: str) -> None:
        """Change a setting while it runs."""
        link = await self.connections.redis()
        await link.call("CONFIG", "SET", name, value)
        await link.close()

    @property
    def file(self) -> Path:
        """The part of its append-only file that it writes to."""
        parts = [*self.data.rglob("*.incr.aof"), *self.data.rglob("appendonly.aof")]
        return max(parts, key=lambda path: path.stat().st_mtime_ns)

    def cut(self, size: int) -> None:
        """Take the last bytes of its file away, as a disk that lied would; it must not run."""
        os.truncate(self.file, max(0, self.file.stat().st_size - size))

    def flip(self, at: int, bit: int) -> None:
        """Turn one bit of its file around."""
        with self.file.open("r+b") as file:
            file.seek(at)
            (byte,) = file.read(1)
            file.seek(at)
            file.write(bytes([byte ^ 1 << bit]))

    def keep_copy(self) -> Path:
        """Copy its files as they are now, as a backup or a lying disk would."""
        copy = self.directory / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        return Path(shutil.copytree(self.data, copy))

    def put_back(self, copy: Path) -> None:
        """Put a copy of its files in place of what it has."""
        shutil.rmtree(self.data)
        shutil.copytree(copy, self.data)

    def remove(self) -> None:
        """End it and leave nothing behind."""
        if self.running:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    async def _answers(self) -> bool:
        link: RedisLink | None = None
        try:
            link = await self.connections.redis()
            await link.call("GET", "nothing")
        except (LinkLost, RedisReplyError):
            return False
        finally:
            if link is not None:
                await link.close()
        return True
