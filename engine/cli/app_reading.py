"""The commands that read what a running daemon has done: tail, state, report, verify."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from engine.cli.ending import INTERRUPTED, ends_with_code, in_loop
from engine.cli.execution_report import execution_report, execution_table, since_of
from engine.cli.margin_report import margin_report, margin_table
from engine.cli.options import (
    AccountOption,
    ConfigOption,
    JsonOption,
    StateDirOption,
    SymbolOption,
    print_json,
    wide_console,
)
from engine.cli.places import Place
from engine.cli.replica import replica
from engine.cli.state import state_sentences, state_tables, state_view
from engine.cli.tail import TailOptions
from engine.cli.tail import tail as print_events
from engine.cli.verify import verify as verify_all
from engine.exits import DONE

reading = typer.Typer()
report = typer.Typer(help="Reports over every account.", no_args_is_help=True)


@reading.command()
@ends_with_code
def tail(
    start: Annotated[
        int | None,
        typer.Option("--from", metavar="N", help="First frame; negative counts from the top."),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what happens, until Ctrl-C.")
    ] = False,
    account: AccountOption = None,
    kind: Annotated[
        str | None, typer.Option("--type", metavar="T", help="Only events of this type.")
    ] = None,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines, as always.")] = False,  # noqa: ARG001
) -> int:
    """Print the journal's events, one JSON object a line."""
    place = Place.find(config, state_dir)
    options = TailOptions(start, follow, account, kind)
    try:
        in_loop(print_events(options, place.connections(), place.shard, sys.stdout, place.reopen))
    except KeyboardInterrupt:
        return DONE if follow else INTERRUPTED
    return DONE


@reading.command()
@ends_with_code
def state(
    account: AccountOption = None,
    symbol: SymbolOption = None,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show accounts, positions with tier prices, orders, books; of one account what comes next."""
    place = Place.find(config, state_dir)
    found = in_loop(replica(place.connections(), place.shard))
    view = state_view(found, place.shard, account, symbol)
    if as_json:
        print_json(view)
        return
    console = wide_console()
    for table in state_tables(view):
        console.print(table)
    for sentence in state_sentences(view):
        typer.echo(sentence)


@report.command()
@ends_with_code
def margin(
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Every account's margin ratio, nearest to liquidation first."""
    place = Place.find(config, state_dir)
    found = in_loop(replica(place.connections(), place.shard))
    rows = margin_report(found.kernel.state)
    if as_json:
        print_json({"shard": place.shard, "frame": found.n, "accounts": rows})
    else:
        wide_console().print(margin_table(rows))


@report.command()
@ends_with_code
def executions(
    account: AccountOption = None,
    symbol: SymbolOption = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="T", help="2026-11-20T09:30 (UTC), or 90m, 24h, 7d ago."),
    ] = None,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what taking cost: slippage by account, symbol, kind and side."""
    place = Place.find(config, state_dir)
    start = None if since is None else since_of(since, datetime.now(UTC))
    connections = place.connections()
    found = in_loop(execution_report(connections, place.shard, account, symbol, start))
    if as_json:
        print_json(found)
    else:
        wide_console().print(execution_table(found))


@reading.command()
@ends_with_code
def verify(
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    as_json: JsonOption = False,
) -> int:
    """Replay the journal; compare events, money, receipts, Postgres.

    One line a check. Exits 0 where everything agrees, 1 where something differs, 65 where data are
    damaged. Only reads, and may run beside the daemon.
    """
    place = Place.find(config, state_dir)
    result = in_loop(verify_all(place.connections(), place.shard, Console(stderr=True)))
    if as_json:
        print_json(result.as_dict())
    else:
        for check in result.checks:
            typer.echo(check.line())
    return result.exit_code


reading.add_typer(report, name="report")
