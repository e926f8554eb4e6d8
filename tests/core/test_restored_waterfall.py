"""A snapshot in the midst of a waterfall: what was tried is not forgotten (D6)."""

import pytest

from tests.core.bounds import lower
from tests.core.market import Market


def _unsold(ladder: str = "") -> Market:
    """Let bob stand at tier 1 with nobody to buy from him; ann is on the other side."""
    market = Market(lot_size="0.1")
    market.play(f"""
        ladder liquidation_fee=0.005 {ladder}
        deposit bob 20
        ann sell 1@100
        bob buy  1@100
        mark 90
    """)
    market.forget()
    return market


def test_restored_machine_counts_on_from_the_tries_there_were() -> None:
    """Two tries before the snapshot, one after it: the waterfall begins (D6)."""
    market = _unsold()
    market.wait(250)
    twin = market.restarted()

    assert twin.wait(249) == []
    said = [event["type"] for event in twin.wait(1)]

    assert said == ["liquidation", "order_cancelled", "deleveraged"]
    market.wait(249)
    market.wait(1)
    assert twin.hash() == market.hash()


def test_restored_machine_remembers_since_when() -> None:
    """Two seconds after the first try it is time, however few tries there were (D6)."""
    market = _unsold("max_tries=99 max_wait_ms=900")
    twin = market.restarted()

    for each in (market, twin):
        said = each.wait(899)
        assert [event["type"] for event in said] == ["liquidation", "order_cancelled"]
    for each in (market.restarted(), twin):
        said = each.wait(250)
        assert [event["type"] for event in said][-1] == "deleveraged"


def test_restored_backstop_still_passes_by() -> None:
    """Fund, backstop and what it holds are in the snapshot; nobody liquidates it (D6)."""
    market = _unsold("max_tries=2")
    market.play("fund 100")  # an input, and so the second try
    assert [event["account"] for event in market.of("takeover")] == ["bob"]
    twin = market.restarted()
    assert twin.hash() == market.hash()

    for each in (market, twin):
        each.forget()
        each.play("mark 1")
        assert "backstop" not in {event.get("account") for event in each.of("liquidation")}
        assert not each.of("margin_call")
    assert twin.hash() == market.hash()
    twin.play("deposit backstop 5")
    assert (twin.balance("backstop"), twin.last[-1]["cause"]) == ("0", "insurance")


@pytest.mark.parametrize("tries", [1, 2])
def test_one_action_deleverages_a_bounded_number(
    tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest waits for the next, and is offered to the book again meanwhile (D7)."""
    lower(monkeypatch, "MAX_DELEVERAGED", 2)
    market = Market(lot_size="0.1")
    market.play(f"ladder max_tries={tries}\n deposit bob 20")
    for name in ("ann", "bea", "cy", "dot"):
        market.play(f"{name} sell 0.1@100\n bob buy 0.1@100")
    market.play("mark 50")

    for _ in range(tries - 1):
        assert market.of("deleveraged") == []
        market.wait(250)

    assert len(market.of("deleveraged")) == 2
    for _ in range(tries):
        market.wait(250)
    assert len(market.of("deleveraged")) == 4


def test_restored_machine_ends_the_lock_of_whom_a_print_has_saved() -> None:
    """The next look is his, with a restart before it: who is locked has no band (D9)."""
    market = Market(None, mark_source="last", lot_size="0.1", collar="0.2")
    market.play("""
        mm  buy  0.1@100
        eve sell 0.1@100
        deposit bob 20
        mm  sell 1@100
        bob buy  1@100
        instrument Y lot_size=0.1
        mark Y 100
        deposit amy 42
        mm  buy  1@100
        amy sell 1@100
        mm  sell Y 1@100
        amy buy  Y 1@100
        x  buy  0.1@90
        mm sell 0.1@90
        mm sell 1@91
    """)
    bob = market.kernel.state.accounts["bob"]
    assert (bob.in_liquidation, bob.positions["X"].tries) == (True, 2)
    market.forget()
    market.play("mark Y 60")
    assert market.fills == ["amy<mm 1@91"]
    assert bob.in_liquidation, "his turn came when he stood at no tier any more"

    twin = market.restarted()
    for each in (market, twin):
        each.play("mm cancel nothing")

    assert not market.kernel.state.accounts["bob"].in_liquidation
    assert twin.hash() == market.hash()
