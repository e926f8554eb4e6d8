"""The commands of whoever keeps a daemon running: snapshot, check-config, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.check_config import Trial
from engine.cli.doctor import examine
from engine.cli.ending import ends_with_code, in_loop
from engine.cli.options import (
    ConfigOption,
    JsonOption,
    StateDirOption,
    print_json,
    wide_console,
)
from engine.cli.places import Place
from engine.cli.snapshots import list_snapshots, snapshot_table, take_snapshot
from engine.config import load
from engine.exits import BAD_CONFIGURATION, DIFFERENCE, DONE
from engine.exposures import exposures

keeping = typer.Typer()
snapshot = typer.Typer(help="Snapshots of the state.", no_args_is_help=True)


@snapshot.command("list")
@ends_with_code
def list_kept(
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the snapshots that are kept, newest first."""
    place = Place.find(config, state_dir)
    rows = in_loop(list_snapshots(place.connections(), place.shard))
    if as_json:
        print_json(rows)
    else:
        wide_console().print(snapshot_table(rows))


@snapshot.command()
@ends_with_code
def take(
    stop: Annotated[
        bool, typer.Option("--stop", help="Stop the daemon at the snapshot, for a new release.")
    ] = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have the daemon take a snapshot now, and wait for it."""
    place = Place.find(config, state_dir)
    taken = in_loop(take_snapshot(place, stop=stop))
    if as_json:
        print_json(taken)
        return
    if taken["state_hash"] is not None:
        typer.echo(f"snapshot at frame {taken['frame']}, state hash {taken['state_hash']}")
    else:
        where = "" if taken["frame"] is None else f" at frame {taken['frame']}"
        typer.echo(f"the daemon ended{where} before we could see; its log tells of the snapshot")
    if taken["stopped"]:
        typer.echo("the daemon has stopped")


@keeping.command()
@ends_with_code
def check_config(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Like --config.", show_default=False)
    ] = None,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,  # noqa: ARG001 - every command takes it
    as_json: JsonOption = False,
) -> int:
    """Check the configuration, and try the commands it begins with."""
    given = load(file or config)
    trial, warnings = Trial(given), exposures(given)
    if as_json:
        print_json({**trial.as_dict(), "warnings": warnings})
    else:
        for warning in warnings:
            typer.echo(f"warning: {warning}", err=True)
        for problem in trial.problems:
            typer.echo(f"pitboss: {file or config or 'config.toml'}: {problem}", err=True)
        if not trial.problems:
            typer.echo("good; a first start creates")
            for line in trial.lines():
                typer.echo(f"  {line}")
    return BAD_CONFIGURATION if trial.problems else DONE


@keeping.command()
@ends_with_code
def doctor(
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    as_json: JsonOption = False,
) -> int:
    """Examine machine, configuration and servers, one line a check."""
    findings = in_loop(examine(config, state_dir))
    if as_json:
        print_json([finding._asdict() for finding in findings])
    else:
        for finding in findings:
            typer.echo(f"{finding.status:<4}  {finding.name:<10}  {finding.text}")
    failed = any(finding.status == "FAIL" for finding in findings)
    return DIFFERENCE if failed else DONE


keeping.add_typer(snapshot, name="snapshot")
