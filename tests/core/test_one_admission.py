"""One admission serves every way into the book: what stops one of them stops all (C1 to E4)."""

import pytest

from tests.core.market import Market

WAYS = {
    "a limit order": ("", "bob buy 1@100"),
    "a market order": ("mm sell 5@100", "bob buy market 1"),
    "an order of an auction": ("state X auction", "bob buy 1@100"),
    "more quantity": ("bob buy 1@90 id=a", "bob amend a quantity=2"),
    "another price": ("bob buy 1@90 id=a", "bob amend a price=95"),
    "a stop": ("", "bob buy stop 1 trigger=105 by=mark"),
    "a stop that fires": ("mm sell 5@106 \n bob buy stop 1 trigger=105 by=mark", "mark 106"),
    "more of a stop": (
        "bob buy stop 1 trigger=105 by=mark id=a",
        "bob amend a quantity=2",
    ),
    "a leg of a group": ("bob buy 1@80 oco=g", "bob buy 5@100 oco=g"),
    "a bracket": ("", "bob bracket buy 1@100 sl=90"),
    "a booked trade": ("", "book bob buy 1@100"),
    "the other side of a booked trade": ("", "book mm sell 1@100 with=bob"),
}
GUARDS = {
    "account_not_active": "update bob status=suspended",
    "leverage_exceeded": "risk bob max_leverage=0.001",
    "order_notional_limit": "risk bob max_order_notional=1",
    "exposure_limit": "risk bob max_exposure=1",
    "position_size": "risk bob max_position=0.000001",
    "too_many_positions": "risk bob max_positions=1",
    "portfolio_heat": "risk bob max_heat=0.000001",
    "day_loss": "risk bob day_loss=1 \n mark Y 99",
    "kill_switch": "kill account bob no_new",
}


@pytest.mark.parametrize("reason", GUARDS)
@pytest.mark.parametrize("way", WAYS)
def test_what_stops_one_way_stops_them_all(way: str, reason: str, kind: type[Market]) -> None:
    """A way that forgets one question is the way that will be taken (C1)."""
    before, enter = WAYS[way]
    market = kind()
    market.play(f"""
        instrument Y
        mark Y 100
        deposit bob 1000
        mm  sell Y 1@100
        bob buy  Y 1@100
        {before}
        {GUARDS[reason]}
    """)
    assert market.refusals == []
    position = market.position("bob")

    market.forget()
    market.play(enter)

    said = [e for e in market.events if e["type"] in {"rejected", "trigger_rejected"}]
    assert len(said) == 1
    assert reason in [error["reason"] for error in said[0].get("errors") or said]
    assert market.position("bob") == position


@pytest.mark.parametrize("way", WAYS)
def test_every_way_is_open_where_nothing_stops_it(way: str, kind: type[Market]) -> None:
    """Or the test above would prove nothing."""
    before, enter = WAYS[way]
    market = kind()

    market.play(f"deposit bob 10000 \n deposit mm 10000 \n {before} \n {enter}")

    assert market.refusals == []
    assert market.failed == []
