"""Whatever comes in from outside: taken, or refused by one number; nothing lost, engine lives.

`CORPUS_SEED` gives the entries of another run; the seed is printed where a test fails.
"""

import asyncio
import json
import os
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from engine.codec import decode_cursors
from engine.connections import Connections, Endpoints
from engine.entries import decode_entry
from engine.machine import Machine
from engine.messages import Frame, Verdict
from feeds.inbox import entry_order
from persistence.journal import JournalFrames
from tests.line.process import Make
from tests.line.written import events_of, frames_of
from tests.security.corpus import ACCOUNTS, MARK, Entry, corpus, opening

SEED = int(os.environ.get("CORPUS_SEED", "6"))


def judged(events: list[dict[str, Any]], commands: int, is_refused: bool) -> str:
    """Return what is wrong with the answer to an entry, nothing where it is right.

    A malformed entry is one refusal; others may follow, of accounts that any input has looked at.
    """
    refused = Counter(each["in"] for each in events if each["type"] == "rejected")
    if is_refused and (commands, refused.total()) != (1, 1):
        return f"{refused.total()} refusals of an entry that is malformed"
    if any(number > 1 for number in refused.values()):
        return "refused twice"
    return ""


@pytest.mark.parametrize(
    "seed", [SEED, *(pytest.param(SEED + more, marks=pytest.mark.long) for more in range(1, 40))]
)
def test_core_answers_whatever_it_is_sent(seed: int) -> None:
    """Each entry becomes commands or one verdict; nothing raises, and all invariants hold."""
    machine, now_us = Machine(), 1_700_000_000_000_000
    for number, entry in enumerate([*opening(), *corpus(seed, 1_500)], start=1):
        now_us += 1_000
        events: list[bytes] = []
        machine.begin(now_us, events)
        begun = len(events)
        items = decode_entry(entry.stream, f"{number}-0", entry.payload)
        for index, item in enumerate(items):
            machine.apply(item, index, events)
        told = [msgspec.json.decode(each) for each in events[begun:]]
        is_refused = any(isinstance(item.command, Verdict) for item in items)
        answers = [each for each in told if "in" in each]
        assert not judged(answers, len(items), is_refused), (seed, number, entry)
    machine.kernel.check()


async def test_daemon_outlives_the_corpus_and_loses_nothing(
    servers: Endpoints, connections: Connections, make: Make, shard: str
) -> None:
    """Every entry is in the journal, once; the log repeats none; a restart replays them all."""
    daemon = make(shard, servers.redis_url, more='[log]\nlevel = "debug"\n')
    await daemon.start()
    sent = await thrown(connections, shard, [*opening(), *corpus(SEED, 400)])
    await strange_keys(connections, shard)
    sent |= await thrown(connections, shard, strange_ids())
    probe = Entry("admin", [b"c", b'{"type":"create_account","account":"zq7-probe"}'])
    sent |= await thrown(connections, shard, [probe])
    await until_read(connections, shard, sent)
    assert await daemon.stop() == 0, daemon.log
    await daemon.start()
    assert await daemon.stop() == 0, daemon.log

    frames = await frames_of(connections, shard)
    found = told_of(frames)
    wrong = {}
    for place, entry in sent.items():
        inputs, events = found.get(place, ([], []))
        is_refused = any("refuse" in each for each in inputs)
        if inputs:
            problem = judged(events, len(inputs), is_refused)
        else:
            problem = "" if place[0].startswith("ticks") else "lost"
        if problem:
            wrong[place] = (problem, entry.fields[:2], events)
    assert not wrong, (SEED, wrong)
    assert {place for place in found if place[0] != "config"} <= sent.keys(), "what nobody sent"
    assert ticks_told(found) == ticks_sent(sent), "conflated ticks are counted"
    assert "zq7-probe" in {each["account"] for each in events_of(frames, "account_created")}
    assert MARK not in daemon.log
    assert "poison" not in daemon.log


_NO_NAMES = ("", "a:b", "a b", "\n", "é", "x" * 65)
Place = tuple[str, str]
Told = dict[Place, tuple[list[dict[str, Any]], list[dict[str, Any]]]]


async def thrown(
    connections: Connections, shard: str, entries: Iterable[Entry | tuple[Entry, str]]
) -> dict[Place, Entry]:
    """Add entries to their streams; return them by stream and id."""
    sent: dict[Place, Entry] = {}
    link = await connections.redis()
    for each in entries:
        entry, entry_id = (each, "*") if isinstance(each, Entry) else each
        reply = await link.call("XADD", f"{{{shard}}}:{entry.stream}", entry_id, *entry.fields)
        sent[entry.stream, reply.decode()] = entry
    await link.close()
    return sent


def strange_ids() -> list[tuple[Entry, str]]:
    """Return entries under ids at the edges of what a stream can count."""
    highest = 2**64 - 1
    command = json.dumps({"type": "cancel_all", "account": ACCOUNTS[0]}).encode()
    ids = {
        "orders:low": ["0-1", "0-2", "1-0"],
        "orders:old": ["1500000000000-0", "1600000000000-5"],
        "orders:future": ["9999999999999-0"],
        "orders:sequence": [f"1-{highest}", f"2-{highest}"],
        "orders:top": [f"{highest - 1}-0", f"{highest}-0", f"{highest}-{highest}"],
    }
    return [(Entry(name, [b"c", command]), each) for name, some in ids.items() for each in some]


async def strange_keys(connections: Connections, shard: str) -> None:
    """Put keys where streams could be looked for: other types, and names that are none."""
    link = await connections.redis()
    for command in (
        ("SET", "orders:text", "x"),
        ("HSET", "orders:hash", "c", "x"),
        ("RPUSH", "ticks:list", "x"),
        *(
            ("XADD", f"orders:{name}", "*", "c", "{}")
            for name in ("", "a:b", "a b", "\n", "é", "x" * 65)
        ),
        *(("XADD", name, "*", "c", "{}") for name in ("Orders", "config", "orders-x", "admin:")),
        ("XADD", b"orders:\xff\x00", "*", "c", "{}"),
    ):
        verb, name, *rest = command
        raw = name if isinstance(name, bytes) else name.encode()
        await link.call(verb, f"{{{shard}}}:".encode() + raw, *rest)
    await link.close()


async def until_read(connections: Connections, shard: str, sent: Iterable[Place]) -> None:
    """Wait until the journal has passed everything that was sent."""
    last: dict[str, str] = {}
    for name, entry_id in sent:
        last[name] = max(last.get(name, "0-0"), entry_id, key=entry_order)
    link = await connections.redis()
    async with asyncio.timeout(60):
        while True:
            top = await JournalFrames(link, shard).top()
            read = {} if top is None else decode_cursors(top.cursors)
            if all(entry_order(read.get(name, "0-0")) >= entry_order(last[name]) for name in last):
                break
            await asyncio.sleep(0.1)
    await link.close()


def told_of(frames: list[Frame]) -> Told:
    """Return the inputs and events of each entry that the journal tells of."""
    told: Told = {}
    for frame in frames:
        inputs = json.loads(frame.inputs)
        for each in inputs:
            told.setdefault((each["s"], each["id"]), ([], []))[0].append(each)
        for event in json.loads(frame.events):
            if "in" in event:
                cause = inputs[event["in"]]
                told[cause["s"], cause["id"]][1].append(event)
    return told


def ticks_told(found: Told) -> int:
    """Return how many ticks the journal stands for."""
    told = [each for (name, _), (inputs, _) in found.items() if "ticks" in name for each in inputs]
    return sum(1 + each.get("skipped", 0) for each in told)


def ticks_sent(sent: dict[Place, Entry]) -> int:
    """Return how many ticks, or refusals, are due for what was sent."""
    due = [
        decode_entry(*place, each.payload) for place, each in sent.items() if "ticks" in place[0]
    ]
    return sum(len(inputs) for inputs in due)
