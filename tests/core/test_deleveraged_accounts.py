"""Closing a bankrupt position against those on the other side, seen from outside (D7)."""

import pytest

from tests.core.market import Market
from tests.core.unsold import long_at_100


def _crowd(*longs: tuple[int, str], short: int) -> Market:
    """Let a, b, c … be long at 100 with so much money each, and sam short with 20 a lot.

    Nobody offers anything, the fund is empty, one try is enough. At 120 sam is bankrupt.
    """
    market = Market()
    market.play("ladder max_tries=1")
    rest = sum(lots for lots, _ in longs) - short
    for name, (lots, money) in zip("abcdefgh", longs, strict=False):
        market.play(f"""
            deposit {name} {money}
            {name} buy {lots}@100
        """)
    market.play(f"deposit sam {20 * short}")
    if rest:
        market.play(f"mm sell {rest}@100")
    market.play(f"sam sell {short}@100")
    market.forget()
    return market


def _given(market: Market) -> list[str]:
    """Return who gave how much, as `account quantity rank/round`."""
    return [
        f"{e['counter_account']} {e['quantity']} {e['rank']}/{e['round']}"
        for e in market.of("deleveraged")
    ]


def test_vector_of_the_rule() -> None:
    """Longs 10, 10, 20, 30, 20, 10 ranked 3, 6, 1, 4, 5, 2: rank 1 gives its 20 in whole (D7)."""
    market = _crowd(
        *((10, "400"), (10, "900"), (20, "400"), (30, "1500"), (20, "1200"), (10, "300")),
        short=20,
    )

    market.play("mark 118.19")

    assert _given(market) == ["c 20 1/1"]
    assert (market.position("sam"), market.position("c")) == ("0", "0")
    ranks = _ranked_by_taking_all()
    assert ranks == ["c", "f", "a", "d", "e", "b"]


def _ranked_by_taking_all() -> list[str]:
    """Return everybody's name in order of rank, by closing all of them against one."""
    longs = ((10, "400"), (10, "900"), (20, "400"), (30, "1500"), (20, "1200"), (10, "300"))
    market = _crowd(*longs, short=100)
    market.play("mark 118.19")
    return [event["counter_account"] for event in market.of("deleveraged")]


def test_higher_leverage_goes_first_among_equal_profits() -> None:
    """The same 18 %, on less money (D7)."""
    market = _crowd((10, "500"), (10, "300"), (10, "400"), short=30)

    market.play("mark 118.19")

    assert _given(market) == ["b 10 1/1", "c 10 2/1", "a 10 3/1"]


def test_higher_profit_goes_first_among_equal_leverages() -> None:
    """Bought at 100 or at 110, and now with the same equity on the same lots (D7)."""
    market = Market(collar="0.5")
    market.play("""
        ladder max_tries=1
        deposit late 400
        deposit soon 300
        mm   sell 10@100
        soon buy  10@100
        mm   sell 10@110
        late buy  10@110
        deposit sam 400
        sam  sell 20@100
        mm   buy  20@100
        mark 119
    """)

    assert [event["receipt"]["equity"] for event in market.of("deleveraged")] == ["490", "490"]
    assert [line.split()[0] for line in _given(market)] == ["soon", "late"]


def test_loss_is_divided_by_leverage() -> None:
    """Among those who lose alike it is again the one with more leverage who goes first (D7)."""
    market = Market()
    market.play("""
        ladder max_tries=1
        instrument Y
        mark Y 100
        deposit rich 900
        deposit poor 400
        mm   sell 10@110
        rich buy  10@110
        mm   sell 10@110
        poor buy  10@110
        deposit sam 700
        sam  sell 20@100
        mm   buy  20@100
        mm   sell Y 10@100
        sam  buy  Y 10@100
    """)
    market.forget()

    market.play("mark Y 50")  # sam has 700 - 500, to maintain 50 + 200

    given = [event for event in market.of("deleveraged") if event["symbol"] == "X"]
    assert [event["counter_account"] for event in given] == ["poor", "rich"]
    assert [event["receipt"]["unrealized"] for event in given] == ["-100", "-100"]


def test_ties_go_to_the_larger_then_the_older_then_by_name() -> None:
    """Everything else alike, so that two replays never differ (D7)."""
    market = _crowd((10, "400"), (20, "800"), (10, "400"), (10, "400"), short=50)

    market.play("mark 118.19")

    assert [line.split()[0] for line in _given(market)] == ["b", "a", "c", "d"]


def test_fill_is_at_the_bankruptcy_price_for_both() -> None:
    """No fee and no print; the event says how both stand, and what the rank was made of (D7)."""
    market = long_at_100(fund="", ladder="max_tries=1", money="20.1", taker_fee="0.001")
    last = market.kernel.state.markets["X"].instrument.last_ticks
    fees = market.kernel.state.ledger.fees

    market.play("mark 90")

    (event,) = market.of("deleveraged")
    assert market.kernel.state.markets["X"].instrument.last_ticks == last
    assert market.kernel.state.ledger.fees == fees
    assert event == {
        "type": "deleveraged",
        "in": 0,
        "symbol": "X",
        "account": "bob",
        "counter_account": "mm",
        "side": "buy",
        "quantity": "0.3",
        "price": "80",
        "trade_id": 2,
        "rank": 1,
        "round": 1,
        "account_after": {"realized_pnl": "-6", "position": "0.7", "balance": "14"},
        "counter_after": {"realized_pnl": "6", "position": "-0.7", "balance": "1000000006"},
        "receipt": {
            "unrealized": "10",
            "cost": "100",
            "notional": "90",
            "equity": "1000000010",
            "backstop_unrealized": "0",
        },
    }


def test_orders_that_would_close_the_same_go_first() -> None:
    """Those on the side of the fill, asleep or not; what adds to the position stays (D7)."""
    market = long_at_100(fund="", ladder="max_tries=1")
    market.play("""
        instrument Y
        mark Y 100
        mm buy  Y 1@50
        mm buy  0.5@50 id=bid
        mm buy  stop 0.5 trigger=130 id=stop
        mm buy  0.2@40 reduce id=exit
        mm sell 0.5@150 id=more
    """)
    market.forget()

    market.play("mark 78")

    assert [line for line in market.cancels if line.endswith("deleveraged")] == [
        "bid 0.5 deleveraged",
        "stop 0.5 deleveraged",
        "exit 0.2 deleveraged",
    ]
    assert market.asks() == ["mm 0.5@150"]
    assert market.book("Y")["bids"] == ["mm 1@50"]
    kinds = market.kinds()
    assert kinds.index("deleveraged") == len(kinds) - 1


def test_exits_of_both_go_when_they_are_flat() -> None:
    """Nothing is left to reduce, on either side (A8, D7)."""
    market = long_at_100(fund="", ladder="max_tries=1")
    market.play("""
        bob sell 1@150 reduce id=mine
        mm  buy  stop 1 trigger=180 reduce id=theirs
    """)
    market.forget()

    market.play("mark 78")

    assert (market.position("bob"), market.position("mm")) == ("0", "0")
    assert market.cancels[-2:] == ["theirs 1 deleveraged", "mine 1 reduce_only"]


def test_who_has_no_equity_is_no_victim() -> None:
    """There is nothing to take from it: what is left stays, and is tried again (D7)."""
    market = _torn("3000", "70")
    market.play("ladder max_tries=1")
    assert market.of("deleveraged") == []
    assert (market.position("bob"), market.position("vic")) == ("40", "-40")

    market.play("deposit vic 10000")

    assert _given(market) == ["vic 40 1/1"]


@pytest.mark.parametrize(
    ("money", "given"),
    [
        ("9000", ["vic 40 1/1"]),
        ("3477.5", ["vic 10 1/1", "vic 30 1/2"]),
        ("3476.66666666", ["vic 9 1/1", "vic 31 1/2"]),
        ("3476.66666667", ["vic 10 1/1", "vic 30 1/2"]),
        ("3471", ["vic 6 1/1", "vic 34 1/2"]),  # 7 would be just the first tier
        ("3471.00000001", ["vic 7 1/1", "vic 33 1/2"]),
        ("3458", ["vic 40 1/2"]),
    ],
)
def test_first_round_leaves_the_victim_below_the_first_tier(money: str, given: list[str]) -> None:
    """Each lot costs it 6 and frees 3.7 of maintenance; the rest is for a second round (D7)."""
    market = _torn(money)

    market.play("ladder max_tries=1")

    assert _given(market) == given
    assert {event["price"] for event in market.of("deleveraged")} == {"80"}


def _torn(money: str, y: str = "80") -> Market:
    """Let vic be short 40 X against bob, whom nobody helps, and have lost 150 times 20 in Y.

    X stands at 74, so that bob is beyond bankruptcy at 80; Y cannot be traded.
    """
    market = Market(maintenance_margin="0.05")
    market.play(f"""
        ladder max_tries=1000 max_wait_ms=600000
        deposit bob 800
        deposit vic {money}
        vic sell 40@100
        bob buy  40@100
        instrument Y max_leverage=7 initial_margin=0.1
        mark Y 100
        mm  sell Y 150@100
        vic buy  Y 150@100
        state Y halted
        mark X 74
        mark Y {y}
    """)
    market.forget()
    return market


def test_cap_is_asked_of_what_is_needed_and_not_of_what_is_held() -> None:
    """Three lots or more would leave vic below the first tier; the two that are needed do not (D7).

    Flat is below every tier: asked of all that it holds, no victim of one position had a cap.
    """
    market = Market(maintenance_margin="0.15")
    market.play("""
        ladder max_tries=1000 max_wait_ms=600000
        deposit bob 40
        deposit vic 4250
        vic sell 40@100
        bob buy  2@100
        mm  buy  38@100
        instrument Y max_leverage=7 initial_margin=0.1
        mark Y 100
        mm  sell Y 150@100
        vic buy  Y 150@100
        state Y halted
        mark X 85
        mark Y 80
    """)
    market.forget()

    market.play("ladder max_tries=1")

    assert _given(market)[-1] == "vic 2 1/2"
    assert market.of("deleveraged")[-1]["receipt"]["equity"] == "1850"


def test_victims_are_looked_at_with_the_next_input() -> None:
    """The fill changed what they have; nobody acts twice within one input (D2, D7)."""
    market = long_at_100(fund="", ladder="max_tries=1")

    market.play("mark 90")

    assert set(market.kernel.state.pending_accounts) == {"bob", "mm"}
    assert market.kernel.next_deadline_us() == market.now_us + 250_000


def test_what_nobody_can_bear_is_tried_again() -> None:
    """The other side is the backstop's, who is no victim; the count begins anew (D7)."""
    market = Market(lot_size="0.1")
    market.play("""
        deposit bob 20
        backstop sell 1@100
        bob buy 1@100
        mark 89
    """)
    for _ in range(8):
        market.wait(250)

    assert market.of("deleveraged") == market.of("takeover") == []
    assert len(market.of("liquidation")) == 5, "three at first, one after 0.5 s, one after 1 s"
    assert market.position("bob") == "1"
    market.play("fund 100")
    assert len(market.of("takeover")) == 1
