"""The canary: passwords that must turn up nowhere, whatever goes wrong."""

import asyncio
import secrets
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.connections import Connections, Endpoints
from tests.cli.program import ROOT, command
from tests.line.line import send
from tests.line.postgres import OwnPostgres
from tests.line.process import DaemonProcess, Make
from tests.line.proxy import FailingWire, Fate
from tests.line.words import MARKET, order, tick
from tests.line.written import events_of, frames_of
from tests.security.roles import GuardedValkey

SHARD = "mine"
LOGIN = "keeper"
DEBUG = '[log]\nlevel = "debug"\nformat = "{}"\n'


class Mine:
    """Both servers with a canary for a password each, and every place where one could land."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.valkey = GuardedValkey(SHARD)
        self.postgres = OwnPostgres()
        self.redis_file = self.valkey.passwords["pitboss"]
        self.postgres_file = directory / "postgres.password"
        self.canaries = [
            self.redis_file.read_text().strip(),
            f"canary-{secrets.token_hex(12)}",
        ]
        self.postgres_file.write_text(self.canaries[1])
        self.postgres_file.chmod(0o600)

    async def start(self) -> None:
        """Start both; the login owns its database."""
        await self.valkey.start()
        await self.postgres.start()
        await self.set_password(self.canaries[1], "CREATE ROLE keeper LOGIN CREATEROLE")
        await self.postgres.execute("CREATE DATABASE mine OWNER keeper")

    async def set_password(self, password: str, how: str = "ALTER ROLE keeper") -> None:
        """Change the password of the login in Postgres."""
        await self.postgres.execute(f"{how} PASSWORD '{password}'")

    def daemon(self, make: Make, url: str = "", form: str = "json") -> DaemonProcess:
        """Return a daemon that is given the files of both passwords."""
        return make(
            SHARD,
            url or self.valkey.url_of("pitboss"),
            dsn=self.postgres.dsn(LOGIN, "mine"),
            in_redis=f'password_file = "{self.redis_file}"',
            in_postgres=f'password_file = "{self.postgres_file}"',
            more=DEBUG.format(form),
        )

    def found(self) -> list[Path]:
        """Return the files that hold a canary, of those where it has no business."""
        places = (self.directory, self.valkey.directory, self.postgres.directory)
        files = [path for place in places for path in place.rglob("*") if path.is_file()]
        assert len(files) > 100, "the files of both servers are among them"
        rightful = {self.redis_file, self.postgres_file, self.valkey.directory / "users.acl"}
        return [path for path in files if path not in rightful and self.is_in(path.read_bytes())]

    def is_in(self, content: bytes) -> bool:
        """Tell whether some bytes hold a canary, as it is or as Python shows it."""
        return any(canary.encode() in content for canary in self.canaries)


@pytest.fixture
async def mine(tmp_path: Path) -> AsyncIterator[Mine]:
    """Start both servers for one test."""
    mine = Mine(tmp_path)
    try:
        await mine.start()
        yield mine
    finally:
        mine.valkey.remove()
        await mine.postgres.remove()


async def test_no_password_turns_up_whatever_goes_wrong(mine: Mine, make: Make) -> None:
    """Trade, snapshot, both passwords changed under it, both servers away, a kill, a recovery."""
    daemon = mine.daemon(make)
    await daemon.start()
    await send(mine.valkey.connections, SHARD, *MARKET, tick())
    await send(mine.valkey.connections, SHARD, order("a"), order("b", "sell", account="bea"))
    seen = await snapshot_watched(daemon)
    seen_of_command = await command_watched(daemon)

    await mine.valkey.set_password("pitboss", "another")
    await until_logged(daemon, "WRONGPASS")
    await send(mine.valkey.connections, SHARD, order("c"))
    await mine.valkey.set_password("pitboss", mine.canaries[0])
    await until_applied(mine, "c")
    lost = "the inbox cannot read"
    mine.valkey.kill()
    await daemon.until_said(lost, len(daemon.said(lost)) + 1)
    await mine.valkey.start()
    await send(mine.valkey.connections, SHARD, order("d"))
    await until_applied(mine, "d")
    daemon.kill()

    await mine.set_password("another")
    await daemon.start()
    await until_logged(daemon, "28P01")
    await mine.postgres.stop()
    away = "Postgres is away"
    await daemon.until_said(away, len(daemon.said(away)) + 2)
    await mine.postgres.start()
    await mine.set_password(mine.canaries[1])
    assert await daemon.stop() == 0, daemon.log

    assert len(seen) > 1, "the child that writes a snapshot is among them"
    assert not any(mine.is_in(told) for told in (*seen.values(), seen_of_command))
    assert mine.found() == []
    assert not mine.is_in(await everything_in(mine))


async def test_no_password_turns_up_in_what_a_strange_server_is_answered(
    mine: Mine, make: Make
) -> None:
    """It says again what it was sent, or what nobody understands: neither log nor trace tells."""
    canary = mine.canaries[0].encode()
    answers = [
        (b"AUTH", b"-ERR unknown command 'AUTH', with args beginning with: '%b'" % canary, 78),
        (b"XREAD", b":5", 70),
    ]
    async with FailingWire(mine.valkey.socket) as wire:
        url = wire.connections.endpoints.redis_url.replace("unix://", "unix://pitboss@")
        daemon = mine.daemon(make, url, "console")
        for asked, answer, code in answers:
            wire.fate = answered(asked, answer)
            daemon.spawn()
            assert await daemon.ended() == code, daemon.log
        assert [b"AUTH", b"pitboss", canary] in wire.requests

    assert "Traceback" in daemon.log, "the last one is a bug, and says where"
    assert not mine.is_in(daemon.log.encode())


async def command_watched(daemon: DaemonProcess) -> bytes:
    """Run a command for a while; return what it said, its environment and its arguments."""
    process = await asyncio.create_subprocess_exec(
        *command("tail", "--follow", "--config", daemon.config),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    first = await process.stdout.readline()
    seen = environment(process.pid) + arguments(process.pid)
    process.terminate()
    said = first + await process.stdout.read()
    await process.wait()
    assert b"tail" in seen
    assert b"type" in said
    return seen + said


def answered(asked: bytes, answer: bytes) -> Fate:
    """Answer one kind of request in place of the server."""

    def fate(_number: int, words: list[bytes]) -> object:
        return answer + b"\r\n" if words[0] == asked else "pass"

    return fate


async def until_logged(daemon: DaemonProcess, text: str) -> None:
    """Wait until the log tells of something."""
    async with asyncio.timeout(20):
        while text not in daemon.log:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)


async def snapshot_watched(daemon: DaemonProcess) -> dict[int, bytes]:
    """Have a snapshot taken; return environment and arguments of the daemon and its children."""
    seen: dict[int, bytes] = {}
    daemon.signal(signal.SIGUSR1)
    while not daemon.said("snapshot taken"):
        seen |= {pid: environment(pid) + arguments(pid) for pid in family(daemon.pid)}
        await asyncio.sleep(0)
    return seen


def family(pid: int) -> list[int]:
    """Return a process and its children, as long as they live."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [pid, *(each for child in children.split() for each in family(int(child)))]


def environment(pid: int) -> bytes:
    """Return a process's environment."""
    return _told(pid, "environ")


def arguments(pid: int) -> bytes:
    """Return a process's command line."""
    return _told(pid, "cmdline")


def _told(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""  # it has just ended


async def until_applied(mine: Mine, name: str) -> None:
    """Wait until an order is in the journal."""
    async with asyncio.timeout(20):
        while True:
            frames = await frames_of(mine.valkey.connections, SHARD)
            if name in {each["client_order_id"] for each in events_of(frames, "order_accepted")}:
                return
            await asyncio.sleep(0.05)


async def everything_in(mine: Mine) -> bytes:
    """Return whatever the two servers hold: every key, every row, every session."""
    link = await mine.valkey.connections.redis()
    reading = {b"string": ("GET",), b"hash": ("HGETALL",), b"stream": ("XRANGE", "-", "+")}
    held = []
    for key in await link.call("KEYS", "*"):
        verb, *rest = reading[await link.call("TYPE", key)]
        held.append(repr(await link.call(verb, key, *rest)))
    await link.close()
    database = await Connections(
        Endpoints("redis://", mine.postgres.dsn(database="mine"))
    ).postgres()
    for table in await database.fetch(_TABLES):
        held += [row[0] for row in await database.fetch(f"SELECT t::text FROM {table[0]} t")]
    await database.close()
    assert len(held) > 100
    return "".join(each or "" for each in held).encode()


_TABLES = """
SELECT format('%I.%I', schemaname, relname) FROM pg_stat_all_tables
WHERE schemaname IN ('pitboss', 'pg_catalog') AND relname NOT LIKE 'pg_toast%'
"""
