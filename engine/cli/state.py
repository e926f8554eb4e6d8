"""`pitboss state`: accounts, positions with tier prices, open orders and books, as they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.markup import escape
from rich.table import Table

from engine import views
from engine.breaker_views import market_breakers
from engine.cli.breaker_rows import BREAKER_COLUMNS, breaker_rows, held_text
from engine.cli.failure import CommandError
from engine.cli.foreseen import foreseen_view, sentences
from engine.config_errors import suggestion
from engine.exits import BAD_USAGE
from feeds.memory import level_of, memory_sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.cli.replica import Replica
    from engine.state import State

_LEVELS: Final = 5
_NONE: Final = "–"


def state_view(
    replica: Replica, shard: str, account: str | None = None, symbol: str | None = None
) -> dict[str, Any]:
    """Return the state at the replica's frame as JSON-ready values, narrowed down where asked.

    Of one account also what would happen to it next.
    Raises CommandError for an account or a symbol that there is not.
    """
    state = replica.kernel.state
    _check_known("account", account, state.accounts)
    _check_known("symbol", symbol, state.markets)
    positions, orders = views.positions(state), views.open_orders(state)
    if symbol is not None:
        positions = _holding(positions, symbol)
        orders = {
            name: ours
            for name, each in orders.items()
            if (ours := [order for order in each if order["symbol"] == symbol])
        }
    view = {
        "shard": shard,
        "frame": replica.n,
        "time_us": state.now_us,
        "markets": _only(views.markets(state), symbol),
        "market_breakers": market_breakers(state),
        "books": _only(views.books(state), symbol),
        "accounts": _only(_concerned(state, symbol, positions, orders), account),
        "positions": _only(positions, account),
        "open_orders": _only(orders, account),
        "switches": views.switches(state, account, symbol),
        "heartbeats": _only(views.heartbeats(state), account),
        "totals": views.totals(state),
        "memory_percent": replica.memory_percent,
        "looks": {"accounts": replica.kernel.looks, "moves": replica.kernel.moves},
    }
    if account is not None:
        view["next"] = {account: foreseen_view(state, state.accounts[account])}
    return view


def state_sentences(view: dict[str, Any]) -> list[str]:
    """Return what would happen next to the account that was asked for, and what fills up."""
    percent = view["memory_percent"]
    full = [memory_sentence(percent)] if level_of(percent) else []
    next_ones = view.get("next", {}).items()
    return [*(said for name, rungs in next_ones for said in sentences(name, rungs)), *full]


def state_tables(view: dict[str, Any]) -> Iterator[Table]:
    """Yield the tables: markets, breakers, accounts, what is stopped, orders, books, totals."""
    yield _table(
        f"markets of {view['shard']} at frame {view['frame']}",
        ("symbol", "state", "bid", "ask", "last", "mark", "source"),
        (
            (name, _market_state(m), m["bid"], m["ask"], m["last"], m["mark"], _source(m))
            for name, m in view["markets"].items()
        ),
    )
    breakers = list(breaker_rows(view))
    if breakers:
        yield _table("circuit breakers", BREAKER_COLUMNS, breakers)
    yield _table(
        "accounts",
        (
            "account",
            "balance",
            "equity",
            "initial",
            "maintenance",
            "free",
            "ratio",
            "fees",
            "status",
        ),
        (
            (
                name,
                a["balance"],
                a["equity"],
                a["initial_margin"],
                a["maintenance_margin"],
                a["free_margin"],
                a["margin_ratio"],
                a["fee_tier"] or "",
                "in liquidation" if a["in_liquidation"] else a["status"],
            )
            for name, a in view["accounts"].items()
        ),
    )
    yield from _stopped(view)
    if view["positions"]:
        yield _positions(view["positions"])
    if view["open_orders"]:
        yield _open_orders(view["open_orders"])
    for symbol, book in view["books"].items():
        if book["bids"] or book["asks"]:
            yield _book(symbol, book)
    yield _table(
        "margins looked at since the newest snapshot, and how often marks had moved",
        tuple(view["looks"]),
        [tuple(view["looks"].values())],
    )
    yield _table("totals", tuple(view["totals"]), [tuple(view["totals"].values())])


def _open_orders(by_account: dict[str, Any]) -> Table:
    return _table(
        "open orders",
        ("account", *(column.replace("_", " ") for column in _ORDER_COLUMNS)),
        (
            (name, *(o.get(key) for key in _ORDER_COLUMNS))
            for name, orders in by_account.items()
            for o in orders
        ),
    )


def _stopped(view: dict[str, Any]) -> Iterator[Table]:
    """Yield what is stopped, and who is listened for; nothing where there is nothing."""
    switches, heartbeats = view["switches"], view["heartbeats"]
    if switches:
        rows = (tuple(map(_printable, switch.values())) for switch in switches)
        yield _table("kill switches", tuple(switches[0]), rows)
    if heartbeats:
        times = ((name, each["expires_at"]) for name, each in heartbeats.items())
        yield _table("heartbeats", ("account", "expires at"), times)


_ORDER_COLUMNS: Final = (
    *("client_order_id", "symbol", "side", "order_type", "price", "trigger_price"),
    *("quantity", "leaves", "oco_group"),
)


def _positions(positions: dict[str, Any]) -> Table:
    thresholds = next(iter(next(iter(positions.values())).values()))["tier_prices"]
    tiers = [f"at {threshold}" for threshold in thresholds]
    columns = (
        "account",
        "symbol",
        "quantity",
        "avg price",
        "cost",
        "unrealized",
        *tiers,
        "bankrupt at",
        "adl",
    )
    return _table(
        "positions, and the prices at which their account's ratio reaches each threshold",
        columns,
        (
            (
                name,
                symbol,
                p["quantity"],
                p["avg_price"],
                p["cost"],
                p["unrealized_pnl"],
                *p["tier_prices"].values(),
                p["bankruptcy_price"],
                p["adl_quintile"],
            )
            for name, held in positions.items()
            for symbol, p in held.items()
        ),
    )


def _book(symbol: str, book: dict[str, Any]) -> Table:
    """Show the best levels of a book, bids beside asks."""
    bids, asks = book["bids"], book["asks"]
    rows: list[tuple[Any, ...]] = []
    for rank in range(min(_LEVELS, max(len(bids), len(asks)))):
        bid = bids[rank] if rank < len(bids) else ("", "", "")
        ask = asks[rank] if rank < len(asks) else ("", "", "")
        rows.append((bid[2], bid[1], bid[0], ask[0], ask[1], ask[2]))
    deeper = max(len(bids), len(asks)) - _LEVELS
    title = f"{symbol}{f', and {deeper} levels more' if deeper > 0 else ''}"
    return _table(title, ("orders", "quantity", "bid", "ask", "quantity", "orders"), rows)


def _table(title: str, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> Table:
    """Make a table; what is a number goes to the right."""
    found = [tuple(_NONE if cell is None else str(cell) for cell in row) for row in rows]
    table = Table(title=title, title_justify="left", title_style="bold")
    for place, column in enumerate(columns):
        cells = [row[place] for row in found]
        is_number = all(cell[:1] in "-0123456789–" for cell in cells)
        table.add_column(column, justify="right" if is_number else "left", overflow="fold")
    for row in found:
        table.add_row(*row)
    return table


def _printable(text: str) -> str:
    """Return free text as a terminal may show it: neither control characters nor markup."""
    return escape("".join(letter if letter.isprintable() else "·" for letter in text))


def _market_state(market: dict[str, Any]) -> str:
    """Return a market's state and, of an auction, what it would trade if it ended now.

    And how long a breaker holds it, if one does.
    """
    found = market.get("auction")
    at = f", {found['quantity']}@{found['price']}" if found else ""
    return f"{market['state']}{held_text(market)}{at}"


def _source(market: dict[str, Any]) -> str:
    return f"{market['mark_source']}{', stale' if market['stale'] else ''}"


def _concerned(
    state: State, symbol: str | None, positions: dict[str, Any], orders: dict[str, Any]
) -> dict[str, Any]:
    """Return the accounts; for a symbol, those that hold it or have orders on it."""
    accounts = views.accounts(state)
    if symbol is None:
        return accounts
    return {name: each for name, each in accounts.items() if name in positions or name in orders}


def _holding(positions: dict[str, Any], symbol: str) -> dict[str, Any]:
    return {name: {symbol: held[symbol]} for name, held in positions.items() if symbol in held}


def _only(found: dict[str, Any], name: str | None) -> dict[str, Any]:
    return found if name is None else {key: each for key, each in found.items() if key == name}


def _check_known(what: str, name: str | None, known: Iterable[str]) -> None:
    if name is not None and name not in known:
        raise CommandError(f"there is no {what} {name}{suggestion(name, known)}", BAD_USAGE)
