"""A server that restarts is found again, wherever it comes back; one that does not is named."""

from pathlib import Path

import pytest

from engine.cli.failure import CommandError
from engine.cli.reach import Lifeline, Reach
from engine.connections import Connections, Endpoints


def nowhere(tmp_path: Path) -> Connections:
    """Return connections to a server that is not there."""
    return Connections(Endpoints(f"unix://{tmp_path}/absent.sock"))


async def test_servers_are_found_where_they_are_now(
    connections: Connections, tmp_path: Path
) -> None:
    """A restart may bring them up at another place, and takes its time."""
    asked = 0

    async def reopen() -> Connections:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise LookupError("no servers yet")
        return connections

    async with Lifeline(Reach(nowhere(tmp_path), reopen, patience_seconds=10)) as lifeline:
        assert await lifeline.link.call("PING") == b"PONG"
    assert asked == 3


async def test_patience_ends_with_the_reason_and_the_remedy(tmp_path: Path) -> None:
    """A command that waits for ever hides that nobody started the daemon."""
    with pytest.raises(CommandError, match=r"No such file.*start it with") as refused:
        await Reach(nowhere(tmp_path), patience_seconds=0.3).link()
    assert refused.value.exit_code == 69


async def test_a_renewed_lifeline_closes_the_lost_link(connections: Connections) -> None:
    """A run over many restarts must not gather dead sockets."""
    async with Lifeline(Reach(connections)) as lifeline:
        lost = lifeline.link
        await lifeline.renew()
        assert lost.closed
        assert await lifeline.link.call("PING") == b"PONG"
        last = lifeline.link
    assert last.closed
