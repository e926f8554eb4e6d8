"""Orders that show a part of themselves (A4)."""

import pytest

from tests.core.bounds import lower
from tests.core.market import Market

LEVEL = """
    i1 sell 30@100 peak=10
    l2 sell 10@100
    i3 sell 20@100 peak=10
"""
"""One level: two icebergs with an ordinary order between them."""


def _replenished(market: Market) -> list[str]:
    """Return the replenishments as `order shown of leaves`."""
    return [
        f"{event['client_order_id']} {event['shown']} of {event['leaves']}"
        for event in market.of("order_replenished")
    ]


def test_acceptance_tells_the_peak_of_an_iceberg_and_of_no_other(market: Market) -> None:
    """A reader of events must know what is shown; a peak of everything is no iceberg (A4)."""
    market.play("""
        alice sell 30@100 peak=10 id=a
        alice sell 30@100 peak=10 id=a
        alice sell 10@100 peak=10
        alice sell stop_limit 20@90 trigger=95 by=mark peak=5
        bob   sell 10@100
    """)

    peaks = [event.get("display_quantity") for event in market.of("order_accepted")]
    assert peaks == ["10", "10", None, "5", None]


def test_refreshed_peak_goes_behind_orders_already_at_its_price(market: Market) -> None:
    """An iceberg keeps its price but pays for secrecy with its place in the queue (A4)."""
    market.play("""
        alice sell 30@100 peak=10
        bob   sell  5@100
        carol buy  12@100
    """)

    assert market.fills == ["carol<alice 10@100", "carol<bob 2@100"]
    assert market.asks() == ["bob 3@100", "alice 20@100 shows 10"]


def test_taker_of_45_prints_each_maker_once(market: Market) -> None:
    """The vector of the rule: I1 10, L2 10, I3 10, I1 10, I3 5, merged (A4)."""
    market.play(f"{LEVEL} taker buy 45@100")

    assert market.fills == ["taker<i1 20@100", "taker<l2 10@100", "taker<i3 15@100"]
    assert market.asks() == ["i3 5@100", "i1 10@100"]
    assert _replenished(market) == ["o3 5 of 5", "o1 10 of 10"]


def test_taker_of_50_leaves_the_first_one_showing_10(market: Market) -> None:
    """The vector of the rule, to its end: the second iceberg is used up (A4)."""
    market.play(f"{LEVEL} taker buy 50@100")

    assert market.fills == ["taker<i1 20@100", "taker<l2 10@100", "taker<i3 20@100"]
    assert market.asks() == ["i1 10@100"]
    assert _replenished(market) == ["o1 10 of 10"]


def test_replenished_order_is_told_once_as_it_stands_in_the_end(market: Market) -> None:
    """Twice at the tail within a sweep is one event: 5 of 5 after 25 of 30 (A4)."""
    market.play("""
        alice sell 30@100 peak=10
        bob   buy  25@100
    """)

    (told,) = market.of("order_replenished")
    assert told == {
        "type": "order_replenished",
        "in": 0,
        "symbol": "X",
        "account": "alice",
        "client_order_id": "o1",
        "order_id": 1,
        "shown": "5",
        "leaves": "5",
    }


def test_replenishments_are_told_between_the_trades_and_the_takers_end(market: Market) -> None:
    """First what the sweep did, then what it left of the makers, then the taker's rest (A4)."""
    market.play("""
        other sell 20@100 peak=10
        me    sell 5@100
        me    buy 15@100
    """)

    told = ["trade", "prevented_match", "order_replenished", "order_cancelled"]
    assert market.kinds()[-4:] == told
    assert market.asks() == ["me 5@100", "other 10@100"]


def test_partly_used_peak_is_not_refilled(market: Market) -> None:
    """It keeps its place with what is left of the peak (A4)."""
    market.play("""
        alice sell 30@100 peak=10
        bob   sell  5@100
        carol buy   4@100
        carol buy   8@100
    """)

    assert market.fills[1:] == ["carol<alice 6@100", "carol<bob 2@100"]
    assert _replenished(market) == ["o1 10 of 20"]


def test_used_up_peak_is_refilled_at_once(market: Market) -> None:
    """Also where the taker wanted no more: the level never shows nothing (A4)."""
    market.play("""
        alice sell 30@100 peak=10
        bob   sell  5@100
        carol buy  10@100
    """)

    assert market.asks() == ["bob 5@100", "alice 20@100 shows 10"]
    assert _replenished(market) == ["o1 10 of 20"]


def test_last_peak_is_what_is_left(market: Market) -> None:
    """An iceberg of 25 with a peak of 10 shows 10, 10 and 5 (A4)."""
    market.play("""
        alice sell 25@100 peak=10
        carol buy  20@100
    """)

    assert market.asks() == ["alice 5@100"]
    assert _replenished(market) == ["o1 5 of 5"]


def test_whole_iceberg_trades_within_one_sweep(market: Market) -> None:
    """Peak after peak, as one trade; a used-up order is not replenished (A4)."""
    market.play("""
        alice sell 30@100 peak=10
        alice sell 10@101
        carol buy  35@101
    """)

    assert market.fills == ["carol<alice 30@100", "carol<alice 5@101"]
    assert _replenished(market) == []


def test_hidden_size_trades_before_the_next_level(market: Market) -> None:
    """It is worse to be hidden only within a price, never across prices (A4)."""
    market.play("""
        alice sell 30@100 peak=10
        bob   sell 10@100.01
        carol buy  31@101
    """)

    assert market.fills == ["carol<alice 30@100", "carol<bob 1@100.01"]


def test_iceberg_enters_with_its_whole_size(market: Market) -> None:
    """It is hidden only once it rests (A4)."""
    market.play("""
        alice sell 25@100
        bob   buy  40@100 peak=10
    """)

    assert market.fills == ["bob<alice 25@100"]
    assert market.bids() == ["bob 15@100 shows 10"]
    assert market.of("order_accepted")[1]["status"] == "resting"


def test_rest_smaller_than_the_peak_is_all_shown(market: Market) -> None:
    """There is nothing left to hide (A4)."""
    market.play("""
        alice sell 25@100
        bob   buy  30@100 peak=10
        alice sell 3@100
    """)

    assert market.bids() == ["bob 2@100"]
    assert market.of("order_replenished") == []


def test_fees_are_charged_on_the_merged_trade() -> None:
    """Slicing an order changes no fee, nor does showing it in slices (A4, B5)."""
    market = Market(maker_fee="0.000001", taker_fee="0.000003")

    market.play("""
        alice sell 30@100 peak=10
        bob   sell  5@100
        carol buy  32@100
    """)

    first, second = market.of("trade")
    assert first["quantity"] == "27"
    assert (first["maker"]["fee"], first["taker"]["fee"]) == ("0.0027", "0.0081")
    assert second["taker"]["leaves"] == "0"


def test_two_icebergs_take_turns(market: Market) -> None:
    """At one price, every peak queues behind the others (A4)."""
    market.play("""
        a sell 6@100 peak=2
        b sell 6@100 peak=3
        t buy  6@100
    """)

    assert market.fills == ["t<a 3@100", "t<b 3@100"]
    assert market.asks() == ["a 3@100 shows 1", "b 3@100"]


@pytest.mark.parametrize("peak", ["30", "1", "29"])
def test_peak_may_be_a_hundredth_up_to_all_of_it(market: Market, peak: str) -> None:
    """Equal to the quantity it is an ordinary order (A4)."""
    market.play(f"alice sell 30@100 peak={peak}")

    assert market.refusals == []
    shows = "" if peak == "30" else f" shows {peak}"
    assert market.asks() == [f"alice 30@100{shows}"]


@pytest.mark.parametrize(
    ("order", "peak"), [("sell 301@100", "3"), ("sell 30@100", "31"), ("sell 101@100", "1")]
)
def test_peak_beyond_its_bounds_is_refused(market: Market, order: str, peak: str) -> None:
    """Below a hundredth, rounded up, one order could bite a hundred times and more (A4)."""
    (refusal,) = market.play(f"alice {order} peak={peak}")

    assert (refusal["code"], refusal["reason"]) == (411, "invalid_display")
    assert refusal["path"] == "$.display_quantity"


@pytest.mark.parametrize("lifetime", ["ioc", "fok"])
def test_orders_that_never_rest_hide_nothing(market: Market, lifetime: str) -> None:
    """`ioc`, `fok` and market orders take no display quantity (A4)."""
    market.play(f"""
        bob   buy  10@100
        alice sell 5@100 {lifetime} peak=2
        alice sell market 5 peak=2
        alice sell market 5 peak=5
    """)

    assert market.refusals == ["invalid_display"] * 3
    assert market.fills == []


@pytest.mark.parametrize(
    ("peak", "reason"),
    [("2.5", "off_lot"), ("0", "quantity_not_positive"), ("-1", "quantity_not_positive")],
)
def test_peak_is_a_quantity_on_the_grid(market: Market, peak: str, reason: str) -> None:
    """It is asked for like every quantity, at its own path (A4)."""
    (refusal,) = market.play(f"alice sell 30@100 peak={peak}")

    assert (refusal["reason"], refusal["path"]) == (reason, "$.display_quantity")


def test_iceberg_holds_margin_for_all_of_itself(market: Market) -> None:
    """Hidden or not, it may trade (A4, B3)."""
    market.play("""
        deposit alice 1000
        alice sell 30@100 peak=10
    """)

    assert market.margin("alice")["initial"] == "600"


def test_cancelled_iceberg_leaves_with_everything(market: Market) -> None:
    """What it says is its leaves, not what it showed (A4)."""
    market.play("""
        alice sell 30@100 peak=10
        alice cancel o1
    """)

    assert market.cancels == ["o1 30 requested"]
    assert market.asks() == []


def test_iceberg_counts_once_for_the_bound_of_a_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its peaks make one trade; the third maker is one too many (A4, A1)."""
    lower(monkeypatch, "MAX_SWEEP_MAKERS", 2)
    market = Market()

    market.play("""
        a sell 6@100 peak=1
        b sell 2@100
        t buy  8@100
        a sell 6@100 peak=1
        b sell 2@100
        c sell 2@100
        t buy  9@100
    """)

    assert market.fills == ["t<a 6@100", "t<b 2@100", "t<a 1@100", "t<b 2@100"]
    assert market.cancels == ["o7 6 max_fills"]
    assert market.asks() == ["c 2@100", "a 5@100 shows 1"]


def test_iceberg_goes_on_after_a_restart() -> None:
    """What it shows and hides, and its peak, are in the snapshot (A4)."""
    market = Market()
    market.play(f"{LEVEL} taker buy 14@100")

    twin = market.restarted()

    for each in (market, twin):
        each.forget()
        each.play("taker buy 31@100")
    assert twin.events == market.events
    assert twin.fills == ["taker<l2 6@100", "taker<i3 15@100", "taker<i1 10@100"]
    assert twin.hash() == market.hash()
