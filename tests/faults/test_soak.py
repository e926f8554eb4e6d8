"""The soak itself, for seconds; `make soak` lets it go on for as long as memory takes to tell."""

import io
from pathlib import Path

from rich.console import Console

from engine.connections import Endpoints
from tests.faults.forker import Forker
from tests.faults.soak import CONFIG, Soak
from tests.faults.soak_load import OPEN
from tests.line.process import DaemonProcess


async def test_soak_answers_everything_and_ends_with_as_many_orders(
    tmp_path: Path, forker: Forker, given: Endpoints
) -> None:
    """Load, memory and writer are looked at; so short a run says nothing about growth."""
    count = OPEN + 4_000
    daemon = DaemonProcess(
        tmp_path,
        "soak",
        given.redis_url,
        more=CONFIG,
        dsn=given.postgres_dsn or "",
        launch=forker.launch,
    )
    soak = Soak(daemon, count, ids=1_000)
    screen = io.StringIO()

    await soak.run(Console(file=screen))

    assert soak.samples[-1].answered == count
    assert all(each.resident_kib > 0 for each in soak.samples)
    assert len(soak.curve()) == 11
