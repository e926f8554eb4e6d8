"""Brackets: an entry, and the exits that follow it as it fills (A13)."""

from tests.core.market import Market


def test_exits_share_what_the_entry_opened(market: Market) -> None:
    """Filled 3 then 7; the take-profit fills 4, the stop sells the other 6: ten in all (A13)."""
    market.play("""
        alice bracket buy 10@100 tp=10@105 sl=95
        mm    sell 3@100
        mm    sell 7@100
        bob   buy  4@105
    """)
    assert market.asks() == ["alice 6@105"]
    assert market.armed() == ["o1.sl sell 6 95"]

    market.play("""
        dave  buy  10@95
        mm    sell 1@95
    """)

    assert market.fills[-3:] == ["bob<alice 4@105", "mm<dave 1@95", "alice<dave 6@95"]
    assert market.cancels == ["o1.tp1 6 bracket"]
    assert market.position("alice") == "0"


def test_take_profit_fill_leaves_the_others_and_takes_from_the_stop(market: Market) -> None:
    """Of 10 with take-profits 3, 3, 4: the first fills 3, the stop is 7, the others stay (A13)."""
    market.play("""
        alice bracket buy 10@100 tp=3@103,3@104,4@105 sl=95
        mm    sell 10@100
        bob   buy  3@103
    """)

    assert market.asks() == ["alice 3@104", "alice 4@105"]
    assert market.armed() == ["o1.sl sell 7 95"]
    assert market.cuts == ["o1.sl 7/7 bracket"]


def test_stop_fill_takes_from_the_take_profits_last_first(market: Market) -> None:
    """A stop-limit that fills in part: what is left of the position bounds them (A13)."""
    market.play("""
        alice bracket buy 10@100 tp=3@103,3@104,4@105 sl=95@95
        mm    sell 10@100
        dave  buy  6@95
        mm    sell 1@95
    """)

    assert market.fired == ["o1.sl 95 at 95"]
    assert market.asks() == ["alice 5@95", "alice 3@103", "alice 2@104"]
    assert market.cuts == ["o1.tp2 2/2 bracket"]
    assert market.cancels == ["o1.tp3 4 bracket"]


def test_children_are_small_as_long_as_the_entry_is(market: Market) -> None:
    """Take-profit i's total is the entry's filled part of it, to the lot below (A13)."""
    market.play("""
        alice bracket buy 10@100 tp=5@103,3@104 sl=95
        mm    sell 3@100
    """)
    assert market.asks() == ["alice 1@103"]
    assert market.armed() == ["o1.sl sell 3 95"]

    market.play("mm sell 1@100")

    assert market.asks() == ["alice 2@103", "alice 1@104"]
    assert market.armed() == ["o1.sl sell 4 95"]


def test_last_take_profit_takes_the_rest_where_they_make_up_the_entry(market: Market) -> None:
    """With 3, 3, 4 of 10: three filled are the last one's, four are 1, 1, 2 (A13)."""
    market.play("""
        alice bracket buy 10@100 tp=3@103,3@104,4@105
        mm    sell 3@100
    """)
    assert market.asks() == ["alice 3@105"]

    market.play("mm sell 1@100")

    assert market.asks() == ["alice 1@103", "alice 1@104", "alice 2@105"]
    assert market.cuts == ["o1.tp3 2/2 bracket"]


def test_take_profits_of_less_than_the_entry_leave_a_runner(market: Market) -> None:
    """The stop has all that is open, the take-profits their part (A13)."""
    market.play("""
        alice bracket buy 10@100 tp=4@103 sl=95
        mm    sell 10@100
        bob   buy  4@103
    """)

    assert market.asks() == []
    assert market.armed() == ["o1.sl sell 6 95"]


def test_sold_bracket_is_the_mirror_image(market: Market) -> None:
    """Take-profits below, the stop above (A13)."""
    market.play("""
        alice bracket sell 10@100 tp=10@95 sl=105
        mm    buy  10@100
        bob   sell 4@95
        dave  sell 10@105
        mm    buy  1@105
    """)

    assert market.fills[-3:] == ["bob<alice 4@95", "mm<dave 1@105", "alice<dave 6@105"]
    assert market.position("alice") == "0"


def test_children_are_accepted_by_name_after_the_command(market: Market) -> None:
    """Take-profits rest, the stop-loss sleeps; both only reduce and stay till cancelled (A13)."""
    market.play("""
        alice bracket buy 10@100 tp=10@105 sl=95@94 slby=mark
        mm    sell 10@100
    """)

    profit, stop = market.of("order_accepted")[-2:]
    named = ("client_order_id", "order_type", "status", "side", "quantity", "time_in_force")
    said = {key: profit.get(key) for key in (*named, "price", "trigger_price")}
    assert list(said.values()) == ["o1.tp1", "limit", "resting", "sell", "10", "gtc", "105", None]
    said = {key: stop.get(key) for key in (*named, "price", "trigger_price")}
    assert list(said.values()) == ["o1.sl", "stop_limit", "armed", "sell", "10", "gtc", "94", "95"]
    assert market.kinds()[-4:] == ["order_accepted", "trade", "order_accepted", "order_accepted"]


def test_entry_that_fills_at_once_is_covered_at_once(market: Market) -> None:
    """As a taker, and with a market order too (A13)."""
    market.play("""
        mm    sell 6@100
        mm    sell 6@101
        alice bracket buy 5@100 tp=5@105 sl=95
        alice bracket buy market 5 tp=5@106 sl=94
    """)

    assert market.asks() == ["mm 2@101", "alice 5@105", "alice 5@106"]
    assert market.armed() == ["o3.sl sell 5 95", "o4.sl sell 5 94"]


def test_stop_entry_is_covered_when_it_has_fired_and_filled(market: Market) -> None:
    """A bracket around a breakout (A11, A13)."""
    market.play("""
        mm    sell 1@101
        mm    sell 5@102
        bob   buy  1@99
        mm    sell 1@99
        alice bracket buy stop_limit 5@102 trigger=101 tp=5@107 sl=98
    """)
    assert market.armed() == ["o5 buy 5 101"]

    market.play("bob buy 1@101")

    assert market.fired == ["o5 101 at 101"]
    assert market.asks() == ["alice 5@107"]
    assert market.armed() == ["o5.sl sell 5 98"]


def test_cancelled_entry_leaves_its_children(market: Market) -> None:
    """What has been opened stays protected (A13)."""
    market.play("""
        alice bracket buy 10@100 tp=10@105 sl=95
        mm    sell 4@100
        alice cancel o1
    """)

    assert market.asks() == ["alice 4@105"]
    assert market.armed() == ["o1.sl sell 4 95"]


def test_growing_take_profit_goes_to_the_tail_and_the_stop_stays(market: Market) -> None:
    """More quantity loses priority (A9); an armed order has its place by arming (A11, A13)."""
    market.play("""
        alice bracket buy 10@100 tp=10@105 sl=95
        mm    sell 4@100
        carol sell 1@105
        carol sell stop 1 trigger=95
        mm    sell 6@100
    """)

    assert market.asks() == ["carol 1@105", "alice 10@105"]
    assert market.armed() == ["o1.sl sell 10 95", "o4 sell 1 95"]
    kept = [(e["client_order_id"], e["kept_priority"]) for e in market.of("order_amended")]
    assert kept == [("o1.tp1", False), ("o1.sl", True)]


def test_child_that_has_left_is_not_placed_again(market: Market) -> None:
    """Nor is its part given to the others (A13)."""
    market.play("""
        alice bracket buy 10@100 tp=5@103,5@104 sl=95
        mm    sell 4@100
        alice cancel o1.tp1
        mm    sell 6@100
    """)

    assert market.asks() == ["alice 5@104"]
    assert market.armed() == ["o1.sl sell 10 95"]


def test_marketable_take_profit_trades_when_it_is_placed(market: Market) -> None:
    """The entry was amended beyond it; the stop is for what is left then (A9, A13)."""
    market.play("""
        dave  buy  3@106
        alice bracket buy 5@100 tp=5@105 sl=95
        alice amend o2 @108
        mm    sell 5@107
    """)

    assert market.fills == ["mm<alice 5@108", "alice<dave 3@106"]
    assert market.asks() == ["alice 2@105"]
    assert market.armed() == ["o2.sl sell 2 95"]
    assert [e["status"] for e in market.of("order_accepted")[-2:]] == ["resting", "armed"]


def test_child_with_nothing_to_reduce_is_rejected_by_name(market: Market) -> None:
    """The entry only closed a short: there is no long to exit from, and never will be (A8, A13)."""
    market.play("""
        mm    buy  6@100
        alice sell 6@100
        alice bracket buy 10@99 tp=10@105 sl=95
        mm    sell 6@99
    """)
    rejected = [(e["client_order_id"], e["reason"]) for e in market.of("rejected")]
    assert rejected == [("o3.tp1", "nothing_to_reduce"), ("o3.sl", "nothing_to_reduce")]
    assert {e["account"] for e in market.of("rejected")} == {"alice"}

    market.play("mm sell 4@99")

    assert market.position("alice") == "4"
    assert market.asks() == market.armed() == []


def test_stop_reached_already_is_armed_and_fires_with_the_cascade(market: Market) -> None:
    """It is no newcomer that could be sent away: it protects what is there (A11, A13)."""
    market.play("""
        dave  buy  5@94
        bob   buy  1@95
        mm    sell 1@95
        alice bracket buy market 5 tp=5@105 sl=96
        mm    sell 5@97
        alice bracket buy market 5 tp=5@105 sl=96 slby=mark id=b
    """)
    assert market.refusals == ["no_liquidity"]
    assert market.armed() == ["b.sl sell 5 96"]

    market.play("""
        tick 95.00 95.01
    """)

    assert market.fired == ["b.sl 96 at 95.005"]
    assert market.fills[-1] == "alice<dave 5@94"


def test_stop_with_an_unseen_reference_is_armed_too(market: Market) -> None:
    """Nobody has quoted a price yet; it looks at the first one (A11, A13)."""
    market.play("""
        instrument Y mark_source=last
        mm    buy  Y 5@99
        mm    sell Y 5@100
        alice bracket buy Y 5@100 tp=5@105 sl=95 slby=bid_ask
    """)

    assert market.armed("Y") == ["o3.sl sell 5 95"]


def test_amended_entry_keeps_the_proportion_it_was_placed_with(market: Market) -> None:
    """Less quantity: the take-profits stay half and half of ten (A9, A13)."""
    market.play("""
        alice bracket buy 10@100 tp=5@103,5@104 sl=95
        alice amend o1 6
        mm    sell 6@100
    """)

    assert market.asks() == ["alice 3@103", "alice 3@104"]
    assert market.armed() == ["o1.sl sell 6 95"]


def test_childs_quantity_cannot_be_amended_but_its_prices_can(market: Market) -> None:
    """Its size follows from the others (A9, A13)."""
    market.play("""
        alice bracket buy 10@100 tp=10@105 sl=95@94 rule=first_hit
        mm    sell 10@100
        alice amend o1.tp1 5
        alice amend o1.sl 5@93
        alice amend o1.tp1 @106
        alice amend o1.sl @93 trigger=96
    """)

    assert [(e["reason"], e["path"]) for e in market.of("rejected")] == [
        ("invalid_oco", "$.quantity"),
        ("invalid_oco", "$.quantity"),
    ]
    assert market.asks() == ["alice 10@106"]
    assert market.armed() == ["o1.sl sell 10 96"]


def test_prevented_lots_of_a_child_come_back_with_the_next_fill(market: Market) -> None:
    """They have not traded: what is open must be covered all the same (A6, A13)."""
    market.play("""
        alice bracket buy 10@100 tp=10@105 sl=95
        mm    sell 6@100
        alice buy  2@105 stp=decrement
    """)
    assert market.asks() == ["alice 4@105"]

    market.play("mm sell 1@100")

    assert market.asks() == ["alice 7@105"]
