"""One run of the daemon: what it was told, and what it stands on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from engine.config import Config
    from engine.connections import Connections
    from persistence.witness import Witness


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line says about a run."""

    config_path: Path | None
    state_dir: Path
    ephemeral: bool = False
    accept_loss: bool = False
    accept_time_jump: bool = False
    standby: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """What every part of a run needs to know; `run_id` tells it from all others."""

    run_id: str
    config: Config
    options: RunOptions
    connections: Connections
    witness: Witness
