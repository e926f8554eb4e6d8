"""A snapshot is the state, all of it and nothing else, or it is not used."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from engine.connections import Connections, RedisLink, SyncRedisLink
from engine.entries import decode_entry
from engine.limits import SNAPSHOT_CHUNK_BYTES
from engine.machine import Machine
from engine.migrations import STEPS, Sections, migrated
from engine.ports import Position
from engine.replay import latest_snapshot, restore_snapshot
from engine.restore import restore
from engine.snapshot import FORMAT, CorruptSnapshot, capture, state_hash
from persistence.snapshot_store import SnapshotStore, write_snapshot
from tests.core.tapes import Step, tape
from tests.line.words import MARKET, order, tick

TIME_US = 1_700_000_000_000_000


@pytest.fixture
def sync_link(connections: Connections) -> Iterator[SyncRedisLink]:
    """Open the kind of link that the writing child has."""
    link = connections.redis_sync()
    yield link
    link.close()


def played(steps: list[Step], machine: Machine, now_us: int) -> tuple[list[bytes], int]:
    """Apply steps of a tape; return every event's bytes and the time reached."""
    out: list[bytes] = []
    for step in steps:
        now_us += step.wait_ms * 1_000
        machine.begin(now_us, out)
        for index, item in enumerate(decode_entry(step.stream, "1-0", step.payload.encode())):
            machine.apply(item, index, out)
    return out, now_us


def small_machine() -> Machine:
    """Return a machine with a little of everything."""
    machine, out = Machine(), list[bytes]()
    machine.begin(TIME_US, out)
    commands = [
        *MARKET,
        tick(seq=3, source="a"),
        order("bid", "buy", "99", "7"),
        order("offer", "sell", "100", "5", "bea"),
        order("take", "buy", "100", "2"),
    ]
    for command in commands:
        stream = {"place_order": "orders", "l1": "ticks"}.get(str(command["type"]), "admin")
        machine.apply(decode_entry(stream, "1-0", json.dumps(command).encode())[0], 0, out)
    return machine


def position(n: int) -> Position:
    """Return a made-up place in the journal."""
    return Position(n, n.to_bytes(32, "big"), {"orders": f"{n}-0", "admin": "3-0"})


@pytest.mark.parametrize("seed", [11, 12, 13])
async def test_restored_state_has_the_same_hash_and_the_same_future(
    link: RedisLink, sync_link: SyncRedisLink, shard: str, seed: int
) -> None:
    """Whatever a snapshot forgot, the future would show: written, read back, and played on."""
    steps = tape(seed, 240)
    store = SnapshotStore(link, shard)
    for number in range(1, 5):
        before, after = steps[: number * 60], steps[number * 60 :]
        live, now_us = Machine(), TIME_US
        _, now_us = played(before, live, now_us)
        write_snapshot(sync_link, shard, live.kernel, position(number), "w")
        newest = (await store.manifests())[0]

        restored, at = await restore_snapshot(store, newest)

        assert vars(at) == vars(position(number))
        assert state_hash(restored.kernel) == state_hash(live.kernel) == newest.state_hash
        assert played(after, restored, now_us) == played(after, live, now_us)


def test_chunks_are_bounded_whatever_the_records_hold() -> None:
    """A large value would stop Redis for everybody while it is written."""
    machine, out = Machine(), list[bytes]()
    machine.begin(TIME_US, out)
    long = "n" * 60
    names = [f"{long}{number:04}" for number in range(3)]
    setup = [{**MARKET[0], "symbol": names[0]}]
    setup += [{"type": "create_account", "account": name, "stp_group": name} for name in names]
    setup += [
        {"type": "deposit", "account": name, "amount": "9" * 14, "transfer_id": name}
        for name in names
    ]
    for command in setup:
        machine.apply(decode_entry("admin", "1-0", json.dumps(command).encode())[0], 0, out)
    mark = {**tick(), "symbol": names[0]}
    machine.apply(decode_entry("ticks", "1-0", json.dumps(mark).encode())[0], 0, out)
    for number in range(3_000):
        resting = {**order(f"{long}{number:04}"), "account": names[number % 3], "tag": names[0]}
        resting["symbol"] = names[0]
        machine.apply(decode_entry("orders", "1-0", json.dumps(resting).encode())[0], 0, out)
    assert len(machine.kernel.state.live[names[0]]) == 1_000

    sizes = [len(chunk) for chunk in capture(machine.kernel)]

    assert max(sizes) <= SNAPSHOT_CHUNK_BYTES
    assert sum(sizes) > 4 * SNAPSHOT_CHUNK_BYTES


async def test_snapshot_of_an_older_format_is_migrated_step_by_step(
    link: RedisLink, sync_link: SyncRedisLink, shard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upgrade must not cost the books: what was written once stays readable."""
    machine = small_machine()
    manifest = write_snapshot(sync_link, shard, machine.kernel, position(1), "w")
    chunks = await SnapshotStore(link, shard).chunks(manifest)
    # Two formats before: in the first an account has no days of volume, and orders are the book.
    named = [msgspec.msgpack.decode(chunk, type=tuple[str, bytes]) for chunk in chunks]
    decoded = [(name, msgspec.msgpack.decode(body, type=list[Any])) for name, body in named]
    days = [record.pop() for name, records in decoded for record in records if name == "accounts"]
    assert len(days) == 2
    old = [
        msgspec.msgpack.encode((name.replace("orders", "book"), msgspec.msgpack.encode(records)))
        for name, records in decoded
    ]

    def with_days(sections: Sections) -> Sections:
        for name, records in sections:
            yield name, [[*each, days.pop(0)] if name == "accounts" else each for each in records]

    def renamed(sections: Sections) -> Sections:
        for name, records in sections:
            yield name.replace("book", "orders"), records

    monkeypatch.setitem(STEPS, FORMAT - 2, with_days)
    monkeypatch.setitem(STEPS, FORMAT - 1, renamed)
    restored = restore(migrated(old, FORMAT - 2))

    assert state_hash(restored) == manifest.state_hash
    with pytest.raises(CorruptSnapshot, match="cannot be restored"):
        restore(old)


@pytest.mark.parametrize("bad", [0, 99])
async def test_snapshot_of_an_unknown_format_is_not_read(
    link: RedisLink, sync_link: SyncRedisLink, shard: str, bad: int
) -> None:
    """A later release may write what this one would misread."""
    manifest = write_snapshot(sync_link, shard, small_machine().kernel, position(1), "w")
    store = SnapshotStore(link, shard)

    with pytest.raises(CorruptSnapshot, match=f"format {bad} is unknown"):
        await restore_snapshot(store, msgspec.structs.replace(manifest, format=bad))


async def test_snapshot_above_the_journal_is_not_used(
    link: RedisLink, sync_link: SyncRedisLink, shard: str
) -> None:
    """The journal is the truth: a state that it does not lead to is not taken from elsewhere."""
    write_snapshot(sync_link, shard, small_machine().kernel, position(5), "w")
    complaints: list[str] = []

    found = await latest_snapshot(SnapshotStore(link, shard), 4, complaints.append)

    assert found is None
    assert ["above the journal" in each for each in complaints] == [True]


async def test_newest_generations_are_kept_and_what_has_no_manifest_goes(
    link: RedisLink, sync_link: SyncRedisLink, shard: str
) -> None:
    """Damage is survived by older generations, and interrupted writes must not fill the memory."""
    machine = small_machine()
    for n in (9, 10, 101, 1_000):
        write_snapshot(sync_link, shard, machine.kernel, position(n), "w")
    await link.call("SET", f"{{{shard}}}:state:2000:w:0", "left by a child that was killed")
    await link.call("SET", f"{{{shard}}}:state:1000:other:0", "of a writer that never ended")
    store = SnapshotStore(link, shard)

    kept = await store.prune(3)

    assert [each.frame for each in kept] == [1_000, 101, 10]
    names = {key.split(b":state:")[1] for key in await link.call("KEYS", f"{{{shard}}}:state:*")}
    owners = {b":".join(name.split(b":")[:2]) for name in names}
    assert owners == {b"1000:w", b"101:w", b"10:w"}
    for manifest in kept:
        assert len(await store.chunks(manifest)) == len(manifest.chunk_digests)
