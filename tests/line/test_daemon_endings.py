"""However a daemon ends, its exit code and last words say what happened and what to do."""

import asyncio
import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest

from persistence.journal import journal_key
from tests.line.outcome import replica
from tests.line.process import DaemonProcess, Make, accepted
from tests.line.valkey import OwnValkey
from tests.line.words import MARKET, order, tick
from tests.line.written import sealed, write


async def test_sigterm_drains_within_a_second_under_load(daemon: DaemonProcess) -> None:
    """A restart must not cost a second of the market, nor anything that was acknowledged."""
    connections, shard = daemon.connections, daemon.shard
    sent: list[str] = []

    async def load() -> None:
        while True:
            names = [f"o{len(sent) + k}" for k in range(50)]
            await daemon.send(*[order(name) for name in names])
            sent.extend(names)

    loading = asyncio.create_task(load())
    await daemon.applied("o300")
    began = time.monotonic()
    code = await daemon.stop()
    took = time.monotonic() - began
    loading.cancel()
    with suppress(asyncio.CancelledError):
        await loading

    assert code == 0, daemon.log
    assert took < 1.0
    link = await connections.redis()
    assert await link.call("GET", f"{{{shard}}}:lease") == b"released"
    await link.close()
    left = await daemon.frames()
    assert daemon.said("stopped")[0]["frame"] == left[-1].n
    await daemon.start()
    await daemon.applied(sent[-1])
    frames = await daemon.frames()
    assert frames[: len(left)] == left
    assert list(accepted(frames))[: len(sent)] == sent
    assert set(accepted(frames).values()) == {1}
    await replica(connections, shard)


async def test_sigterm_right_after_ready_is_an_orderly_end(make: Make) -> None:
    """A supervisor may change its mind at once."""
    daemon = make()
    await daemon.start()

    assert await daemon.stop() == 0, daemon.log


async def test_sigterm_while_redis_is_away_ends_all_the_same(
    make: Make, own_valkey: OwnValkey, shard: str
) -> None:
    """Nothing is lost by leaving: what was not acknowledged is read again by the next daemon."""
    await own_valkey.start()
    daemon = make(own_valkey.url)
    await daemon.start()
    await daemon.send(*MARKET, tick(), order("before"))
    await daemon.applied("before")
    await daemon.send(order("last"))
    own_valkey.kill()
    began = time.monotonic()

    assert await daemon.stop() == 0, daemon.log

    assert time.monotonic() - began < 4.0
    await own_valkey.start()
    await daemon.start()
    await daemon.applied("before", "last")


async def test_journal_deleted_under_it_ends_it_with_65(daemon: DaemonProcess) -> None:
    """Going on would begin a second history in the place of the first."""
    link = await daemon.connections.redis()
    await link.call("DEL", journal_key(daemon.shard))
    await daemon.send(order("after"))

    assert await daemon.ended() == 65
    assert "--accept-loss" in daemon.log
    assert await link.call("EXISTS", journal_key(daemon.shard)) == 0
    await link.close()


async def test_append_of_another_engine_ends_it_with_75(daemon: DaemonProcess) -> None:
    """Two leaders for a moment; then one, and systemd need not hurry to start the other."""
    await daemon.send(order("before"))
    await daemon.applied("before")
    link, top = await daemon.connections.redis(), (await daemon.frames())[-1]
    (theirs,) = sealed(daemon.shard, 1, after=top)
    await write(link, daemon.shard, [theirs])
    await daemon.send(order("after"))

    assert await daemon.ended() == 75
    assert f"another engine has written frame {top.n + 1}" in daemon.log
    assert (await daemon.frames())[-1] == theirs
    await link.close()


async def test_wrong_setting_of_redis_is_refused_with_78(make: Make, own_valkey: OwnValkey) -> None:
    """A Redis that forgets what it acknowledged makes every promise empty."""
    await own_valkey.start(appendonly="no", maxmemory_policy="allkeys-lru")
    daemon = make(own_valkey.url)
    daemon.spawn()

    assert await daemon.ended() == 78
    assert "appendonly is 'no'" in daemon.log
    assert "maxmemory-policy is 'allkeys-lru'" in daemon.log


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("[journal]\nring_frame = 20\n", "ring_frames"),
        ("[snapshot]\nkeep = 1\n", "snapshot.keep"),
    ],
)
async def test_error_in_the_configuration_is_78(make: Make, more: str, said: str) -> None:
    """A daemon that guesses what was meant has guessed wrong when it matters."""
    daemon = make(more=more)
    daemon.spawn()

    assert await daemon.ended() == 78
    assert said in daemon.log
    assert not daemon.state_dir.exists()


async def test_python_that_skips_assertions_is_refused(make: Make) -> None:
    """The invariants are asserted in production: without them nothing stands guard."""
    daemon = make()
    daemon.spawn(interpreter="-O")

    assert await daemon.ended() == 78
    assert "without -O" in daemon.log


async def test_missing_redis_is_69(make: Make, tmp_path: Path) -> None:
    """Configured and not there: somebody else has to start it."""
    daemon = make(f"unix://{tmp_path}/nobody")
    daemon.spawn()

    assert await daemon.ended() == 69


async def test_supervisor_is_told_what_is_true(make: Make, tmp_path: Path, shard: str) -> None:
    """Ready only once the journal is led, alive while the loop turns, stopping when it drains."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        address = tmp_path / "n"
        supervisor.bind(str(address))
        supervisor.settimeout(20)
        daemon = make()
        daemon.spawn(NOTIFY_SOCKET=str(address), WATCHDOG_USEC="400000")
        told = [supervisor.recv(4096) for _ in range(3)]
        assert told[0].startswith(b"READY=1\nSTATUS=frame 1")
        assert told[1:] == [b"WATCHDOG=1"] * 2
        assert len(await daemon.frames()) == 1, "it leads the journal"
        began = time.monotonic()
        for _ in range(4):
            assert supervisor.recv(4096) == b"WATCHDOG=1"
        assert time.monotonic() - began < 0.4 * 4, "twice within what the supervisor allows"

        assert await daemon.stop() == 0
        last = [supervisor.recv(4096)]
        while not last[-1].startswith(b"STOPPING=1"):
            last.append(supervisor.recv(4096))

        top = len(await daemon.frames())
        daemon.spawn(NOTIFY_SOCKET=str(address))
        again = supervisor.recv(4096)
        assert again.startswith(b"READY=1\nSTATUS=frame %d" % (top + 1)), "after its fencing frame"
