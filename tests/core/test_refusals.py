"""Every refusal by its number: what reaches it, and that it changes nothing.

The walk goes over the enumeration itself, so that a new refusal without a test fails here.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from engine.entries import refused_input
from engine.limits import MAX_ENTRY_BYTES
from matching.terms import Refusal
from tests.core.bounds import lower
from tests.core.market import Market

ORDER: dict[str, Any] = {
    "type": "place_order",
    "account": "bob",
    "symbol": "X",
    "side": "buy",
    "order_type": "limit",
    "quantity": "1",
    "price": "99",
    "client_order_id": "n1",
}
LOSES = "mm sell 1@100\n bob buy 1@100\n"
ONE_ORDER = "bob buy 1@99 id=n1"
OTHER_POSITION = """
    instrument Y group=g
    mark Y 100
    mm sell 1@100 symbol=Y
    bob buy 1@100 symbol=Y
"""

UNREACHABLE = {
    Refusal.POISON: "decided by the loop after a failure; the kernel writes the verdict",
}
"""What no command of this release comes to by itself, and why."""


def _order(**changes: Any) -> Callable[[Market], object]:
    """Send an order that is good but for the changes."""
    return lambda market: market.send(ORDER | changes)


def _stop(**changes: Any) -> Callable[[Market], object]:
    """Send an order to buy when the price rises, with the changes."""
    return _order(**{"order_type": "stop", "price": None, **changes})


def _raw(payload: bytes | None, stream: str = "orders") -> Callable[[Market], object]:
    return lambda market: market.deliver(stream, payload)


def _says(*lines: str) -> Callable[[Market], object]:
    return lambda market: market.play("\n".join(lines))


def _without(field: str) -> bytes:
    return json.dumps({key: value for key, value in ORDER.items() if key != field}).encode()


REACHED: dict[Refusal, tuple[str, Callable[[Market], object]]] = {
    Refusal.MALFORMED_JSON: ("", _raw(b"{")),
    Refusal.WRONG_TYPE: ("", _order(price=99.5)),
    Refusal.UNKNOWN_FIELD: ("", _order(speed="1")),
    Refusal.UNKNOWN_COMMAND: ("", _order(type="dance")),
    Refusal.MISSING_FIELD: ("", _raw(_without("side"))),
    Refusal.BAD_DECIMAL: ("", _order(price="NaN")),
    Refusal.OUT_OF_RANGE: ("", _order(price="99999999999999")),
    Refusal.TOO_LARGE: ("", _raw(b" " * (MAX_ENTRY_BYTES + 1))),
    Refusal.BAD_IDENTIFIER: ("", _order(client_order_id="a b")),
    Refusal.CROSSED_TICK: ("", _says("tick 101 100")),
    Refusal.NON_POSITIVE_PRICE: ("", _order(price="0")),
    Refusal.WRONG_STREAM: ("", _raw(json.dumps(ORDER).encode(), "ticks")),
    Refusal.TOO_DEEP: ("", _raw(b'{"tag":' + b"[" * 60_000)),
    Refusal.NO_PAYLOAD: ("", _raw(None)),
    Refusal.UNKNOWN_ACCOUNT: ("", _order(account="nobody")),
    Refusal.UNKNOWN_INSTRUMENT: ("", _order(symbol="N")),
    Refusal.UNKNOWN_ORDER: ("", _says("bob cancel o9")),
    Refusal.ACCOUNT_EXISTS: ("", _says("account bob")),
    Refusal.INSTRUMENT_EXISTS: ("", _says("instrument X")),
    Refusal.ACCOUNT_NOT_ACTIVE: ("update bob status=closed", _order()),
    Refusal.INSTRUMENT_NOT_FLAT: (ONE_ORDER, _says("delete X")),
    Refusal.HOUSE_IS_COUNTERPARTY: (
        "instrument L mode=l1",
        _order(account="house", symbol="L"),
    ),
    Refusal.SAME_ACCOUNT: ("", _says("book bob buy 1@100 with=bob")),
    Refusal.TOO_MANY: ("", _says("account one-too-many")),
    Refusal.MARKET_NOT_OPEN: ("state X halted", _order()),
    Refusal.PRICE_UNAVAILABLE: ("instrument N", _order(symbol="N")),
    Refusal.PRICE_STALE: ("change X feed_stale_ms=1\n wait 2", _order()),
    Refusal.NO_LIQUIDITY: ("", _order(order_type="market", price=None)),
    Refusal.WOULD_TRIGGER: ("", _stop(trigger_price="100", trigger_by="mark")),
    Refusal.OUTSIDE_PRICE_BAND: ("change X price_band=0.005", _order()),
    Refusal.NOT_IN_AUCTION: ("state X auction", _order(time_in_force="ioc")),
    Refusal.MARKET_NOT_CLOSED: ("state X auction", _says("split X 2:1")),
    Refusal.TICK_NOT_NEWER: ("tick 99 101 seq=5", _says("tick 99 101 seq=5")),
    Refusal.WRONG_MARK_SOURCE: ("", _says("push X 100")),
    Refusal.OFF_TICK: ("", _order(price="99.001")),
    Refusal.OFF_LOT: ("", _order(quantity="0.5")),
    Refusal.PRICE_REQUIRED: ("", _order(price=None)),
    Refusal.PRICE_NOT_ALLOWED: ("", _order(order_type="market")),
    Refusal.INVALID_TIME_IN_FORCE: (
        "mm sell 1@100",
        _order(order_type="market", price=None, time_in_force="gtc"),
    ),
    Refusal.UNFILLABLE: ("", _order(time_in_force="fok")),
    Refusal.NOT_SUPPORTED: ("", _order(max_slippage_bps=5)),
    Refusal.QUANTITY_NOT_POSITIVE: ("", _order(quantity="0")),
    Refusal.INVALID_TERMS: ("", _says("change X collar=0")),
    Refusal.NOTHING_TO_AMEND: (
        ONE_ORDER,
        lambda m: m.send({"type": "amend_order", "account": "bob", "client_order_id": "n1"}),
    ),
    Refusal.INVALID_DISPLAY: ("", _order(display_quantity="2")),
    Refusal.POST_ONLY_WOULD_TRADE: ("mm sell 1@99", _order(post_only=True)),
    Refusal.NOTHING_TO_REDUCE: ("", _order(reduce_only=True)),
    Refusal.INVALID_EXPIRY: ("", _order(time_in_force="gtd")),
    Refusal.TRIGGER_REQUIRED: ("", _stop()),
    Refusal.TRIGGER_NOT_ALLOWED: ("", _order(trigger_price="90")),
    Refusal.INVALID_TRAIL: ("", _order(order_type="trailing_stop_limit")),
    Refusal.INVALID_OCO: ("", _order(fill_rule="first_hit")),
    Refusal.OCO_SPENT: (
        "bob buy 1@98 oco=g\n bob cancel o2",
        _order(oco_group="g"),
    ),
    Refusal.INVALID_BRACKET: ("", _says("bob bracket buy 1@99")),
    Refusal.LEVERAGE_EXCEEDED: ("", _order(quantity="51")),
    Refusal.ORDER_NOTIONAL_LIMIT: ("risk bob max_order_notional=98", _order()),
    Refusal.EXPOSURE_LIMIT: ("risk bob max_exposure=98", _order()),
    Refusal.INSUFFICIENT_MARGIN: ("change X initial_margin=0.5", _order(quantity="30")),
    Refusal.MARGIN_RATIO: (
        "change X max_leverage=4 initial_margin=0.25 maintenance_margin=0.19",
        _order(quantity="50", price="20"),
    ),
    Refusal.INSUFFICIENT_BALANCE: ("", _says("withdraw bob 1001")),
    Refusal.IN_LIQUIDATION: (
        "instrument Y\n mark Y 100\n mm sell 50@100\n bob buy 50@100\n mark 81\n state X halted",
        _order(quantity="1", price="1", symbol="Y"),
    ),
    Refusal.TOO_MANY_ORDERS: ("bob buy 1@99\n bob buy 1@99\n bob buy 1@99", _order()),
    Refusal.POSITION_NOTIONAL_LIMIT: ("risk bob max_position_notional=99", _order()),
    Refusal.POSITION_SIZE: ("risk bob max_position=0.019", _order()),
    Refusal.INSTRUMENT_EXPOSURE: ("risk bob max_instrument_exposure=0.019", _order()),
    Refusal.TOO_MANY_POSITIONS: (OTHER_POSITION + "risk bob max_positions=1", _order()),
    Refusal.CORRELATED_POSITIONS: (
        "instrument Z group=g\n mark Z 100\n" + OTHER_POSITION + "risk bob max_correlated=1",
        _order(symbol="Z"),
    ),
    Refusal.PYRAMIDING: ("mm sell 1@100\n bob buy 1@100\n risk bob pyramiding=false", _order()),
    Refusal.PORTFOLIO_HEAT: ("risk bob max_heat=0.019", _order()),
    Refusal.REWARD_TO_RISK: (
        "risk bob min_reward_risk=1.5",
        _says("bob bracket buy 1@99 sl=97 tp=1@101"),
    ),
    Refusal.ORDER_RATE: ("risk bob max_order_rate=1\n bob buy 1@99", _order()),
    Refusal.DAY_LOSS: (LOSES + "risk bob day_loss=5\n mark 95", _order()),
    Refusal.WEEK_LOSS: (LOSES + "risk bob week_loss_rate=0.005\n mark 95", _order()),
    Refusal.MONTH_LOSS: (LOSES + "risk bob month_loss_rate=0.005\n mark 95", _order()),
    Refusal.LOSING_STREAK: (
        LOSES + "risk bob losing_streak=1\n mm buy 1@99\n bob sell 1@99",
        _order(),
    ),
    Refusal.KILL_SWITCH: ("kill global no_new", _order()),
    Refusal.NO_SUCH_SWITCH: ("kill global no_new", _says("resume tag t")),
    Refusal.INVALID_SWITCH: ("", _says("kill tag t flatten")),
    Refusal.OVERLOAD: ("behind 250", _order()),
    Refusal.MEMORY: ("full 250", _order()),
    Refusal.DUPLICATE: (
        "deposit bob 1 transfer_id=t",
        _says("deposit bob 1 transfer_id=t"),
    ),
    Refusal.ID_REUSED: (ONE_ORDER, _order(side="sell")),
}
"""What comes before, and what is refused, of an account with 1,000 at a mark of 100."""


def test_every_refusal_is_reached_or_says_why_not() -> None:
    """A number that nothing reaches is dead, or its test is missing (C1)."""
    assert REACHED.keys() | UNREACHABLE.keys() == set(Refusal)
    assert not REACHED.keys() & UNREACHABLE.keys()


@pytest.mark.parametrize("refusal", REACHED, ids=lambda refusal: refusal.reason)
def test_refused_command_leaves_the_state_as_it_was(
    refusal: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit for bit: whatever is refused has not happened (C1)."""
    before, refused = REACHED[refusal]
    lower(monkeypatch, "MAX_OPEN_ORDERS_PER_ACCOUNT", 3)
    lower(monkeypatch, "MAX_ACCOUNTS", 2)
    market = Market()
    market.play(f"""
        deposit bob 1000
        mm buy 1@1
        mm cancel o1
        {before}
    """)
    market.forget()
    hashed = market.hash()

    refused(market)

    assert len(market.events) == 1
    said = market.events[0]
    codes = [error["code"] for error in said.get("errors", [])] or [said["code"]]
    assert refusal in codes, said
    assert codes == sorted(codes)
    assert (said["code"], said["in"]) == (codes[0], 0)
    assert said["reason"] == Refusal(said["code"]).reason
    assert market.hash() == hashed


@pytest.mark.parametrize("refusal", UNREACHABLE, ids=lambda refusal: refusal.reason)
def test_verdict_from_outside_becomes_its_event(refusal: Refusal) -> None:
    """The kernel writes what was decided before it, and never decides it again (A10)."""
    market = Market()
    item = refused_input("orders", "8-0", refusal, "$", "abcd", "try again later")
    before, out = market.hash(), list[bytes]()

    market.machine.apply(item, 3, out)

    assert json.loads(out[0]) == {
        "type": "rejected",
        "in": 3,
        "code": int(refusal),
        "reason": refusal.reason,
        "path": "$",
        "text": "try again later",
        "digest": "abcd",
        "stream": "orders",
        "entry": "8-0",
    }
    assert market.hash() == before


@pytest.mark.parametrize("kind", ["account", "instrument"])
def test_full_shard_takes_no_more(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a bound on everything (B4)."""
    lower(monkeypatch, "MAX_ACCOUNTS", 1)
    lower(monkeypatch, "MAX_INSTRUMENTS", 2)
    market = Market()

    market.play(f"{kind} one\n {kind} two" if kind == "account" else f"{kind} Y\n {kind} Z")

    assert market.refusals == ["too_many"]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"max_slippage_bps": 5}, "$.max_slippage_bps"),
        (
            {"order_type": "stop_limit", "trigger_price": "101", "max_slippage_bps": 5},
            "$.max_slippage_bps",
        ),
    ],
)
def test_what_is_not_there_yet_is_refused_by_name(changes: dict[str, Any], path: str) -> None:
    """A field that is not acted on is never ignored in silence (A3)."""
    market = Market()
    market.play("deposit bob 1000")

    (refusal,) = market.send(ORDER | changes)

    assert (refusal["reason"], refusal["path"]) == ("not_supported", path)


@pytest.mark.parametrize(
    "changes", [{"post_only": False}, {"reduce_only": False}, {"stp": None}, {"expires_at": None}]
)
def test_asking_for_nothing_special_is_fine(changes: dict[str, Any]) -> None:
    """`false` and `null` are the same as saying nothing (A3)."""
    market = Market()
    market.play("deposit bob 1000")

    market.send(ORDER | changes)

    assert market.refusals == []
