"""A Postgres that a test owns: configured, not embedded, with logins and walls of the test's."""

import os
import shutil
import signal
import tempfile
from pathlib import Path
from urllib.parse import quote

from engine.connections import Connections, Endpoints, PostgresLost
from persistence.embedded_postgres import (
    SUPERUSER,
    PostgresPrograms,
    create_cluster,
    find_postgres,
    postgres_arguments,
    run_as,
)
from persistence.embedded_process import ServerProcess
from persistence.state_dir import private_dir

_HOSTS = f"""
local   all {SUPERUSER} trust
local   all all         scram-sha-256
hostssl all all         127.0.0.1/32 scram-sha-256
"""


class OwnPostgres:
    """One server process with its data in a directory of its own; `settings` overrule ours."""

    def __init__(self, programs: PostgresPrograms | None = None, **settings: str) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="pb-"))
        self.directory.chmod(0o711)
        self.log = self.directory / "log"
        self._programs = programs or find_postgres()
        self._settings = settings
        self._server = ServerProcess("Postgres", self.log, signal.SIGQUIT, signal.SIGQUIT)
        self._lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT)

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.directory / "sockets" / ".s.PGSQL.5432"

    def dsn(self, login: str = SUPERUSER, database: str = "postgres") -> str:
        """Return `postgres.dsn` for a login over its unix socket."""
        place = quote(str(self.socket.parent), safe="")
        port = self._settings.get("port", "5432")
        return f"postgresql://{login}@/{database}?host={place}&port={port}"

    def set(self, name: str, value: object) -> None:
        """Overrule a setting from its next start on."""
        self._settings[name] = str(value)

    def give_file(self, name: str, content: bytes) -> Path:
        """Write a file that only the server's user may read; return its path."""
        file = self.directory / name
        file.write_bytes(content)
        file.chmod(0o600)
        user = run_as().user
        if user is not None:
            os.chown(file, user, -1)
        return file

    async def start(self) -> None:
        """Make its data at the first start, start it, and wait until it answers."""
        private_dir(self.socket.parent, run_as().user)
        data = self.directory / "data"
        await create_cluster(self._programs, data, self.log, self._lock, durable=False)
        settings = {
            "hba_file": str(self.give_file("hosts", _HOSTS.encode())),
            **self._settings,
        }
        arguments = postgres_arguments(self._programs, data, self.socket.parent, durable=False)
        for name, value in settings.items():
            arguments += ["-c", f"{name}={value}"]
        self._server.start(arguments, self._lock, run_as().user)
        await self._server.wait_ready(self._answers)

    async def execute(self, statement: str, database: str = "postgres") -> None:
        """Carry out a statement as its superuser."""
        endpoints = Endpoints("redis://", self.dsn(database=database))
        connection = await Connections(endpoints).postgres()
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def stop(self) -> None:
        """End it at once; what was committed is there at the next start."""
        await self._server.stop()

    async def remove(self) -> None:
        """End it and leave nothing behind."""
        await self.stop()
        os.close(self._lock)
        shutil.rmtree(self.directory, ignore_errors=True)

    async def _answers(self) -> bool:
        try:
            await self.execute("SELECT 1")
        except PostgresLost:
            return False
        return True
