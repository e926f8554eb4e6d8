"""Armed orders change: every check first, the old one untouched on refusal (A9, A11, A12)."""

import pytest

from tests.core.market import Market


def _amended(market: Market) -> dict[str, object]:
    (event,) = market.last
    assert event["type"] == "order_amended"
    return event


def test_new_trigger_goes_behind_those_armed_before(market: Market) -> None:
    """Ties are decided by arming, and an amended trigger is armed anew (A11)."""
    market.play("""
        mm  buy 9@90
        ann sell stop 1 trigger=94 by=mark id=A
        bea sell stop 1 trigger=95 by=mark id=B
        ann amend A trigger=95
    """)
    assert _amended(market)["kept_priority"] is False
    assert market.armed() == ["B sell 1 95", "A sell 1 95"]

    market.play("mark 95")
    assert market.fired == ["B 95 at 95", "A 95 at 95"]


def test_all_else_keeps_the_place(market: Market) -> None:
    """Quantity up and down, price, peak, time, and the trigger it has already (A9, A11)."""
    market.play("""
        ann sell stop_limit 30@101 trigger=95 by=mark peak=5 gtd=9000 id=A
        bea sell stop_limit  1@101 trigger=95 by=mark id=B
    """)

    for change in ("40", "20", "@102", "peak=8", "expires=8000", "trigger=95"):
        market.play(f"ann amend A {change}")
        assert _amended(market)["kept_priority"] is True, change

    assert market.armed() == ["A sell 20 95", "B sell 1 95"]
    market.play("mark 95")
    assert market.asks() == ["bea 1@101", "ann 20@102 shows 8"]
    market.wait(7_000)
    assert market.asks() == ["bea 1@101"]


@pytest.mark.parametrize(
    ("order", "change", "reason", "path"),
    [
        ("stop 5 trigger=95", "trigger=100", "would_trigger", None),
        ("stop 5 trigger=95", "trigger=101", "would_trigger", None),
        ("stop 5 trigger=95", "@99", "price_not_allowed", "$.price"),
        ("stop 5 trigger=95", "0", "quantity_not_positive", "$.quantity"),
        ("stop 5 trigger=95", "offset=1", "invalid_trail", "$.trail_offset"),
        ("stop 5 trigger=95", "bps=1", "invalid_trail", "$.trail_bps"),
        ("stop 5 trigger=95", "bps=0", "invalid_trail", "$.trail_bps"),
        ("trailing_stop 5 offset=5", "bps=0", "invalid_trail", "$.trail_bps"),
        ("stop 5 trigger=95", "trigger=94.999", "off_tick", "$.trigger_price"),
        ("stop 5 trigger=95", "peak=1", "invalid_display", "$.display_quantity"),
        ("stop 5 trigger=95", "expires=9000", "invalid_expiry", "$.expires_at"),
        ("stop 5 trigger=95", "", "nothing_to_amend", None),
        ("stop_limit 5@95 trigger=95", "500", "leverage_exceeded", None),
        ("stop_limit 5@95 trigger=95", "@9500", "leverage_exceeded", None),
        ("trailing_stop 5 offset=5", "trigger=95", "trigger_not_allowed", "$.trigger_price"),
        ("trailing_stop 5 offset=5", "bps=5", "invalid_trail", "$.trail_bps"),
        ("trailing_stop 5 bps=500", "offset=5", "invalid_trail", "$.trail_offset"),
        ("trailing_stop 5 bps=500", "bps=0", "invalid_trail", "$.trail_bps"),
        ("trailing_stop 5 bps=500", "bps=10000", "invalid_trail", "$.trail_bps"),
    ],
)
def test_refused_amend_changes_nothing(
    market: Market, order: str, change: str, reason: str, path: str | None
) -> None:
    """The checks of entry, and what does not go with the order (A9)."""
    market.play(f"""
        deposit ann 1000
        ann sell {order} by=mark id=A
    """)
    before = market.hash()

    (refusal,) = market.play(f"ann amend A {change}")

    assert (refusal["reason"], refusal.get("path")) == (reason, path)
    assert market.hash() == before


def test_less_is_amended_in_a_halted_market_and_a_trigger_is_not(market: Market) -> None:
    """Reductions of size always pass (A14)."""
    market.play("""
        ann sell stop 5 trigger=95 by=mark id=A
        state X halted
        ann amend A 3
        ann amend A 4
        ann amend A trigger=94
    """)

    assert market.armed() == ["A sell 3 95"]
    assert market.refusals == ["market_not_open", "market_not_open"]


def test_tighter_leash_moves_the_trigger_and_a_looser_one_does_not(market: Market) -> None:
    """Set anew from the watermark, and never loosened (A12)."""
    market.play("""
        ann sell trailing_stop 1 offset=5 by=mark id=A
        mark 104
        mark 100
        ann amend A offset=7
    """)
    assert market.armed() == ["A sell 1 99"]

    market.play("ann amend A offset=4.5")
    assert market.armed() == ["A sell 1 99.5"]

    market.play("ann amend A offset=2")
    assert market.refusals == ["would_trigger"]
    assert market.armed() == ["A sell 1 99.5"]

    market.play("mark 110")
    assert market.armed() == ["A sell 1 105.5"]


def test_looser_leash_counts_from_the_next_extreme(market: Market) -> None:
    """The trigger waits until the market has run far enough ahead (A12)."""
    market.play("""
        ann buy trailing_stop 1 bps=100 by=mark id=A
        ann amend A bps=500
        mark 97
    """)
    assert market.armed() == ["A buy 1 101"]

    market.play("mark 96")
    assert market.armed() == ["A buy 1 100.8"]


def test_leash_of_a_waiting_order_is_taken_up_when_it_wakes(market: Market) -> None:
    """It has no trigger before its activation (A12)."""
    market.play("""
        ann sell trailing_stop 1 offset=5 activation=105 by=mark id=A
        ann amend A offset=3
        mark 104
    """)
    assert market.armed() == ["A sell 1 0"]

    market.play("mark 105")
    assert market.armed() == ["A sell 1 102"]


def test_step_outlives_an_amended_leash(market: Market) -> None:
    """What an amend does not name stays (A9, A12)."""
    market.play("""
        ann sell trailing_stop 1 offset=5 step=2 by=mark id=A
        ann amend A offset=4
        mark 101.99
    """)
    assert market.armed() == ["A sell 1 96"]

    market.play("mark 102")
    assert market.armed() == ["A sell 1 98"]


def test_money_of_a_waiting_order_is_asked_at_its_activation_price(market: Market) -> None:
    """As at entry, with the collar from there (C1)."""
    market.play("""
        ann sell trailing_stop 1 offset=5 activation=120 by=mark id=A
        risk ann max_order_notional=227.99
        ann amend A 2
        risk ann max_order_notional=228
        ann amend A 2
    """)

    assert market.refusals == ["order_notional_limit"]
    assert market.armed() == ["A sell 2 0"]


def test_fired_order_has_no_trigger_to_amend(market: Market) -> None:
    """It rests like any other limit order (A9, A11)."""
    market.play("""
        ann sell stop_limit 5@101 trigger=95 by=mark id=A
        mark 95
        ann amend A trigger=94
        ann amend A 3@102
    """)

    assert market.refusals == ["trigger_not_allowed"]
    assert market.asks() == ["ann 3@102"]
