"""Of whom nobody takes anything is looked at by the timer ever more rarely (D6)."""

import itertools
import json
import random
from collections.abc import Iterator

import pytest

from engine.limits import MAX_REVIEW_WAIT_US
from tests.core.duel import Duel
from tests.core.market import Market
from tests.core.tapes import Step


def _stuck(ladder: str = "") -> Market:
    """Let bob stand at tier 3; nobody bids, the fund is empty, the other side is the backstop's."""
    market = Market(lot_size="0.1")
    market.play(f"""
        ladder max_tries=1 {ladder}
        deposit bob 20
        backstop sell 1@100
        bob buy 1@100
        mark 89
    """)
    assert market.of("takeover") == market.of("deleveraged") == []
    market.forget()
    return market


def _looks(market: Market, count: int) -> list[int]:
    """Go from one deadline to the next; return how long each took to come, in ms."""
    waits = []
    for _ in range(count):
        deadline_us = market.kernel.next_deadline_us()
        assert deadline_us is not None
        waits.append((deadline_us - market.now_us) // 1_000)
        market.wait(waits[-1] - 1)
        assert market.last == []
        market.wait(1)
        assert [event["type"] for event in market.last] == ["liquidation", "order_cancelled"]
    return waits


def test_timer_waits_twice_as_long_each_time() -> None:
    """Until it waits for 64 s (D6)."""
    market = _stuck()

    waits = _looks(market, 10)

    assert waits == [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 64_000, 64_000]
    assert waits[-1] * 1_000 == MAX_REVIEW_WAIT_US


def test_first_tries_of_a_slice_are_not_yet_in_vain() -> None:
    """A buyer may come within two seconds, and the waterfall has not been asked before (D6)."""
    assert _looks(_stuck("max_tries=4"), 5) == [250, 250, 250, 500, 1_000]


def test_wait_begins_with_that_of_the_ladder() -> None:
    """`review_ms` is the first, and doubled like any other (D6)."""
    assert _looks(_stuck("review_ms=60000"), 2) == [64_000, 64_000]
    assert _looks(_stuck("review_ms=100"), 2) == [200, 400]


def test_any_input_looks_at_once_and_the_wait_goes_on_growing() -> None:
    """Somebody may just have come; what it does not change is as it was (D6)."""
    market = _stuck()

    market.play("backstop cancel nothing")
    assert len(market.of("liquidation")) == 1
    market.play("backstop cancel nothing")

    assert len(market.of("liquidation")) == 2
    assert _looks(market, 1) == [2_000]


@pytest.mark.parametrize(
    ("news", "waits"),
    [
        pytest.param("mark 88.99", [500, 1_000], id="another mark"),
        pytest.param("deposit bob 0.01", [500, 1_000], id="money"),
        pytest.param("ladder max_tries=1 tier1_share=0.2", [500, 1_000], id="another ladder"),
        pytest.param("backstop buy 0.1@87", [250, 500], id="a buyer of a part"),
    ],
)
def test_news_begin_the_wait_anew(news: str, waits: list[int]) -> None:
    """A mark, money, lots that have moved: anything but somebody else's command (D6)."""
    market = _stuck()
    _looks(market, 3)

    market.play(news)

    assert "liquidation" in market.kinds()
    assert _looks(market, 2) == waits


def test_other_symbols_are_no_news() -> None:
    """Their marks do not change the account (D6)."""
    market = _stuck()
    market.play("instrument Y\n mark Y 100")
    _looks(market, 1)

    market.play("mark Y 90")

    assert _looks(market, 1)[0] > 2_000


def test_somebody_who_can_pay_ends_it() -> None:
    """Then everything is as for anybody else (D6)."""
    market = _stuck()
    _looks(market, 4)

    market.play("fund 100")

    assert len(market.of("takeover")) == 1
    assert market.kernel.state.left_alone == {}


def test_shut_market_leaves_nothing_to_wait_for() -> None:
    """Its opening will look (D6)."""
    market = _stuck()

    market.play("state X halted")
    assert market.kernel.next_deadline_us() is None
    market.play("state X open")

    assert len(market.of("liquidation")) == 1
    assert _looks(market, 1) == [500]


def test_safe_account_is_forgotten() -> None:
    """Whom a deposit has saved nobody must look at (D6)."""
    market = _stuck()

    market.play("deposit bob 100")

    assert market.kernel.next_deadline_us() is None


def test_account_that_is_found_safe_is_forgotten() -> None:
    """A liquidation's print may have saved it, which nobody has looked at yet (D2, D6)."""
    market = _stuck()
    state = market.kernel.state
    state.accounts["bob"].balance_atoms += 10**10
    state.ledger.balances += 10**10
    state.ledger.deposits += 10**10

    market.wait(500)

    assert market.events == []
    assert market.kernel.next_deadline_us() is None


def test_others_keep_their_quarter_of_a_second() -> None:
    """The two timers do not know of each other (D2, D6)."""
    market = _stuck()
    market.play("""
        ladder max_tries=9
        instrument Y lot_size=0.1
        mark Y 100
        deposit amy 20
        mm  sell Y 1@100
        amy buy  Y 1@100
        mark Y 90
    """)
    market.forget()

    market.wait(250)

    assert [event["account"] for event in market.of("liquidation")] == ["amy"]
    assert market.kernel.state.left_alone.keys() == {"bob"}


def test_restored_machine_waits_as_long() -> None:
    """When, and how long it was: both are in the snapshot (D6)."""
    market = _stuck()
    _looks(market, 3)

    twin = market.restarted()

    assert twin.hash() == market.hash()
    assert _looks(twin, 2) == _looks(market, 2) == [4_000, 8_000]
    assert twin.hash() == market.hash()


def _tape(dice: random.Random) -> Iterator[Step]:
    """Let two be long against the backstop, who is no victim; then prices, money and bids come."""
    names, count = ("amy", "bob"), itertools.count()

    def step(kind: str, **fields: str) -> Step:
        wait = dice.choice((0, 0, 100, 250, 400, 500, 1_000, 3_000))
        streams = {"place_order": "orders", "cancel_all": "orders", "mark_price": "ticks"}
        return Step(wait, streams.get(kind, "admin"), json.dumps({"type": kind, **fields}))

    def order(account: str, symbol: str, side: str, quantity: float, price: int) -> Step:
        terms = {"order_type": "limit", "quantity": f"{quantity}", "price": f"{price}"}
        named = {"account": account, "symbol": symbol, "client_order_id": f"o{next(count)}"}
        return step("place_order", side=side, **named, **terms)

    def paid(account: str, amount: int) -> Step:
        return step("deposit", account=account, amount=f"{amount}", transfer_id=f"t{next(count)}")

    grid = {"tick_size": "0.01", "lot_size": "0.1", "mark_source": "pushed"}
    for symbol in "XY":
        yield step("create_instrument", symbol=symbol, **grid)
        yield step("mark_price", symbol=symbol, price="100")
    tries = {"max_tries": dice.choice((1, 2, 4)), "review_ms": dice.choice((100, 250))}
    yield Step(0, "admin", json.dumps({"type": "set_liquidation", **tries}))
    for name in names:
        yield step("create_account", account=name)
        yield paid(name, 41)
        for symbol in "XY":
            yield order("backstop", symbol, "sell", 1, 100)
            yield order(name, symbol, "buy", 1, 100)
    for _ in range(60):
        symbol, state = dice.choice("XY"), dice.choice(("halted", "open", "open"))
        said = [step("cancel_all", account="amy")] * 9
        said += [step("mark_price", symbol=symbol, price=f"{dice.randint(78, 93)}")] * 3
        said += [paid(dice.choice(names), dice.randint(1, 3))]
        said += [order("backstop", symbol, "buy", 0.1, dice.randint(78, 88))]
        said += [step("set_market_state", symbol="X", state=state)]
        yield dice.choice(said)


def test_machine_agrees_with_the_oracle_on_whom_to_leave_alone() -> None:
    """With marks, money, bids and halts between the looks (D6)."""
    alone = 0

    for seed in range(12):
        duel = Duel()
        for step in _tape(random.Random(seed)):
            duel.play(step)
            alone += len(duel.oracle.world.left_alone)

    assert alone > 30
