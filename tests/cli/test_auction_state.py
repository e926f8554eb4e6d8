"""How `pitboss state` shows a market that gathers orders for an auction."""

import pytest
from rich.console import Console

from engine import views
from engine.cli.replica import Replica
from engine.cli.state import state_tables, state_view
from engine.kernel import Kernel
from tests.core.market import Market


def told(kernel: Kernel) -> str:
    """Return what the tables of a state tell."""
    view = state_view(Replica(kernel, 7), "main")
    console = Console(width=200)
    with console.capture() as captured:
        for table in state_tables(view):
            console.print(table)
    return captured.get()


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        ("", "│ auction "),
        ("alice sell 5@101\n bob buy 5@100", "│ auction "),
        ("alice sell 30@99 peak=10\n bob buy 20@101", "│ auction, 10@100 "),
    ],
)
def test_market_in_auction_shows_where_it_would_trade(lines: str, shown: str) -> None:
    """Traders decide by it whether to join; hidden size stays hidden (A4, A14)."""
    market = Market()
    market.play(f"state X auction\n {lines}")

    assert shown in told(market.kernel)


def test_crossed_book_is_shown_as_it_is() -> None:
    """Best first on either side, however far they cross (A14)."""
    market = Market()
    market.play("""
        state X auction
        alice sell 30@99 peak=10
        bob   buy  20@101
    """)

    books = views.books(market.kernel.state)

    assert books["X"] == {"bids": [["101", "20", 1]], "asks": [["99", "10", 1]]}
