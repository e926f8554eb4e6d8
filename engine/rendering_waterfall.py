"""What becomes of lots that nobody buys, to JSON: takeovers, deleveraging, deficits (D6-D8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.rendering_admin import money
from matching.terms import SIDE_NAMES

if TYPE_CHECKING:
    from engine.grid import Grid
    from risk.messages import Deficit, Deleveraged, Settled, Takeover


def takeover(e: Takeover, where: str, grid: Grid) -> str:
    """Write a takeover, with the worst case that the fund could bear."""
    return (
        f'{{"type":"takeover",{where}"symbol":"{e.symbol}","account":"{e.account}",'
        f"{_fill(e, grid)},{settled(e.after, grid)},"
        f'"receipt":{{"worst_case":"{money(e.worst_case_atoms)}",'
        f'"insurance":"{money(e.insurance_atoms)}",'
        f'"backstop_unrealized":"{money(e.backstop_unrealized_atoms)}",'
        f'"mark_price":"{grid.half_price_text(e.mark_half_ticks)}"}}}}'
    )


def deleveraged(e: Deleveraged, where: str, grid: Grid) -> str:
    """Write what was taken of one position, with what it was ranked by."""
    return (
        f'{{"type":"deleveraged",{where}"symbol":"{e.symbol}","account":"{e.account}",'
        f'"counter_account":"{e.counter_account}",{_fill(e, grid)},'
        f'"rank":{e.rank},"round":{e.round},'
        f'"account_after":{{{settled(e.account_after, grid)}}},'
        f'"counter_after":{{{settled(e.counter_after, grid)}}},'
        f'"receipt":{{"unrealized":"{money(e.unrealized_atoms)}",'
        f'"cost":"{money(e.cost_atoms)}","notional":"{money(e.notional_atoms)}",'
        f'"equity":"{money(e.equity_atoms)}",'
        f'"backstop_unrealized":"{money(e.backstop_unrealized_atoms)}"}}}}'
    )


def deficit(e: Deficit, where: str) -> str:
    """Write who paid a debt, and from what."""
    return (
        f'{{"type":"deficit",{where}"account":"{e.account}","amount":"{money(e.amount_atoms)}",'
        f'"from_insurance":"{money(e.from_insurance_atoms)}",'
        f'"from_deficit":"{money(e.amount_atoms - e.from_insurance_atoms)}",'
        f'"receipt":{{"balance":"{money(-e.amount_atoms)}",'
        f'"insurance":"{money(e.insurance_atoms)}"}}}}'
    )


def _fill(e: Takeover | Deleveraged, grid: Grid) -> str:
    return (
        f'"side":"{SIDE_NAMES[e.side]}","quantity":"{grid.quantity_text(e.quantity_lots)}",'
        f'"price":"{grid.price_text(e.price_ticks)}","trade_id":{e.trade_id}'
    )


def settled(after: Settled, grid: Grid) -> str:
    """Return one side of a fill that no order made as fields."""
    return (
        f'"realized_pnl":"{money(after.realized_atoms)}",'
        f'"position":"{grid.quantity_text(after.position_lots)}",'
        f'"balance":"{money(after.balance_atoms)}"'
    )
