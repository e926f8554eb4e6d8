"""Orders of which one cancels the others: what a fill of one does (A13)."""

import pytest

from tests.core.market import Market


def test_first_hit_removes_the_siblings_on_any_fill(market: Market) -> None:
    """One lot is enough; what is left of the one that was hit stays, and hits no more (A13)."""
    market.play("""
        alice sell 10@101 oco=g
        alice sell 10@105 oco=g
        alice buy  10@95  oco=g
        bob   buy  1@101
    """)

    assert market.cancels == ["o2 10 oco", "o3 10 oco"]
    assert market.asks() == ["alice 9@101"]
    assert market.bids() == []


def test_siblings_go_in_order_of_arrival(market: Market) -> None:
    """By order id, be they resting or armed, whatever their prices (A13)."""
    market.play("""
        bob   buy  1@100
        carol sell 1@100
        alice sell stop 5 trigger=90 oco=g
        alice sell 5@103 oco=g
        alice sell stop 5 trigger=95 oco=g
        alice sell 5@102 oco=g
        bob   buy  1@102
    """)

    assert market.cancels == ["o3 5 oco", "o4 5 oco", "o5 5 oco"]
    assert market.armed() == []


def test_fill_as_taker_removes_the_siblings(market: Market) -> None:
    """A newcomer that trades at once, and goes, has been a member (A13)."""
    market.play("""
        bob   sell 10@101
        alice sell 5@110 oco=g
        alice buy  4@101 oco=g
        alice buy  1@90  oco=g
    """)

    assert market.fills == ["alice<bob 4@101"]
    assert market.cancels == ["o2 5 oco"]
    assert market.refusals == ["oco_spent"]


def test_complete_fill_waits_until_one_is_filled_up(market: Market) -> None:
    """A part of a fill costs the others nothing (A13)."""
    market.play("""
        alice sell 10@101 oco=g rule=complete_fill
        alice sell 5@105  oco=g
        bob   buy  9@101
    """)
    assert market.cancels == []
    assert market.asks() == ["alice 1@101", "alice 5@105"]

    market.play("bob buy 1@101")

    assert market.cancels == ["o2 5 oco"]
    assert market.asks() == []


def test_incremental_cuts_a_sibling_in_proportion(market: Market) -> None:
    """Legs of 20 and 10: fills 3, 3, 14 on the first leave 9, 7, 0 on the second (A13)."""
    market.play("""
        alice sell 20@101 oco=g rule=incremental
        alice sell 10@105 oco=g
        bob   buy  3@101
    """)
    assert market.asks() == ["alice 17@101", "alice 9@105"]
    market.play("bob buy 3@101")
    assert market.asks() == ["alice 14@101", "alice 7@105"]
    market.play("bob buy 14@101")

    assert market.asks() == []
    assert market.cuts == ["o2 9/9 oco", "o2 7/7 oco"]
    assert market.cancels == ["o2 7 oco"]


def test_incremental_says_nothing_where_nothing_is_cut(market: Market) -> None:
    """Less than a lot's worth of a fill is counted with the next one (A13)."""
    market.play("""
        alice sell 20@101 oco=g rule=incremental
        alice sell 10@105 oco=g
        bob   buy  1@101
    """)
    assert market.cuts == []

    market.play("bob buy 1@101")

    assert market.cuts == ["o2 9/9 oco"]


def test_incremental_cut_keeps_priority_and_takes_hidden_size_first(market: Market) -> None:
    """An iceberg stays where it stands and shows its peak as long as it has one (A4, A13)."""
    market.play("""
        alice sell 10@101 oco=g rule=incremental
        alice sell 20@105 oco=g peak=8
        carol sell 5@105
        bob   buy  5@101
    """)
    assert market.asks() == ["alice 5@101", "alice 10@105 shows 8", "carol 5@105"]

    market.play("bob buy 3@101")

    assert market.asks() == ["alice 2@101", "alice 4@105", "carol 5@105"]
    assert [event["kept_priority"] for event in market.of("order_amended")] == [True, True]


def test_incremental_cuts_armed_siblings(market: Market) -> None:
    """A stop-loss beside a limit order protects what is left (A13)."""
    market.play("""
        bob   buy  1@100
        carol sell 1@100
        alice sell 10@105 oco=g rule=incremental
        alice sell stop 10 trigger=95 oco=g
        bob   buy  4@105
    """)

    assert market.armed() == ["o4 sell 6 95"]


def test_incremental_reckons_with_sizes_at_entry(market: Market) -> None:
    """Cuts and fills do not change the proportion: a lot of the smaller is two of the other."""
    market.play("""
        alice sell 20@101 oco=g rule=incremental
        alice buy  10@95  oco=g
        bob   buy  10@101
        carol sell 2@95
        carol sell 1@95
    """)

    assert market.cuts == ["o2 5/5 oco", "o1 6/16 oco", "o1 4/14 oco"]


def test_incremental_siblings_of_several_cut_each_by_its_own_size(market: Market) -> None:
    """Each loses its own total's share of the fill (A13)."""
    market.play("""
        alice sell 10@101 oco=g rule=incremental
        alice sell 7@105  oco=g
        alice buy  3@95   oco=g
        bob   buy  5@101
    """)

    assert market.cuts == ["o2 4/4 oco", "o3 2/2 oco"]


def test_effects_come_after_trades_and_before_replenishment(market: Market) -> None:
    """Trades first, then those that are linked, then icebergs are renewed (A13)."""
    market.play("""
        carol sell 10@101 peak=5
        alice sell 5@101 oco=g
        alice sell 5@105 oco=g
    """)
    market.forget()

    market.play("bob buy 12@101")

    expected = ["order_accepted", "trade", "trade", "order_cancelled", "order_replenished"]
    assert market.kinds() == expected


def test_group_is_the_accounts_and_the_instruments(market: Market) -> None:
    """The same name elsewhere is another group (A13)."""
    market.play("""
        instrument Y
        tick Y 99 101
        alice sell 5@105 oco=g
        bob   sell 5@105 oco=g
        alice sell Y 5@105 oco=g
        carol buy  5@105
    """)

    assert market.cancels == []
    assert market.asks() == ["bob 5@105"]
    assert market.book("Y")["asks"] == ["alice 5@105"]


@pytest.mark.parametrize(
    "leaving",
    ["alice cancel o1", "alice cancel all sell", "wait 5000", "eve buy 1@104 stp=cancel_oldest"],
    ids=["cancel", "mass", "expiry", "prevention"],
)
def test_leaving_without_a_fill_leaves_siblings_alone(market: Market, leaving: str) -> None:
    """A cancel is no hit: the others stay (A13)."""
    market.play(f"""
        account alice stp_group=desk
        account eve stp_group=desk
        deposit alice 1000000
        deposit eve 1000000
        alice sell 5@104 oco=g gtd=4000
        alice buy  5@95 oco=g
        {leaving}
    """)

    assert market.bids()[-1] == "alice 5@95"
    assert market.asks() == []
    assert not [cancel for cancel in market.cancels if cancel.endswith("oco")]


def test_amend_that_completes_a_member_leaves_siblings_alone(market: Market) -> None:
    """It leaves by its account's wish, not by a fill (A9, A13)."""
    market.play("""
        alice sell 10@101 oco=g rule=complete_fill
        alice sell 5@105  oco=g
        bob   buy  4@101
        alice amend o1 4
    """)

    assert market.asks() == ["alice 5@105"]
    assert market.cancels == []


def test_amended_member_stays_linked(market: Market) -> None:
    """Another price or quantity changes nothing about the group (A9, A13)."""
    market.play("""
        alice sell 10@103 oco=g
        alice sell 5@105  oco=g
        alice amend o1 12@102
        bob   buy  1@102
    """)

    assert market.cancels == ["o2 5 oco"]


def test_amend_that_crosses_removes_the_siblings(market: Market) -> None:
    """It trades as a taker (A9, A13)."""
    market.play("""
        bob   buy  3@99
        alice sell 10@103 oco=g
        alice sell 5@105  oco=g
        alice amend o2 @99
    """)

    assert market.fills == ["alice<bob 3@99"]
    assert market.cancels == ["o3 5 oco"]
    assert market.asks() == ["alice 7@99"]


def test_fired_stop_removes_its_siblings_when_it_trades(market: Market) -> None:
    """Firing is no fill; the trade that follows is (A11, A13)."""
    market.play("""
        bob   buy  5@95
        bob   buy  1@100
        carol sell 1@100
        alice sell stop_limit 5@96 trigger=97 oco=g
        alice sell 5@105 oco=g
        carol sell 1@95
    """)
    assert market.fired == ["o4 97 at 95"]
    assert market.cancels == []
    assert market.asks() == ["alice 5@96", "alice 5@105"]

    market.play("bob buy 1@96")

    assert market.cancels == ["o5 5 oco"]


def test_group_outlives_a_restart(market: Market) -> None:
    """Links, sizes at entry and spent names are state (A13)."""
    market.play("""
        alice sell 20@101 oco=g rule=incremental
        alice sell 10@105 oco=g
        alice sell 5@107 oco=h
        alice cancel o3
        bob   buy  3@101
    """)

    twin = market.restarted()
    twin.play("""
        bob   buy  3@101
        alice sell 5@107 oco=h
        alice buy  5@90 oco=g
    """)

    assert twin.cuts == ["o2 7/7 oco"]
    assert twin.refusals == ["oco_spent", "oco_spent"]
