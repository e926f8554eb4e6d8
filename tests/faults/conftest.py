"""What the attacks share."""

import os
import sys
from collections.abc import AsyncIterator, Callable

import pytest

from engine.connections import Endpoints
from tests.faults.figures import FIGURES
from tests.line.valkey import OwnValkey

for name in ("auditor", "recording", "short_run"):
    pytest.register_assert_rewrite(f"tests.faults.{name}")  # so that they say what differs


@pytest.fixture
async def own_valkey() -> AsyncIterator[OwnValkey]:
    """Run a Valkey that a test may do anything to."""
    valkey = OwnValkey()
    await valkey.start()
    yield valkey
    valkey.remove()


@pytest.fixture
def given(servers: Endpoints, own_valkey: OwnValkey) -> Endpoints:
    """Return a Valkey of the test's own beside the Postgres that all share."""
    return Endpoints(own_valkey.url, servers.postgres_dsn)


@pytest.fixture
def show(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Return what shows a line at once, whatever pytest holds back."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def show(line: str) -> None:
        with capture.global_and_fixture_disabled():
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

    return show


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """End with one table of all attacks."""
    table = FIGURES.table()
    if table:
        seed = os.environ.get("FAULT_SEED")
        terminalreporter.section("attacks" + (f", FAULT_SEED={seed}" if seed else ""))
        for line in table:
            terminalreporter.write_line(line)
