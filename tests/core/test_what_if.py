"""What would this command do? The answer, by hand (C4); on tapes in test_what_if_tapes."""

from typing import Any

import pytest

from engine.snapshot import state_hash
from tests.core.market import Event, Market


def _order(account: str, side: str, quantity: str, price: str = "", **more: Any) -> Event:
    """Return an order on the wire: with a price a limit, without one at market."""
    kind = {"order_type": "limit", "price": price} if price else {"order_type": "market"}
    named = {"account": account, "symbol": "X", "side": side, "client_order_id": "new"}
    return {"type": "place_order", **named, "quantity": quantity, **kind, **more}


def _ask(market: Market, command: Event, **sizing: str) -> Event:
    """Ask, see that nothing changes, and return the answer."""
    before = state_hash(market.kernel)
    wanted = {"sizing": sizing} if sizing else {}
    (answer,) = market.send({"type": "what_if", "command": command, **wanted})
    assert state_hash(market.kernel) == before
    return answer


def test_fills_fees_and_what_is_left() -> None:
    """By price, one entry each; the fee is cumulative; the rest of an ioc does not rest."""
    market = Market(taker_fee="0.001")
    market.play("""
        deposit bob 1000
        mm sell 2@100
        mm sell 3@100
        mm sell 2@101
    """)
    told = _ask(market, _order("bob", "buy", "9", "101", time_in_force="ioc"))
    fills = [(fill["price"], fill["quantity"]) for fill in told["fills"]]
    assert fills == [("100", "5"), ("101", "2")]
    assert told["filled"] == "7"
    assert told["average_price"] == "100.28571429"
    assert (told["fees"], told["leaves"], told["status"]) == ("0.702", "0", "done")
    after = told["after"]
    # 7 at the mark of 100 cost 702; margin is a fifth and a tenth of 700
    assert (after["balance"], after["equity"]) == ("999.298", "997.298")
    assert (after["initial_margin"], after["maintenance_margin"]) == ("140", "70")
    assert after["free_margin"] == "857.298"
    assert after["position"] == "7"


def test_tier_prices_after() -> None:
    """The rule's own numbers (D2): 1.0 long at 100 of 20, bankrupt at 80, first tier at 90."""
    market = Market(lot_size="0.1")
    market.play("""
        deposit bob 20
        mm sell 1@100
    """)
    told = _ask(market, _order("bob", "buy", "1", "100"))
    prices = {"0.9": "90", "0.925": "89.7", "0.95": "89.42", "1": "88.89"}
    assert told["after"]["tier_prices"] == prices
    assert told["after"]["bankruptcy_price"] == "80"


def test_all_failing_checks_are_told() -> None:
    """As the command would be refused, number by number, its path within the question."""
    market = Market()
    market.play("""
        deposit bob 10
        mm sell 5@100
    """)
    told = _ask(market, _order("bob", "buy", "5", "100"))
    market.send(_order("bob", "buy", "5", "100"))
    assert not told["accepted"]
    assert told["errors"] == market.last[0]["errors"]
    assert [error["code"] for error in told["errors"]] == [501, 504, 505]
    told = _ask(market, _order("bob", "buy", "1.5", "100"))
    assert told["path"] == "$.command.quantity"


def test_no_id_is_used_up() -> None:
    """Asked twice and then sent, the order enters; asked again, it is the repeat that it is."""
    market = Market()
    market.play("deposit bob 1000")
    command = _order("bob", "buy", "1", "99")
    assert _ask(market, command)["status"] == "resting"
    assert _ask(market, command)["status"] == "resting"
    assert market.send(command)[0]["status"] == "resting"
    assert _ask(market, command)["duplicate"]


def test_no_rate_of_orders_is_used_up() -> None:
    """An account that may enter one order a second may ask as often as it likes (C2)."""
    market = Market()
    market.play("deposit bob 1000")
    market.send({"type": "set_risk", "account": "bob", "max_order_rate": 1})
    command = _order("bob", "buy", "1", "99")
    assert all(_ask(market, command)["accepted"] for _ in range(3))
    market.send(command)
    told = _ask(market, command | {"client_order_id": "next"})
    assert told["reason"] == "order_rate"


def test_asked_while_the_market_is_shut() -> None:
    """In any state: it answers the refusal, and that a cancel would be taken."""
    market = Market()
    market.play("""
        deposit bob 1000
        bob buy 1@99
    """)
    market.send({"type": "set_market_state", "symbol": "X", "state": "halted"})
    assert _ask(market, _order("bob", "buy", "1", "99"))["reason"] == "market_not_open"
    cancel = {"type": "cancel_order", "account": "bob", "client_order_id": "o1"}
    assert _ask(market, cancel)["after"]["initial_margin"] == "0"


def test_amend_and_cancel_are_foretold() -> None:
    """An amend that crosses fills; a cancel gives its holds back."""
    market = Market()
    market.play("""
        deposit bob 1000
        mm  sell 3@101
        bob buy 5@99 id=b
    """)
    amend = {"type": "amend_order", "account": "bob", "client_order_id": "b", "price": "101"}
    told = _ask(market, amend)
    assert told["fills"] == [{"price": "101", "quantity": "3"}]
    assert (told["status"], told["leaves"]) == ("resting", "2")
    assert told["after"]["position"] == "3"
    told = _ask(market, amend | {"price": "0.001"})
    assert (told["reason"], told["path"]) == ("off_tick", "$.command.price")
    told = _ask(market, {"type": "cancel_order", "account": "bob", "client_order_id": "b"})
    assert (told["status"], told["after"]["free_margin"]) == ("done", "1000")


def test_bracket_is_foretold_as_its_entry() -> None:
    """What the children would do waits for their own time; they are asked about all the same."""
    market = Market()
    market.play("""
        deposit bob 1000
        mm sell 5@100
    """)
    entry = _order("bob", "buy", "5", "100")
    del entry["type"]
    exits = {"take_profit": [{"price": "110", "quantity": "5"}], "stop_loss": {"trigger_price": 95}}
    bracket = {"type": "place_bracket", "account": "bob", "symbol": "X", "entry": entry, **exits}
    told = _ask(market, bracket, method="fixed_fractional", pct="0.01")
    assert told["filled"] == "5"
    # 1 % of 1000 over the 5 down to the bracket's own stop
    assert told["sizing"]["quantity"] == "2"
    told = _ask(market, bracket | {"take_profit": [{"price": "90", "quantity": "5"}]})
    assert (told["reason"], told["path"]) == ("invalid_bracket", "$.command.take_profit[0].price")


def test_own_reducing_orders_go_in_the_answer_too() -> None:
    """What a fill does to the account's other orders is part of how it stands (A8)."""
    market = Market(taker_fee="0.01")
    market.play("""
        deposit bob 1000
        mm  sell 5@100
        bob buy 5@100
        bob sell 5@110 reduce
        mm  buy 5@99
    """)
    told = _ask(market, _order("bob", "sell", "5", "99"))
    assert told["after"]["fee_hold"] == "0"
    assert told["realized_pnl"] == "-5"


NAMED = ["near", "middle", "far", "own"]


def test_stops_that_it_would_fire_are_named() -> None:
    """In the order in which they fire, whatever they are; the account's own once."""
    market = Market()
    market.play("""
        mm  sell 1@100
        bob buy 1@100
        eve buy take_profit 1 trigger=97.5 id=middle
        bob sell stop 1 trigger=98 id=near
        amy sell stop 1 trigger=97 id=far
        cat sell stop 1 trigger=90 id=never
        mm  buy 1@96
        mm  buy 9@95
        deposit zoe 1000
        zoe sell stop 1 trigger=96.5 id=own
    """)
    told = _ask(market, _order("zoe", "sell", "1", "96"))
    assert [stop["client_order_id"] for stop in told["triggers"]] == NAMED
    market.send(_order("zoe", "sell", "1", "96"))
    fired = [e["client_order_id"] for e in market.last if e["type"] == "order_triggered"]
    assert fired == NAMED


def test_calls_and_liquidations_are_named() -> None:
    """Those whom the print's mark pushes over, also who has traded since it moved; so it is."""
    market = Market(None, mark_source="last")
    market.play("""
        deposit bob 21
        deposit cat 21
        mm  sell 2@100
        bob buy 1@100
        cat buy 1@100
        mm  buy 1@90
    """)
    command = _order("zoe", "sell", "1", "90")
    market.play("deposit zoe 1000")
    told = _ask(market, command)
    assert told["margin_calls"] == ["bob", "cat"]
    assert told["liquidations"] == []
    called = [e["account"] for e in market.send(command) if e["type"] == "margin_call"]
    assert called == told["margin_calls"]
    market.play("mm buy 1@88")
    told = _ask(market, command | {"client_order_id": "again", "price": "88"})
    assert told["liquidations"] == [{"account": name, "tier": 3} for name in ("bob", "cat")]
    market.send(command | {"client_order_id": "again", "price": "88"})
    acted = [(e["account"], e["tier"]) for e in market.last if e["type"] == "liquidation"]
    assert acted == [("bob", 3), ("cat", 3)]


@pytest.mark.parametrize(
    ("sizing", "quantity", "fraction", "risk"),
    [
        ({"method": "kelly", "p": "0.6", "b": "2"}, "2", "0.25", None),
        ({"method": "kelly", "p": "0.6", "b": "2", "pct": "1"}, "4", "0.4", None),
        ({"method": "kelly", "p": "0.3", "b": "2", "stop": "95"}, "0", "0", "0"),
        ({"method": "fixed_fractional", "pct": "0.01", "stop": "97"}, "3", "0.01", "9"),
        ({"method": "risk_parity", "pct": "0.01", "sigma": "0.04"}, "2", "0.25", None),
        ({"method": "fixed_amount", "amount": "599"}, "5", "0.599", None),
        ({"method": "fixed_amount", "amount": "599", "entry": "50"}, "11", "0.599", None),
        ({"method": "kelly", "p": "0.6", "b": "2", "equity": "5000"}, "12", "0.25", None),
    ],
)
def test_sizes(sizing: dict[str, str], quantity: str, fraction: str, risk: str | None) -> None:
    """Of 1000 at an entry of 100, unless the question says otherwise; ⌊⌋ to the lot."""
    market = Market()
    market.play("deposit bob 1000")
    sized = _ask(market, _order("bob", "buy", "1", "100"), **sizing)["sizing"]
    assert (sized["quantity"], sized["fraction"], sized["risk"]) == (quantity, fraction, risk)


@pytest.mark.parametrize(
    ("sizing", "reason", "path"),
    [
        ({"method": "kelly", "p": "0.6"}, "missing_field", "$.sizing.b"),
        ({"method": "kelly", "p": "1.1", "b": "2"}, "out_of_range", "$.sizing.p"),
        ({"method": "kelly", "p": "0.6", "b": "0"}, "out_of_range", "$.sizing.b"),
        ({"method": "kelly", "p": "0.6", "b": "2", "amount": "1"}, "not_supported", ".amount"),
        ({"method": "fixed_fractional", "pct": "0.01"}, "invalid_terms", "$.sizing.stop"),
        ({"method": "fixed_fractional", "pct": "0.01", "stop": "100"}, "invalid_terms", ".stop"),
        ({"method": "risk_parity", "pct": "0", "sigma": "1"}, "out_of_range", "$.sizing.pct"),
        ({"method": "fixed_amount", "amount": "-1"}, "out_of_range", "$.sizing.amount"),
        ({"method": "fixed_amount", "amount": "1", "entry": "0.001"}, "off_tick", ".entry"),
        ({"method": "martingale"}, "wrong_type", "$.sizing.method"),
    ],
)
def test_wrong_sizings_are_refused(sizing: dict[str, str], reason: str, path: str) -> None:
    """The question as a whole, and where it is at fault."""
    market = Market()
    refusal = _ask(market, _order("bob", "buy", "1", "100"), **sizing)
    assert (refusal["type"], refusal["reason"]) == ("rejected", reason)
    assert refusal["path"].endswith(path)


def test_question_within_a_question_is_malformed() -> None:
    """There is nothing that a question would do."""
    market = Market()
    asked = {"type": "what_if", "command": _order("bob", "buy", "1", "100")}
    refusal = _ask(market, asked)
    assert (refusal["reason"], refusal["path"]) == ("unknown_command", "$.command.type")


def test_too_many_orders_to_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one question may cost has a bound: it is refused, whole."""
    monkeypatch.setattr("engine.what_if.MAX_REHEARSED", 1)
    market = Market()
    market.play("""
        deposit bob 1000
        bob buy 1@99
        bob buy 1@98
    """)
    assert _ask(market, {"type": "cancel_all", "account": "bob"})["reason"] == "too_many"


def test_mass_cancel_is_foretold_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes on over frames is one answer."""
    monkeypatch.setattr("engine.cancelling.MASS_CANCELS_PER_FRAME", 2)
    market = Market()
    market.play("deposit bob 1000")
    for price in range(90, 95):
        market.play(f"bob buy 1@{price}")
    told = _ask(market, {"type": "cancel_all", "account": "bob"})
    assert told["after"]["free_margin"] == "1000"


def test_unknown_names_are_refused_in_the_answer() -> None:
    """As the command itself would be."""
    market = Market()
    assert _ask(market, _order("nemo", "buy", "1", "100"))["reason"] == "unknown_account"
    market.play("deposit bob 1000")
    elsewhere = _order("bob", "buy", "1", "100") | {"symbol": "Y"}
    assert _ask(market, elsewhere)["reason"] == "unknown_instrument"
    cancel = {"type": "cancel_order", "account": "bob", "client_order_id": "o9"}
    assert _ask(market, cancel)["reason"] == "unknown_order"
