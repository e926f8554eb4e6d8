"""The question `what_if` in integers: sizes in ticks and atoms, chances and parts in ppm (C4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.conversion_admin import Defect, atoms_from_text, rate_ppm
from engine.conversion_orders import price_ticks
from engine.limits import MAX_RATE, PPM
from matching.messages import AmendOrder, CancelAll, CancelOrder, PlaceOrder
from matching.terms import Refusal
from risk.foretold.messages import DryRun, SizingTerms, WhatIf
from risk.messages import Rejected, SetLiquidation, UpdateInstrument
from risk.terms import SetRisk

if TYPE_CHECKING:
    from engine.grid import Grid
    from engine.messages import Command
    from engine.wire import SizingWire, WhatIfWire
    from engine.wire_admin import SetLiquidationWire, SetRiskWire, UpdateInstrumentWire

_NEEDS: Final = {
    "kelly": ("p", "b"),
    "fixed_fractional": ("pct",),
    "risk_parity": ("pct", "sigma"),
    "fixed_amount": ("amount",),
}
_MAY_HAVE: Final = {"kelly": ("pct",)}
_MOST_PPM: Final = {"pct": PPM, "p": PPM, "b": MAX_RATE * PPM, "sigma": MAX_RATE * PPM}


def what_if(c: WhatIfWire, command: Command, symbol: str, grid: Grid | None) -> WhatIf | Rejected:
    """Return the question; a sizing that says too little or too much refuses all of it."""
    assert isinstance(command, PlaceOrder | AmendOrder | CancelOrder | CancelAll)
    question = WhatIf(command, symbol)
    if c.sizing is None or grid is None:
        return question  # of an unknown instrument nothing can be sized, and it is refused anyway
    try:
        question.sizing = _sizing(c.sizing, grid)
    except Defect as defect:
        return Rejected(defect.code, symbol, command.account, path=defect.path)
    return question


def as_meant(
    c: SetRiskWire | SetLiquidationWire | UpdateInstrumentWire,
    command: SetRisk | SetLiquidation | UpdateInstrument | Rejected,
) -> Command:
    """Return the command, or where it is a dry run the question what it would set off."""
    return DryRun(command) if c.dry_run and not isinstance(command, Rejected) else command


def _sizing(c: SizingWire, grid: Grid) -> SizingTerms:
    """Return how to size. Raises Defect."""
    needed = _NEEDS[c.method]
    given = {name: getattr(c, name) for name in ("pct", "p", "b", "sigma", "amount")}
    for name, value in given.items():
        if name in needed and value is None:
            raise Defect(Refusal.MISSING_FIELD, f"$.sizing.{name}")
        if name not in (*needed, *_MAY_HAVE.get(c.method, ())) and value is not None:
            raise Defect(Refusal.NOT_SUPPORTED, f"$.sizing.{name}")
    terms = SizingTerms(c.method)
    if c.equity is not None:
        terms.equity_atoms = atoms_from_text(c.equity, "$.sizing.equity")
    if given["amount"] is not None:
        terms.amount_atoms = atoms_from_text(given["amount"], "$.sizing.amount")
    if c.entry is not None:
        terms.entry_ticks = price_ticks(grid, c.entry, "$.sizing.entry")
    if c.stop is not None:
        terms.stop_ticks = price_ticks(grid, c.stop, "$.sizing.stop")
    for name, most in _MOST_PPM.items():
        if given[name] is not None:
            path = f"$.sizing.{name}"
            ppm = rate_ppm(given[name], path)
            if not (0 if name == "p" else 1) <= ppm <= most:
                raise Defect(Refusal.OUT_OF_RANGE, path)
            setattr(terms, f"{name}_ppm", ppm)
    return terms
