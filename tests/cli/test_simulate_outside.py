"""`pitboss simulate`: a desk whose virtual accounts trade against an outside market (D5)."""

from typing import Any

from tests.cli.program import pitboss
from tests.cli.test_simulate import account, jsonl, order, tick

DESK = {"type": "create_instrument", "symbol": "X", "tick_size": "0.01", "lot_size": "0.1"}
DESK |= {"mode": "l1", "mark_source": "pushed"}


def mark(price: str) -> dict[str, Any]:
    """Return a pushed mark."""
    return {"type": "mark_price", "symbol": "X", "price": price}


def test_line_through_the_program() -> None:
    """Create, quote, enter, fall, liquidate, book: what a desk's day looks like (D2, D5, B7)."""
    ended = pitboss(
        "simulate",
        "--state",
        given=jsonl(
            DESK,
            *account("long", "20"),
            mark("100"),
            tick("99.99", "100"),
            order("long", "buy", "1", "100"),
            tick("90", "90.01"),
            mark("90"),
            {
                "type": "book_trade",
                "account": "long",
                "symbol": "X",
                "side": "sell",
                "quantity": "0.7",
                "price": "91",
                "trade_id": "out",
            },
        ),
    )

    assert ended.code == 0, ended.err
    *events, state = ended.lines
    assert [event["type"] for event in events if event["in"] >= 5] == [
        *("order_accepted", "trade", "margin_call", "liquidation", "trade", "trade"),
    ]
    assert events[0]["mode"] == "l1"
    (slice_,) = [event for event in events if event["type"] == "liquidation"]
    assert (slice_["tier"], slice_["quantity"], slice_["limit_price"]) == (1, "0.3", "90")
    assert events[-1]["trade_ref"] == "out"
    assert state["accounts"]["long"]["balance"] == "10.7"
    assert state["accounts"]["house"]["balance"] == "9.3"
    assert "long" not in state["positions"]
    assert state["totals"]["balances"] == state["totals"]["deposits"] == "20"
    assert state["books"] == {"X": {"bids": [], "asks": []}}
