"""What exits cost: no margin, only their fees (A8, B3, C1); what liquidations leave them (D2)."""

from tests.core.market import Market

LONG = """
    mm   sell 10@100
    deposit long 300
    long buy  10@100
"""
"""`long` holds +10 from 100 with equity 300: 200 of margin, 100 free."""


def test_exit_holds_no_margin(market: Market) -> None:
    """However large, and however many (A8, B3)."""
    market.play(f"{LONG} long sell 1000@101 reduce\n long sell 1000@102 reduce")

    assert market.refusals == []
    assert market.margin("long")["initial"] == "200"
    assert market.free("long") == "100"


def test_exit_holds_its_fee() -> None:
    """It may have to be paid (A8, B3)."""
    market = Market(taker_fee="0.01")
    market.play("""
        mm   sell 10@100
        deposit long 400
        long buy  10@100
        long sell 2@150 reduce
    """)

    assert market.margin("long")["fee_hold"] == "3"
    assert market.free("long") == "187"


def test_exit_enters_where_nothing_else_would(market: Market) -> None:
    """Free margin below zero, price stale: what only reduces is always let in (A8, C1)."""
    market.play(f"""
        {LONG}
        mark 80
        long sell 9@90
        long sell 2@90
        long sell 20@90 reduce
    """)

    assert "insufficient_margin" in str(market.events)
    assert market.asks() == ["long 9@90", "long 20@90"]


def test_suspended_account_may_reduce_a_closed_one_may_not(market: Market) -> None:
    """Check 1 is the only one that an exit can fail (A8, C1)."""
    market.play(f"""
        {LONG}
        update long status=suspended
        long sell 20@101 reduce
        update long status=closed
        long sell 20@101 reduce
    """)

    assert market.refusals == ["account_not_active"]
    assert market.asks() == ["long 20@101"]


def test_exit_enters_while_the_price_is_stale(market: Market) -> None:
    """Nobody is kept in a position for want of a price (A8, C1)."""
    market.play(f"""
        change X feed_stale_ms=1000
        {LONG}
        wait 2000
        long sell 1@101 reduce
        long buy  1@101
    """)

    assert market.refusals == ["price_stale"]


def test_exits_limits_do_not_ask_for_size(market: Market) -> None:
    """Order and exposure limits are for what adds (A8, C1)."""
    market.play(f"""
        {LONG}
        risk long max_order_notional=1 max_exposure=1
        long sell 20@101 reduce
    """)

    assert market.refusals == []


def test_resting_exit_takes_from_what_another_order_may_reduce(market: Market) -> None:
    """Of 10 held, 4 are spoken for: 6 reduce, 7 do not (A8, C1)."""
    market.play(f"""
        {LONG}
        long sell 4@101 reduce
        update long status=suspended
        long sell 7@101
        long sell 6@101
    """)

    assert market.refusals == ["account_not_active"]
    assert market.asks() == ["long 4@101", "long 6@101"]


def test_resting_exit_does_not_make_a_side_that_turns(market: Market) -> None:
    """Plain sells of 10 end flat, whatever exits rest beside them: they hold nothing (A8, B3)."""
    market.play(f"""
        {LONG}
        long sell 10@200
        long sell 10@200 reduce
    """)

    assert market.margin("long")["initial"] == "200"


def test_order_beside_an_exit_is_asked_for_what_it_will_hold(market: Market) -> None:
    """Eight buys make a short of eight flat; with an exit resting they still hold nothing (A8)."""
    market.play("""
        deposit short 300
        mm    buy  8@100
        short sell 8@100
        short buy  5@99 reduce
        short buy  8@250
        short buy  8@99
    """)

    held = market.of("rejected")[0]
    assert [error["reason"] for error in held["errors"]] == ["insufficient_margin"]
    assert held["detail"] == {"limit": "-900", "used": "160", "requested": "0"}
    assert market.bids() == ["short 5@99", "short 8@99"]
    assert market.margin("short")["initial"] == "160"


def test_amend_of_an_exit_asks_for_no_money(market: Market) -> None:
    """More of it, at any price (A8, A9)."""
    market.play(f"""
        {LONG}
        long sell 4@101 reduce
        long amend o3 5000@150
    """)

    assert market.refusals == []
    assert market.asks() == ["long 5000@150"]


def test_amend_of_an_exit_needs_no_open_market_at_its_price(market: Market) -> None:
    """More of what reduces is a reduction still; another price is not for a halt (A8, A14)."""
    market.play(f"""
        {LONG}
        long sell 4@101 reduce
        state X halted
        long amend o3 50
        long amend o3 @102
    """)

    assert market.refusals == ["market_not_open"]
    assert market.asks() == ["long 50@101"]


def test_liquidation_leaves_exits(market: Market) -> None:
    """Whatever might add is cancelled first, what reduces may still help (A8, D2)."""
    market.play(f"""
        {LONG}
        long buy  1@50
        long sell 3@101 reduce
        bob  buy  5@77
        mark 77
    """)

    assert "o3 1 liquidation" in market.cancels
    assert [event["tier"] for event in market.of("liquidation")] == [3]
    assert market.fills[-1] == "long<bob 5@77"
    assert market.asks() == ["long 3@101"]


def test_exits_go_when_a_liquidation_has_closed(market: Market) -> None:
    """By the same rule as after any trade (A8, D2)."""
    market.play(f"""
        {LONG}
        long sell 3@101 reduce
        bob  buy  20@77
        mark 77
    """)

    assert market.fills[-1] == "long<bob 10@77"
    assert market.cancels == ["o3 3 reduce_only"]
    assert market.kinds()[-3:] == ["liquidation", "trade", "order_cancelled"]


def test_locked_account_may_enter_an_exit(market: Market) -> None:
    """The lock keeps out what adds (A8, C1)."""
    market.play(f"""
        {LONG}
        ladder max_tries=9
        mark 77
        long sell 20@90
        long sell 20@90 reduce
    """)

    assert "in_liquidation" in str(market.events)
    assert market.asks() == ["long 20@90"]
