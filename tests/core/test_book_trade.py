"""Trades that were agreed elsewhere (B7): asked like orders, booked once, without a print."""

import pytest

from engine.conversion_booking import trade_signature
from engine.wire_admin import BookTradeWire
from tests.core.market import Market


def rich(**terms: str) -> Market:
    """Return a market in which ann and bob have 1,000 each and nothing rests."""
    market = Market(**terms)
    market.play("deposit ann 1000\n deposit bob 1000")
    market.forget()
    return market


def test_trade_moves_both_sides_and_prints_nothing() -> None:
    """Fees as taker and maker; last, stops on it and the mark stay (B5, B7)."""
    market = rich(maker_fee="0.001", taker_fee="0.002", mark_source="last")
    market.play("""
        mm sell 1@100
        cy buy 1@100
        cy sell stop 1 trigger=97 id=S
    """)
    market.forget()

    market.play("book bob buy 2@96 with=ann id=t1")

    (trade,) = market.last
    assert trade["trade_ref"] == "t1"
    assert "trade_signature" not in trade
    assert (trade["price"], trade["quantity"], trade["aggressor_side"]) == ("96", "2", "buy")
    assert {k: trade["taker"][k] for k in ("account", "client_order_id", "fee", "leaves")} == {
        "account": "bob",
        "client_order_id": "t1",
        "fee": "0.384",
        "leaves": "0",
    }
    assert (trade["maker"]["account"], trade["maker"]["fee"]) == ("ann", "0.192")
    assert trade["maker"]["order_id"] == trade["taker"]["order_id"] + 1
    assert (market.position("bob"), market.position("ann")) == ("2", "-2")
    assert market.fired == []
    instrument = market.kernel.state.markets["X"].instrument
    assert (instrument.last_ticks, instrument.mark_half_ticks) == (10_000, 20_000)


def test_counter_account_is_the_house_unless_said_otherwise() -> None:
    """It comes into being with the trade, pays nothing and is not asked (B7, C1)."""
    market = rich(maker_fee="0.001", taker_fee="0.002")

    market.play("book bob sell 5@101")

    (trade,) = market.last
    assert trade["maker"]["account"] == "house"
    assert trade["maker"]["fee"] == "0"
    assert market.position("house") == "5"
    assert market.balance("bob") == "998.99"
    assert market.restarted().hash() == market.hash()


def test_signature_is_the_vector() -> None:
    """Canonical decimals, LONG or SHORT, milliseconds (B7)."""
    wire = BookTradeWire(
        account="a1",
        symbol="BTC-PERP",
        side="buy",
        quantity="0.0010",
        price="65000.00",
        trade_id="t",
    )
    told = "50a4fadb61fd90f9c5185737095396382510227ae5eb86755c6a4e847622a7de"

    assert trade_signature(wire, 1_700_000_000_000).hex() == told
    wire.price = 65000
    assert trade_signature(wire, 1_700_000_000_000).hex() == told
    wire.side = "sell"
    assert trade_signature(wire, 1_700_000_000_000).hex() != told


def test_ids_and_signatures_are_used_up_once_and_for_ever() -> None:
    """A repeat changes nothing, under another id or after a restart either (B7)."""
    market = rich()
    market.play("""
        deposit bob 1 transfer_id=t1
        book bob buy 1@100 with=ann id=t1 at=1700000000000
    """)
    assert len(market.fills) == 1
    assert len(market.of("trade")[0]["trade_signature"]) == 64
    market = market.restarted()
    before = market.hash()

    market.play("""
        book bob buy 1@100 with=ann id=t1
        book bob buy 1.0@100.00 with=cy id=t2 at=1700000000000
        book bob buy 1.0@100.00 with=ann id=t2 at=1700000000000
    """)

    assert [(r["reason"], r["path"]) for r in market.of("rejected")] == [
        ("duplicate", "$.trade_id"),
        ("unknown_account", "$.counter_account"),
        ("duplicate", "$.timestamp"),
    ]
    assert market.hash() == before
    market.play("book bob buy 1@100 with=ann id=t2 at=1700000000001")
    assert len(market.fills) == 1


def test_refused_trade_uses_no_id_up() -> None:
    """Whoever corrects it sends it again (B7)."""
    market = rich()

    market.play("""
        book bob buy 1000@100 with=ann id=t at=1
        book bob buy 1@100 with=ann id=t at=1
    """)

    assert market.refusals == ["leverage_exceeded"]
    assert market.fills == ["bob<ann 1@100"]


@pytest.mark.parametrize(
    ("before", "line", "reason", "path"),
    [
        ("", "book nobody buy 1@100 with=noone symbol=N", "unknown_account", None),
        ("", "book bob buy 1@100 with=noone symbol=N", "unknown_account", "$.counter_account"),
        ("", "book bob buy 0.5@0.001 with=bob symbol=N", "unknown_instrument", None),
        ("", "book bob buy 0.5@0.001 with=bob", "off_lot", "$.quantity"),
        ("", "book bob buy 0@100 with=bob", "quantity_not_positive", "$.quantity"),
        ("", "book bob buy 1@100.001 with=bob", "off_tick", "$.price"),
        ("state X halted", "book bob buy 1@100 with=bob id=d", "same_account", "$.counter_account"),
        ("state X halted", "book bob buy 1@100 with=ann id=d", "duplicate", "$.trade_id"),
        ("state X halted", "book bob buy 2@111 with=ann at=5", "duplicate", "$.timestamp"),
        ("state X halted", "book bob buy 1@120 with=ann", "market_not_open", None),
        ("state X auction", "book bob buy 1@120 with=ann", "market_not_open", None),
        ("", "book bob buy 900@120 with=ann", "outside_price_band", None),
        ("", "book bob buy 900@100 with=ann", "leverage_exceeded", None),
        ("", "book house buy 900@100 with=ann", "leverage_exceeded", "$.counter_account"),
        ("update ann status=suspended", "book bob buy 1@100 with=ann", "account_not_active",
         "$.counter_account"),
    ],
)  # fmt: skip
def test_refusals_come_in_their_order(
    before: str, line: str, reason: str, path: str | None
) -> None:
    """Who, what, repeats, market, price, then the money of both, the account's first (C1, E1)."""
    market = rich(price_band="0.12")
    market.play(f"""
        book bob buy 1@100 with=ann id=d
        book bob buy 2@111 with=house id=e at=5
        {before}
    """)
    held = market.hash()
    market.forget()

    market.play(line)

    (refusal,) = market.of("rejected")
    assert (refusal["reason"], refusal.get("path")) == (reason, path)
    assert market.hash() == held


def test_without_a_mark_nothing_is_booked() -> None:
    """It prints nothing, so both positions would stand at no price at all (B2, C1)."""
    market = Market(mark_source="last")
    market.play("deposit bob 1000\n book bob buy 1@100\n book backstop buy 1@100")

    assert market.refusals == ["price_unavailable", "price_unavailable"]


def test_reductions_pass() -> None:
    """Whoever is short of margin may still get out (C1)."""
    market = rich()
    market.play("""
        book bob buy 50@100 with=ann id=1
        withdraw ann 0.00000001
        book bob sell 50@99 with=ann id=2
    """)

    assert market.fills == ["bob<ann 50@100", "bob<ann 50@99"]
    assert market.position("bob") == "0"


def test_turned_positions_let_go_of_reduce_only_orders() -> None:
    """Of the counter account first (A8)."""
    market = rich()
    market.play("""
        book bob buy 5@100 with=ann id=1
        bob sell 5@110 reduce id=b
        ann buy 5@90 reduce id=a
        book bob sell 5@100 with=ann id=2
    """)

    assert market.cancels == ["a 5 reduce_only", "b 5 reduce_only"]


def test_margins_are_looked_at_afterwards() -> None:
    """A booked trade may call a margin like any other (D1, D2)."""
    market = rich(maintenance_margin="0.15")

    market.play("book bob buy 40@100")

    assert market.kinds() == ["trade", "margin_call"]


def test_volume_of_booked_trades_counts() -> None:
    """The next trade is dearer or cheaper for it; the house has none (B5)."""
    market = rich()
    tier = {"name": "a", "volume": "0", "maker_fee": "0", "taker_fee": "0"}
    better = {"name": "b", "volume": "200", "maker_fee": "0.01", "taker_fee": "0.02"}
    market.send({"type": "set_fee_tiers", "tiers": [tier, better]})

    market.play("book bob buy 2@100 id=1\n book bob buy 1@100 id=2")

    assert [t["taker"]["fee"] for t in market.of("trade")] == ["0", "2"]
    assert market.kernel.state.house.volumes == {}


def test_backstop_is_swept_after_a_booked_trade() -> None:
    """What it realises is the fund's, as after any command (D6)."""
    market = rich()

    market.play("fund 50\n book backstop buy 1@100 id=1\n book backstop sell 1@90 id=2")

    assert market.balance("backstop") == "0"
    assert market.kernel.state.ledger.insurance == 40 * 10**8
    assert market.balance("house") == "10"


def test_trade_in_mode_l1_is_a_trade_too() -> None:
    """The house stands on the other side of it as of everything there (D5)."""
    market = Market(mode="l1")
    market.play("deposit bob 1000\n book bob buy 5@100\n bob sell market 5")

    assert market.fills == ["bob<house 5@100", "bob<house 5@99.99"]
    assert market.position("house") == "0"
