"""The wire's commands to the core's: decimals to ticks, lots, atoms and ppm (architecture §5).

It runs command by command, just before the kernel does, with the instrument as it is then. What a
conversion finds wrong travels on as the command's `defect`, so that the kernel reports it in its
place among the other refusals. The same frame therefore always gives the same events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.conversion_actions import corporate_action
from engine.conversion_admin import (
    Defect,
    create_account,
    create_instrument,
    fund_insurance,
    set_leverage,
    set_liquidation,
    set_market_breakers,
    transfer,
    update_account,
    update_instrument,
)
from engine.conversion_booking import book_trade
from engine.conversion_carry import apply_funding, apply_swap
from engine.conversion_fees import set_fee_tiers
from engine.conversion_guards import heartbeat, kill, resume, set_activity
from engine.conversion_orders import SIDES, amend_order, place_bracket, place_order, price_ticks
from engine.conversion_risk import set_risk
from engine.conversion_what_if import as_meant, what_if
from engine.grid import Grid
from engine.messages import Verdict
from engine.wire import (
    AmendOrderWire,
    AnyWire,
    CancelAllWire,
    CancelOrderWire,
    L1Wire,
    MarkPriceWire,
    PlaceBracketWire,
    PlaceOrderWire,
    WhatIfWire,
)
from engine.wire_admin import (
    ApplyFundingWire,
    ApplySwapWire,
    BookTradeWire,
    CorporateActionWire,
    CreateAccountWire,
    CreateInstrumentWire,
    DeleteInstrumentWire,
    DepositWire,
    FundInsuranceWire,
    SetFeeTiersWire,
    SetLeverageWire,
    SetLiquidationWire,
    SetMarketBreakersWire,
    SetMarketStateWire,
    SetRiskWire,
    UpdateAccountWire,
    UpdateInstrumentWire,
    WithdrawWire,
)
from engine.wire_guards import HeartbeatWire, KillWire, ResumeWire, SetActivityWire
from matching.messages import CancelAll, CancelOrder, SetMarketState
from matching.terms import Refusal, Terms
from risk.messages import (
    DeleteInstrument,
    MarkPrice,
    Rejected,
    Tick,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.messages import Command


class Conversion:
    """Turns the wire's commands into the core's. `terms_of` gives an instrument's terms as now."""

    def __init__(self, terms_of: Callable[[str], Terms | None]) -> None:
        self._terms_of = terms_of
        self._grids: dict[str, Grid] = {}
        self._routes: dict[type, Callable[[Any], Command]] = {
            PlaceOrderWire: lambda c: place_order(c, self.grid(c.symbol)),
            PlaceBracketWire: lambda c: place_bracket(c, self.grid(c.symbol)),
            CancelOrderWire: lambda c: CancelOrder(c.account, c.client_order_id),
            CancelAllWire: lambda c: CancelAll(c.account, c.symbol, SIDES.get(c.side, 0)),
            L1Wire: self._tick,
            MarkPriceWire: self._mark_price,
            CreateInstrumentWire: create_instrument,
            UpdateInstrumentWire: lambda c: as_meant(c, update_instrument(c, terms_of(c.symbol))),
            DeleteInstrumentWire: lambda c: DeleteInstrument(c.symbol),
            SetMarketStateWire: lambda c: SetMarketState(c.symbol, c.state),
            SetMarketBreakersWire: set_market_breakers,
            CreateAccountWire: create_account,
            UpdateAccountWire: update_account,
            DepositWire: lambda c: transfer(c, 1),
            WithdrawWire: lambda c: transfer(c, -1),
            FundInsuranceWire: fund_insurance,
            SetRiskWire: lambda c: as_meant(c, set_risk(c)),
            SetLiquidationWire: lambda c: as_meant(c, set_liquidation(c)),
            SetLeverageWire: set_leverage,
            SetFeeTiersWire: set_fee_tiers,
            ApplyFundingWire: apply_funding,
            ApplySwapWire: apply_swap,
            BookTradeWire: lambda c: book_trade(c, self.grid(c.symbol)),
            CorporateActionWire: corporate_action,
            KillWire: kill,
            ResumeWire: resume,
            HeartbeatWire: heartbeat,
            SetActivityWire: set_activity,
            Verdict: _refuse,
        }

    def grid(self, symbol: str) -> Grid | None:
        """Return the grid of an instrument as it is now, or None where there is no such one."""
        terms = self._terms_of(symbol)
        if terms is None:
            self._grids.pop(symbol, None)
            return None
        grid = self._grids.get(symbol)
        if grid is None or grid.terms is not terms:
            grid = self._grids[symbol] = Grid(terms)
        return grid

    def to_core(
        self, command: AnyWire | Verdict, find_order_symbol: Callable[[str, str], str | None]
    ) -> Command:
        """Return the command in integers. Never raises on a decoded command.

        `find_order_symbol(account, client_order_id)` tells which instrument an amend is about.
        """
        route = self._routes.get(type(command))
        if route is not None:
            return route(command)
        if isinstance(command, WhatIfWire):
            return self._what_if(command, find_order_symbol)
        assert isinstance(command, AmendOrderWire), "the others have a route"
        symbol = find_order_symbol(command.account, command.client_order_id)
        return amend_order(command, None if symbol is None else self.grid(symbol))

    def _what_if(
        self, c: WhatIfWire, find_order_symbol: Callable[[str, str], str | None]
    ) -> Command:
        """Return the question about a command in integers, with the instrument that it is about."""
        asked = c.command
        if isinstance(asked, PlaceOrderWire | PlaceBracketWire | CancelAllWire):
            symbol = asked.symbol
        else:
            symbol = find_order_symbol(asked.account, asked.client_order_id)
        grid = None if symbol is None else self.grid(symbol)
        return what_if(c, self.to_core(asked, find_order_symbol), symbol or "", grid)

    def _tick(self, c: L1Wire) -> Tick:
        tick = Tick(c.symbol, 0, 0, c.source or "", c.seq, None if c.ts is None else c.ts * 1_000)
        grid = self.grid(c.symbol)
        if grid is not None:
            try:
                tick.bid_ticks = price_ticks(grid, c.bid, "$.bid")
                tick.ask_ticks = price_ticks(grid, c.ask, "$.ask")
            except Defect as defect:
                tick.defect, tick.defect_path = defect.code, defect.path
        return tick

    def _mark_price(self, c: MarkPriceWire) -> MarkPrice:
        mark = MarkPrice(c.symbol, 0)
        grid = self.grid(c.symbol)
        if grid is not None:
            try:
                mark.price_ticks = price_ticks(grid, c.price, "$.price")
            except Defect as defect:
                mark.defect, mark.defect_path = defect.code, defect.path
        return mark


def _refuse(verdict: Verdict) -> Rejected:
    return Rejected(
        Refusal(verdict.code), path=verdict.path, text=verdict.text, digest=verdict.digest
    )
