"""`pitboss snapshot take --stop`: how one release hands over to the next."""

from pathlib import Path

from tests.cli.program import Daemon


def test_daemon_stops_at_its_snapshot_and_begins_there_again(
    tmp_path: Path, config_file: Path
) -> None:
    """A new release starts only from a snapshot at the top, so the two must be one frame."""
    daemon = Daemon(tmp_path / "state", "--config", config_file)
    daemon.start()
    try:
        daemon.send({"type": "create_account", "account": "carried-over"})
        ended = daemon.ask("snapshot", "take", "--stop", "--json")
        assert ended.code == 0, ended.err
        assert daemon.wait() == 0
        assert daemon.ask("state").code == 69

        daemon.start()
        kept = daemon.ask("snapshot", "list", "--json").json
        assert [each["frame"] for each in kept] == [ended.json["frame"]]
        fencing = daemon.ask("state", "--json").json
        assert fencing["frame"] == ended.json["frame"] + 1
        assert "carried-over" in fencing["accounts"]
        assert daemon.ask("verify").code == 0
    finally:
        assert daemon.stop() == 0
