"""While the engine is behind only what reduces is let in, and nothing is lost in silence (E6)."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from engine.codec import decode_inputs
from engine.entries import decode_entry, input_from_record, mark_overloaded
from engine.machine import Machine
from engine.restore import restore
from engine.snapshot import capture, state_hash
from tests.core.duel import play_tapes
from tests.core.market import Market
from tests.core.tape_kills import kills
from tests.core.tapes import Step, tape
from tests.core.test_replay import advance, played

OPENING = ("buy 1@99", "buy market 1", "buy stop 1 trigger=102", "buy 1@99 oco=g")
REDUCING = ("sell 10@101", "sell market 3", "sell 3@101 reduce", "sell stop 4 trigger=98")
DUEL = range(8)
RESTARTED = range(30, 33)


def overloads(seed: int) -> list[Step]:
    """Return an ordinary tape, or one with kill switches, that comes late in stretches."""
    rng = random.Random(seed)
    steps = kills(seed, 200) if seed % 4 == 0 else tape(seed, 260, gaps=seed % 3 == 0)
    return list(_late(rng, steps))


def _late(rng: random.Random, steps: list[Step]) -> Iterator[Step]:
    retry_ms, left = 0, 20
    for step in steps:
        if left == 0:
            retry_ms, left = rng.choice((0, 0, 1, 250, 60_000)), rng.randint(1, 30)
        left -= 1
        yield replace(step, retry_ms=retry_ms)


def _long(market: Market) -> Market:
    """Let bob be long 10, with somebody on either side of the market, and fall behind."""
    market.play("""
        mm  sell 10@100
        bob buy  10@100
        mm  sell 9@103
        mm  buy  9@97
        behind 250
    """)
    market.forget()
    return market


@pytest.mark.parametrize("order", [*OPENING, "sell 11@101", "bracket buy 1@99 sl=90"])
def test_what_adds_risk_is_refused_with_a_hint(market: Market, order: str) -> None:
    """The client is told when to try again, and the id is not consumed (E6, A10)."""
    _long(market).play(f"bob {order} id=n")

    (refusal,) = market.events
    hint = {"retry_ms": 250}
    assert (refusal["code"], refusal["reason"], refusal["detail"]) == (701, "overload", hint)
    assert refusal["errors"] == [{"code": 701, "reason": "overload"} | hint]
    assert (refusal["account"], refusal["client_order_id"]) == ("bob", "n")
    market.play(f"""
        behind 0
        bob {order} id=n
    """)
    assert [e["client_order_id"] for e in market.of("order_accepted")][:1] == ["n"]


@pytest.mark.parametrize("order", REDUCING)
def test_what_reduces_is_let_in(market: Market, order: str) -> None:
    """The way out is open, be the order marked reduce-only or not (E6, C1)."""
    _long(market).play(f"bob {order}")

    assert market.refusals == []
    assert len(market.of("order_accepted")) == 1


def test_cancels_and_smaller_orders_go_on(market: Market) -> None:
    """Less quantity is a reduction; more, or another price, is asked like a new order (E6, A9)."""
    market.play("amy buy 5@98 id=a\n amy buy 5@97 id=b\n amy buy 5@96 id=c\n amy buy 5@95 id=d")
    _long(market).play("""
        amy amend a 2
        amy amend b 6
        amy amend b @98
        amy cancel b
        amy cancel all
    """)

    assert market.refusals == ["overload", "overload"]
    assert market.cancels == ["b 5 requested", "a 2 cancel_all", "c 5 cancel_all", "d 5 cancel_all"]


def test_amend_that_reduces_is_let_in(market: Market) -> None:
    """A way out may be moved to where it trades (E6, C1)."""
    _long(market).play("""
        bob sell 10@102 id=exit
        bob amend exit @97
    """)

    assert market.refusals == []
    assert market.position("bob") == "1"


def test_repeat_of_an_accepted_order_says_what_became_of_it(market: Market) -> None:
    """Who asks again learns that it is in, however busy the engine is (E6, A10)."""
    market.play("""
        bob buy 1@99 id=n
        behind 250
        bob buy 1@99 id=n
    """)

    assert market.refusals == []
    assert market.events[-1]["duplicate"] is True


def test_what_a_command_sets_off_is_not_refused(market: Market) -> None:
    """Stops that it fires were in before; refusing them would shorten no queue (E6, A11)."""
    market.play("""
        mm  sell 10@100
        bob buy  10@100
        amy buy stop 2 trigger=102
        mm  sell 5@103
        mm  sell 5@102
        sue buy  1@90
        sam sell 1@90
        behind 250
    """)
    market.forget()
    market.play("sam buy market 1 reduce")

    assert market.fills == ["sam<mm 1@102", "amy<mm 2@102"]
    assert market.refusals == []


def test_machine_agrees_on_what_is_let_in_while_it_is_behind() -> None:
    """Orders of every kind in random states, some stretches of them late (E6)."""
    seen = play_tapes(overloads, DUEL)

    assert seen["overload"] > 200, f"only {seen['overload']} were refused: the tapes are tame"


def test_late_machine_restored_after_every_command_says_the_same() -> None:
    """Nothing of it outlasts its command, so that a snapshot need not hold it (E6)."""
    seen: Counter[bytes] = Counter()
    for seed in RESTARTED:
        steps = overloads(seed)[:160]
        machine, events, now_us = Machine(), list[bytes](), 0
        for step in steps:
            now_us += step.wait_ms * 1_000
            events += advance(machine, now_us, step)
            machine = Machine(restore(list(capture(machine.kernel))))

        assert (events, state_hash(machine.kernel)) == played(steps)
        seen.update(word for event in events for word in event.split(b'"'))
    assert seen[b"overload"] > 20


@pytest.mark.parametrize("is_short", [False, True], ids=["behind", "short of memory"])
def test_mark_is_written_down_and_read_back(*, is_short: bool) -> None:
    """A replay decides nothing by its own clock: the frame says what came late (E6)."""
    order = {"type": "place_order", "account": "a", "symbol": "X", "side": "buy"}
    order |= {"order_type": "limit", "quantity": "1", "price": "1", "client_order_id": "o"}
    beat = {"type": "heartbeat", "account": "a", "timeout_ms": 0}
    cancel = {"type": "cancel_all", "account": "a"}
    inputs = decode_entry("orders", "5-0", json.dumps([order, beat, cancel]).encode())

    mark_overloaded(inputs, 300, is_short=is_short)

    records = decode_inputs(b"[" + b",".join(item.body for item in inputs) + b"]")
    assert [each.retry_ms for each in inputs] == [300, 0, 0]
    read = [input_from_record(each) for each in records]
    assert [(each.retry_ms, each.is_short) for each in read] == [(300, is_short), *[(0, False)] * 2]
    assert [each.command for each in read] == [each.command for each in inputs]


def test_part_that_is_spared_is_spread_evenly() -> None:
    """Two in five of what may open enter as ever, wherever they stand among the streams (E6)."""
    order = {"type": "place_order", "account": "a", "symbol": "X", "side": "buy"}
    order |= {"order_type": "limit", "quantity": "1", "price": "1", "client_order_id": "o"}
    inputs = decode_entry("orders", "5-0", json.dumps([order] * 10).encode())

    mark_overloaded(inputs, 300, 400_000)

    assert [bool(each.retry_ms) for each in inputs] == 2 * [True, True, False, True, False]
