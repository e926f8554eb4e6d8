"""Positions without a market around them, for tests of pure functions."""

from matching.terms import MarketState, MarkSource, Terms
from risk.account import Account
from risk.instrument import Instrument
from risk.position import Position


def instrument(
    mark_half: int, atoms: int = 2, rate_ppm: int = 100_000, symbol: str = "X"
) -> Instrument:
    """Return an instrument whose lot is worth `atoms` a tick, at a mark in half ticks."""
    terms = Terms(
        symbol=symbol,
        tick_units=1,
        price_decimals=0,
        lot_units=1,
        quantity_decimals=0,
        contract_units=1,
        contract_decimals=0,
        atoms_per_tick_lot=atoms,
        initial_margin_ppm=rate_ppm,
        maintenance_margin_ppm=rate_ppm,
        max_leverage_ppm=5_000_000,
        maker_fee_ppm=0,
        taker_fee_ppm=0,
        collar_ppm=50_000,
        mark_source=MarkSource.PUSHED,
    )
    made = Instrument(terms, MarketState.OPEN)
    made.mark_half_ticks = mark_half
    return made


def holding(
    of: Instrument, lots: int, price: int, balance: int, name: str = "ann", opened_by: int = 1
) -> Position:
    """Return what an account of its own bought (or sold) at a price."""
    position = Position(Account(name), of, {}, {})
    position.account.positions[of.symbol] = position
    position.account.balance_atoms = balance
    position.trade(lots, price, opened_by)
    return position
