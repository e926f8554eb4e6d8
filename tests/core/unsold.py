"""A long position that nobody will buy, and what the fund has then."""

from typing import Any

from tests.core.market import Market


def long_at_100(fund: str = "100", ladder: str = "", money: str = "20", **terms: Any) -> Market:
    """Let bob be long 1.0 at 100 with a balance of 20; nobody bids. At 90 he stands at tier 1."""
    market = Market(lot_size="0.1", **terms)
    market.play(f"""
        deposit bob {money}
        mm  sell 1@100
        bob buy  1@100
    """)
    if fund:
        market.play(f"fund {fund}")
    if ladder:
        market.play(f"ladder {ladder}")
    market.forget()
    return market


def fund_of(market: Market) -> tuple[int, int]:
    """Return what the fund has and what nobody has paid, in atoms."""
    ledger = market.kernel.state.ledger
    return ledger.insurance, ledger.deficits
