"""What the log may never contain, and what a machine can read from it."""

import io
import json
from collections.abc import Iterator

import pytest
import structlog

from engine import log


@pytest.fixture(autouse=True)
def _untouched_logging() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def _logged(fields: dict[str, object], level: log.Level = "info", form: log.Format = "json") -> str:
    out = io.StringIO()
    log.configure(level, form, out)
    structlog.get_logger().info("connected", **fields)
    return out.getvalue()


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize(
    "fields",
    [
        {"password": "hunter2"},
        {"postgres_dsn": "host=x password=hunter2"},
        {"redis_url": "redis://u:hunter2@h"},
        {"server": {"auth_token": "hunter2"}},
        {"servers": [{"where": "redis://u:hunter2@h/0"}]},
        {"reason": "cannot reach redis://u:hunter2@h/0"},
        {"error": ValueError("postgresql://u@h/db?password=hunter2&x=1")},
    ],
)
def test_secret_is_never_written(form: log.Format, fields: dict[str, object]) -> None:
    """Logs are shipped and kept; a secret in them is a secret lost."""
    line = _logged(fields, form=form)
    assert "hunter2" not in line
    assert log.REDACTED in line


def test_secret_in_a_traceback_is_never_written() -> None:
    """The library that failed to connect may quote the address in its error."""
    out = io.StringIO()
    log.configure("info", "json", out)
    try:
        raise OSError("redis://u:hunter2@h/0")  # the failure under test
    except OSError:
        structlog.get_logger().exception("lost")
    assert "hunter2" not in out.getvalue()
    assert "OSError" in out.getvalue()


def test_redaction_keeps_the_rest() -> None:
    """An operator still sees which server it was."""
    assert json.loads(_logged({"reason": "redis://u:p@h:6379/0", "frame": 7})) | {
        "timestamp": ""
    } == {
        "event": "connected",
        "reason": f"redis://{log.REDACTED}@h:6379/0",
        "frame": 7,
        "level": "info",
        "timestamp": "",
    }


def test_level_holds_back_what_is_below() -> None:
    """SIGHUP changes the level by configuring again."""
    assert _logged({}, level="warning") == ""
    assert _logged({}, level="info") != ""


@pytest.mark.parametrize("form", ["json", "console"])
def test_trace_of_a_bug_shows_no_variables(form: log.Format) -> None:
    """The frame in which it broke may hold a password; where it broke is enough."""
    out = io.StringIO()
    log.configure("debug", form, out)
    password = "hunter2" * 2
    try:
        raise ValueError(len(password))
    except ValueError:
        structlog.get_logger().exception("broken")
    assert "test_log.py" in out.getvalue()
    assert "hunter2" not in out.getvalue().replace('password = "hunter2" * 2', "")
