"""What would happen to an account next, as fields and as sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.decimals import to_text
from engine.foresight import foresee
from engine.grid import Grid
from engine.rendering_admin import rate

if TYPE_CHECKING:
    from engine.foresight import Closing, Foreseen
    from engine.state import State
    from risk.account import Account

MOST_NAMED = 5
"""So many orders are named in a sentence; the fields have all of them."""


def foreseen_view(state: State, account: Account) -> list[dict[str, Any]]:
    """Return the rungs that come next, nearest first, as JSON-ready values.

    `price` is the mark of `symbol` at which the rung is reached while all others stay, `move` that
    way as a share of the present mark, rounded to 6 places; `prices` has it for each symbol. All
    are null where the account stands there already.
    """
    return [_view(state, account, each) for each in foresee(state, account)]


def sentences(name: str, rungs: list[dict[str, Any]]) -> list[str]:
    """Return what `foreseen_view` says, for a person."""
    if not rungs:
        return [f"{name}: no price of one symbol alone brings a margin call or a liquidation."]
    return [_sentence(name, rung) for rung in rungs]


def _sentence(name: str, rung: dict[str, Any]) -> str:
    what = f"liquidation {rung['rung']}" if rung["tier"] else rung["rung"]
    follows = "; ".join(_consequences(rung))
    if rung["price"] is None:
        start = f"{name} is in liquidation. It" if rung["in_liquidation"] else name
        return f"{start} stands at {what}: at the next input, or the review, {follows or 'now'}."
    at = f"{what} at {rung['price']} of {rung['symbol']}, {_percent(rung['move'])} from its mark"
    start = f"{name}: {at} {rung['mark']}, others unchanged."
    return f"{start} {follows}." if follows else start


def _consequences(rung: dict[str, Any]) -> list[str]:
    found = []
    if rung["cancels"]:
        named = ", ".join(rung["cancels"][:MOST_NAMED])
        more = len(rung["cancels"]) - MOST_NAMED
        found.append(f"{named}{f' and {more} more' if more > 0 else ''} would be cancelled first")
    for each in rung["closes"]:
        verb = "sold" if each["side"] == "sell" else "bought back"
        found.append(f"{each['quantity']} {each['symbol']} of {each['of']} would be {verb}")
    if rung["waits_for"]:
        found.append(f"{', '.join(rung['waits_for'])} would wait for an open market, a fresh price")
    return found


def _view(state: State, account: Account, rung: Foreseen) -> dict[str, Any]:
    grids = {symbol: Grid(market.instrument.terms) for symbol, market in state.markets.items()}
    view: dict[str, Any] = {
        "rung": f"tier {rung.tier}" if rung.tier else "margin call",
        "tier": rung.tier,
        "threshold": rate(rung.threshold_ppm),
        "in_liquidation": account.in_liquidation,
        "symbol": rung.symbol or None,
        "price": None,
        "mark": None,
        "move": None,
        "prices": {
            symbol: None if half is None else grids[symbol].half_price_text(half)
            for symbol, half in rung.marks
        },
        "cancels": list(rung.cancels),
        "closes": [_closing(each, grids[each.symbol]) for each in rung.closings],
        "waits_for": list(rung.waits_for),
    }
    if not rung.is_now:
        mark = state.markets[rung.symbol].instrument.mark_half_ticks
        view["price"] = grids[rung.symbol].half_price_text(rung.mark_half)
        view["mark"] = grids[rung.symbol].half_price_text(mark)
        view["move"] = _share(rung.mark_half - mark, mark)
    return view


def _closing(each: Closing, grid: Grid) -> dict[str, str]:
    return {
        "symbol": each.symbol,
        "side": "sell" if each.held_lots > 0 else "buy",
        "quantity": grid.quantity_text(each.lots),
        "of": grid.quantity_text(abs(each.held_lots)),
    }


def _share(part: int, whole: int) -> str:
    """Return part ⁄ whole, its magnitude rounded half up to 6 places."""
    size = (2 * abs(part) * 10**6 + whole) // (2 * whole)
    return to_text(-size if part < 0 else size, 6)


def _percent(share: str) -> str:
    sign = "" if share.startswith("-") else "+"
    return f"{sign}{float(share) * 100:.3f} %"
