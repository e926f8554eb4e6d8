"""Events of funding and swap to JSON (B6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.decimals import to_text
from engine.rendering_admin import money

if TYPE_CHECKING:
    from engine.grid import Grid
    from risk.messages import FundingApplied, SwapApplied


def fine_rate(ppb: int) -> str:
    """Return a rate of `ppb` as a decimal string."""
    return to_text(ppb, 9)


def funding_applied(e: FundingApplied, where: str, grid: Grid) -> str:
    """Write a funding: the rate is the one applied, after its cap."""
    return (
        f'{{"type":"funding",{where}"symbol":"{e.symbol}","funding_id":"{e.funding_id}",'
        f'"rate":"{fine_rate(e.rate_ppb)}",{_totals(e, grid)}}}'
    )


def swap_applied(e: SwapApplied, where: str, grid: Grid) -> str:
    """Write a swap with the rate of either side."""
    return (
        f'{{"type":"swap",{where}"symbol":"{e.symbol}","swap_id":"{e.swap_id}",'
        f'"long_rate":"{fine_rate(e.long_rate_ppb)}","short_rate":"{fine_rate(e.short_rate_ppb)}",'
        f'"day_count":{e.day_count},"days":{e.days},{_totals(e, grid)}}}'
    )


def _totals(e: FundingApplied | SwapApplied, grid: Grid) -> str:
    return (
        f'"mark_price":"{grid.half_price_text(e.mark_half_ticks)}",'
        f'"paid":"{money(e.paid_atoms)}","received":"{money(e.received_atoms)}",'
        f'"residue":"{money(e.paid_atoms - e.received_atoms)}"'
    )
