"""What is said to happen next happens: at that price, and not half a tick before (D1, D2)."""

import json
import random
from copy import deepcopy

import pytest

from engine.cli.foreseen import foreseen_view, sentences
from engine.foresight import Foreseen, foresee, twin_of
from engine.machine import Machine
from engine.restore import restore
from engine.snapshot import capture
from tests.core.market import Event, Market
from tests.core.test_safe_bands import BRACKETED, TERMS, Floor


def _next(market: Market, account: str = "bob") -> list[str]:
    state = market.kernel.state
    return sentences(account, foreseen_view(state, state.accounts[account]))


def _long(balance: str = "20") -> Market:
    market = Market(lot_size="0.1")
    market.play(f"""
        deposit bob {balance}
        mm  sell 1@100
        bob buy 1@100
    """)
    return market


def test_the_call_comes_first_and_then_the_first_tier() -> None:
    """Between the two nothing moves the position, so both can be told (D1)."""
    call, tier = _next(_long("30"))
    unchanged = "from its mark 100, others unchanged."
    assert call == f"bob: margin call at 87.495 of X, -12.505 % {unchanged}"
    assert tier == (
        f"bob: liquidation tier 1 at 78.75 of X, -21.250 % {unchanged} 0.3 X of 1 would be sold."
    )


def test_orders_that_would_go_are_named() -> None:
    """All but those that only reduce (D2)."""
    market = _long()
    market.play("""
        mark 99.99
        bob sell 0.1@110 id=open
        bob sell 0.1@111 id=exit reduce
        bob sell 0.2@112 id=other
    """)
    (tier,) = foreseen_view(market.kernel.state, market.kernel.state.accounts["bob"])
    assert (tier["rung"], tier["price"], tier["mark"]) == ("tier 1", "90", "99.99")
    assert tier["cancels"] == ["open", "other"]
    assert tier["closes"] == [{"symbol": "X", "side": "sell", "quantity": "0.3", "of": "1"}]


def test_account_in_liquidation_is_told_so() -> None:
    """What it stands at goes on without any price; a closed market lets it wait (D6)."""
    market = _long()
    market.play("mark 89.6")
    (said,) = _next(market)
    assert said == (
        "bob is in liquidation. It stands at liquidation tier 2: at the next input, or the review, "
        "0.5 X of 1 would be sold."
    )
    market.play("state X halted")
    (tier,) = foreseen_view(market.kernel.state, market.kernel.state.accounts["bob"])
    assert (tier["closes"], tier["waits_for"], tier["price"]) == ([], ["X"], None)
    assert tier["in_liquidation"] is True


def test_tier_3_closes_everything_that_may_trade() -> None:
    """Largest first; what lies in a closed market waits (D2, D6)."""
    market = Market(lot_size="0.1")
    market.play("""
        instrument Y lot_size=0.1
        mark Y 100
        instrument Z lot_size=0.1
        mark Z 100
        deposit bob 60
        mm  sell X 1@100
        bob buy X 1@100
        mm  sell Y 0.5@100
        bob buy Y 0.5@100
        mm  sell Z 0.8@100
        bob buy Z 0.8@100
        state Z halted
        mark Y 60
        mark Z 90
        mark X 70
    """)
    (tier,) = foreseen_view(market.kernel.state, market.kernel.state.accounts["bob"])
    assert (tier["rung"], tier["waits_for"]) == ("tier 3", ["Z"])
    assert [each["symbol"] for each in tier["closes"]] == ["X", "Y"]


def test_nothing_comes_to_those_whom_no_price_hurts() -> None:
    """A long that is paid for in full, one without a position, and the venue's own (D6)."""
    market = Market(lot_size="0.1")
    market.play("""
        fund 100
        deposit bob 1000
        deposit ann 5
        mm  sell 1@100
        bob buy 1@100
    """)
    state = market.kernel.state
    assert foresee(state, state.accounts["bob"]) == []
    assert foresee(state, state.accounts["ann"]) == []
    assert foresee(state, state.backstop) == []
    assert "no price" in _next(market)[0]


def test_asking_moves_nothing() -> None:
    """The twin is the only thing whose marks move."""
    market = _long()
    before = market.hash(), deepcopy(market.kernel.state.markets["X"].instrument.mark_half_ticks)
    account = market.kernel.state.accounts["bob"]
    foresee(market.kernel.state, account)
    assert (market.hash(), market.kernel.state.markets["X"].instrument.mark_half_ticks) == before
    assert twin_of(account).positions["X"] is not account.positions["X"]
    assert account.positions["X"].account is account


def _at(floor: Floor, symbol: str, mark_half: int) -> list[Event]:
    """Return what a copy of the floor says when the mark comes to be there."""
    twin = Floor.__new__(Floor)
    twin.machine, twin.now_us = Machine(restore(list(capture(floor.machine.kernel)))), floor.now_us
    bid, ask = (mark_half - 1) // 2, mark_half // 2 + 1
    assert bid + ask == mark_half
    out = twin.say("ticks", type="l1", symbol=symbol, bid=str(bid), ask=str(ask))
    return [json.loads(event) for event in out]


def _of(events: list[Event], account: str) -> list[Event]:
    return [event for event in events if event.get("account") == account]


def _compare(floor: Floor, account: str, rung: Foreseen) -> None:
    """Move the mark to the price named, and half a tick less far."""
    state = floor.machine.kernel.state
    mark = state.markets[rung.symbol].instrument.mark_half_ticks
    said = _of(_at(floor, rung.symbol, rung.mark_half), account)
    closed = [
        (event["symbol"], event["tier"], int(event["quantity"]))
        for event in said
        if event["type"] == "liquidation"
    ]
    assert closed == [(each.symbol, rung.tier, each.lots) for each in rung.closings]
    gone = [event["client_order_id"] for event in said if event["type"] == "order_cancelled"]
    assert gone[: len(rung.cancels)] == list(rung.cancels)
    kinds = {event["type"] for event in said}
    assert "margin_call" in kinds or state.accounts[account].margin_called
    nearer = rung.mark_half + (1 if rung.mark_half < mark else -1)
    if nearer != mark:
        kinds = {event["type"] for event in _of(_at(floor, rung.symbol, nearer), account)}
        assert "liquidation" not in kinds
        assert rung.tier or "margin_call" not in kinds


@pytest.mark.parametrize("terms", [TERMS, BRACKETED], ids=("one rate", "brackets"))
@pytest.mark.parametrize("symbols", [1, 2, 4])
def test_what_is_foreseen_happens_at_that_price_and_not_before(
    symbols: int, terms: dict[str, object]
) -> None:
    """Random accounts in one and in several symbols: the action, its slices, its cancels (D2)."""
    dice = random.Random(symbols)
    seen = {0: 0, 1: 0, 2: 0, 3: 0}
    for _ in range(12):
        floor = Floor(symbols, 1, terms=terms)
        floor.pay("a0", dice.randint(2_000, 12_000))
        for symbol in range(symbols):
            lots = dice.choice((-1, 1)) * dice.randint(1, 40 // symbols)
            floor.open("a0", symbol, lots)
            floor.order("a0", symbol, "buy", 700, 1)
        for _ in range(4):
            floor.tick(dice.randrange(symbols), dice.randint(940, 1_060))
            state = floor.machine.kernel.state
            for rung in foresee(state, state.accounts["a0"]):
                seen[rung.tier] += 1
                if not rung.is_now:
                    _compare(floor, "a0", rung)
    assert seen[0] > 5, f"tame: {seen}"
    assert seen[1] > 5, f"tame: {seen}"
