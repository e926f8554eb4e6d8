"""Our own servers die with the daemon, keep what they acknowledged, and are never run twice."""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.connections import Connections
from persistence import embedded_postgres
from persistence.embedded import EmbeddedServers, running_endpoints
from persistence.embedded_postgres import RunAs
from persistence.embedded_process import ServerUnusable
from persistence.state_dir import (
    StateDirBusy,
    StateDirUnusable,
    StateLock,
    private_dir,
    socket_dir,
)

ROOT = Path(__file__).parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

DAEMON = """
import asyncio, sys
from pathlib import Path
from engine.connections import Connections
from persistence.embedded import EmbeddedServers

async def main():
    servers = EmbeddedServers(Path(sys.argv[1]))
    connections = Connections(await servers.start())
    print(servers.valkey.pid, servers.postgres.pid, flush=True)
    link, database = await connections.redis(), await connections.postgres()
    await database.execute("CREATE TABLE IF NOT EXISTS counted (n bigint)")
    for number in range(1, int(sys.argv[2]) + 1):
        await link.call("RPUSH", "counted", number)
        await database.execute("INSERT INTO counted VALUES ($1)", number)
        print(number, flush=True)
    await servers.stop()

asyncio.run(main())
"""


async def test_what_was_acknowledged_survives_kill_9_of_the_daemon(tmp_path: Path) -> None:
    """The kernel ends both servers with their daemon; the next start finds every promise kept."""
    daemon = _daemon(tmp_path, 1_000_000)
    assert daemon.stdout is not None
    pids = [int(pid) for pid in daemon.stdout.readline().split()]
    told = [daemon.stdout.readline() for _ in range(20)]
    daemon.kill()
    last = int((told + daemon.stdout.readlines())[-1])
    daemon.wait()
    daemon.stdout.close()

    async with EmbeddedServers(tmp_path) as servers:
        assert not any(_alive(pid) for pid in pids)
        link = await Connections(servers.endpoints).redis()
        database = await Connections(servers.endpoints).postgres()
        assert await link.call("LLEN", "counted") >= last
        assert await database.fetchval("SELECT count(*) FROM counted") >= last
        await link.close()
        await database.close()


async def test_server_that_outlives_its_daemon_holds_the_directory(tmp_path: Path) -> None:
    """Two servers on one append-only file would destroy it."""
    daemon = _daemon(tmp_path, 1_000_000)
    assert daemon.stdout is not None
    valkey = int(daemon.stdout.readline().split()[0])
    os.kill(valkey, signal.SIGSTOP)
    try:
        daemon.kill()
        daemon.wait()
        daemon.stdout.close()
        with pytest.raises(StateDirBusy, match=rf"in use by process {daemon.pid} or its servers"):
            await StateLock.acquire(tmp_path, wait_seconds=0.3)
    finally:
        os.kill(valkey, signal.SIGCONT)
    (await StateLock.acquire(tmp_path)).release()


async def test_one_daemon_at_a_time(tmp_path: Path) -> None:
    """The lock goes with the first; the second says who has it and what to do."""
    first = await StateLock.acquire(tmp_path)
    with pytest.raises(StateDirBusy, match="choose another --state-dir"):
        await StateLock.acquire(tmp_path, wait_seconds=0.0)
    first.release()
    (await StateLock.acquire(tmp_path, wait_seconds=0.0)).release()


async def test_interrupted_first_start_is_done_again(tmp_path: Path) -> None:
    """A kill in the middle of initdb must not leave a directory that no Postgres can open."""
    daemon = _daemon(tmp_path, 0)
    deadline = time.monotonic() + 10
    while not (tmp_path / "postgres.new" / "PG_VERSION").exists():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)
    daemon.kill()
    assert daemon.communicate()[0] == ""
    assert not (tmp_path / "postgres").exists()

    async with EmbeddedServers(tmp_path) as servers:
        database = await Connections(servers.endpoints).postgres()
        assert await database.fetchval("SHOW server_encoding") == "UTF8"
        await database.close()
    assert not (tmp_path / "postgres.new").exists()


async def test_data_is_kept_unless_ephemeral(tmp_path: Path) -> None:
    """A second start still has its books; an ephemeral one leaves nothing and touches nothing."""
    counts = []
    for ephemeral in (False, True, True, False):
        async with EmbeddedServers(tmp_path, ephemeral=ephemeral) as servers:
            link = await Connections(servers.endpoints).redis()
            counts.append(await link.call("INCR", "starts"))
            await link.close()
    assert counts == [1, 1, 1, 2]
    assert not (tmp_path / "ephemeral").exists()


async def test_what_a_killed_ephemeral_run_left_is_wiped(tmp_path: Path) -> None:
    """Its data would otherwise come back at the next one."""
    left = tmp_path / "ephemeral" / "postgres"
    left.mkdir(parents=True)
    (left / "PG_VERSION").write_text("9\n")
    async with EmbeddedServers(tmp_path, ephemeral=True):
        assert (left / "PG_VERSION").read_text() != "9\n"


async def test_tools_find_the_servers_of_a_running_daemon_only(tmp_path: Path) -> None:
    """Sockets left by a kill are no servers."""
    assert running_endpoints(tmp_path) is None
    servers = EmbeddedServers(tmp_path, ephemeral=True)
    endpoints = await servers.start()
    assert running_endpoints(tmp_path) == endpoints
    await servers.stop()
    for name in ("valkey.sock", ".s.PGSQL.5432"):
        (servers.sockets / name).touch()
    assert running_endpoints(tmp_path) is None


async def test_nobody_else_reaches_the_servers(tmp_path: Path) -> None:
    """No network port, and the sockets lie in a directory that only we may enter."""
    async with EmbeddedServers(tmp_path, ephemeral=True) as servers:
        assert servers.sockets.stat().st_mode & 0o777 == 0o700
        link = await Connections(servers.endpoints).redis()
        database = await Connections(servers.endpoints).postgres()
        assert await link.call("CONFIG", "GET", "port") == [b"port", b"0"]
        assert await database.fetchval("SHOW listen_addresses") == ""
        await link.close()
        await database.close()


async def test_dead_postgres_is_started_again_and_dead_valkey_is_told(tmp_path: Path) -> None:
    """Postgres is a reader that may lag; without Redis there is no journal."""
    async with EmbeddedServers(tmp_path, ephemeral=True) as servers:
        watching = asyncio.create_task(servers.watch())
        first = servers.postgres.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        async with asyncio.timeout(10):
            while servers.postgres.pid in (first, None):  # noqa: ASYNC110 - a process
                await asyncio.sleep(0.02)
        assert servers.valkey.pid is not None
        os.kill(servers.valkey.pid, signal.SIGKILL)
        with pytest.raises(ServerUnusable, match="Valkey ended"):
            await asyncio.wait_for(watching, 10)


async def test_other_major_version_is_refused_with_the_remedy(tmp_path: Path) -> None:
    """Postgres would refuse too, in a log nobody reads."""
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(ServerUnusable, match=r"made by Postgres 9.*pg_dump"):
        await EmbeddedServers(tmp_path).start()
    (await StateLock.acquire(tmp_path, wait_seconds=0.0)).release()


def test_long_state_directory_gets_a_short_place_for_sockets(tmp_path: Path) -> None:
    """The kernel takes 107 bytes for a socket's path, and cuts no slack."""
    near, far = tmp_path / "s", tmp_path / ("long-" * 20)
    assert socket_dir(Path("/var/lib/pitboss")) == Path("/var/lib/pitboss/sockets")
    assert len(os.fsencode(socket_dir(far))) < 80
    assert socket_dir(far) == socket_dir(far)
    assert socket_dir(far) != socket_dir(far / "other")
    assert near.parent == far.parent


def test_directory_of_somebody_else_is_not_trusted(tmp_path: Path) -> None:
    """Anybody can prepare a directory under /tmp and wait for our sockets in it."""
    mine = private_dir(tmp_path / "mine")
    assert mine.stat().st_mode & 0o777 == 0o700
    (tmp_path / "link").symlink_to(mine)
    with pytest.raises(StateDirUnusable, match="belongs to another user"):
        private_dir(tmp_path / "link")


@as_root
def test_directory_that_changed_hands_is_not_trusted(tmp_path: Path) -> None:
    """Whoever owns the directory can put another socket in the place of ours."""
    os.chown(private_dir(tmp_path / "theirs"), pwd.getpwnam("nobody").pw_uid, -1)
    with pytest.raises(StateDirUnusable, match="belongs to another user"):
        private_dir(tmp_path / "theirs")


@as_root
def test_ordinary_user_needs_no_privileges(tmp_path: Path) -> None:
    """The usual way to run it is not as root; inside a user namespace we are nobody special."""
    daemon = _daemon(tmp_path, 1, "unshare", "--user", "--map-user=1000", "--map-group=1000")
    assert daemon.communicate(timeout=30)[0].splitlines()[-1] == "1"


@as_root
async def test_root_without_user_namespaces_falls_back_to_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Containers often forbid user namespaces, and Postgres never runs as root."""
    nobody = pwd.getpwnam("nobody").pw_uid
    monkeypatch.setattr(embedded_postgres, "run_as", lambda: RunAs(user=nobody))
    monkeypatch.setattr("persistence.embedded.run_as", lambda: RunAs(user=nobody))
    with _open_directory() as state_dir:
        for _ in range(2):
            async with EmbeddedServers(state_dir) as servers:
                database = await Connections(servers.endpoints).postgres()
                assert await database.fetchval("SELECT 1") == 1
                await database.close()
                assert _owner(servers.postgres.pid) == nobody


def _daemon(state_dir: Path, writes: int, *prefix: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*prefix, sys.executable, "-B", "-c", DAEMON, str(state_dir), str(writes)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def _open_directory() -> Iterator[Path]:
    """Give a directory that every user can walk to, unlike pytest's own."""
    path = Path(tempfile.mkdtemp(prefix="pitboss-test-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def _alive(pid: int) -> bool:
    """Tell whether a process runs; one that merely waits to be buried does not."""
    try:
        return "Z (zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def _owner(pid: int | None) -> int:
    return Path(f"/proc/{pid}").stat().st_uid
