"""Recompute what became of lots that nobody bought, and follow the insurance fund (D6-D8)."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from engine.cli.receipt_arithmetic import ATOM, differs, up_to_atom

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.cli.receipt_arithmetic import Event, Grid

WATERFALL_WORDS: Final = (b'"takeover"', b'"deleveraged"', b'"deficit"', b'"insurance')


class _Slice:
    """The slice that is being sold: what the events after its `liquidation` say of it."""

    def __init__(self, event: Event) -> None:
        self.account = event["account"]
        self.symbol = event["symbol"]
        self.side = event["side"]
        self.bankrupt = Fraction(event["receipt"]["bankruptcy_price"])
        self.left = Fraction(event["quantity"])
        self.notional = Fraction(0)
        self.surplus = Fraction(0)
        self.ranks = (0, 0)
        self.score = Fraction(0)

    def sold(self, trade: Event) -> None:
        """Take off what a trade of the liquidation's own order has closed."""
        taker = trade["taker"]
        if taker["account"] == self.account and taker["client_order_id"].startswith("liq-"):
            price, quantity = Fraction(trade["price"]), Fraction(trade["quantity"])
            better = price - self.bankrupt if self.side == "sell" else self.bankrupt - price
            self.left -= quantity
            self.notional += price * quantity
            self.surplus += max(Fraction(0), better) * quantity


class WaterfallAuditor:
    """Follows fund and slices from a state on. Shares no code with the engine."""

    def __init__(self, grids: Mapping[str, Grid], insurance: str, fee_rate: str) -> None:
        self.actions = 0
        self._grids = grids
        self._fund = Fraction(insurance)
        self._fee_rate = Fraction(fee_rate)
        self._slice: _Slice | None = None

    def observe(self, event: Event) -> Iterator[str]:
        """Yield what is wrong with an event. Events come in order."""
        kind, slice_ = event["type"], self._slice
        if kind == "liquidation_set":
            self._fee_rate = Fraction(event["liquidation_fee"])
        elif kind == "liquidation":
            self._slice = _Slice(event)
        elif kind == "trade" and slice_ is not None:
            slice_.sold(event)
        elif kind == "insurance_funded":
            self._fund += Fraction(event["amount"])
            yield from differs("insurance", Fraction(event["insurance"]), self._fund)
        elif kind == "balance_changed":
            yield from self._moved(event)
        elif kind == "deficit":
            self.actions += 1
            yield from self._deficit(event)
        elif kind in {"takeover", "deleveraged"}:
            self.actions += 1
            if slice_ is None or (slice_.account, slice_.symbol) != (
                event["account"],
                event["symbol"],
            ):
                yield f"a {kind} without its liquidation"
                return
            yield from differs("price", Fraction(event["price"]), slice_.bankrupt)
            if kind == "takeover":
                yield from self._takeover(event, slice_)
            else:
                yield from self._deleveraged(event, slice_)

    def _moved(self, event: Event) -> Iterator[str]:
        """Follow what a balance pays into the fund, or is paid out of it."""
        paid = -Fraction(event["delta"])
        if event["cause"] == "insurance":
            self._fund = max(Fraction(0), self._fund + paid)
        elif event["cause"] == "liquidation_fee":
            self._fund += paid
            slice_ = self._slice
            if slice_ is None or slice_.account != event["account"]:
                yield "a fee without its liquidation"
                return
            contract = self._grids[slice_.symbol].contract
            fee = up_to_atom(slice_.notional * contract * self._fee_rate)
            yield from differs("liquidation_fee", paid, min(fee, slice_.surplus * contract))

    def _worst_case(self, slice_: _Slice, mark: Fraction) -> Fraction:
        grid = self._grids[slice_.symbol]
        adverse = mark * (1 - grid.collar if slice_.side == "sell" else 1 + grid.collar)
        return up_to_atom(slice_.left * grid.contract * abs(slice_.bankrupt - adverse))

    def _bearable(self, receipt: Event) -> Fraction:
        """Return what of the fund is not needed yet for what the backstop stands to lose."""
        return self._fund + min(Fraction(0), Fraction(receipt["backstop_unrealized"]))

    def _takeover(self, event: Event, slice_: _Slice) -> Iterator[str]:
        receipt = event["receipt"]
        worst = self._worst_case(slice_, Fraction(receipt["mark_price"]))
        yield from differs("side", event["side"], slice_.side)
        yield from differs("quantity", Fraction(event["quantity"]), slice_.left)
        yield from differs("worst_case", Fraction(receipt["worst_case"]), worst)
        yield from differs("insurance", Fraction(receipt["insurance"]), self._fund)
        if worst > self._bearable(receipt):
            yield "the backstop took over what the fund cannot bear"

    def _deleveraged(self, event: Event, slice_: _Slice) -> Iterator[str]:
        receipt, quantity = event["receipt"], Fraction(event["quantity"])
        names = ("unrealized", "cost", "notional", "equity")
        unrealized, cost, notional, equity = (Fraction(receipt[name]) for name in names)
        is_long = event["side"] == "sell"
        yield from differs("side", event["side"], "buy" if slice_.side == "sell" else "sell")
        gain = notional - cost if is_long else cost - notional
        yield from differs("unrealized", unrealized, gain)
        if equity <= 0:
            yield "a victim without equity"
            return
        is_first = slice_.ranks == (0, 0)
        if is_first:
            # Nothing has been taken of it yet, so its notional tells the mark that was used.
            held = abs(
                Fraction(event["counter_after"]["position"]) + (quantity if is_long else -quantity)
            )
            mark = notional / (held * self._grids[slice_.symbol].contract)
            if self._worst_case(slice_, mark) <= self._bearable(receipt):
                yield "deleveraged although the fund could bear a takeover"
        profit, leverage = unrealized / cost, notional / equity
        score = profit * leverage if profit >= 0 else profit / leverage
        place = (event["round"], event["rank"])
        if not is_first and place <= slice_.ranks:
            yield f"round {place[0]} rank {place[1]} comes after rank {slice_.ranks[1]}"
        if place[0] == slice_.ranks[0] and score > slice_.score:
            yield f"rank {place[1]} scores above the one before it"
        slice_.ranks, slice_.score = place, score
        slice_.left -= quantity
        if slice_.left < 0:
            yield "more was deleveraged than the slice had left"

    def _deficit(self, event: Event) -> Iterator[str]:
        amount, receipt = Fraction(event["amount"]), event["receipt"]
        paid = min(self._fund, amount)
        yield from differs("insurance", Fraction(receipt["insurance"]), self._fund)
        yield from differs("balance", -Fraction(receipt["balance"]), amount)
        yield from differs("from_insurance", Fraction(event["from_insurance"]), paid)
        yield from differs("from_deficit", Fraction(event["from_deficit"]), amount - paid)
        if amount < ATOM:
            yield "a deficit of nothing"
        self._fund -= paid
