"""`pitboss snapshot`: list what there is, and have the daemon take one."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

from engine.cli.failure import CommandError
from engine.connections import LinkLost
from engine.exits import DIFFERENCE, NO_DAEMON, REFUSED
from persistence.journal import JournalFrames
from persistence.lease import is_moving, run_id_of, standby_key
from persistence.snapshot_store import SnapshotStore
from persistence.state_dir import is_held
from persistence.witness import Witness

if TYPE_CHECKING:
    from engine.cli.places import Place
    from engine.connections import Connections
    from engine.ports import Manifest

SECONDS: Final = 120.0
"""How long a snapshot may take before the wait is given up; the daemon goes on with it."""

_POLL_SECONDS: Final = 0.05
_FAST_POLL_SECONDS: Final = 0.002  # a daemon's own servers end some milliseconds after the snapshot


async def list_snapshots(connections: Connections, shard: str) -> list[dict[str, Any]]:
    """Return the snapshots that have a manifest, newest first."""
    link = await connections.redis()
    try:
        return [_row(manifest) for manifest in await SnapshotStore(link, shard).manifests()]
    finally:
        await link.close()


def snapshot_table(rows: list[dict[str, Any]]) -> Table:
    """Return the list as a table."""
    table = Table(title="snapshots", title_justify="left", title_style="bold")
    for column in ("frame", "taken at (UTC)", "writer", "chunks", "logic version", "state hash"):
        table.add_column(column, justify="right" if column in {"frame", "chunks"} else "left")
    for row in rows:
        hash_start = f"{row['state_hash'][:16]}…"
        table.add_row(
            str(row["frame"]),
            _when(row["time_us"]),
            row["writer"],
            str(row["chunks"]),
            str(row["logic_version"]),
            hash_start,
        )
    return table


async def take_snapshot(place: Place, *, stop: bool) -> dict[str, Any]:
    """Have the running daemon take a snapshot, and with `stop` end at it; wait until it is there.

    Raises CommandError where no daemon runs on this machine, where a standby would go on beyond the
    last snapshot, or where it does not come in time.
    """
    pid = daemon_pid(place.state_dir)
    if stop:
        await _refuse_beside_a_standby(place, pid)
    link = await place.connections().redis()
    try:
        top = await JournalFrames(link, place.shard).top()
        wanted = 0 if top is None else top.n
        store = SnapshotStore(link, place.shard)
        _signal(pid, signal.SIGUSR2 if stop else signal.SIGUSR1)
        poll_seconds = _FAST_POLL_SECONDS if stop else _POLL_SECONDS
        manifest = await _wait_for_manifest(store, wanted, pid, poll_seconds)
    finally:
        await link.close()
    if stop:
        await _wait_for_end(pid)
    if manifest is None:
        return {"frame": _last_frame(place.state_dir), "state_hash": None, "stopped": True}
    return {**_row(manifest), "stopped": stop}


async def _refuse_beside_a_standby(place: Place, pid: int) -> None:
    """Raise CommandError where a standby would go on at once, beyond the snapshot left behind."""
    connections, key = place.connections(), standby_key(place.shard)
    if not await is_moving(connections, key):
        return
    link = await connections.redis()
    try:
        pulse = await link.call("GET", key)
    finally:
        await link.close()
    if pulse is not None and not pulse.startswith(b"%d-" % pid):
        raise CommandError(
            f"the standby {run_id_of(pulse)} would take over and go on: stop it first", REFUSED
        )


def daemon_pid(state_dir: Path) -> int:
    """Return the process id of the daemon that holds a state directory. Raises CommandError."""
    try:
        pid = int((state_dir / "lock").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        pid = 0
    if pid <= 0 or not is_held(state_dir):
        raise CommandError(
            f"no daemon holds {state_dir}: name its --state-dir, on the machine where it runs",
            NO_DAEMON,
        )
    return pid


async def _wait_for_manifest(
    store: SnapshotStore, wanted: int, pid: int, poll_seconds: float
) -> Manifest | None:
    """Return the first snapshot at or above a frame; None if the daemon ends before we see one."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            newest = next(iter(await store.manifests()), None)
        except LinkLost:
            return None
        if newest is not None and newest.frame >= wanted:
            return newest
        if not _lives(pid):
            return None
        if time.monotonic() > deadline:
            raise CommandError(
                f"no snapshot within {SECONDS:.0f} s: look into the daemon's log", DIFFERENCE
            )
        await asyncio.sleep(poll_seconds)


async def _wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + SECONDS
    while _lives(pid):
        if time.monotonic() > deadline:
            raise CommandError(
                f"the daemon (process {pid}) has not ended within {SECONDS:.0f} s: look into its "
                "log",
                DIFFERENCE,
            )
        await asyncio.sleep(_POLL_SECONDS)


def _last_frame(state_dir: Path) -> int | None:
    """Return the last frame acknowledged to a daemon that has ended, as its witness has it."""
    if not (state_dir / "head").exists():
        return None
    witness = Witness(state_dir / "head")
    try:
        seen = witness.read()
    finally:
        witness.close()
    return None if seen is None else seen[0]


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        raise CommandError(
            f"the daemon (process {pid}) has just ended; its servers follow", NO_DAEMON
        ) from None
    except PermissionError:
        raise CommandError(
            f"the daemon (process {pid}) belongs to another user: run this command as that user",
            REFUSED,
        ) from None


def _lives(pid: int) -> bool:
    """Tell whether a process is there and not merely waiting to be collected by its parent."""
    try:
        os.kill(pid, 0)
        about = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return about.rpartition(")")[2].split()[0] != "Z"


def _row(manifest: Manifest) -> dict[str, Any]:
    return {
        "frame": manifest.frame,
        "time_us": manifest.time_us,
        "writer": manifest.writer,
        "chunks": len(manifest.chunk_digests),
        "format": manifest.format,
        "logic_version": manifest.version,
        "state_hash": manifest.state_hash,
    }


def _when(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S")
