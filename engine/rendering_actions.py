"""Events of corporate actions to JSON (B6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.decimals import to_text
from engine.rendering_admin import money

if TYPE_CHECKING:
    from risk.actions.messages import DividendPaid


def dividend_paid(e: DividendPaid, where: str) -> str:
    """Write a dividend with what all positions together pay and receive."""
    return (
        f'{{"type":"corporate_action",{where}"action":"dividend","symbol":"{e.symbol}",'
        f'"action_id":"{e.action_id}","amount":"{to_text(e.amount_ppb, 9)}",'
        f'"paid":"{money(e.paid_atoms)}","received":"{money(e.received_atoms)}",'
        f'"residue":"{money(e.paid_atoms - e.received_atoms)}"}}'
    )
