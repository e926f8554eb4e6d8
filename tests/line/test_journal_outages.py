"""Whatever happens to the connection or the server, each frame stands in the journal once."""

import asyncio

import pytest

from engine.connections import Connections
from persistence import journal as journal_module
from tests.edges.tape import until
from tests.line.proxy import FailingWire, Fate
from tests.line.test_journal import append, journal_of
from tests.line.valkey import OwnValkey
from tests.line.written import frames_of, sealed

FRAMES = 20
REQUESTS = FRAMES + 1  # and the question for the top


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once: these tests wait for nothing but the order of things."""
    monkeypatch.setattr(journal_module, "_RETRY_SECONDS", 0.001)


def struck(fate: object, first: int, count: int) -> Fate:
    """Let `fate` strike so many requests, beginning with the `first`-th."""
    return lambda number, _words: fate if first <= number < first + count else "pass"


@pytest.mark.parametrize("losses", [1, 3], ids=["once", "three in a row"])
@pytest.mark.parametrize("fate", ["lose reply", "lose request"])
async def test_lost_reply_neither_doubles_nor_loses_a_frame(
    connections: Connections, wire: FailingWire, shard: str, fate: str, losses: int
) -> None:
    """A client that retried by itself once turned one append into four; tried at every request."""
    for k in range(1, REQUESTS + 1):
        name = f"{shard}-{k}"
        frames, journal = sealed(name, FRAMES), journal_of(wire.connections, name)
        wire.fate = struck(fate, len(wire.requests) + k, losses)

        await append(journal, frames)

        await journal.close()
        assert await frames_of(connections, name) == frames, f"request {k}"


@pytest.mark.parametrize(
    "refusal",
    [
        b"-LOADING Valkey is loading the dataset in memory\r\n",
        b"-BUSY Valkey is busy running a script\r\n",
        b"-MASTERDOWN Link with MASTER is down\r\n",
        b"-MISCONF Errors writing to the AOF file: No space left on device\r\n",
    ],
    ids=lambda refusal: refusal.split()[0].decode(),
)
async def test_server_that_refuses_for_now_is_waited_for(
    connections: Connections, wire: FailingWire, shard: str, refusal: bytes
) -> None:
    """A server that reads its file back after a restart answers, but not yet with data."""
    for k in range(1, 6):
        name = f"{shard}-{k}"
        frames, journal = sealed(name, 4), journal_of(wire.connections, name)
        wire.fate = struck(refusal, len(wire.requests) + k, 3)

        await append(journal, frames)

        await journal.close()
        assert await frames_of(connections, name) == frames, f"request {k}"


async def test_killed_server_is_waited_for(own_valkey: OwnValkey, shard: str) -> None:
    """Redis restarted in mid-run is an outage of seconds, not the end of the engine."""
    await own_valkey.start()
    frames, journal = sealed(shard, 12), journal_of(own_valkey.connections, shard)
    await append(journal, frames[:5])
    own_valkey.kill()
    appending = asyncio.create_task(append(journal, frames[5:]))
    await asyncio.sleep(0.05)
    assert not appending.done()

    await own_valkey.start()
    await asyncio.wait_for(appending, 10)

    await journal.close()
    assert await frames_of(own_valkey.connections, shard) == frames


async def test_server_that_comes_back_with_an_older_file_is_healed(
    own_valkey: OwnValkey, shard: str
) -> None:
    """A disk that lied about its writes costs nothing as long as the engine lives."""
    await own_valkey.start()
    frames, journal = sealed(shard, 12), journal_of(own_valkey.connections, shard)
    await append(journal, frames[:4])
    older = own_valkey.keep_copy()
    await append(journal, frames[4:11])
    own_valkey.kill()
    own_valkey.put_back(older)
    await own_valkey.start()
    assert await frames_of(own_valkey.connections, shard) == frames[:4]

    await journal.append(frames[11])

    await journal.close()
    assert await frames_of(own_valkey.connections, shard) == frames


async def test_full_server_is_waited_for(own_valkey: OwnValkey, shard: str) -> None:
    """Out of memory is cured by an operator or by trimming, not by giving up."""
    await own_valkey.start()
    frames, journal = sealed(shard, 3), journal_of(own_valkey.connections, shard)
    await journal.append(frames[0])
    await own_valkey.set("maxmemory", "1")
    appending = asyncio.create_task(append(journal, frames[1:]))
    await asyncio.sleep(0.1)
    assert not appending.done()

    await own_valkey.set("maxmemory", "0")
    await until(appending.done)

    await appending
    await journal.close()
    assert await frames_of(own_valkey.connections, shard) == frames
