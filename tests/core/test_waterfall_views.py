"""What the views show of the waterfall: quintiles, the fund, the backstop (D6, D7)."""

import pytest

from engine import views
from engine.cli.margin_report import margin_report
from tests.core.bounds import lower
from tests.core.market import Market


def _quintiles(market: Market) -> dict[str, int | None]:
    return {
        name: held["X"]["adl_quintile"]
        for name, held in views.positions(market.kernel.state).items()
    }


def test_each_position_shows_its_quintile_among_its_side() -> None:
    """Whoever is near the front wants to know it before it happens (D7)."""
    market = Market()
    market.play("\n".join(f"deposit s{n} {100 + 10 * n}" for n in range(5)))
    market.play("\n".join(f"s{n} sell 1@100" for n in range(5)))
    market.play("bob buy 5@100")

    market.play("mark 90")

    # the same profit on the same cost: the poorest is the most leveraged
    expected = {"s0": 5, "s1": 4, "s2": 3, "s3": 2, "s4": 1, "bob": 5}
    assert _quintiles(market) == expected


def test_who_cannot_be_deleveraged_has_no_quintile() -> None:
    """Nothing to lose is nothing to take; and the backstop is the venue's own (D7)."""
    market = Market(lot_size="0.1")
    market.play("""
        fund 100
        ladder max_tries=1
        deposit bob 20
        ann sell 1@100
        bob buy 1@100
        cy  buy 1@100
        ann sell 1@100
        mark 90
        state X halted
        mark 80
    """)

    assert market.position("backstop") == "0.3"
    assert _quintiles(market) == {"ann": 5, "backstop": None, "bob": None, "cy": 5}


def test_backstop_is_no_candidate_in_the_margin_report() -> None:
    """It has a position and no money, and yet nobody will act on it (D6)."""
    market = Market(lot_size="0.1")
    market.play("""
        fund 100
        ladder max_tries=1
        deposit bob 20
        ann sell 1@100
        bob buy 1@100
        mark 90
    """)

    stages = {row["account"]: row["stage"] for row in margin_report(market.kernel.state)}

    assert next(iter(stages)) == "bob"
    assert stages["backstop"] == ""


@pytest.mark.parametrize(
    ("mark", "stage"), [("88.89", "tier 3"), ("88.88", "liquidation candidate")]
)
def test_margin_report_names_the_liquidation_candidate(mark: str, stage: str) -> None:
    """From ratio 1 on, which D2's vector has at 88.8889 (D1)."""
    market = Market(lot_size="0.1")
    market.play(f"""
        deposit bob 20
        ann sell 1@100
        bob buy 1@100
        state X halted
        mark {mark}
    """)

    (bob,) = (row for row in margin_report(market.kernel.state) if row["account"] == "bob")

    assert bob["stage"] == stage


def test_deleveraging_stops_where_a_frame_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """A victim with a hundred thousand orders must not make a frame that nobody can send (D7)."""
    lower(monkeypatch, "MAX_FRAME_EVENTS", 6)
    market = Market(lot_size="0.1")
    market.play("""
        ladder max_tries=1
        deposit bob 20
        ann sell 0.5@100
        cy  sell 0.5@100
        bob buy 1@100
        ann buy 0.1@10
        ann buy 0.1@11
        ann buy 0.1@12
        mark 50
    """)

    assert [event["counter_account"] for event in market.of("deleveraged")] == ["ann"]
    assert market.position("bob") == "0.5"
    market.wait(250)
    assert market.position("bob") == "0"
