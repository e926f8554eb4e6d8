"""What a split makes of orders: prices away from the market, lots down, places kept (B6)."""

import pytest

from tests.core.market import Market


def _shut(kind: type[Market], *lines: str, **terms: str) -> Market:
    """Return a halted market in which ann holds −6 and bob 6 at 100, after some lines more."""
    market = kind(**terms)
    for line in ("ann sell 6@100", "bob buy 6@100", *lines, "state X halted"):
        market.play(line)
    market.forget()
    return market


def _changed(market: Market) -> list[str]:
    """Return the orders restated as `order leaves/total price trigger`, each where there is one."""
    return [
        " ".join(
            [e["client_order_id"], f"{e['leaves']}/{e['quantity']}"]
            + [e[key] for key in ("price", "trigger_price") if key in e]
        )
        for e in market.of("order_amended")
        if e["cause"] == "corporate_action" and e["kept_priority"]
    ]


def test_prices_are_rounded_away_and_lots_down(kind: type[Market]) -> None:
    """Three for two: bids down, asks up, lots down, filled lots for themselves (B6)."""
    market = _shut(
        kind,
        "cy  buy 5@99.99 id=b",
        "cy  sell 5@100.01 id=a",
        "dan sell 3@99.99 ioc",
    )

    market.play("split X 3:2")

    assert _changed(market) == ["b 3/7 66.66", "a 7/7 66.68"]
    assert market.of("corporate_action")[0]["orders"] == 2
    assert market.bids() == ["cy 3@66.66"]


def test_better_price_of_before_stands_first_where_levels_merge(kind: type[Market]) -> None:
    """Whoever bid more does not wait behind those who were there before him (A1, B6)."""
    market = _shut(
        kind,
        "amy buy 1@99.98",
        "ben buy 1@99.99",
        "cy  buy 1@99.98",
        "dan sell 1@100.01",
        "eve sell 1@100.02",
        "fay sell 1@100.01",
    )

    market.play("split X 10:1")

    assert market.bids() == ["ben 10@9.99", "amy 10@9.99", "cy 10@9.99"]
    assert market.asks() == ["dan 10@10.01", "fay 10@10.01", "eve 10@10.01"]
    market.play("""
        state X open
        gus sell 15@9.99
    """)
    assert market.fills == ["gus<ben 10@9.99", "gus<amy 5@9.99"]


@pytest.mark.parametrize(
    ("line", "ratio"),
    [
        ("cy buy 4@0.09 id=gone", "10:1"),
        ("bob sell stop 4 trigger=0.09 id=gone", "10:1"),
        ("cy buy 1@99 id=gone", "1:2"),
        ("bob sell stop 1 trigger=99 id=gone", "1:2"),
        ("bob sell trailing_stop 4 offset=99.95 by=mark id=gone", "10:1"),
    ],
)
def test_order_without_price_or_lots_is_cancelled(
    kind: type[Market], line: str, ratio: str
) -> None:
    """A bid below the first tick, a lot of which half is left (B6)."""
    market = _shut(kind, line)

    market.play(f"split X {ratio}")

    assert [e["client_order_id"] for e in market.of("order_cancelled")] == ["gone"]
    assert market.of("order_cancelled")[0]["reason"] == "corporate_action"
    assert market.bids() == market.armed() == []


def test_iceberg_keeps_what_is_left_of_its_peak(kind: type[Market]) -> None:
    """Peak and shown part are restated, at least a lot of each (A4, B6)."""
    market = _shut(kind, "cy sell 20@101 peak=6", "dan sell 5@101 peak=1", "eve buy 1@101")

    market.play("split X 1:2")

    assert market.asks() == ["cy 9@202 shows 2", "dan 2@202 shows 1"]


def test_triggers_are_rounded_away_from_the_market(kind: type[Market]) -> None:
    """Falling ones down, rising ones up, their limits by side (A11, B6)."""
    market = _shut(
        kind,
        "bob sell stop_limit 2@94.99 trigger=95 id=fall",
        "bob sell take_profit_limit 2@104.99 trigger=105 id=rise",
        "ann buy stop_limit 2@105.01 trigger=105 id=buy",
    )

    market.play("split X 3:1")

    assert _changed(market) == ["fall 6/6 31.67 31.66", "rise 6/6 35 35", "buy 6/6 35 35"]


def test_trailing_order_goes_on_from_where_it_was(kind: type[Market]) -> None:
    """Watermark, offset and step are restated with the trigger (A12, B6)."""
    market = _shut(kind, "bob sell trailing_stop 6 offset=4 step=1 by=mark id=trail")
    assert market.armed() == ["trail sell 6 96"]

    market.play("split X 2:1")
    assert market.armed() == ["trail sell 12 48"]

    market.mark_at("50.49")
    assert market.armed() == ["trail sell 12 48"]  # half a step
    market.mark_at("50.5")
    assert market.armed() == ["trail sell 12 48.5"]


def test_armed_orders_keep_their_turn_and_do_not_fire(kind: type[Market]) -> None:
    """The last trade is restated too: nothing has happened to the price (A11, B6)."""
    market = _shut(
        kind,
        "bob sell stop 1 trigger=95 id=one",
        "bob sell stop 1 trigger=95 id=two",
        "cy buy 9@90",
        "cy buy 1@94.9",
    )

    market.play("split X 2:1")
    market.play("state X open")
    assert market.fired == []
    market.play("dan sell 2@47.45")

    assert market.fired == ["one 47.5 at 47.45", "two 47.5 at 45"]


def test_holds_are_reckoned_anew(kind: type[Market]) -> None:
    """What rounding takes from an order, it need not hold (B3, B6)."""
    market = kind(taker_fee="0.001")
    market.play("""
        deposit cy 1000
        cy buy 5@99
        state X halted
        split X 1:2
    """)

    assert market.margin("cy")["initial"] == "79.2"  # 2 at 198
    assert market.margin("cy")["fee_hold"] == "0.396"


def test_group_that_comes_out_even_stays_linked(kind: type[Market]) -> None:
    """Its shares are whole before and after (A13, B6)."""
    market = _shut(
        kind,
        "bob sell 4@101 oco=g rule=incremental id=a",
        "bob sell 2@102 oco=g id=b",
    )

    market.play("split X 3:2")
    assert _changed(market) == ["a 6/6 67.34", "b 3/3 68"]

    market.play("""
        state X open
        cy buy 4@67.34
    """)
    assert market.asks() == ["bob 2@67.34", "bob 1@68"]


def test_uneven_group_is_cancelled_as_a_whole(kind: type[Market]) -> None:
    """Rounded one by one its shares would no longer belong together (A13, B6)."""
    market = _shut(
        kind,
        "bob sell 4@101 oco=g id=a",
        "bob sell stop 3 trigger=95 oco=g id=b",
        "bob sell 2@103 id=c",
    )

    market.play("split X 1:2")

    assert market.cancels == ["a 4 corporate_action", "b 3 corporate_action"]
    assert _changed(market) == ["c 1/1 206"]
    market.play("state X open")
    market.forget()
    market.play("bob sell 1@210 oco=g")
    assert market.refusals == ["oco_spent"]


def test_bracket_that_comes_out_even_goes_on(kind: type[Market]) -> None:
    """Children still to come are restated as if they were there (A13, B6)."""
    market = _shut(
        kind,
        "cy bracket buy 4@99 id=e tp=2@105,2@110 sl=95@94.9",
        "dan sell 2@99",
    )
    assert market.asks() == ["cy 1@105", "cy 1@110"]

    market.play("split X 2:1")
    market.play("""
        state X open
        dan sell 4@49.5
    """)

    assert market.asks() == ["cy 4@52.5", "cy 4@55"]
    assert market.armed() == ["e.sl sell 8 47.5"]


def test_children_of_a_bracket_not_yet_placed_are_restated(kind: type[Market]) -> None:
    """The entry has not filled: the whole plan changes its units (A13, B6)."""
    market = _shut(kind, "cy bracket sell 4@101 id=e tp=4@95 sl=105@106")

    market.play("""
        split X 3:1
        state X open
        dan buy 12@33.67
    """)

    assert market.bids() == ["cy 12@31.66"]
    assert market.armed() == ["e.sl buy 12 35"]


def test_shares_of_a_bracket_fit_the_finer_units(kind: type[Market]) -> None:
    """Of 10 in 21, profits of 5, 5, 11 have 2, 2, 6; of 100 in 210 the last has 54 (A13, B6)."""
    market = _shut(kind, "cy bracket buy 21@99 id=e tp=5@105,5@106,11@110 sl=95", "dan sell 10@99")
    assert market.asks() == ["cy 2@105", "cy 2@106", "cy 6@110"]
    market.forget()

    market.play("split X 10:1")

    assert market.asks() == ["cy 20@10.5", "cy 20@10.6", "cy 54@11"]
    assert market.cuts[-1] == "e.tp3 54/54 bracket"
    assert market.of("corporate_action")[0]["orders"] == 5


def test_child_that_would_have_no_price_never_comes(kind: type[Market]) -> None:
    """A stop-loss below the first tick; the other child comes (A13, B6)."""
    market = _shut(kind, "cy bracket buy 4@1 id=e tp=4@110 sl=0.09")

    market.play("""
        split X 10:1
        state X open
        dan sell 40@0.1
    """)

    assert market.armed() == []
    assert market.asks() == ["cy 40@11"]


def test_fills_of_children_that_are_gone_still_count(kind: type[Market]) -> None:
    """What the first take-profit has sold the stop-loss need not (A13, B6)."""
    market = _shut(
        kind,
        "cy bracket buy 4@99 id=e tp=2@105,2@110 sl=95",
        "dan sell 2@99",
        "dan buy 1@105",
    )
    assert market.armed() == ["e.sl sell 1 95"]

    market.play("""
        split X 2:1
        state X open
        dan sell 4@49.5
    """)

    assert market.armed() == ["e.sl sell 6 47.5"]
    assert market.asks() == ["cy 4@55"]


def test_order_that_does_not_change_is_not_named(kind: type[Market]) -> None:
    """A lot of three for two is a lot, and an ask at the first tick stays there (B6)."""
    market = _shut(kind, "cy sell 1@0.01 id=same", "cy sell 2@0.01 id=more")

    market.play("split X 3:2")

    assert _changed(market) == ["more 3/3 0.01"]
    assert market.of("corporate_action")[0]["orders"] == 1


def test_uneven_bracket_is_cancelled_as_a_whole(kind: type[Market]) -> None:
    """Entry, exits, and what was still to come (A13, B6)."""
    market = _shut(kind, "cy bracket buy 4@99 id=e tp=2@105,2@110 sl=95", "dan sell 2@99")
    market.forget()

    market.play("split X 1:2")

    assert sorted(market.cancels) == [
        "e 2 corporate_action",
        "e.sl 2 corporate_action",
        "e.tp1 1 corporate_action",
        "e.tp2 1 corporate_action",
    ]
    assert market.bids() == market.asks() == market.armed() == []
    assert market.position("cy") == "1"


def test_shelved_bracket_that_comes_out_uneven_never_covers(kind: type[Market]) -> None:
    """An auction ended in a halt with the entry filled: its children do not come (A13, B6)."""
    market = kind()
    market.play("""
        state X auction
        cy bracket buy 3@101 id=e tp=3@105 sl=95
        dan sell 3@99
        state X halted
    """)
    assert market.fills != []

    market.play("""
        split X 1:2
        state X open
    """)

    assert market.asks() == market.armed() == []
    assert market.position("cy") == "1"
