"""The command line: `pitboss`, one program for everything (protocol §3)."""

from __future__ import annotations

import sys
from importlib import metadata
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from engine.cli.app_keeping import keeping
from engine.cli.app_reading import reading
from engine.cli.bench import bench as run_bench
from engine.cli.daemon_run import run_daemon
from engine.cli.demo_run import run_demo
from engine.cli.ending import ends_with_code, in_loop
from engine.cli.feed import FORMATS, FeedOptions
from engine.cli.feed import feed as play_file
from engine.cli.options import (
    ConfigOption,
    JsonOption,
    LinesArgument,
    StateDirOption,
    open_lines,
    print_json,
)
from engine.cli.places import Place
from engine.cli.send import send as send_lines
from engine.cli.simulate import simulate as run_simulation
from engine.config import load
from engine.limits import LOGIC_VERSION
from engine.log import configure
from engine.run import RunOptions

app = typer.Typer(
    help="A matching and risk engine that you can read, prove, kill and start again.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.command()
@ends_with_code
def run(
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    ephemeral: Annotated[
        bool, typer.Option("--ephemeral", help="Keep nothing: a fresh start each time.")
    ] = False,
    demo: Annotated[
        bool,
        typer.Option("--demo", help="Drive a synthetic market too and show it (DEMO_SECONDS=20)."),
    ] = False,
    accept_loss: Annotated[
        bool,
        typer.Option("--accept-loss", help="Go on although acknowledged frames are missing."),
    ] = False,
    accept_time_jump: Annotated[
        bool, typer.Option("--accept-time-jump", help="Go on although the wall clock has stepped.")
    ] = False,
    standby: Annotated[
        bool,
        typer.Option("--standby", help="Follow the engine that leads; lead once there is none."),
    ] = False,
) -> int:
    """Run the daemon; with no servers configured it starts its own."""
    place = Place.find(config, state_dir)
    configure(place.config.log.level, place.config.log.format)
    options = RunOptions(config, place.state_dir, ephemeral, accept_loss, accept_time_jump, standby)
    if demo:
        return in_loop(run_demo(options, place))
    return run_daemon(options)


@app.command()
@ends_with_code
def send(
    lines: LinesArgument = "-",
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Submit commands, print the events they cause."""
    place = Place.find(config, state_dir)
    connections = place.connections()
    with open_lines(lines) as source:
        text = TextIOWrapper(source, encoding="utf-8", errors="surrogateescape", newline="\n")
        in_loop(send_lines(text, connections, place.shard, sys.stdout), reads_input=True)


@app.command()
@ends_with_code
def feed(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A recording; .gz and .xz too.")],
    form: Annotated[
        str, typer.Option("--format", metavar="|".join(FORMATS), help="What the file holds.")
    ],
    speed: Annotated[
        float | None,
        typer.Option(
            "--speed", metavar="X", help="1 is as recorded; without it as fast as it goes."
        ),
    ] = None,
    symbol: Annotated[
        str | None, typer.Option("--symbol", metavar="S", help="Play it as this instrument.")
    ] = None,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Play recorded market data into the streams.

    A second run of the same file goes on where the first one stopped.
    """
    place = Place.find(config, state_dir)
    options = FeedOptions(path, form, symbol, speed)
    watched = Console(stderr=True)
    report = in_loop(play_file(options, place.connections(), place.shard, watched, place.reopen))
    if as_json:
        print_json(report.as_dict())
        return
    console = Console()
    for note in report.notes():
        console.print(note, highlight=False, soft_wrap=True)
    console.print(report.table())


@app.command()
@ends_with_code
def simulate(
    lines: LinesArgument = "-",
    with_state: Annotated[
        bool, typer.Option("--state", help="End with a line that holds the whole state.")
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Begin with its instruments and accounts."),
    ] = None,
    state_dir: StateDirOption = None,  # noqa: ARG001 - every command takes it
) -> None:
    """Run the kernel alone: commands in, events out, no servers.

    Each line is a batch of its own and may carry "ts" (milliseconds); time stands still where none
    does. Without --config the engine begins empty. Exits 0 whatever is refused.
    """
    begin = None if config is None else load(config)
    with open_lines(lines) as source:
        run_simulation(source, sys.stdout.buffer, begin, with_state=with_state)


@app.command()
@ends_with_code
def bench(
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer rounds: a first impression.")
    ] = False,
    config: ConfigOption = None,  # noqa: ARG001 - every command takes it
    state_dir: StateDirOption = None,  # noqa: ARG001
    as_json: JsonOption = False,
) -> int:
    """Measure orders per second, beside yardsticks, on this machine."""
    return run_bench(as_json=as_json, quick=quick)


@app.command()
@ends_with_code
def version(
    config: ConfigOption = None,  # noqa: ARG001 - every command takes it
    state_dir: StateDirOption = None,  # noqa: ARG001
    as_json: JsonOption = False,
) -> None:
    """Print the release and the logic version of its journals."""
    release = metadata.version("pitboss")
    if as_json:
        print_json({"release": release, "logic_version": LOGIC_VERSION})
    else:
        typer.echo(f"pitboss {release}, logic version {LOGIC_VERSION}")


app.add_typer(reading)
app.add_typer(keeping)


def main() -> None:
    """Run the program."""
    app(prog_name="pitboss", args=sys.argv[1:])
