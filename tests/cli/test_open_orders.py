"""How `pitboss state` lists orders that have no price, or more than one."""

from tests.cli.test_auction_state import told
from tests.core.market import Market


def test_every_kind_of_open_order_is_listed() -> None:
    """A stop has a trigger and no price, a leg its group (A11, A13); a missing cell is no error."""
    market = Market()
    market.play("""
        alice sell 1@100 oco=pair
        bob   buy  1@100
        alice sell 5@110 oco=legs
        alice sell stop 5 trigger=90 oco=legs
        alice buy stop_limit 5@104 trigger=103
        alice buy trailing_stop 5 offset=3
        alice bracket buy 2@98 tp=2@105 sl=95
        bob   sell 2@98
    """)

    rows = [line for line in told(market.kernel).splitlines() if "│ alice" in line]

    for words in (
        ("o3", "limit", "110", "legs"),
        ("o4", "stop", "90", "legs"),
        ("o5", "stop_limit", "104", "103"),
        ("o6", "trailing_stop", "101"),
        ("o7.tp1", "limit", "105"),
        ("o7.sl", "stop", "95"),
    ):
        assert any(all(f" {word} " in row for word in words) for row in rows), (words, rows)
