"""Recompute every receipt of a liquidation from the numbers in it, in fractions (D1-D4).

Shares no code with the engine: it reads only events, as a stranger with a pencil would.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from engine.cli.receipt_arithmetic import Event, Grid, differs, grid_of
from engine.cli.verify_waterfall import WATERFALL_WORDS, WaterfallAuditor
from engine.rendering_admin import money, rate, terms_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.messages import Frame
    from engine.state import State

_WORDS: Final = (b'"liquidation', b'"margin_call"', b'"instrument_', *WATERFALL_WORDS)


class Ladder(NamedTuple):
    """Thresholds and shares by tier; tier 0 is the margin call."""

    thresholds: tuple[Fraction, ...]
    shares: tuple[Fraction, ...]


class ReceiptAuditor:
    """Follows the events from a state on; knows instruments and the ladder as they change."""

    def __init__(self, state: State) -> None:
        self.liquidations = 0
        self.margin_calls = 0
        self._grids: dict[str, Grid] = {}
        for symbol, market in state.markets.items():
            fields = terms_fields(market.instrument.terms)
            self._grids[symbol] = grid_of(msgspec.json.decode(f"{{{fields}}}"))
        ladder = state.ladder
        self._ladder = _ladder(
            {
                "margin_call": rate(ladder.margin_call_ppm),
                "tier1": rate(ladder.tier1_ppm),
                "tier2": rate(ladder.tier2_ppm),
                "tier3": rate(ladder.tier3_ppm),
                "tier1_share": rate(ladder.tier1_share_ppm),
                "tier2_share": rate(ladder.tier2_share_ppm),
            }
        )
        self._waterfall = WaterfallAuditor(
            self._grids, money(state.ledger.insurance), rate(ladder.liquidation_fee_ppm)
        )
        self._last_action: tuple[int, Any, str, int] | None = None
        self._to_be_sold: Event | None = None

    def observe(self, frame: Frame) -> Iterator[str]:
        """Yield what is wrong with the receipts of a frame. Frames come in order."""
        if not any(word in frame.events for word in _WORDS):
            return
        for index, event in enumerate(msgspec.json.decode(frame.events)):
            kind = event["type"]
            for problem in self._sold_outside(event):
                yield f"frame {frame.n} event {index}: {problem}"
            if kind in {"instrument_created", "instrument_updated"}:
                self._grids[event["symbol"]] = grid_of(event)
            elif kind == "liquidation_set":
                self._ladder = _ladder(event)
            elif kind == "margin_call":
                self.margin_calls += 1
                if not _exceeds(event["receipt"], self._ladder.thresholds[0]):
                    yield f"frame {frame.n} event {index}: a margin call below its threshold"
            elif kind == "liquidation":
                self.liquidations += 1
                for problem in self._liquidation(frame.n, event):
                    yield f"frame {frame.n} event {index}: {problem}"
            for problem in self._waterfall.observe(event):
                yield f"frame {frame.n} event {index}: {problem}"

    @property
    def waterfall_actions(self) -> int:
        """How many takeovers, deleveragings and deficits have been looked at."""
        return self._waterfall.actions

    def _liquidation(self, n: int, event: Event) -> Iterator[str]:
        grid, receipt = self._grids[event["symbol"]], event["receipt"]
        position = Fraction(receipt["position"])
        mark = Fraction(receipt["mark_price"])
        tier = event["tier"]
        action = (n, event.get("in"), event["account"], tier)
        # Tier 3 takes one position after the other; the tier was judged before the first.
        is_first = action != self._last_action
        self._last_action = action
        if is_first:
            yield from differs("tier", tier, self._tier(receipt))
        yield from differs("side", event["side"], "sell" if position > 0 else "buy")

        share = self._ladder.shares[tier]
        yield from differs("share", Fraction(receipt["share"]), share)
        lots = max(1, ceil(abs(position) / grid.lot * share))
        yield from differs("quantity", Fraction(event["quantity"]), lots * grid.lot)

        value = position * mark * grid.contract
        own = grid.maintenance(abs(value))
        yield from differs("position_maintenance", Fraction(receipt["position_maintenance"]), own)
        bankrupt = _bankruptcy(receipt, value, own, position * grid.contract, grid.tick)
        yield from differs("bankruptcy_price", Fraction(receipt["bankruptcy_price"]), bankrupt)
        limit = bankrupt
        if grid.is_outside:
            limit = Fraction(receipt["outside_price"])
            self._to_be_sold = event
        elif "collar_price" in receipt:
            better = max if position > 0 else min
            limit = better(bankrupt, Fraction(receipt["collar_price"]))
        yield from differs("limit_price", Fraction(event["limit_price"]), limit)

    def _sold_outside(self, event: Event) -> Iterator[str]:
        """Yield what is wrong with the event after a slice in mode `l1`: its one trade (D5)."""
        slice_, self._to_be_sold = self._to_be_sold, None
        if slice_ is None:
            return
        if event["type"] != "trade" or event["maker"]["account"] != "house":
            yield "a slice that the outside market did not take"
            return
        yield from differs("account", event["taker"]["account"], slice_["account"])
        yield from differs("price", Fraction(event["price"]), Fraction(slice_["limit_price"]))
        yield from differs("sold", Fraction(event["quantity"]), Fraction(slice_["quantity"]))

    def _tier(self, receipt: Event) -> int:
        """Return the highest tier whose threshold maintenance ⁄ equity reaches."""
        equity = Fraction(receipt["equity"])
        maintenance = Fraction(receipt["maintenance_margin"])
        reached = [
            tier
            for tier, threshold in enumerate(self._ladder.thresholds)
            if tier > 0 and (equity <= 0 or maintenance >= threshold * equity)
        ]
        return max(reached, default=0)


def _bankruptcy(
    receipt: Event, value: Fraction, own: Fraction, units: Fraction, tick: Fraction
) -> Fraction:
    """Return the price at which the slice's part of the equity is used up, on a tick (D4)."""
    equity, maintenance = Fraction(receipt["equity"]), Fraction(receipt["maintenance_margin"])
    ticks = (value - equity * own / maintenance) / units / tick
    return max(1, ceil(ticks) if units > 0 else floor(ticks)) * tick


def _exceeds(receipt: Event, threshold: Fraction) -> bool:
    equity, maintenance = Fraction(receipt["equity"]), Fraction(receipt["maintenance_margin"])
    return maintenance > threshold * equity if equity > 0 else maintenance > 0


def _ladder(event: Event) -> Ladder:
    thresholds = ("margin_call", "tier1", "tier2", "tier3")
    shares = (Fraction(0), Fraction(event["tier1_share"]), Fraction(event["tier2_share"]))
    return Ladder(tuple(Fraction(event[name]) for name in thresholds), (*shares, Fraction(1)))
