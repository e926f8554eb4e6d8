"""What the demonstration shows: a live terminal view, or a plain line where there is none."""

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from engine.cli.market_view import BookView, MarketView

DEPTH = 10
_SHOWN_ACCOUNTS = 9


@dataclass(frozen=True, slots=True)
class Pulse:
    """The figures of this moment."""

    seconds: float
    counts: Counter[str]
    """What happened since this run began."""
    orders_per_second: float
    trades_per_second: float
    p50_ms: float
    p99_ms: float
    writer_lag: int | None
    """Frames that Postgres has yet to receive; None where it does not answer."""

    @property
    def lag(self) -> str:
        """Return the writer's lag in words."""
        return "away" if self.writer_lag is None else f"{self.writer_lag} frames"


def plain_line(view: MarketView, pulse: Pulse) -> str:
    """Return the state of the market in one line."""
    touches = " ".join(
        f"{symbol} {_touch(book)}" for symbol, book in sorted(view.books.items()) if book.orders
    )
    counts = pulse.counts
    return (
        f"{pulse.seconds:6.1f}s frame {view.frame} | orders {counts['orders']} "
        f"({pulse.orders_per_second:.0f}/s) trades {counts['trades']} "
        f"rejected {counts['rejected']} liquidations {counts['liquidations']} | "
        f"{touches or 'no orders yet'} | latency p50 {pulse.p50_ms:.1f} ms "
        f"p99 {pulse.p99_ms:.1f} ms | writer lag {pulse.lag}"
    )


def screen(view: MarketView, pulse: Pulse) -> RenderableType:
    """Return the whole view: figures, books, trades, accounts."""
    books = Table.grid(padding=(0, 1))
    busiest = sorted(view.books.items(), key=lambda item: -len(item[1].orders))[:2]
    panels = [_ladder(symbol, book) for symbol, book in sorted(busiest)]
    books.add_row(*panels, _trades(view))
    return Group(_headline(view, pulse), books, _accounts(view), Text("Ctrl-C ends", style="dim"))


def _headline(view: MarketView, pulse: Pulse) -> RenderableType:
    counts = pulse.counts
    figures = Table.grid(padding=(0, 3))
    figures.add_row(
        f"[bold]pitboss[/]  {pulse.seconds:.0f} s",
        f"frame [bold]{view.frame}[/]",
        f"orders [bold]{counts['orders']}[/] ({pulse.orders_per_second:.0f}/s)",
        f"trades [bold]{counts['trades']}[/] ({pulse.trades_per_second:.0f}/s)",
        f"rejected {counts['rejected']}",
        f"p50 {pulse.p50_ms:.1f} ms  p99 {pulse.p99_ms:.1f} ms",
        f"writer lag {pulse.lag}",
    )
    return figures


def _ladder(symbol: str, book: BookView) -> Panel:
    table = Table.grid(padding=(0, 2))
    for _ in range(3):
        table.add_column(justify="right")
    asks, bids = book.levels("sell", DEPTH), book.levels("buy", DEPTH)
    for _ in range(DEPTH - len(asks)):
        table.add_row("", "", "")
    for price, quantity, count in reversed(asks):
        table.add_row(f"{quantity:f}", f"[red]{price:f}[/]", str(count))
    table.add_row("", f"[dim]{book.last or '—'}[/]", "")
    for price, quantity, count in bids:
        table.add_row(f"{quantity:f}", f"[green]{price:f}[/]", str(count))
    for _ in range(DEPTH - len(bids)):
        table.add_row("", "", "")
    return Panel(table, title=f"{symbol}  {book.bid} / {book.ask}")


def _trades(view: MarketView) -> RenderableType:
    trades = Table.grid(padding=(0, 1))
    for trade in reversed(view.last_trades):
        colour = "green" if trade["aggressor_side"] == "buy" else "red"
        trades.add_row(
            trade["symbol"],
            f"[{colour}]{trade['price']}[/]",
            trade["quantity"],
            f"{trade['taker']['account']} < {trade['maker']['account']}",
        )
    liquidations = Table.grid(padding=(0, 1))
    for event in reversed(view.last_liquidations):
        what = f"{event['side']} {event['quantity']} {event['symbol']}"
        liquidations.add_row(f"tier {event['tier']}", event["account"], what)
    return Group(
        Panel(trades, title="last trades"),
        Panel(liquidations, title="liquidations"),
    )


def _accounts(view: MarketView) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(min_width=18)
    table.add_column(justify="right", min_width=16)
    table.add_column(justify="right", min_width=16)
    for name in _shown(view):
        account = view.accounts[name]
        equity = view.equity(account)
        positions = "  ".join(
            f"{symbol} {position.quantity:+f}"
            for symbol, position in account.positions.items()
            if position.quantity
        )
        closed = f"  liquidated {account.liquidations} times" if account.liquidations else ""
        table.add_row(
            name,
            f"{account.balance:,.2f}",
            "—" if equity is None else f"{equity:,.2f}",
            (positions or "flat") + closed,
        )
    return Panel(table, title="accounts: balance, equity, positions")


def _shown(view: MarketView) -> list[str]:
    """Choose whom to show: those who were liquidated first, then the smallest balances."""
    return sorted(
        view.accounts,
        key=lambda name: (-view.accounts[name].liquidations, view.accounts[name].balance, name),
    )[:_SHOWN_ACCOUNTS]


def _touch(book: BookView) -> str:
    bids, asks = book.levels("buy", 1), book.levels("sell", 1)
    return f"{_price(bids)}/{_price(asks)}"


def _price(levels: list[tuple[Decimal, Decimal, int]]) -> str:
    return f"{levels[0][0]:f}" if levels else "—"
