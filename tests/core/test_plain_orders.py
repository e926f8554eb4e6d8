"""A plain order is asked less; whatever an order carries makes it another one."""

import msgspec
import pytest

from matching.messages import BracketTerms, PlaceOrder, StopTerms
from matching.terms import BUY, FillRule, OrderType, Refusal, StpMode, TimeInForce

PLAIN = PlaceOrder(
    "bob", "X", "o1", BUY, OrderType.LIMIT, TimeInForce.GTC, 1, 100, StpMode.CANCEL_NEWEST
)
HARMLESS = {"account", "symbol", "client_order_id", "side", "quantity_lots", "stp", "tag"}
HARMLESS |= {"max_slippage_ppm", "digest", "defect_path", "is_plain"}
CARRIED = {
    "order_type": OrderType.MARKET,
    "time_in_force": TimeInForce.IOC,
    "price_ticks": 0,
    "display_lots": 1,
    "expires_us": 1,
    "post_only": True,
    "reduce_only": True,
    "stop": StopTerms(1),
    "oco_group": "g",
    "fill_rule": FillRule.INCREMENTAL,
    "bracket": BracketTerms([], None, FillRule.INCREMENTAL),
    "defect": Refusal.OFF_TICK,
}


def test_limit_that_carries_nothing_is_plain() -> None:
    """Good till cancelled, with a price (A3)."""
    assert PLAIN.as_plain()
    assert HARMLESS | CARRIED.keys() == set(PlaceOrder.__struct_fields__), "say of which kind it is"


@pytest.mark.parametrize("field", CARRIED)
def test_whatever_an_order_carries_must_be_asked_about(field: str) -> None:
    """A field forgotten here would let an order in unasked (A3 to A13)."""
    assert not msgspec.structs.replace(PLAIN, **{field: CARRIED[field]}).as_plain()
