"""The command line: `pitboss`, one program for everything (protocol §3)."""

from __future__ import annotations

import os
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.daemon_run import run_daemon
from engine.config import ConfigError, load
from engine.daemon import RunOptions
from engine.exits import BAD_CONFIGURATION
from engine.limits import LOGIC_VERSION
from engine.log import configure

app = typer.Typer(
    help="A matching and risk engine that you can read, prove, kill and start again.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="The configuration file; ./config.toml if present.")
]
StateDirOption = Annotated[
    Path | None,
    typer.Option("--state-dir", help="Where the daemon keeps its own servers and their data."),
]


def default_state_dir() -> Path:
    """Return `$XDG_STATE_HOME/pitboss`, or under systemd what it gives, or ~/.local/state."""
    given = os.environ.get("STATE_DIRECTORY")
    if given:
        return Path(given)
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "pitboss"


@app.command()
def run(
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    ephemeral: Annotated[bool, typer.Option(help="Keep nothing: a fresh start each time.")] = False,
    accept_loss: Annotated[
        bool, typer.Option(help="Go on although frames that were acknowledged are missing.")
    ] = False,
    accept_time_jump: Annotated[
        bool, typer.Option(help="Go on although the wall clock has stepped.")
    ] = False,
) -> None:
    """Run the daemon; with no servers configured it starts its own."""
    try:
        settings = load(config)
    except ConfigError as error:
        typer.echo(f"pitboss: {error}", err=True)
        raise typer.Exit(BAD_CONFIGURATION) from None
    configure(settings.log.level, settings.log.format)
    options = RunOptions(
        config, state_dir or default_state_dir(), ephemeral, accept_loss, accept_time_jump
    )
    raise typer.Exit(run_daemon(options))


@app.command()
def version() -> None:
    """Print the release and the logic version of its journals."""
    typer.echo(f"pitboss {metadata.version('pitboss')}, logic version {LOGIC_VERSION}")


def main() -> None:
    """Run the program."""
    app(prog_name="pitboss", args=sys.argv[1:])
