"""Fees by the account's tier: named, or earned by thirty days of trading (B5)."""

from typing import Any

import pytest

from tests.core.market import Market

Tier = dict[str, str]
DAY_MS = 24 * 3600 * 1_000


def _tier(name: str, volume: str, maker: str, taker: str) -> Tier:
    return {"name": name, "volume": volume, "maker_fee": maker, "taker_fee": taker}


TIERS = [
    _tier("base", "0", "0.001", "0.002"),
    _tier("silver", "1000", "0.0005", "0.001"),
    _tier("gold", "5000", "-0.0001", "0.0005"),
]


def _set(market: Market, tiers: list[Tier]) -> list[dict[str, Any]]:
    return market.send({"type": "set_fee_tiers", "tiers": tiers})


def _opened(kind: type[Market], **terms: Any) -> Market:
    """Return a market with tiers, and with fees of its own that nobody pays."""
    market = kind(**{"maker_fee": "0.05", "taker_fee": "0.07", **terms})
    _set(market, TIERS)
    market.forget()
    return market


def _fees(market: Market) -> list[tuple[str, str]]:
    """Return what maker and taker paid at each trade."""
    return [(e["maker"]["fee"], e["taker"]["fee"]) for e in market.of("trade")]


def test_first_tier_replaces_the_instruments_fees(kind: type[Market]) -> None:
    """Everybody has traded at least nothing (B5)."""
    market = _opened(kind)

    market.play("""
        mm  sell 1@100
        bob buy  1@100
    """)

    assert _fees(market) == [("0.1", "0.2")]


def test_volume_earns_the_next_tier(kind: type[Market]) -> None:
    """After 10 at 100 both have traded 1,000, after 40 more 5,000: a rebate for the maker (B5)."""
    market = _opened(kind)

    market.play("""
        mm  sell 10@100
        bob buy  10@100
        mm  sell 40@100
        bob buy  40@100
        mm  sell 1@100
        bob buy  1@100
    """)

    assert _fees(market) == [("1", "2"), ("2", "4"), ("-0.01", "0.05")]


def test_volume_below_the_bound_earns_nothing(kind: type[Market]) -> None:
    """999.99 is not 1,000; the last cent makes it so (B5)."""
    market = _opened(kind)

    market.play("""
        mm  sell 1@99.99
        mm  sell 9@100
        bob buy  10@100
        cy  buy  1@100
        mm  sell 1@100
        bob buy  1@99
        dot sell 1@99
    """)

    # bob had 999.99 when his bid entered, mm 1,099.99 when the last offer did
    assert _fees(market)[-1] == ("0.099", "0.198")
    market.play("""
        mm  sell 1@101
        bob buy  1@101
    """)
    assert _fees(market)[-1] == ("0.0505", "0.101")


def test_own_fills_do_not_cheapen_an_order(kind: type[Market]) -> None:
    """The tier is looked up as the order enters, whatever it goes on to trade (B5)."""
    market = _opened(kind)

    market.play("""
        mm  sell 10@100
        eve sell 10@100
        bob buy  20@100
    """)

    assert [taker for _, taker in _fees(market)] == ["2", "2"]


def test_resting_order_keeps_the_rate_it_came_with(kind: type[Market]) -> None:
    """It queued at the base rate, although its owner has gold when it fills (B5)."""
    market = _opened(kind)

    market.play("""
        mm  sell 1@101
        bob buy  50@100
        mm  sell 50@100
        bob buy  1@101
    """)

    assert _fees(market)[-1] == ("0.101", "0.0505")


def test_amended_order_keeps_its_rate(kind: type[Market]) -> None:
    """It is the same order (A9, B5)."""
    market = _opened(kind)

    market.play("""
        mm  sell 1@102 id=a
        bob buy  50@100
        mm  sell 50@100
        mm  amend a 2@101
        bob buy  2@101
    """)

    assert _fees(market)[-1][0] == "0.202"


def test_armed_order_has_the_rate_of_its_arming(kind: type[Market]) -> None:
    """It entered then; waking is no entry (A11, B5)."""
    market = _opened(kind)

    market.play("""
        bob buy stop 1 trigger=101 by=mark
        bob buy  50@100
        mm  sell 50@100
        mm  sell 1@101
        mark 101
    """)

    assert _fees(market)[-1][1] == "0.202"


def test_children_of_a_bracket_have_the_rate_of_their_entry(kind: type[Market]) -> None:
    """They are placed once the entry has filled, and that fill counts (A13, B5)."""
    market = _opened(kind)

    market.play("""
        mm  sell 10@100
        bob bracket buy 10@100 tp=10@110
        mm  buy 10@110
    """)

    assert _fees(market) == [("1", "2"), ("0.55", "1.1")]


def test_liquidation_pays_the_tiers_taker_fee(kind: type[Market]) -> None:
    """It is an order like any other (B5, D5)."""
    market = _opened(kind, lot_size="0.1")
    market.play("""
        deposit bob 20.2
        mm    sell 1@100
        bob   buy  1@100
        carol buy  1@90
        mark 90
    """)

    assert market.of("trade")[-1]["taker"]["client_order_id"].startswith("liq-")
    assert _fees(market)[-1] == ("0.027", "0.054")


@pytest.mark.parametrize("update", ["update bob fee_tier=gold", "account cy fee_tier=gold"])
def test_named_tier_holds_whatever_the_volume(kind: type[Market], update: str) -> None:
    """What an operator has granted needs no trading (B5)."""
    market = _opened(kind)
    market.play("bob buy 1@1")
    market.play(update)
    name = update.split()[1]
    assert market.last[0]["fee_tier"] == "gold"

    market.play(f"""
        deposit {name} 100000
        mm  sell 1@100
        {name} buy  1@100
    """)

    assert _fees(market) == [("0.1", "0.05")]


def test_named_tier_may_be_worse_than_the_earned_one(kind: type[Market]) -> None:
    """It is fixed (B5)."""
    market = _opened(kind)

    market.play("""
        mm  sell 50@100
        bob buy  50@100
        update bob fee_tier=base
        mm  sell 1@100
        bob buy  1@100
    """)

    assert _fees(market)[-1] == ("-0.01", "0.2")


def test_none_takes_the_named_tier_away(kind: type[Market]) -> None:
    """By volume again, and the account's settings say nothing of a tier (B5)."""
    market = _opened(kind)
    market.play("""
        bob buy 1@1
        update bob fee_tier=gold
        update bob fee_tier=none
    """)
    assert "fee_tier" not in market.last[0]

    market.play("""
        mm  sell 1@100
        bob buy  1@100
    """)

    assert _fees(market) == [("0.1", "0.2")]


def test_empty_list_gives_the_instruments_fees_back(kind: type[Market]) -> None:
    """Volume is kept for when tiers return, but what trades meanwhile does not count (B5)."""
    market = _opened(kind)
    market.play("""
        mm  sell 10@100
        bob buy  10@100
    """)

    _set(market, [])
    market.play("""
        mm  sell 40@100
        bob buy  40@100
    """)
    _set(market, TIERS)
    market.play("""
        mm  sell 1@100
        bob buy  1@100
    """)

    assert _fees(market) == [("1", "2"), ("200", "280"), ("0.05", "0.1")]


def test_nothing_counts_before_tiers_are_set(kind: type[Market]) -> None:
    """A venue without tiers keeps no volumes (B5)."""
    market = kind()
    market.play("""
        mm  sell 50@100
        bob buy  50@100
    """)

    _set(market, TIERS)
    market.play("""
        mm  sell 1@100
        bob buy  1@100
    """)

    assert _fees(market)[-1] == ("0.1", "0.2")


def test_vanished_name_goes_by_volume_until_it_returns(kind: type[Market]) -> None:
    """A new list is no reason to forget what was granted (B5)."""
    market = _opened(kind)
    market.play("bob buy 1@1\n update bob fee_tier=gold")

    _set(market, TIERS[:2])
    market.play("mm sell 1@100\n bob buy 1@100")
    _set(market, TIERS)
    market.play("mm sell 1@100\n bob buy 1@100")

    assert [taker for _, taker in _fees(market)] == ["0.2", "0.05"]


@pytest.mark.parametrize(("days", "fee"), [(29, "0.1"), (30, "0.2")])
def test_volume_is_of_thirty_days(kind: type[Market], days: int, fee: str) -> None:
    """Today and the 29 UTC days before (B5)."""
    market = _opened(kind)
    market.play("""
        mm  sell 10@100
        bob buy  10@100
    """)

    market.wait(days * DAY_MS)
    market.mark_at("100")
    market.play("""
        mm  sell 1@100
        bob buy  1@100
    """)

    assert _fees(market)[-1][1] == fee


def test_days_are_whole_utc_days(kind: type[Market]) -> None:
    """A fill just before midnight is yesterday's a second later: 29 days on it is gone (B5)."""
    market = _opened(kind)
    market.wait(DAY_MS - 2_000)
    market.mark_at("100")
    market.play("""
        mm  sell 10@100
        bob buy  10@100
    """)

    market.wait(29 * DAY_MS + 2_000)
    market.mark_at("100")
    market.play("""
        mm  sell 1@100
        bob buy  1@100
    """)

    assert _fees(market)[-1][1] == "0.2"


def test_who_trades_with_himself_counts_twice(kind: type[Market]) -> None:
    """Each fill of an account is one (A6, B5)."""
    market = _opened(kind)

    market.play("""
        bob sell 5@100
        bob buy  5@100 stp=none
        mm  sell 1@100
        bob buy  1@100
    """)

    assert _fees(market)[-1][1] == "0.1"


def test_volume_survives_a_restart(kind: type[Market]) -> None:
    """And so do the tiers and the names (B5)."""
    market = _opened(kind)
    market.play("""
        mm  sell 10@100
        bob buy  10@100
        eve buy 1@1
        update eve fee_tier=gold
    """)

    twin = market.restarted()
    for each in (twin, market):
        each.forget()
        each.play("""
            mm  sell 1@100
            bob buy  1@100
            mm  sell 1@100
            eve buy  1@100
        """)

    assert _fees(twin) == _fees(market) == [("0.05", "0.1"), ("0.05", "0.05")]
    assert twin.hash() == market.hash()


def test_dearer_tier_holds_more(kind: type[Market]) -> None:
    """The worst-case taker fee is that of the tier (B3, B5)."""
    market = _opened(kind)

    market.play("bob buy 10@100")

    assert market.margin("bob")["fee_hold"] == "2"


def test_legs_of_a_group_hold_the_tiers_fee_once(kind: type[Market]) -> None:
    """200 of margin and 2 of fee are enough for both legs (A13, B3, B5)."""
    market = _opened(kind, taker_fee="0")

    market.play("""
        deposit bob 202
        bob buy 10@100 oco=g
        bob buy 10@100 oco=g
    """)

    assert market.refusals == []
    assert market.margin("bob")["fee_hold"] == "2"
    assert market.free("bob") == "0"
