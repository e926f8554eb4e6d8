"""What a running daemon can be asked: state, margin report, tail, snapshots."""

import signal
import subprocess
import time

import pytest
from typer.testing import CliRunner

from engine.cli.app import app
from tests.cli.program import ROOT, Daemon, Ended, command, pitboss


@pytest.fixture(scope="module")
def view(daemon: Daemon) -> Ended:
    """Ask once for the whole state."""
    ended = daemon.ask("state", "--json")
    assert ended.code == 0, ended.err
    return ended


def test_state_is_that_of_the_journal(view: Ended) -> None:
    """Alice bought 1 at 100 and was sold 0.3 at 79: 30 − 6.3, less a fee of 0.5 % of 23.7."""
    state = view.json
    position = state["positions"]["alice"]["COIN"]
    assert (position["quantity"], position["cost"], position["avg_price"]) == ("0.7", "70", "100")
    assert state["accounts"]["alice"]["balance"] == "23.5815"
    assert state["books"]["COIN"] == {"bids": [["79", "4.7", 1]], "asks": [["100", "0.5", 1]]}
    assert [order["client_order_id"] for order in state["open_orders"]["bob"]] == ["offer", "bid"]
    assert state["markets"]["COIN"]["mark"] == "78.6"
    assert state["looks"]["moves"] >= 2, "the set-up moved the mark that often"
    totals = state["totals"]
    assert (totals["deposits"], totals["fees"], totals["insurance"]) == ("5030", "0", "0.1185")


def test_state_of_one_account_leaves_the_others_out(daemon: Daemon) -> None:
    """Thousands of accounts are no answer to a question about one."""
    state = daemon.ask("state", "--json", "--account", "bob").json
    assert list(state["accounts"]) == list(state["positions"]) == ["bob"]
    assert list(state["open_orders"]) == ["bob"]
    assert "alice" not in daemon.ask("state", "--account", "bob").out


def test_state_of_one_symbol_shows_who_is_in_it(daemon: Daemon) -> None:
    """An account that neither holds it nor has orders on it does not belong there."""
    daemon.send({"type": "create_account", "account": "idle"})
    state = daemon.ask("state", "--json", "--symbol", "COIN").json
    assert "idle" not in state["accounts"]
    assert {"alice", "bob"} <= state["accounts"].keys()


def test_state_of_one_account_tells_what_comes_next(daemon: Daemon) -> None:
    """Alice, 0.7 long and called already, asks what is next and at which price (D1, D2)."""
    (tier,) = daemon.ask("state", "--json", "--account", "alice").json["next"]["alice"]
    assert (tier["rung"], tier["symbol"], tier["mark"]) == ("tier 1", "COIN", "78.6")
    assert tier["closes"] == [{"symbol": "COIN", "side": "sell", "quantity": "0.3", "of": "0.7"}]
    said = f"alice: liquidation tier 1 at {tier['price']} of COIN"
    assert said in daemon.ask("state", "--account", "alice").out


def test_unknown_account_is_bad_usage_with_a_suggestion(daemon: Daemon) -> None:
    """A typing error must not look like an account without money."""
    ended = daemon.ask("state", "--account", "alise")
    assert ended.code == 2
    assert "did you mean `alice`?" in ended.err


def test_tables_show_tier_prices(daemon: Daemon) -> None:
    """Without --json a person reads it; piped, no cell is cut."""
    out = daemon.ask("state").out
    for told in ("at 0.9 ", "bankrupt at", "client order id", "open_cost", "78.6"):
        assert told in out


def test_execution_report_shows_what_taking_cost(daemon: Daemon) -> None:
    """Alice took 1 at 100, and a slice of hers 0.3 at 79: 40 bps above the mark of 78.6 (A1)."""
    deadline = time.monotonic() + 10
    while True:  # the writer follows by some milliseconds
        report = daemon.ask("report", "executions", "--account", "alice", "--json").json
        if report["total"]["count"] == 2 or time.monotonic() > deadline:
            break
    liquidation, market = sorted(report["executions"], key=lambda row: row["kind"])
    assert (liquidation["kind"], liquidation["side"]) == ("liquidation", "sell")
    assert (market["kind"], market["touch_median"], market["mark_median"]) == ("market", "0", "0")
    assert liquidation["mark_median"] == "-50.8906", "sold at 79, better than the mark"
    assert "executions up to frame" in daemon.ask("report", "executions", "--since", "1h").out


def test_margin_report_puts_the_nearest_to_liquidation_first(daemon: Daemon) -> None:
    """Alice stands at 0.63 after her slice; bob's ratio is small; accounts without follow."""
    rows = daemon.ask("report", "margin", "--json").json["accounts"]
    assert [row["account"] for row in rows[:2]] == ["alice", "bob"]
    assert rows[0]["stage"] == "call"
    ratios = [float(row["margin_ratio"]) for row in rows]
    assert ratios == sorted(ratios, reverse=True)
    assert "alice" in daemon.ask("report", "margin").out


def test_tail_prints_what_was_asked_for(daemon: Daemon) -> None:
    """One JSON object a line, with the identity of each event."""
    traded = daemon.ask("tail", "--type", "trade", "--account", "alice").lines
    assert [event["price"] for event in traded] == ["100", "79"]
    assert all(event["frame"] > 1 and event["index"] >= 0 for event in traded)


def test_ctrl_c_is_the_ordinary_end_of_following(daemon: Daemon) -> None:
    """Nothing else ends it, so it is no failure and leaves no trace."""
    with subprocess.Popen(
        command("tail", "--follow", "--state-dir", daemon.state_dir),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as following:
        assert following.stdout is not None
        assert following.stderr is not None
        following.stdout.readline()
        following.send_signal(signal.SIGINT)
        assert following.wait(timeout=10) == 0
        assert following.stderr.read() == b""


def test_ctrl_c_ends_a_send_that_waits_for_its_next_line(daemon: Daemon) -> None:
    """Somebody at a terminal has thought better of it."""
    with subprocess.Popen(
        command("send", "--state-dir", daemon.state_dir),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as sending:
        assert sending.stdin is not None
        assert sending.stdout is not None
        assert sending.stderr is not None
        # The second goes to another stream, so the first is sent and answered before it waits.
        sending.stdin.write(b'{"type":"create_account","account":"typed"}\n{}\n')
        sending.stdin.flush()
        assert b"typed" in sending.stdout.readline()
        sending.send_signal(signal.SIGINT)
        assert sending.wait(timeout=10) == 130
        assert sending.stderr.read() == b""


def test_snapshot_is_taken_and_listed(daemon: Daemon) -> None:
    """The newest in the list is the one that was asked for; a second one needs no new frame."""
    daemon.send({"type": "create_account", "account": "before-the-snapshot"})
    taken = daemon.ask("snapshot", "take", "--json").json
    assert taken["stopped"] is False
    listed = daemon.ask("snapshot", "list", "--json").json
    assert listed[0]["frame"] == taken["frame"] > 1
    assert listed[0]["state_hash"] == taken["state_hash"]
    assert daemon.ask("snapshot", "take").code == 0
    assert str(taken["frame"]) in daemon.ask("snapshot", "list").out


def test_version_tells_release_and_logic() -> None:
    """A journal is replayed by the release of its logic version."""
    assert pitboss("version", "--json").json.keys() == {"release", "logic_version"}


@pytest.mark.parametrize(
    "name",
    [
        *("run", "send", "tail", "state", "simulate", "feed", "verify", "check-config", "doctor"),
        *("bench", "version", "report margin", "snapshot list", "snapshot take"),
    ],
)
def test_every_command_explains_itself_and_takes_the_same_two_options(name: str) -> None:
    """Where things are is said in one way."""
    ended = CliRunner().invoke(app, [*name.split(), "--help"], env={"COLUMNS": "120"})
    assert ended.exit_code == 0
    assert "--config" in ended.output
    assert "--state-dir" in ended.output
