"""What the positions were in the state that a verification begins at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.decimals import to_text
from engine.rendering_admin import money
from persistence.verify_positions import Before, Held

if TYPE_CHECKING:
    from engine.state import State


def held_before(state: State, frame: int) -> Before:
    """Return contract sizes and open positions after a frame, as the journal would write them."""
    contracts = {}
    held = []
    for symbol, market in state.markets.items():
        terms = market.instrument.terms
        contracts[symbol] = to_text(terms.contract_units, terms.contract_decimals)
        for account, position in state.positions.open_in(symbol).items():
            lots = position.lots
            quantity = to_text(abs(lots) * terms.lot_units, terms.quantity_decimals)
            cost = money(abs(position.cost_atoms))
            held.append(Held(account, symbol, lots > 0, quantity, cost))
    return Before(frame, contracts, held)
