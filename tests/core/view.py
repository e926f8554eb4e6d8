"""How things stand in a kernel: the one page of the tests that knows where it keeps what."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from engine.kernel import Kernel
from engine.limits import NEVER_US
from matching.brackets import Bracket
from matching.order import Conditions, Order
from matching.stops import Trigger
from risk.fees import volume_atoms
from risk.ledger import Ledger
from risk.margin import Standing
from risk.tiers import tier_price_ticks

ATOM = Decimal(10) ** -8


def text(value: Decimal) -> str:
    """Return a decimal in its shortest form, without an exponent."""
    plain = f"{value:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def money(atoms: int) -> str:
    """Return an amount in atoms as the protocol writes it."""
    return text(atoms * ATOM)


def cents(price: str) -> int:
    """Return a price in hundredths."""
    return int(Decimal(price) * 100)


def from_cents(price: int) -> str:
    """Return a price given in hundredths."""
    return text(Decimal(price) / 100)


def accounts(kernel: Kernel) -> Iterable[str]:
    """Return the ids of all accounts."""
    return kernel.state.accounts


def symbols(kernel: Kernel) -> Iterable[str]:
    """Return all symbols."""
    return kernel.state.markets


def queue(kernel: Kernel, symbol: str, side: int) -> Iterator[Order]:
    """Yield the resting orders of one side, best price and first come first."""
    book = kernel.state.markets[symbol].book
    for level in book.bids if side > 0 else book.asks:
        yield from level


def shown(order: Order) -> int:
    """Return what everybody sees of a resting order, in lots (A4)."""
    conditions = order.conditions
    is_iceberg = conditions is not None and conditions.display_lots
    return conditions.shown_lots if conditions and is_iceberg else order.leaves_lots


def line(account: str, price: str, leaves: Decimal, shows: Decimal) -> str:
    """Return a resting order as `account leaves@price`, and what it shows if it hides some."""
    hides = f" shows {text(shows)}" if shows < leaves else ""
    return f"{account} {text(leaves)}@{price}{hides}"


def book_lines(kernel: Kernel, symbol: str) -> dict[str, list[str]]:
    """Return every resting order as `line` writes it."""
    terms = kernel.state.markets[symbol].instrument.terms
    tick = Decimal(terms.tick_units).scaleb(-terms.price_decimals)
    lot = Decimal(terms.lot_units).scaleb(-terms.quantity_decimals)
    return {
        name: [
            line(o.account_id, text(o.price_ticks * tick), o.leaves_lots * lot, shown(o) * lot)
            for o in queue(kernel, symbol, side)
        ]
        for name, side in (("bids", 1), ("asks", -1))
    }


def armed_line(name: str, side: int, leaves: Decimal, trigger: Decimal) -> str:
    """Return an armed order as `order side leaves trigger`; 0 waits to become active."""
    return f"{name} {'buy' if side > 0 else 'sell'} {text(leaves)} {text(trigger)}"


def armed_lines(kernel: Kernel, symbol: str) -> list[str]:
    """Return the armed orders of a symbol as `armed_line` writes them, first armed first."""
    market = kernel.state.markets[symbol]
    terms = market.instrument.terms
    tick = Decimal(terms.tick_units).scaleb(-terms.price_decimals)
    lot = Decimal(terms.lot_units).scaleb(-terms.quantity_decimals)
    return [
        armed_line(o.client_order_id, o.side, o.leaves_lots * lot, _trigger(o).price_ticks * tick)
        for o in sorted(market.stops, key=lambda order: _trigger(order).sequence)
    ]


def balance(kernel: Kernel, account: str) -> str:
    """Return an account's cash."""
    return money(kernel.state.accounts[account].balance_atoms)


def position(kernel: Kernel, account: str, symbol: str) -> str:
    """Return an account's signed quantity."""
    found = kernel.state.accounts[account].positions.get(symbol)
    if found is None:
        return "0"
    terms = found.instrument.terms
    return text(Decimal(found.lots * terms.lot_units).scaleb(-terms.quantity_decimals))


def cost(kernel: Kernel, account: str, symbol: str) -> str:
    """Return the signed cost of an account's position."""
    found = kernel.state.accounts[account].positions.get(symbol)
    return "0" if found is None else money(found.cost_atoms)


def margin(kernel: Kernel, account: str) -> dict[str, str]:
    """Return how an account stands, in money."""
    standing = Standing(kernel.state.accounts[account])
    return {
        name: money(getattr(standing, name))
        for name in ("equity", "maintenance", "initial", "fee_hold", "free")
    }


def remember_at_most(kernel: Kernel, ids: int) -> None:
    """Make the window of client order ids small enough to overflow in a test."""
    kernel.state.ids.size = ids


def everything(kernel: Kernel) -> dict[str, Any]:
    """Return books in queue order, accounts, holds and positions, as plain values.

    It is what the oracle's `everything` returns, so that the two can be compared.
    """
    state = kernel.state
    return {
        "books": {
            symbol: [
                [_order(o) for side in (1, -1) for o in queue(kernel, symbol, side)],
                _prices(market.instrument, state.now_us),
                [_armed(o) for o in sorted(market.stops, key=lambda o: _trigger(o).sequence)],
            ]
            for symbol, market in state.markets.items()
        },
        "accounts": {
            name: _account(account, list(state.live[name]), state.now_us)
            for name, account in state.accounts.items()
        },
        "groups": {
            key: (group.rule.value, group.is_spent)
            for key, group in state.groups.items()
            if state.remembers(group)
        },
        "brackets": {
            (bracket.account_id, bracket.client_order_id): _bracket(bracket)
            for bracket in state.brackets.values()
            if not bracket.is_over
        },
        "breakers": {symbol: _breakers(kernel, symbol) for symbol in state.markets},
        "index": {"tripped": state.index.tripped, "weights": state.index.weights},
        "venue": {"insurance": state.ledger.insurance, "deficits": state.ledger.deficits},
        "timer": {"next": kernel.next_deadline_us()},
        "totals": _totals(state.ledger),
    }


def tier_prices(kernel: Kernel) -> dict[str, list[int | None]]:
    """Return where the tiers of each position lie, by `account symbol`, in ticks (D3)."""
    ladder = kernel.state.ladder
    steps = (ladder.tier1_ppm, ladder.tier2_ppm, ladder.tier3_ppm, 10**6)
    return {
        f"{name} {symbol}": [tier_price_ticks(position, step) for step in steps]
        for name, account in kernel.state.accounts.items()
        for symbol, position in account.positions.items()
        if position.lots
    }


def _totals(ledger: Ledger) -> dict[str, int]:
    return {
        "paid_in": ledger.deposits - ledger.withdrawals,
        "balances": ledger.balances,
        "open_cost": ledger.open_cost,
        "fees": ledger.fees,
        "residue": ledger.residue,
    }


def _order(order: Order) -> tuple[Any, ...]:
    named = (order.account_id, order.client_order_id, order.order_id)
    size = (order.price_ticks, order.quantity_lots, order.leaves_lots, shown(order))
    c = order.conditions
    return (*named, *size, *((0, 0, False, False, "", "") if c is None else _carried(c)))


def _carried(c: Conditions) -> tuple[Any, ...]:
    group = "" if c.group is None else c.group.name
    bracket = "" if c.bracket is None else c.bracket.client_order_id
    return (c.display_lots, c.expires_us, c.post_only, c.reduce_only, group, bracket)


def _bracket(bracket: Bracket) -> tuple[Any, ...]:
    entry = (bracket.quantity_lots, bracket.entry_filled)
    filled = [child.filled_lots for child in bracket.children()]
    return (bracket.rule.value, bracket.is_hit, *entry, filled)


def _prices(instrument: Any, now_us: int) -> tuple[Any, ...]:
    prices = (instrument.mark_half_ticks, instrument.last_ticks)
    sides = (instrument.bid_ticks, instrument.ask_ticks)
    return (instrument.state.value, *prices, *sides, instrument.price_bounds(now_us))


def _breakers(kernel: Kernel, symbol: str) -> tuple[Any, ...]:
    watch = kernel.state.markets[symbol].instrument.watch
    end_us = kernel.state.holds.ends_us.get(symbol, 0)
    known = None
    if watch is not None and watch.has_reference:
        known = (watch.numerator, watch.denominator)
    return known, watch.tripped if watch is not None else 0, None if end_us == NEVER_US else end_us


def _trigger(order: Order) -> Trigger:
    assert order.conditions is not None
    assert order.conditions.trigger is not None
    return order.conditions.trigger


def _armed(order: Order) -> tuple[Any, ...]:
    t, c = _trigger(order), order.conditions
    assert c is not None
    named = (order.account_id, order.client_order_id, order.order_id, order.side)
    wakes = (t.by.value, t.direction, t.price_ticks, t.sequence)
    moves = (t.offset_ticks, t.bps, t.step_ticks, t.activation_ticks, t.watermark_half)
    return (*named, order.price_ticks, order.quantity_lots, *_carried(c), *wakes, *moves)


def _losses(account: Any) -> object:
    losses = None if account.guard is None else account.guard.losses
    if losses is None:
        return None
    windows = [(w.start, w.paid_in, w.is_paused) for w in losses.windows.values()]
    return windows, losses.streak, losses.streak_paused


def _account(account: Any, live: list[str], now_us: int) -> tuple[Any, ...]:
    standing = Standing(account)
    return (
        account.balance_atoms,
        standing.equity,
        standing.maintenance,
        standing.initial,
        standing.fee_hold,
        standing.free,
        account.in_liquidation,
        _losses(account),
        (account.fee_tier, volume_atoms(account, now_us)),
        live,
        {
            s: (p.lots, p.cost_atoms, p.opened_by, p.tries, p.tried_since_us)
            for s, p in account.positions.items()
            if p.lots != 0
        },
    )
