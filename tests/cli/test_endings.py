"""How commands end: exit codes that a script can act on, messages that name the remedy."""

from pathlib import Path

import pytest

from tests.cli.program import Daemon, pitboss


@pytest.mark.parametrize(
    "arguments",
    [
        ("send",),
        ("state",),
        ("verify",),
        ("snapshot", "take"),
        ("feed", "pyproject.toml", "--format", "jsonl"),
    ],
)
def test_without_a_daemon_it_is_69_and_says_what_to_do(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    """A script may start the daemon and try again."""
    ended = pitboss(*arguments, "--state-dir", tmp_path)
    assert (ended.code, ended.out) == (69, "")
    assert "--state-dir" in ended.err
    assert len(ended.err.splitlines()) == 1, "one line, no trace"


@pytest.mark.parametrize("arguments", [("nonsense",), ("tail", "--from", "x"), ("feed",)])
def test_bad_usage_is_2(arguments: tuple[str, ...]) -> None:
    """What argument parsers have always said."""
    ended = pitboss(*arguments)
    assert ended.code == 2
    assert ended.err


@pytest.mark.parametrize("arguments", [("send", "no-such-file"), ("simulate", "no-such-file")])
def test_file_that_is_not_there_is_bad_usage(arguments: tuple[str, ...], daemon: Daemon) -> None:
    """The message names the file."""
    ended = daemon.ask(*arguments)
    assert ended.code == 2
    assert "no-such-file" in ended.err


@pytest.mark.parametrize("arguments", [("run",), ("state",), ("simulate",), ("check-config",)])
def test_typing_error_in_the_configuration_is_78_with_its_path(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    """It names the file, the key, and the key that was meant."""
    path = tmp_path / "config.toml"
    path.write_text("[snapshot]\nintervall_s = 5\n")
    ended = pitboss(*arguments, "--config", path, "--state-dir", tmp_path)
    assert ended.code == 78
    assert str(path) in ended.err
    assert "snapshot.intervall_s" in ended.err
    assert "did you mean `interval_s`?" in ended.err


def test_check_config_tells_what_a_first_start_creates(config_file: Path) -> None:
    """Nobody should have to start a daemon to learn what a file means."""
    ended = pitboss("check-config", config_file)
    assert ended.code == 0, ended.err
    assert "COIN" in ended.out
    assert pitboss("check-config", config_file, "--json").json["creates"]["instruments"] == ["COIN"]


def test_check_config_tries_the_commands_of_the_first_frame(tmp_path: Path) -> None:
    """What only the kernel can refuse has its key too, and what it depends on."""
    path = tmp_path / "config.toml"
    path.write_text(
        '[[instruments]]\nsymbol = "GOOD"\ntick_size = "1"\nlot_size = "1"\n'
        '[[instruments]]\nsymbol = "BAD"\ntick_size = "1"\nlot_size = "1"\n'
        'initial_margin = "0.5"\nmaintenance_margin = "0.4"\nmax_leverage = 5\n'
        '[[instruments]]\nsymbol = "LATER"\ntick_size = "1"\nlot_size = "1"\n'
        'feed_max_jump = "0.1"\n'
        '[[instruments]]\nsymbol = "CALM"\ntick_size = "1"\nlot_size = "1"\n'
        'breakers = [{ move = "0.1" }, { move = "0.05" }]\n'
    )
    ended = pitboss("check-config", path)
    assert ended.code == 78
    first, second, third = ended.err.splitlines()
    assert "instruments[1]: invalid_terms (409)" in first
    assert "admission.ratio" in first
    assert "instruments[2].feed_max_jump: not_supported (407)" in second
    assert "instruments[3].breakers[1].move: invalid_terms (409): moves rise" in third
    problems = pitboss("check-config", path, "--json").json
    assert (problems["ok"], len(problems["problems"])) == (False, 3)


def test_doctor_finds_a_running_daemon_well(daemon: Daemon) -> None:
    """The machine these tests run on is good enough, and every server answers."""
    ended = daemon.ask("doctor", "--json")
    findings = {each["name"]: each for each in ended.json}
    assert ended.code == 0, ended.out
    for name in ("python", "packages", "valkey", "postgres", "daemon", "redis", "schema"):
        assert findings[name]["status"] == "OK", findings[name]
    assert "frame" in findings["journal"]["text"]


def test_doctor_without_a_daemon_still_looks_at_the_machine(tmp_path: Path) -> None:
    """It is run when something does not start."""
    ended = pitboss("doctor", "--state-dir", tmp_path / "new")
    assert ended.code == 0, ended.out
    assert "none holds" in ended.out
    assert "yet to be" in ended.out


def test_doctor_fails_where_the_daemon_would(tmp_path: Path) -> None:
    """A state directory that is a file, and a configuration with a typing error: both, at once."""
    path = tmp_path / "config.toml"
    path.write_text("shart = 'main'\n")
    (tmp_path / "file").write_text("")
    ended = pitboss("doctor", "--config", path, "--state-dir", tmp_path / "file" / "state")
    assert ended.code == 1
    failed = [line.split()[1] for line in ended.out.splitlines() if line.startswith("FAIL")]
    assert failed == ["config", "state"]


def test_second_demonstration_in_the_same_place_is_refused(daemon: Daemon) -> None:
    """Two daemons on one journal would fence each other."""
    ended = daemon.ask("run", "--demo")
    assert ended.code == 66
    assert "already" in ended.err
