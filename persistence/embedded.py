"""Our own Valkey and Postgres, for a daemon that is given no servers.

They listen on unix sockets in a private directory, keep their data in the state directory and die
with the daemon. Everything acknowledged before survives that.
"""

import asyncio
import os
import shutil
import signal
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from engine.connections import (
    POSTGRES_FAILED,
    Connections,
    Endpoints,
    LinkLost,
    PostgresLost,
)
from persistence.embedded_postgres import (
    DATABASE,
    SUPERUSER,
    create_cluster,
    find_postgres,
    forget_crash,
    postgres_arguments,
    run_as,
)
from persistence.embedded_process import ServerProcess, ServerUnusable
from persistence.embedded_valkey import ENVIRONMENT, find_valkey, valkey_arguments
from persistence.queries import query
from persistence.state_dir import StateLock, is_held, private_dir, socket_dir

_VALKEY_SOCKET = "valkey.sock"
_POSTGRES_SOCKET = ".s.PGSQL.5432"
_WATCH_SECONDS = 0.5
_POSTGRES_ATTEMPTS = 4


class EmbeddedServers:
    """Starts and stops both servers in a state directory; one at a time per directory.

    With `ephemeral` the data lives in a subdirectory that is wiped at start and at stop; what is
    kept between two starts stays untouched. Use as `async with`, or call `start` and `stop`.
    """

    def __init__(self, state_dir: Path, *, ephemeral: bool = False) -> None:
        self.state_dir = state_dir.absolute()
        self.data_dir = self.state_dir / "ephemeral" if ephemeral else self.state_dir
        self.sockets = socket_dir(self.state_dir)
        self._ephemeral = ephemeral
        self._lock: StateLock | None = None
        logs = self.state_dir / "log"
        self.valkey = ServerProcess(
            "Valkey", logs / "valkey.log", signal.SIGTERM, signal.SIGTERM, ENVIRONMENT
        )
        # SIGQUIT ends Postgres at once and leaves the rest to its write-ahead log; SIGINT is the
        # orderly end, which writes a checkpoint and makes the next start faster.
        self.postgres = ServerProcess(
            "Postgres", logs / "postgres.log", signal.SIGQUIT, signal.SIGINT
        )

    @property
    def endpoints(self) -> Endpoints:
        """Where the servers listen."""
        return _endpoints(self.sockets)

    async def start(self) -> Endpoints:
        """Start both and wait until they answer.

        Raises StateDirBusy when another daemon, or servers that outlive it by more than 10 s, hold
        the directory; StateDirUnusable or ServerUnusable when something must be put right first.
        """
        self._lock = await StateLock.acquire(self.state_dir)
        started = False
        try:
            self._prepare_directories()
            self._start_valkey()  # comes up while Postgres is made ready
            await self.start_postgres()
            await self.valkey.wait_ready(self._valkey_answers)
            started = True
        finally:
            if not started:
                await self.stop()
        return self.endpoints

    async def start_postgres(self) -> None:
        """Start Postgres alone, as after its death; creates its data on the first start."""
        assert self._lock is not None
        programs = find_postgres()
        data_dir = self.data_dir / "postgres"
        durable = not self._ephemeral
        log = self.state_dir / "log" / "postgres.log"
        await create_cluster(programs, data_dir, log, self._lock.descriptor, durable=durable)
        arguments = postgres_arguments(programs, data_dir, self.sockets, durable=durable)
        for attempt in range(_POSTGRES_ATTEMPTS):
            forget_crash(data_dir)
            self.postgres.start(arguments, self._lock.descriptor, run_as().user)
            try:
                await self.postgres.wait_ready(self._postgres_answers)
            except ServerUnusable:
                # After a kill -9 its children need a moment to notice, and hold its memory.
                if attempt == _POSTGRES_ATTEMPTS - 1:
                    raise
                await asyncio.sleep(_WATCH_SECONDS)
            else:
                return

    async def watch(self) -> None:
        """Start Postgres again whenever it ends; never returns.

        Raises ServerUnusable when Valkey ends: the daemon then ends too, and a new one recovers.
        """
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            if not self.valkey.running:
                raise ServerUnusable(f"Valkey ended: {self.valkey.last_words()}")
            if not self.postgres.running:
                await self.start_postgres()

    async def stop(self) -> None:
        """Stop both and let go of the directory; stopping twice is harmless."""
        if self._lock is None:
            return
        await asyncio.gather(self.valkey.stop(), self.postgres.stop())
        if self._ephemeral:
            shutil.rmtree(self.data_dir, ignore_errors=True)
        self._remove_sockets()
        if self.sockets.parent != self.state_dir and self.sockets.is_dir():
            self.sockets.rmdir()  # a short directory elsewhere is not left behind
        self._lock.release()
        self._lock = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def _prepare_directories(self) -> None:
        other_user = run_as().user
        if other_user is not None:  # it must be able to walk through to what belongs to it
            self.state_dir.chmod(0o711)
        private_dir(self.state_dir / "log")
        private_dir(self.sockets, other_user)
        self._remove_sockets()
        if self._ephemeral:
            shutil.rmtree(self.data_dir, ignore_errors=True)
            self.data_dir.mkdir(mode=0o700 if other_user is None else 0o711)
        private_dir(self.data_dir / "valkey")

    def _remove_sockets(self) -> None:
        # Left by a kill. The lock proves that nobody listens there any more.
        for name in (_VALKEY_SOCKET, _POSTGRES_SOCKET, f"{_POSTGRES_SOCKET}.lock"):
            (self.sockets / name).unlink(missing_ok=True)

    def _start_valkey(self) -> None:
        assert self._lock is not None
        data_dir = self.data_dir / "valkey"
        arguments = valkey_arguments(find_valkey(), data_dir, self.sockets / _VALKEY_SOCKET)
        self.valkey.start(arguments, self._lock.descriptor)

    async def _valkey_answers(self) -> bool:
        try:
            link = await Connections(self.endpoints).redis()
            await link.call("PING")
            await link.close()
        except LinkLost:  # not listening yet, or still reading its file
            return False
        return True

    async def _postgres_answers(self) -> bool:
        try:
            connection = await Connections(_endpoints(self.sockets, "postgres")).postgres()
        except PostgresLost:
            return False
        try:
            if not await connection.fetchval(query("database_exists"), DATABASE):
                await connection.execute(query("create_database"))
        except POSTGRES_FAILED:
            return False
        finally:
            connection.terminate()
        return True


def running_endpoints(state_dir: Path) -> Endpoints | None:
    """Return where a running daemon's own servers listen, None when there are none."""
    sockets = socket_dir(state_dir)
    listening = all((sockets / name).exists() for name in (_VALKEY_SOCKET, _POSTGRES_SOCKET))
    return _endpoints(sockets) if listening and is_held(state_dir) else None


def _endpoints(sockets: Path, database: str = DATABASE) -> Endpoints:
    place = quote(os.fspath(sockets), safe="")
    return Endpoints(
        redis_url=f"unix://{quote(os.fspath(sockets / _VALKEY_SOCKET))}",
        postgres_dsn=f"postgresql://{SUPERUSER}@/{database}?host={place}",
    )
