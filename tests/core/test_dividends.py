"""What longs are paid when a company pays its shareholders, and what becomes of orders (B6)."""

from typing import Any

import pytest

from tests.core.bounds import lower
from tests.core.market import Market


def _held(kind: type[Market], *lines: str, **terms: Any) -> Market:
    """Return a halted market in which ann holds −3 and bob 3 at 100, after some lines more."""
    market = kind(**terms)
    market.play("""
        ann sell 3@100
        bob buy  3@100
    """)
    for line in lines:
        market.play(line)
    market.play("state X halted")
    market.forget()
    return market


def _changed(market: Market) -> list[str]:
    """Return the orders restated as `order price trigger`, each where there is one."""
    return [
        " ".join(filter(None, (e["client_order_id"], e.get("price"), e.get("trigger_price"))))
        for e in market.of("order_amended")
        if e["cause"] == "corporate_action" and e["kept_priority"]
    ]


def test_shorts_pay_longs_and_the_residue_keeps_the_rest(kind: type[Market]) -> None:
    """Payers ⌈⌉, receivers ⌊⌋; the totals come first, each account's movement after (B6)."""
    market = kind(None, mark_source="pushed", tick_size="0.00001", lot_size="0.002")
    market.play("""
        push X 0.00001
        cy  sell 0.014@0.00001
        bea buy  0.008@0.00001
        ann buy  0.006@0.00001
        state X closed
    """)
    market.forget()

    market.play("dividend X 0.0000025 id=d")

    assert market.last[0] == {
        "type": "corporate_action",
        "in": 0,
        "action": "dividend",
        "symbol": "X",
        "action_id": "d",
        "amount": "0.0000025",
        "paid": "0.00000004",
        "received": "0.00000003",
        "residue": "0.00000001",
    }
    assert [
        f"{e['account']} {e['delta']} {e['cause']} {e['action_id']}" for e in market.last[1:]
    ] == [
        "ann 0.00000001 dividend d",
        "bea 0.00000002 dividend d",
        "cy -0.00000004 dividend d",
    ]


def test_bids_come_down_and_keep_their_places(kind: type[Market]) -> None:
    """By the amount rounded up to the tick; asks stay, since they are not below the market (B6)."""
    market = _held(
        kind,
        "cy  buy 20@99 peak=5 id=c",
        "dan buy 1@99 id=d",
        "eve buy 2@99.5 id=e",
        "fay sell 7@99 ioc",  # takes eve's 2 and cy's peak, which goes behind dan
        "gus sell 1@101 id=g",
    )

    market.play("dividend X 0.251")

    assert _changed(market) == ["d 98.74", "c 98.74"]
    assert market.bids() == ["dan 1@98.74", "cy 15@98.74 shows 5"]
    assert market.asks() == ["gus 1@101"]


def test_partly_used_peak_stays_as_it_is(kind: type[Market]) -> None:
    """An iceberg shows what it showed, where it stood (A4, B6)."""
    market = _held(kind, "cy buy 20@99 peak=5", "fay sell 2@99")

    market.play("dividend X 1")

    assert market.bids() == ["cy 18@98 shows 3"]


def test_what_a_falling_price_fires_comes_down_with_its_limit(kind: type[Market]) -> None:
    """Stops to sell and take-profits to buy; not what waits above, nor what trails (B6)."""
    market = _held(
        kind,
        "bob sell stop 1 trigger=95 id=stop",
        "bob sell stop_limit 1@94 trigger=95 id=limit",
        "ann buy take_profit 1 trigger=96 id=profit",
        "ann buy take_profit_limit 1@95 trigger=96 id=plimit",
        "bob sell take_profit_limit 1@104 trigger=105 id=above",
        "ann buy stop_limit 1@106 trigger=105 id=rising",
        "bob sell trailing_stop 1 offset=3 id=trails",
    )

    market.play("dividend X 0.5")

    assert _changed(market) == ["stop 94.5", "limit 93.5 94.5", "profit 95.5", "plimit 94.5 95.5"]
    assert market.armed()[-1] == "trails sell 1 97"


def test_stop_keeps_its_turn_among_those_armed(kind: type[Market]) -> None:
    """Two at one trigger still fire as they were armed (A11, B6)."""
    market = _held(
        kind,
        "bob sell stop 1 trigger=95 by=mark id=one",
        "bob sell stop 1 trigger=95 by=mark id=two",
        "cy  buy 9@90",
    )

    market.play("dividend X 1")
    market.play("state X open")
    market.mark_at("94.01")
    assert market.fired == []
    market.mark_at("94")

    assert market.fired == ["one 94 at 94", "two 94 at 94"]


@pytest.mark.parametrize(
    "line",
    [
        "cy buy 4@0.5 id=gone",
        "bob sell stop 4 trigger=0.5 id=gone",
        "bob sell stop_limit 4@0.5 trigger=95 id=gone",
    ],
)
def test_order_that_would_come_to_zero_is_cancelled(kind: type[Market], line: str) -> None:
    """There is no such price, and a bid at nothing would be a gift (B6)."""
    market = _held(kind, line)

    market.play("dividend X 0.5")

    assert market.cancels == ["gone 4 corporate_action"]
    assert market.bids() == market.armed() == []


def test_holds_are_reckoned_at_the_lower_price(kind: type[Market]) -> None:
    """A cheaper bid holds less margin, and less fee (B3, B6)."""
    market = kind(taker_fee="0.001")
    market.play("""
        deposit cy 1000
        cy buy 5@100
        state X halted
    """)
    assert market.margin("cy")["initial"] == "100"

    market.play("dividend X 2")

    assert market.margin("cy")["initial"] == "98"
    assert market.margin("cy")["fee_hold"] == "0.49"


def test_children_still_to_come_are_lowered_too(kind: type[Market]) -> None:
    """A stop-loss asked for before the dividend protects from the price after it (A13, B6)."""
    market = _held(kind, "cy bracket buy 2@99 id=e tp=2@110 sl=90@89", "state X open")
    market.play("state X closed")

    market.play("dividend X 1")
    market.play("""
        state X open
        dan sell 2@98
    """)

    assert market.fills == ["dan<cy 2@98"]
    assert market.asks() == ["cy 2@110"]
    assert market.armed() == ["e.sl sell 2 89"]


def test_child_that_would_come_to_zero_never_comes(kind: type[Market]) -> None:
    """The entry goes without; the others come (A13, B6)."""
    market = _held(kind, "cy bracket buy 2@99 id=e tp=2@110 sl=0.9")

    market.play("""
        dividend X 1
        state X open
        dan sell 2@98
    """)

    assert market.armed() == []
    assert market.asks() == ["cy 2@110"]


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ({"symbol": "Y", "amount": "0"}, 202, None),
        ({"amount": "0"}, 107, "$.amount"),
        ({"amount": "-1"}, 107, "$.amount"),
        ({"amount": "0.0000000001"}, 107, "$.amount"),
        ({"amount": "1000000000.1"}, 107, "$.amount"),
        ({}, 105, "$.amount"),
        ({"amount": "1", "denominator": 2}, 103, "$.denominator"),
    ],
)
def test_refused_dividend_changes_nothing_and_keeps_its_id(
    kind: type[Market], fields: dict[str, Any], code: int, path: str | None
) -> None:
    """Asked in order: instrument, numbers, id, market state (B6)."""
    market = _held(kind, "cy buy 1@99")
    market.play("state X open")
    before = market.hash()
    action = {"type": "corporate_action", "action": "dividend", "symbol": "X", "action_id": "d"}

    (refusal,) = market.send(action | fields)

    assert (refusal["code"], refusal.get("path")) == (code, path)
    assert market.hash() == before


def test_market_must_be_shut_and_an_id_counts_once(kind: type[Market]) -> None:
    """A funding may have the same id, another action may not (B6)."""
    market = _held(kind)
    market.play("""
        state X auction
        dividend X 1 id=d
        state X open
        funding X 0.001 id=d
        dividend X 1 id=d
        state X closed
        dividend X 1 id=d
        dividend X 2 id=d
    """)

    assert market.refusals == ["market_not_closed", "market_not_closed", "duplicate"]
    assert market.last[0]["path"] == "$.action_id"


def test_too_many_orders_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is restated in one step must fit a frame (B6)."""
    lower(monkeypatch, "MAX_ORDERS_RESTATED", 2)
    market = _held(Market, "cy buy 1@99", "cy sell 1@101", "bob sell stop 1 trigger=95")

    market.play("dividend X 1")
    assert market.refusals == ["too_many"]
    assert "cancel them first" in market.last[0]["text"]
    market.play("""
        bob cancel all
        dividend X 1
    """)
    assert market.bids() == ["cy 1@98"]


def test_dividend_over_frames_lowers_the_orders_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the last payment, also after a restart in between (B6)."""
    lower(monkeypatch, "PAYMENTS_PER_FRAME", 1)
    market = _held(Market, "cy buy 1@99")

    market.play("dividend X 1")
    assert market.kinds() == ["corporate_action", "balance_changed"]
    twin = market.restarted()

    assert twin.wait(0) == market.wait(0)
    assert twin.hash() == market.hash()
    assert [event["type"] for event in market.last] == ["balance_changed", "order_amended"]
    assert market.bids() == ["cy 1@98"]
