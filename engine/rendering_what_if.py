"""What a command would do, to JSON (C4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.decimals import to_text
from engine.limits import PPM
from engine.rendering_admin import money, rate

if TYPE_CHECKING:
    from engine.grid import Grid
    from risk.foretold.messages import AccountAfter, MarginsTried, SetOff, Sized, WhatIfResult

AVERAGE_DECIMALS = 8
"""Places of an average price, which is derived and rounded half up."""


def what_if_result(e: WhatIfResult, where: str, grid: Grid | None, refusal: str) -> str:
    """Write an answer; `refusal` are the fields of what the command would be refused with."""
    named = f'"symbol":"{e.symbol}",' if e.symbol else ""
    named += f'"account":"{e.account}"'
    named += f',"client_order_id":"{e.client_order_id}"' if e.client_order_id else ""
    parts = [f'{{"type":"what_if_result",{where}{named}']
    if refusal:
        parts.append(f'"accepted":false,{refusal}')
    else:
        assert e.after is not None
        assert e.status is not None
        parts.append(f'"accepted":true,"status":"{e.status.value}"')
        if e.duplicate:
            parts.append('"duplicate":true')
        parts += _effects(e, grid)
        parts.append(f'"after":{_after(e.after, grid)}')
        parts.append(_set_off(e.set_off))
    if e.sized is not None:
        assert grid is not None
        parts.append(f'"sizing":{_sized(e.sized, grid)}')
    return ",".join(parts) + "}"


def _effects(e: WhatIfResult, grid: Grid | None) -> list[str]:
    """Write fills, fees and what is left; of orders in many instruments there is nothing to say."""
    if grid is None:
        return []
    fills = ",".join(
        f'{{"price":"{grid.price_text(ticks)}","quantity":"{grid.quantity_text(lots)}"}}'
        for ticks, lots in e.fills
    )
    filled = sum(lots for _, lots in e.fills)
    average = "null"
    if filled:
        terms = grid.terms
        worth = sum(ticks * lots for ticks, lots in e.fills)
        numerator = worth * terms.tick_units * 10**AVERAGE_DECIMALS
        denominator = filled * 10**terms.price_decimals
        half_up = (2 * numerator + denominator) // (2 * denominator)
        average = f'"{to_text(half_up, AVERAGE_DECIMALS)}"'
    return [
        f'"fills":[{fills}]',
        f'"filled":"{grid.quantity_text(filled)}"',
        f'"average_price":{average}',
        f'"fees":"{money(e.fees_atoms)}"',
        f'"leaves":"{grid.quantity_text(e.leaves_lots)}"',
        f'"realized_pnl":"{money(e.realized_atoms)}"',
    ]


def _after(after: AccountAfter, grid: Grid | None) -> str:
    """Write how the account would stand; the ratio is rounded up to 6 places."""
    equity, maintenance = after.equity_atoms, after.maintenance_atoms
    ratio = 0
    if equity > 0:
        ratio = -(-maintenance * PPM // equity)
    elif maintenance > 0:
        ratio = PPM
    parts = [
        f'"balance":"{money(after.balance_atoms)}"',
        f'"equity":"{money(equity)}"',
        f'"initial_margin":"{money(after.initial_atoms)}"',
        f'"maintenance_margin":"{money(maintenance)}"',
        f'"fee_hold":"{money(after.fee_hold_atoms)}"',
        f'"free_margin":"{money(after.free_atoms)}"',
        f'"margin_ratio":"{rate(ratio)}"',
    ]
    if grid is not None:
        parts.append(f'"position":"{grid.quantity_text(after.position_lots)}"')
    if grid is not None and after.tiers:
        prices = ",".join(
            f'"{rate(threshold)}":{_price(ticks, grid)}' for threshold, ticks in after.tiers
        )
        parts.append(f'"tier_prices":{{{prices}}}')
        parts.append(f'"bankruptcy_price":"{grid.price_text(after.bankruptcy_ticks)}"')
    return "{" + ",".join(parts) + "}"


def _price(ticks: int | None, grid: Grid) -> str:
    return "null" if ticks is None else f'"{grid.price_text(ticks)}"'


def margins_tried(e: MarginsTried, where: str) -> str:
    """Write whom a ladder or margin rates would hit; the counts are of all of them."""
    named = f'"symbol":"{e.symbol}",' if e.symbol else ""
    return (
        f'{{"type":"dry_run",{where}{named}"command":"{e.command}",'
        f'"called":{_names(e.called)},"called_count":{e.called_count},'
        f'"liquidated":{_tiers(e.liquidated)},"liquidated_count":{e.liquidated_count}}}'
    )


def _set_off(set_off: SetOff) -> str:
    triggers = ",".join(
        f'{{"account":"{account}","client_order_id":"{name}"}}'
        for account, name in set_off.triggers
    )
    return (
        f'"triggers":[{triggers}],"margin_calls":{_names(set_off.margin_calls)},'
        f'"liquidations":{_tiers(set_off.liquidations)}'
    )


def _names(accounts: tuple[str, ...]) -> str:
    return "[" + ",".join(f'"{account}"' for account in accounts) + "]"


def _tiers(reached: tuple[tuple[str, int], ...]) -> str:
    found = [f'{{"account":"{account}","tier":{tier}}}' for account, tier in reached]
    return "[" + ",".join(found) + "]"


def _sized(sized: Sized, grid: Grid) -> str:
    risk = "null" if sized.risk_atoms is None else f'"{money(sized.risk_atoms)}"'
    return (
        f'{{"method":"{sized.method}","quantity":"{grid.quantity_text(sized.quantity_lots)}",'
        f'"notional":"{money(sized.notional_atoms)}","risk":{risk},'
        f'"fraction":"{rate(sized.fraction_ppm)}"}}'
    )
