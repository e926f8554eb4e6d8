"""Amending orders that hide, expire or only reduce (A9)."""

import pytest

from tests.core.market import Market

BEHIND = """
    alice sell 30@100 peak=10
    bob   sell  5@100
"""
"""An iceberg, and an order behind it."""


def test_less_takes_hidden_size_first(market: Market) -> None:
    """It shows what it showed and keeps its place (A9, A4)."""
    market.play(f"{BEHIND} alice amend o1 12")

    assert market.asks() == ["alice 12@100 shows 10", "bob 5@100"]
    assert market.of("order_amended")[0]["kept_priority"] is True


def test_less_than_what_is_shown_shows_that(market: Market) -> None:
    """Shown is never more than leaves (A9, A4)."""
    market.play(f"{BEHIND} alice amend o1 7")

    assert market.asks() == ["alice 7@100", "bob 5@100"]


def test_more_adds_to_hidden_size_and_keeps_the_place(market: Market) -> None:
    """What is shown does not grow, so nobody behind it loses anything (A9, A4)."""
    market.play(f"{BEHIND} alice amend o1 50\n carol buy 12@100")

    assert market.of("order_amended")[0]["kept_priority"] is True
    assert market.fills == ["carol<alice 10@100", "carol<bob 2@100"]
    assert market.asks() == ["bob 3@100", "alice 40@100 shows 10"]


def test_more_of_a_partly_used_peak_does_not_refill_it(market: Market) -> None:
    """Six of ten are left to show, however much is added behind (A9, A4)."""
    market.play(f"carol buy 4@99\n {BEHIND} carol amend o1 4@100\n alice amend o2 50")

    assert market.asks() == ["alice 46@100 shows 6", "bob 5@100"]


def test_more_is_asked_for_money_like_a_new_order(market: Market) -> None:
    """Keeping the place does not mean keeping the margin (A9, C1)."""
    market.play("""
        deposit alice 600
        alice sell 30@100 peak=10
    """)
    before = market.hash()

    market.play("alice amend o1 31")

    assert market.refusals == ["leverage_exceeded"]
    assert market.hash() == before


def test_more_holds_margin_for_it(market: Market) -> None:
    """Hidden size is held for, from the amend on (A9, B3)."""
    market.play("""
        deposit alice 1000
        alice sell 30@100 peak=10
        alice amend o1 40
    """)

    assert market.margin("alice")["initial"] == "800"


def test_another_price_shows_a_new_peak_at_its_tail(market: Market) -> None:
    """It enters with all it has, then hides again (A9, A4)."""
    market.play("""
        alice sell 30@101 peak=10
        carol buy  4@101
        bob   sell 5@100
        carol buy  9@99
        alice amend o1 @99
    """)

    assert market.fills[1:] == ["alice<carol 9@99"]
    assert market.asks() == ["alice 17@99 shows 10", "bob 5@100"]


def test_new_peak_counts_from_the_next_refill(market: Market) -> None:
    """What is shown stays until it is used up, and the place is kept (A9, A4)."""
    market.play(f"{BEHIND} alice amend o1 peak=3")
    assert market.asks() == ["alice 30@100 shows 10", "bob 5@100"]
    assert market.of("order_amended")[0]["kept_priority"] is True

    market.play("carol buy 11@100")

    assert market.asks() == ["bob 4@100", "alice 20@100 shows 3"]


def test_larger_peak_shows_no_more_at_once(market: Market) -> None:
    """Or it would push itself before those behind it (A9, A4)."""
    market.play(f"{BEHIND} alice amend o1 peak=20\n carol buy 10@100")

    assert market.asks() == ["bob 5@100", "alice 20@100"]


def test_peak_and_price_change_together(market: Market) -> None:
    """A new place is taken with the new peak (A9, A4)."""
    market.play(f"{BEHIND} alice amend o1 40@101 peak=15")

    assert market.asks() == ["bob 5@100", "alice 40@101 shows 15"]


def test_iceberg_smaller_than_its_peak_is_one_still(market: Market) -> None:
    """Made smaller and larger again, it hides and keeps its place (A9, A4)."""
    market.play(f"{BEHIND} alice amend o1 5\n alice amend o1 25")

    assert market.asks() == ["alice 25@100 shows 5", "bob 5@100"]
    assert all(event["kept_priority"] for event in market.of("order_amended"))


@pytest.mark.parametrize(
    ("order", "change", "path"),
    [
        ("sell 30@100", "peak=10", "$.display_quantity"),
        ("sell 30@100 peak=30", "peak=10", "$.display_quantity"),
        ("sell 300@100 peak=10", "peak=2", "$.display_quantity"),
        ("sell 30@100 peak=10", "peak=31", "$.display_quantity"),
        ("sell 30@100 peak=10", "20 peak=25", "$.display_quantity"),
        ("sell 30@100 peak=10", "1001", "$.quantity"),
        ("sell 30@100 peak=10", "1001@99", "$.quantity"),
        ("sell 30@100 peak=10", "1100 peak=10", "$.display_quantity"),
    ],
)
def test_peak_that_does_not_fit_is_refused(
    market: Market, order: str, change: str, path: str
) -> None:
    """Not an iceberg, or its peak out of bounds with the new total (A9, A4)."""
    market.play(f"alice {order}")
    before = market.hash()

    (refusal,) = market.play(f"alice amend o1 {change}")

    assert (refusal["reason"], refusal["path"]) == ("invalid_display", path)
    assert market.hash() == before


def test_peak_may_grow_with_the_total(market: Market) -> None:
    """The new peak is measured against the new total (A9, A4)."""
    market.play("alice sell 30@100 peak=10\n alice amend o1 1001 peak=11")

    assert market.refusals == []
    assert market.asks() == ["alice 1001@100 shows 10"]


def test_total_not_above_what_has_traded_completes_an_iceberg(market: Market) -> None:
    """Its hidden size goes with it (A9, A4)."""
    market.play(f"{BEHIND} carol buy 12@100\n alice amend o1 10")

    assert market.asks() == ["bob 3@100"]
    assert market.of("order_amended")[0]["leaves"] == "0"


def test_another_expiry_keeps_the_place(market: Market) -> None:
    """Sooner or later (A9, A3)."""
    market.play("""
        alice sell 5@100 gtd=3000
        bob   sell 5@100
        alice amend o1 expires=9000
        wait 2000
        alice amend o1 expires=4000
    """)
    assert market.asks() == ["alice 5@100", "bob 5@100"]

    market.play("wait 1000")

    assert market.asks() == ["bob 5@100"]
    assert [event["kept_priority"] for event in market.of("order_amended")] == [True, True]


@pytest.mark.parametrize(
    ("order", "expires"),
    [("gtc", 9000), ("day", 9000), ("gtd=5000", 1000), ("gtd=5000", 1)],
)
def test_expiry_that_cannot_be_is_refused(market: Market, order: str, expires: int) -> None:
    """Only of `gtd` orders, and only into the future (A9, A3)."""
    market.play(f"session X 17:00\n alice sell 5@100 {order}")
    before = market.hash()

    (refusal,) = market.play(f"alice amend o1 6@99 expires={expires}")

    assert (refusal["reason"], refusal["path"]) == ("invalid_expiry", "$.expires_at")
    assert market.hash() == before


@pytest.mark.parametrize("change", ["3", "9", "5@101", "9@99"])
def test_time_is_carried_by_every_amend(market: Market, change: str) -> None:
    """Whatever else changes, the order ends when it said (A9, A3)."""
    market.play(f"alice sell 5@100 gtd=3000\n alice amend o1 {change}\n wait 2000")

    assert len(market.of("order_expired")) == 1
    assert market.asks() == []


def test_amend_that_is_refused_keeps_time_and_peak(market: Market) -> None:
    """All or nothing, over all fields at once (A9)."""
    market.play("""
        deposit alice 600
        alice sell 30@100 peak=10 gtd=5000
    """)
    before = market.hash()

    market.play("alice amend o1 31 peak=5 expires=9000")

    assert market.refusals == ["leverage_exceeded"]
    assert market.hash() == before


def test_halted_market_lets_time_peak_and_less_be_changed(market: Market) -> None:
    """None of them adds risk (A9, A14)."""
    market.play("""
        alice sell 30@100 peak=10 gtd=5000
        state X halted
        alice amend o1 20
        alice amend o1 peak=5
        alice amend o1 expires=9000
        alice amend o1 21
        alice amend o1 @101
    """)

    assert market.refusals == ["market_not_open", "market_not_open"]
    assert len(market.of("order_amended")) == 3


@pytest.mark.parametrize("field", ["trail_bps=5", "trigger_price=90", "trail_offset=1"])
def test_fields_of_stops_are_refused_by_name(market: Market, field: str) -> None:
    """What is not acted on is never ignored in silence (A9)."""
    market.play("alice sell 5@100")
    key, value = field.split("=")
    command = {"type": "amend_order", "account": "alice", "client_order_id": "o1"}
    number: str | int = int(value) if key == "trail_bps" else value

    (refusal,) = market.send(command | {key: number})

    assert (refusal["reason"], refusal["path"]) == ("not_supported", f"$.{key}")
