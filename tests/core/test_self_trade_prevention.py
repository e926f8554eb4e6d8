"""Nobody trades with himself (A6)."""

import pytest

from tests.core.bounds import lower
from tests.core.market import Market


def test_cancel_newest_stops_at_the_own_order() -> None:
    """The vector of the rule: no fill, and the resting order stays where it is (A6)."""
    market = Market()

    market.play("""
        me    sell 5@100
        other sell 5@100
        me    buy  7@100
    """)

    assert market.fills == []
    assert market.cancels == ["o3 7 self_trade"]
    assert market.asks() == ["me 5@100", "other 5@100"]


def test_fills_before_the_meeting_stand() -> None:
    """With the other's ask in front 5 trade and 2 are cancelled (A6)."""
    market = Market()

    market.play("""
        other sell 5@100
        me    sell 5@100
        me    buy  7@100
    """)

    assert market.fills == ["me<other 5@100"]
    assert market.cancels == ["o3 2 self_trade"]


def test_every_prevention_is_written_down() -> None:
    """Who would have met whom, for how much, at which price (A6)."""
    market = Market()

    market.play("""
        me sell 5@100
        me buy  7@101
    """)

    (prevented,) = market.of("prevented_match")
    assert prevented["mode"] == "cancel_newest"
    assert prevented["maker"]["client_order_id"] == "o1"
    assert prevented["taker"]["client_order_id"] == "o2"
    assert (prevented["quantity"], prevented["price"]) == ("5", "100")


def test_cancel_oldest_takes_the_own_order_away() -> None:
    """The incoming order goes on behind it: 5 trade, 2 rest (A6)."""
    market = Market()

    market.play("""
        me    sell 5@100
        other sell 5@100
        me    buy  7@100 stp=cancel_oldest
    """)

    assert market.fills == ["me<other 5@100"]
    assert market.cancels == ["o1 5 self_trade"]
    assert market.book() == {"bids": ["me 2@100"], "asks": []}


def test_prevention_stands_where_the_meeting_was() -> None:
    """Maker by maker: the own order is met before the one behind it trades (A6)."""
    market = Market()

    market.play("""
        me    sell 5@100
        other sell 5@100
        me    buy  5@100 stp=cancel_oldest
    """)

    assert market.kinds()[-3:] == ["prevented_match", "order_cancelled", "trade"]
    assert market.of("prevented_match")[0]["quantity"] == "5"


def test_own_orders_met_count_for_the_bound_of_a_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or one command could cancel an account's whole side of the book (A1)."""
    lower(monkeypatch, "MAX_SWEEP_MAKERS", 2)
    market = Market()

    market.play("""
        me    sell 1@100
        other sell 1@100
        me    sell 1@100
        me    buy  3@100 stp=cancel_oldest
    """)

    assert market.fills == ["me<other 1@100"]
    assert market.cancels == ["o1 1 self_trade", "o4 2 max_fills"]
    assert market.asks() == ["me 1@100"]


def test_mode_none_lets_them_trade() -> None:
    """Whoever asks for it may trade with himself; it moves nothing but fees (A6)."""
    market = Market()

    market.play("""
        me sell 5@100
        me buy  5@100 stp=none
    """)

    assert market.fills == ["me<me 5@100"]
    assert market.position("me") == "0"


def test_group_is_one_owner() -> None:
    """Two accounts of one desk are one owner, those of two desks are not (A6)."""
    market = Market()
    market.play("""
        account a1 stp_group=desk
        account a2 stp_group=desk
        account b1 stp_group=floor
        deposit a1 10000
        deposit a2 10000
        deposit b1 10000
    """)

    market.play("""
        a1 sell 5@100
        a2 buy  5@100
        b1 buy  5@100
    """)

    assert market.fills == ["b1<a1 5@100"]
    assert market.cancels == ["o2 5 self_trade"]


def test_account_and_group_of_one_name_are_strangers() -> None:
    """An account called `desk` does not belong to the group `desk` (A6)."""
    market = Market()
    market.play("""
        account trader stp_group=desk
        deposit trader 10000
        trader sell 5@100
        desk   buy  5@100
    """)

    assert market.fills == ["desk<trader 5@100"]


def test_joining_a_group_counts_for_orders_that_rest_already() -> None:
    """The owner is who it is when they meet (A6)."""
    market = Market()

    market.play("""
        a1 sell 5@100
        update a1 stp_group=desk
        account a2 stp_group=desk
        deposit a2 10000
        a2 buy 5@100
    """)

    assert market.fills == []
    assert market.cancels == ["o2 5 self_trade"]


def test_amend_that_crosses_counts() -> None:
    """The mode survives the amend: the amended order is the newest (A6)."""
    market = Market()

    market.play("""
        me sell 5@101
        me buy  5@99
        me amend o2 @101
    """)

    assert market.fills == []
    assert market.cancels == ["o2 5 self_trade"]
    assert market.book() == {"bids": [], "asks": ["me 5@101"]}


def test_liquidation_never_stops_at_its_own_desk() -> None:
    """A desk mate's bid in front goes, the liquidation trades with the next one (A6)."""
    market = Market(lot_size="0.1")
    market.play("""
        account bob stp_group=desk
        deposit bob 20
        alice sell 1@100
        bob   buy  1@100
        account mate stp_group=desk
        deposit mate 10000
        mate  buy 1@90.5 id=mate
        carol buy 1@90
    """)

    market.play("mark 90")

    assert market.fills[-1] == "bob<carol 0.3@90"
    assert "mate 1 self_trade" in market.cancels
