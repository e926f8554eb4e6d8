"""Whatever stands in a stream: one numbered refusal, nothing changed, and the engine goes on."""

import asyncio
import itertools
import json
from typing import Any

import pytest

from engine.cli.journal_reader import JournalReader, journal_top
from tests.cli.program import Daemon

_NAMES = itertools.count(1)
_ANSWER_SECONDS = 10.0


def l1(bid: str, ask: str) -> bytes:
    """Return a tick of the shared instrument; the prices are JSON as given."""
    return f'{{"type":"l1","symbol":"COIN","bid":{bid},"ask":{ask}}}'.encode()


def place(**changed: Any) -> bytes:
    """Return an order that is good but for what is changed."""
    order = {
        "type": "place_order",
        "account": "bob",
        "symbol": "COIN",
        "side": "buy",
        "order_type": "limit",
        "price": "1",
        "quantity": "1",
        "client_order_id": "bad",
    }
    return json.dumps({**order, **changed}).encode()


MALFORMED: dict[str, tuple[str, list[bytes], int]] = {
    "not JSON": ("orders", [b"c", b"place an order"], 101),
    "cut short": ("orders", [b"c", place()[:-5]], 101),
    "not UTF-8": ("orders", [b"c", b'{"type":"cancel_all","account":"\xff"}'], 101),
    "NUL": ("orders", [b"c", b'{"type":"cancel_all","account":"\x00"}'], 101),
    "NUL alone": ("orders", [b"c", b"\x00"], 101),
    "empty": ("orders", [b"c", b""], 101),
    "wrong type": ("orders", [b"c", place(account=7)], 102),
    "a number": ("orders", [b"c", b"7"], 102),
    "float price": ("orders", [b"c", place(price=1.5)], 102),
    "unknown field": ("orders", [b"c", place(prise="1")], 103),
    "unknown command": ("orders", [b"c", place(type="buy")], 104),
    "no type": ("orders", [b"c", b"{}"], 104),
    "missing field": ("orders", [b"c", b'{"type":"cancel_all"}'], 105),
    "NaN": ("orders", [b"c", place(price="NaN")], 106),
    "infinity": ("orders", [b"c", place(price="Infinity")], 106),
    "exponent": ("orders", [b"c", place(price="1e5")], 106),
    "bare NaN": ("ticks", [b"c", l1("NaN", "1")], 101),
    "2^70": ("orders", [b"c", place(quantity=2**70)], 107),
    "100 KB": ("orders", [b"c", place(tag="a" * 100_000)], 108),
    "long name": ("orders", [b"c", place(account="a" * 65)], 109),
    "line end in a name": ("orders", [b"c", place(account="bob\n")], 109),
    "crossed": ("ticks", [b"c", l1('"2"', '"1"')], 110),
    "locked": ("ticks", [b"c", l1('"2"', '"2.0"')], 110),
    "zero": ("ticks", [b"c", l1('"0"', '"1"')], 111),
    "negative": ("ticks", [b"c", l1('"-2"', '"-1"')], 111),
    "wrong stream": ("ticks", [b"c", place()], 112),
    "orders on admin": ("admin", [b"c", place()], 112),
    "deep": ("orders", [b"c", b"[" * 5_000 + b"]" * 5_000], 113),
    "no field c": ("orders", [b"command", place()], 114),
    "extra field": ("orders", [b"c", place(), b"d", b"1"], 114),
    "one bad element": ("orders", [b"c", b"[" + place() + b"," + place(price=1.5) + b"]"], 102),
    "empty array": ("orders", [b"c", b"[]"], 107),
}


async def answers(daemon: Daemon, stream: str, fields: list[bytes]) -> list[dict[str, Any]]:
    """Write a raw entry, and behind it a command that is known to be answered; return the events.

    The last event is that of the known command, so that "one refusal" also means "not two".
    """
    connections = daemon.connections
    link, watch = await connections.redis(), await connections.redis(blocking=True)
    try:
        top = await journal_top(link, "main")
        assert top is not None
        reader = JournalReader(watch, "main", after=top.n)
        account = f"probe-{next(_NAMES)}"
        probe = json.dumps({"type": "create_account", "account": account}).encode()
        await link.call("XADD", f"{{main}}:{stream}", "*", *fields)
        events: list[dict[str, Any]] = []
        async with asyncio.timeout(_ANSWER_SECONDS):
            while not events:
                events = [e for each in await reader.next(100) for e in each.decoded_events()]
            await link.call("XADD", "{main}:admin", "*", "c", probe)
            while events[-1].get("account") != account:
                events += [e for each in await reader.next(100) for e in each.decoded_events()]
    finally:
        await link.close()
        await watch.close()
    return events


@pytest.mark.parametrize("name", MALFORMED)
async def test_malformed_entry_gives_one_numbered_refusal(daemon: Daemon, name: str) -> None:
    """It names stream and entry, so that its sender can find it; the engine goes on."""
    stream, fields, code = MALFORMED[name]
    refused, created = await answers(daemon, stream, fields)
    assert (refused["type"], refused["code"], refused["stream"]) == ("rejected", code, stream)
    assert refused["path"].startswith("$")
    assert len(refused["digest"]) == 32
    assert created["type"] == "account_created"


async def test_quantity_beyond_every_bound_is_refused_with_its_order(daemon: Daemon) -> None:
    """A plain decimal is well-formed however large; that it cannot be is said of the order."""
    refused, _ = await answers(daemon, "orders", [b"c", place(quantity=str(2**70))])
    assert (refused["code"], refused["client_order_id"]) == (107, "bad")


def test_malformed_line_of_send_is_answered_like_any_other(daemon: Daemon) -> None:
    """Nothing is held back: what the engine says is what the user sees."""
    ended = daemon.ask("send", given=b'not json\n{"type":"l1","symbol":"COIN","bid":2.5}\n\xff\n')
    assert ended.code == 0, ended.err
    assert [event["code"] for event in ended.lines] == [101, 102, 101]
