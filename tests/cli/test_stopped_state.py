"""How `pitboss state` shows what operators have stopped, and who is listened for (E4, E5)."""

from engine.cli.replica import Replica
from engine.cli.state import state_view
from engine.cli.streams import stream_of
from tests.cli.test_auction_state import told
from tests.core.market import Market


def _stopped() -> Market:
    market = Market()
    market.play("""
        instrument Y
        bob cancel all
        amy cancel all
        kill tag t cancel_all
        kill account bob flatten
        kill account amy no_new
        kill symbol Y no_new
        kill global reduce_only
        heartbeat bob 5000
        heartbeat amy 6000
    """)
    return market


def test_switches_are_shown_widest_first() -> None:
    """Who has stopped what, and why, in one place (E4)."""
    view = state_view(Replica(_stopped().kernel, 7), "main")

    assert view["switches"][0] == {
        "scope": "global",
        "target": "*",
        "mode": "reduce_only",
        "operator": "ann",
        "reason": "a test",
    }
    targets = [switch["target"] for switch in view["switches"]]
    assert targets == ["*", "Y", "amy", "bob", "t"]
    assert view["heartbeats"] == {"amy": {"expires_at": 7_000}, "bob": {"expires_at": 6_000}}


def test_only_what_concerns_an_account_or_a_symbol_is_shown() -> None:
    """Those of others would be read as its own (E4)."""
    replica = Replica(_stopped().kernel, 7)

    bobs, on_x = state_view(replica, "main", "bob"), state_view(replica, "main", None, "X")

    assert [switch["target"] for switch in bobs["switches"]] == ["*", "Y", "bob", "t"]
    assert list(bobs["heartbeats"]) == ["bob"]
    assert [switch["target"] for switch in on_x["switches"]] == ["*", "amy", "bob", "t"]


def test_reason_is_shown_as_it_was_written() -> None:
    """Brackets are no markup, and nothing moves the reader's cursor (E4)."""
    market = _stopped()
    kill = {"type": "kill", "scope": "global", "mode": "no_new", "operator": "ann"}
    market.send(kill | {"reason": "feed [red]bad\x1b[2J"})

    shown = told(market.kernel)

    assert "feed [red]bad·[2J" in shown
    assert "heartbeats" in shown
    assert "kill switches" in shown


def test_nothing_is_shown_where_nothing_is_stopped() -> None:
    """A table without rows is noise."""
    assert "kill" not in told(Market().kernel)


def test_commands_find_their_streams() -> None:
    """`pitboss send` gives operators' words to the operators' stream (E4, E5)."""
    kinds = {kind: stream_of({"type": kind}) for kind in ("kill", "resume", "heartbeat")}

    assert kinds == {"kill": "admin", "resume": "admin", "heartbeat": "orders"}
