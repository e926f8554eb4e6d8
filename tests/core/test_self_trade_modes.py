"""What each of the five modes does where an order meets its owner's (A6)."""

import pytest

from tests.core.bounds import lower
from tests.core.market import Market

VECTOR = """
    me    sell 5@100
    other sell 5@100
    me    buy  7@100 stp={mode}
"""


@pytest.mark.parametrize(
    ("mode", "fills", "cancels", "asks", "bids"),
    [
        ("cancel_newest", [], ["o3 7 self_trade"], ["me 5@100", "other 5@100"], []),
        ("cancel_oldest", ["me<other 5@100"], ["o1 5 self_trade"], [], ["me 2@100"]),
        ("cancel_both", [], ["o1 5 self_trade", "o3 7 self_trade"], ["other 5@100"], []),
        ("decrement", ["me<other 2@100"], ["o1 0 self_trade"], ["other 3@100"], []),
        ("none", ["me<me 5@100", "me<other 2@100"], [], ["other 3@100"], []),
    ],
)
def test_each_mode_by_the_vector(
    market: Market,
    mode: str,
    fills: list[str],
    cancels: list[str],
    asks: list[str],
    bids: list[str],
) -> None:
    """Own ask 5@100, then other 5@100; the taker buys 7@100 (A6)."""
    market.play(VECTOR.format(mode=mode))

    assert market.fills == fills
    assert market.cancels == cancels
    assert market.book() == {"bids": bids, "asks": asks}


@pytest.mark.parametrize(
    ("mode", "quantities"),
    [
        ("cancel_newest", ["5"]),
        ("cancel_oldest", ["5"]),
        ("cancel_both", ["5"]),
        ("decrement", ["5"]),
        ("none", []),
    ],
)
def test_it_says_so_every_time_it_acts(market: Market, mode: str, quantities: list[str]) -> None:
    """Who would have met whom, for how much, at which price (A6)."""
    market.play(VECTOR.format(mode=mode))

    prevented = market.of("prevented_match")
    assert [event["quantity"] for event in prevented] == quantities
    for event in prevented:
        assert (event["mode"], event["price"]) == (mode, "100")
        assert event["maker"]["client_order_id"] == "o1"
        assert event["taker"]["client_order_id"] == "o3"


def test_decrement_takes_the_smaller_total_from_both(market: Market) -> None:
    """The larger resting order stays where it is, reduced (A6)."""
    market.play("""
        me    sell 8@100
        other sell 5@100
        me    buy  3@100 stp=decrement
    """)

    assert market.fills == []
    assert market.cancels == ["o3 0 self_trade"]
    assert market.asks() == ["me 5@100", "other 5@100"]
    assert market.of("order_accepted")[-1]["status"] == "done"


def test_decrement_of_equals_ends_both(market: Market) -> None:
    """What reaches zero is cancelled: the resting one at the meeting, then the other (A6)."""
    market.play("""
        me sell 5@100
        me buy  5@101 stp=decrement
    """)

    assert market.kinds()[-3:] == ["prevented_match", "order_cancelled", "order_cancelled"]
    assert market.cancels == ["o1 0 self_trade", "o2 0 self_trade"]
    assert market.book() == {"bids": [], "asks": []}


def test_decrement_goes_on_through_several_own_orders(market: Market) -> None:
    """And rests with what neither traded nor met its owner (A6)."""
    market.play("""
        me    sell 2@100
        other sell 3@100
        me    sell 4@101
        me    buy 20@101 stp=decrement
    """)

    assert market.fills == ["me<other 3@100"]
    assert market.cancels == ["o1 0 self_trade", "o3 0 self_trade"]
    assert market.bids() == ["me 11@101"]


def test_decremented_total_is_less_and_what_has_traded_stays(market: Market) -> None:
    """Of 20 with 3 traded and 6 decremented 11 are left: the total is 14 (A6, A9)."""
    market.play("""
        me    sell 6@100
        other sell 3@100
        me    buy 20@100 stp=decrement
        me    amend o3 13
    """)

    (amended,) = market.of("order_amended")
    assert (amended["quantity"], amended["leaves"]) == ("13", "10")
    assert amended["kept_priority"] is True


def test_decrement_counts_hidden_size(market: Market) -> None:
    """An own iceberg is reduced by all it has, shown or not (A6, A4)."""
    market.play("""
        me    sell 30@100 peak=10
        other sell 5@100
        me    buy  25@100 stp=decrement
    """)

    assert market.of("prevented_match")[0]["quantity"] == "25"
    assert market.asks() == ["me 5@100", "other 5@100"]
    assert market.of("order_replenished") == []


def test_decremented_iceberg_keeps_its_place_and_its_peak(market: Market) -> None:
    """It shows no more than it has left, and no more than before (A6, A4)."""
    market.play("""
        me    sell 30@100 peak=10
        other buy  4@100
        other sell 5@100
        me    buy  7@100 stp=decrement
    """)

    assert market.asks() == ["me 19@100 shows 6", "other 5@100"]


@pytest.mark.parametrize("mode", ["cancel_oldest", "cancel_both"])
def test_own_iceberg_is_cancelled_whole(market: Market, mode: str) -> None:
    """Its hidden part does not come up behind (A6, A4)."""
    market.play(f"""
        me    sell 30@100 peak=10
        other sell 5@100
        me    buy  7@100 stp={mode}
    """)

    assert market.cancels[0] == "o1 30 self_trade"
    assert market.of("prevented_match")[0]["quantity"] == "7"


def test_prevented_quantity_is_that_of_the_meeting(market: Market) -> None:
    """The taker has 12 left when they meet, though its trades are merged to 22 before (A6, A4)."""
    market.play("""
        other sell 30@100 peak=10
        me    sell 15@100
        me    buy  22@100 stp=cancel_oldest
    """)

    assert market.fills == ["me<other 22@100"]
    assert market.of("prevented_match")[0]["quantity"] == "12"


def test_the_takers_mode_decides(market: Market) -> None:
    """What the resting order asked for counted when it came (A6)."""
    market.play("""
        me sell 5@100 stp=cancel_oldest
        me buy  5@100 stp=cancel_newest
    """)

    assert market.cancels == ["o2 5 self_trade"]
    assert market.asks() == ["me 5@100"]


@pytest.mark.parametrize(
    ("mode", "cancels"),
    [
        ("cancel_both", ["o1 5 self_trade", "o2 5 self_trade"]),
        ("decrement", ["o1 0 self_trade", "o2 0 self_trade"]),
        ("cancel_oldest", ["o1 5 self_trade"]),
    ],
)
def test_mode_survives_the_amend(market: Market, mode: str, cancels: list[str]) -> None:
    """An amend that crosses is a taker with the mode of its entry (A6, A9)."""
    market.play(f"""
        me sell 5@101
        me buy  5@99 stp={mode}
        me amend o2 @101
    """)

    assert market.fills == []
    assert market.cancels == cancels


def test_decrement_within_a_group(market: Market) -> None:
    """Two accounts of one desk are one owner, each pays with its own order (A6)."""
    market.play("""
        account a1 stp_group=desk
        account a2 stp_group=desk
        deposit a1 10000
        deposit a2 10000
        a1 sell 5@100
        a2 buy  8@100 stp=decrement
    """)

    assert market.cancels == ["o1 0 self_trade"]
    assert market.bids() == ["a2 3@100"]
    assert market.margin("a1")["initial"] == "0"
    assert market.margin("a2")["initial"] == "60"


@pytest.mark.parametrize("mode", ["cancel_both", "decrement"])
def test_market_order_that_meets_its_owner(market: Market, mode: str) -> None:
    """Prevention comes before whatever cancels the remainder (A6, A2)."""
    market.play(f"""
        me    sell 5@100
        other sell 5@100
        me    buy market 5 stp={mode}
    """)

    assert market.fills == []
    assert market.cancels[-1] == ("o3 5 self_trade" if mode == "cancel_both" else "o3 0 self_trade")


@pytest.mark.parametrize("mode", ["cancel_oldest", "decrement"])
def test_every_meeting_counts_for_the_bound_of_a_sweep(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it trades or not (A6, A1)."""
    lower(monkeypatch, "MAX_SWEEP_MAKERS", 2)
    market = Market()

    market.play(f"""
        me    sell 1@100
        other sell 1@100
        me    sell 1@100
        me    buy  5@100 stp={mode}
    """)

    assert market.fills == ["me<other 1@100"]
    assert market.cancels[-1].endswith("max_fills")
    assert market.asks() == ["me 1@100"]


def test_decremented_order_gives_its_margin_back(market: Market) -> None:
    """What can no longer trade holds nothing (A6, B3)."""
    market.play("""
        deposit me 1000
        me sell 10@100
        me buy   4@100 stp=decrement
    """)

    assert market.margin("me")["initial"] == "120"
