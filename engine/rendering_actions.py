"""Events of corporate actions to JSON (B6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.decimals import to_text
from engine.rendering_admin import money
from engine.rendering_waterfall import settled
from matching.terms import SIDE_NAMES

if TYPE_CHECKING:
    from engine.grid import Grid
    from risk.actions.messages import DividendPaid, OddLots, UnitsSplit


def dividend_paid(e: DividendPaid, where: str) -> str:
    """Write a dividend with what all positions together pay and receive."""
    return (
        f'{{"type":"corporate_action",{where}"action":"dividend","symbol":"{e.symbol}",'
        f'"action_id":"{e.action_id}","amount":"{to_text(e.amount_ppb, 9)}",'
        f'"paid":"{money(e.paid_atoms)}","received":"{money(e.received_atoms)}",'
        f'"residue":"{money(e.paid_atoms - e.received_atoms)}"}}'
    )


def odd_lots(e: OddLots, where: str, grid: Grid) -> str:
    """Write what the house took of an account, and how both stand then."""
    return (
        f'{{"type":"odd_lots",{where}"symbol":"{e.symbol}","account":"{e.account}",'
        f'"counter_account":"house","side":"{SIDE_NAMES[e.side]}",'
        f'"quantity":"{grid.quantity_text(e.quantity_lots)}",'
        f'"price":"{grid.price_text(e.price_ticks)}","trade_id":{e.trade_id},'
        f'{settled(e.after, grid)},"counter_after":{{{settled(e.house_after, grid)}}}}}'
    )


def units_split(e: UnitsSplit, where: str) -> str:
    """Write a split with how much it has restated."""
    return (
        f'{{"type":"corporate_action",{where}"action":"split","symbol":"{e.symbol}",'
        f'"action_id":"{e.action_id}","numerator":{e.numerator},"denominator":{e.denominator},'
        f'"positions":{e.positions},"orders":{e.orders},'
        f'"cash_in_lieu":"{money(e.cash_in_lieu_atoms)}"}}'
    )
