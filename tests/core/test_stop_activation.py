"""A fired order is asked again what it was asked at entry, and failing is said aloud (A11)."""

import pytest

from tests.core.market import Market


def _rejected(market: Market) -> list[str]:
    """Return the reasons of the one order that woke up and was not let in."""
    (event,) = market.of("trigger_rejected")
    assert market.kinds()[-2:] == ["order_triggered", "trigger_rejected"]
    assert event["client_order_id"] == "A"
    assert (event["code"], event["reason"]) == (
        event["errors"][0]["code"],
        event["errors"][0]["reason"],
    )
    assert market.armed() == []
    assert market.of("order_cancelled") == []
    return [error["reason"] for error in event["errors"]]


def test_no_liquidity(market: Market) -> None:
    """A market order needs somebody on the other side (A2)."""
    market.play("""
        ann sell stop 1 trigger=95 by=mark id=A
        mark 95
    """)

    assert _rejected(market) == ["no_liquidity"]


def test_nothing_to_reduce_cannot_wake(market: Market) -> None:
    """An exit goes with the position, so none is left to fire (A8)."""
    market.play("""
        mm  sell 1@100
        ann buy  1@100
        ann sell stop 1 trigger=95 by=mark reduce id=A
        mm  buy  9@99
        ann sell 1@99
    """)
    assert market.cancels == ["A 1 reduce_only"]

    market.play("mark 90")
    assert market.fired == []


def test_margin(market: Market) -> None:
    """Nothing was held for it, and the money is gone (B3, C1)."""
    market.play("""
        deposit ann 30
        mm  buy 9@94
        ann sell stop 1 trigger=95 by=mark id=A
        withdraw ann 20
        mark 95
    """)

    assert _rejected(market) == ["leverage_exceeded", "insufficient_margin", "margin_ratio"]


def test_failing_check_says_its_limits(market: Market) -> None:
    """As a refusal at entry does (C1)."""
    market.play("""
        deposit ann 1000
        ann sell stop_limit 1@95 trigger=95 by=mark id=A
        risk ann max_order_notional=90
        mark 95
    """)

    (event,) = market.of("trigger_rejected")
    assert event["errors"] == [
        {
            "code": 502,
            "reason": "order_notional_limit",
            "limit": "90",
            "used": "0",
            "requested": "95",
        }
    ]


def test_whole_quantity_is_asked_for(market: Market) -> None:
    """Not what one lot of it would need (C1)."""
    market.play("""
        mm  buy 9@94
        ann sell stop 3 trigger=95 by=mark id=A
        risk ann max_order_notional=200
        mark 95
    """)

    assert _rejected(market) == ["order_notional_limit"]


def test_exit_larger_than_the_position_still_gets_out(market: Market) -> None:
    """Reduce-only passes every check over money, and is capped as it trades (A8, C1)."""
    market.play("""
        mm  sell 5@100
        ann buy  5@100
        mm  buy  9@94
        ann sell stop 5 trigger=95 by=mark reduce id=A
        mm  buy  2@99
        ann sell 2@99
        risk ann max_order_notional=1
        mark 95
    """)

    assert market.fills[-1] == "ann<mm 3@94"
    assert market.cancels == ["A 2 reduce_only"]


@pytest.mark.parametrize("status", ["suspended", "closed"])
def test_account_not_active(market: Market, status: str) -> None:
    """Who may not order may not fire (C1)."""
    market.play(f"""
        mm  buy 9@94
        ann sell stop 1 trigger=95 by=mark id=A
        update ann status={status}
        mark 95
    """)

    assert _rejected(market) == ["account_not_active"]


def test_suspended_account_still_gets_out(market: Market) -> None:
    """What reduces is let in unless the account is closed (C1)."""
    market.play("""
        mm  sell 1@100
        ann buy  1@100
        mm  buy  9@94
        ann sell stop 1 trigger=95 by=mark id=A
        update ann status=suspended
        mark 95
    """)

    assert market.fills[-1] == "ann<mm 1@94"


def test_post_only_that_would_trade(market: Market) -> None:
    """Its promise counts at activation, and was not asked before (A7)."""
    market.play("""
        mm  buy 9@94
        ann sell stop_limit 1@94 trigger=95 by=mark post id=A
        mark 95
    """)

    assert _rejected(market) == ["post_only_would_trade"]


def test_post_only_that_rests(market: Market) -> None:
    """Nobody in its way any more (A7)."""
    market.play("""
        mm  buy 9@94
        ann sell stop_limit 1@94 trigger=95 by=mark post id=A
        mm  cancel o1
        mark 95
    """)

    assert market.asks() == ["ann 1@94"]


def test_fill_or_kill(market: Market) -> None:
    """All or nothing, decided when it fires (A5)."""
    market.play("""
        mm  buy 4@94
        ann sell stop_limit 5@94 trigger=95 by=mark fok id=A
        mark 95
    """)
    assert _rejected(market) == ["unfillable"]

    market.play("""
        mark 100
        ann sell stop_limit 4@94 trigger=95 by=mark fok id=B
        mark 95
    """)
    assert market.fills == ["ann<mm 4@94"]


def test_immediate_or_cancel(market: Market) -> None:
    """Trades what there is when it fires (A3)."""
    market.play("""
        mm  buy 4@94
        ann sell stop_limit 5@94 trigger=95 by=mark ioc id=A
        mark 95
    """)

    assert market.fills == ["ann<mm 4@94"]
    assert market.cancels == ["A 1 ioc_remainder"]


def test_price_stale(market: Market) -> None:
    """A trade fires it while the outside market is silent (C1)."""
    market.play("""
        mm  sell 1@100
        bea buy  1@100
        mm  buy  9@94
        ann sell stop 1 trigger=95 id=A
        change X feed_stale_ms=1000
        wait 2000
        bea sell 1@94
    """)

    assert _rejected(market) == ["price_stale"]


def test_failed_one_does_not_hold_up_the_others(market: Market) -> None:
    """Each is a command of its own (A11)."""
    market.play("""
        mm  buy 9@94
        ann sell stop_limit 1@94 trigger=97 by=mark post id=A
        bea sell stop 1 trigger=96 by=mark id=B
        mark 95
    """)

    assert market.failed == ["A post_only_would_trade"]
    assert market.fired == ["A 97 at 95", "B 96 at 95"]
    assert market.fills == ["bea<mm 1@94"]


def test_rejected_order_has_used_up_its_id(market: Market) -> None:
    """It was accepted once (A10)."""
    market.play("""
        ann sell stop 1 trigger=95 by=mark id=A
        mark 95
        ann sell stop 1 trigger=95 by=mark id=A
        ann cancel A
    """)

    assert market.of("order_accepted")[1]["duplicate"] is True
    assert market.refusals == ["unknown_order"]


def test_reduce_only_is_capped_at_the_position_of_the_moment(market: Market) -> None:
    """Not of the entry (A8)."""
    market.play("""
        mm  sell 5@100
        ann buy  5@100
        ann sell stop 5 trigger=95 by=mark reduce id=A
        mm  buy  9@96
        ann sell 3@96
        mark 95
    """)

    assert market.position("ann") == "0"
    assert market.fills[-1] == "ann<mm 2@96"
    assert market.cancels == ["A 3 reduce_only"]
