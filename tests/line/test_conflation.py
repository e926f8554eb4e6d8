"""Of a flood of prices only what is still true is applied, and what was skipped is counted."""

import json

import pytest

from engine.entries import decode_entry
from engine.machine import Machine
from engine.messages import Input
from engine.snapshot import state_hash
from feeds.ticks import conflate
from tests.line.words import MARKET

Tick = dict[str, object]


def entries(ticks: str) -> list[Input]:
    """Return a tick a word: `X.a.s5` is symbol X, source a, seq 5; `t5` is a ts, `m` a mark.

    Words within brackets are one array entry; `bad` cannot be read.
    """
    found: list[Input] = []
    for number, entry in enumerate(ticks.replace("[ ", "[").split(" "), start=1):
        words = entry.strip("[]").split(",")
        several: list[Tick] = [_tick(word, 100 + number) for word in words]
        payload = json.dumps(several if entry.startswith("[") else several[0]).encode()
        found += decode_entry("ticks", f"{number}-0", payload)
    return found


def _tick(word: str, price: int) -> Tick:
    if word == "bad":
        return {"type": "l1", "symbol": "X", "bid": "2", "ask": "1"}
    symbol, *parts = word.split(".")
    if "m" in parts:
        return {"type": "mark_price", "symbol": symbol, "price": str(price)}
    tick: Tick = {"type": "l1", "symbol": symbol, "bid": str(price), "ask": str(price + 1)}
    for part in parts:
        field = {"s": "seq", "t": "ts"}.get(part[0]) if part[1:].isdigit() else None
        if field is None:
            tick["source"] = part
        else:
            tick[field] = int(part[1:])
    return tick


def shown(inputs: list[Input]) -> str:
    """Return what is left: the entries' numbers, each with how many it stands for besides."""
    records = [json.loads(each.body) for each in inputs]
    words = []
    for each in records:
        place = each["id"][:-2] + (f".{each['k']}" if "k" in each else "")
        words.append(place + (f"+{each['skipped']}" if "skipped" in each else ""))
    return " ".join(words)


@pytest.mark.parametrize(
    ("ticks", "left"),
    [
        ("X", "1"),
        ("X X X", "3+2"),
        ("X Y X Y", "3+1 4+1"),
        ("X.a X.b X.a", "2 3+1"),
        ("X X.a X", "2 3+1"),
        ("X.s1 X.s2 X.s3", "3+2"),
        ("X.t1 X.t1 X.t2", "3+2"),
        ("X.s5 X.s4 X.s6", "2 3+1"),
        ("X.s5 X.s5", "1 2"),
        ("X.t5 X.t4", "1 2"),
        ("X.s6 X.s4 X.s5", "1 2 3"),
        ("X.s5.t9 X.s6.t1", "2+1"),
        ("X.s5.t1 X.s4.t9", "1 2"),
        ("X.s5 X X.s4", "1 2 3"),
        ("X.t7 X.s3", "1 2"),
        ("X.m X.m X", "2+1 3"),
        ("X X.m X", "2 3+1"),
        ("[X,X,X]", "1.2+2"),
        ("[X,Y] X", "1.1 2+1"),
        ("X [Y,X,X] X", "2.0 3+3"),
        ("X bad X", "2 3+1"),
        ("bad bad", "1 2"),
        ("[X,bad] X", "1 2"),
    ],
)
def test_last_of_each_source_stays(ticks: str, left: str) -> None:
    """The newest price of a source stands where it came; older and malformed ones stay to be told.

    Ticks are compared only where they carry the same marks of order, as the kernel compares them.
    """
    assert shown(conflate(entries(ticks))) == left


@pytest.mark.parametrize(
    "ticks",
    [
        "X X X",
        "X.s1 X.s2 X.s2",
        "X.s5 X X.s4",
        "X.t5 X.s1 X.t4",
        "X.s5 X.s3 X.s7 X.s6",
        "X.t7 X.s3",
    ],
)
def test_kernel_ends_at_the_price_that_every_tick_would_have_given(ticks: str) -> None:
    """What conflation drops must not have mattered once the batch is over."""
    assert prices(conflate(entries(ticks))) == prices(entries(ticks))


def prices(inputs: list[Input]) -> tuple[int, int]:
    """Apply ticks to a fresh market; return its outside bid and ask."""
    machine, out = Machine(), list[bytes]()
    for command in MARKET:
        machine.apply(decode_entry("admin", "1-0", json.dumps(command).encode())[0], 0, out)
    for each in inputs:
        machine.apply(each, 0, out)
    machine.kernel.check()
    instrument = machine.kernel.state.markets["X"].instrument
    return instrument.bid_ticks, instrument.ask_ticks


def test_recorded_survivor_decodes_to_the_tick_it_was() -> None:
    """`skipped` is a note beside the command: a replay must not stumble over it."""
    from engine.codec import decode_inputs
    from engine.entries import input_from_record

    (survivor,) = conflate(entries("X X X"))

    (record,) = decode_inputs(b"[" + survivor.body + b"]")
    assert record.skipped == 2
    live, replayed = Machine(), Machine()
    for machine, item in ((live, survivor), (replayed, input_from_record(record))):
        out: list[bytes] = []
        create = json.dumps(MARKET[0]).encode()
        machine.apply(decode_entry("admin", "1-0", create)[0], 0, out)
        machine.apply(item, 0, out)
    assert state_hash(live.kernel) == state_hash(replayed.kernel)
