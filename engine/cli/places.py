"""Where things are: the configuration, the state directory, and the servers of a running daemon."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from engine.cli.failure import CommandError
from engine.config import load
from engine.connections import Connections, Endpoints
from engine.endpoints import configured_endpoints
from engine.exits import NO_DAEMON
from persistence.embedded import running_endpoints

if TYPE_CHECKING:
    from engine.config import Config


def default_state_dir() -> Path:
    """Return what systemd gives, else `$XDG_STATE_HOME/pitboss`, else `~/.local/state/pitboss`."""
    given = os.environ.get("STATE_DIRECTORY")
    if given:
        return Path(given)
    parent = os.environ.get("XDG_STATE_HOME")
    return (Path(parent) if parent else Path.home() / ".local" / "state") / "pitboss"


@dataclass(frozen=True, slots=True)
class Place:
    """What `--config` and `--state-dir` point at."""

    config_path: Path | None
    config: Config
    state_dir: Path

    @classmethod
    def find(cls, config_path: Path | None, state_dir: Path | None) -> Self:
        """Read the configuration and settle on a state directory. Raises ConfigError."""
        return cls(config_path, load(config_path), state_dir or default_state_dir())

    @property
    def shard(self) -> str:
        """The name of the margin domain, which begins every key."""
        return self.config.shard

    def endpoints(self) -> Endpoints:
        """Return the configured servers, else those that a running daemon has started.

        Raises CommandError where there are neither.
        """
        if self.config.redis.url is not None:
            return configured_endpoints(self.config)
        found = running_endpoints(self.state_dir)
        if found is None:
            raise CommandError(
                f"no daemon runs in {self.state_dir}: start it with `pitboss run`, name its "
                "--state-dir, or set redis.url in the configuration",
                NO_DAEMON,
            )
        return found

    def connections(self) -> Connections:
        """Return factories of links to the servers. Raises CommandError."""
        return Connections(self.endpoints())

    async def reopen(self) -> Connections:
        """Look again, for a daemon that has restarted since. Raises CommandError."""
        return self.connections()
