"""What others see of an iceberg: what it shows, and nothing else (A4)."""

from engine.views import books
from tests.core.market import Market


def _asks(market: Market) -> list[object]:
    found: list[object] = books(market.kernel.state)["X"]["asks"]
    return found


def test_depth_shows_the_shown_part_only() -> None:
    """A level's quantity is what is shown there; its orders are counted whole (A4)."""
    market = Market()

    market.play("""
        alice sell 30@100 peak=10
        bob   sell 5@100
        carol sell 7@101 peak=7
    """)

    assert _asks(market) == [["100", "15", 2], ["101", "7", 1]]


def test_depth_follows_the_peak_through_trades() -> None:
    """A partly used peak shows what is left of it, a renewed one all of it (A4)."""
    market = Market()
    market.play("""
        alice sell 30@100 peak=10
        bob   buy 4@100
    """)
    assert _asks(market) == [["100", "6", 1]]

    market.play("bob buy 6@100")

    assert _asks(market) == [["100", "10", 1]]


def test_refused_taker_learns_nothing_of_hidden_size() -> None:
    """A kill and a touch say only what everybody sees (A4)."""
    market = Market()
    market.play("""
        alice sell 30@100 peak=10
        bob   buy 31@100 fok
    """)

    assert market.refusals == ["unfillable"]
    assert "30" not in str(market.last[0])


def test_depth_is_the_same_after_a_restart() -> None:
    """A peak that was partly used up stays so (A4)."""
    market = Market()
    market.play("""
        alice sell 30@100 peak=10
        bob   buy 14@100
    """)

    assert _asks(market.restarted()) == _asks(market) == [["100", "6", 1]]
