"""What taking cost, gathered from its log; and what is said where nobody can be asked (A1)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.cli.execution_report import execution_report, execution_table, since_of
from engine.cli.failure import CommandError
from engine.connections import Connections, Endpoints, PostgresConnection, RedisLink
from engine.exits import BAD_USAGE, NO_DAEMON
from tests.edges.tape import TIME_US, Tape, running, trade, until
from tests.edges.writing import hasty_writer

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def _taken(number: int, price: str, *, left: str = "0", name: str | None = None) -> dict[str, Any]:
    """Return a trade of one, at a price against a touch of 100 and a mark of 99.5."""
    taken = trade(number, price, "1")
    taken["arrival"] = {"order_type": "limit", "touch": "100", "mark": "99.5"}
    taken["taker"] |= {"leaves": left, "order_id": number}
    if name is not None:
        taken["taker"]["client_order_id"] = f"{name}-{number}"
    return taken


@pytest.fixture
async def written(
    connections: Connections, database: PostgresConnection, link: RedisLink, shard: str
) -> None:
    """Bring three orders of bob's and a slice of his liquidation to Postgres."""
    tape = Tape(link, shard)
    await tape.append(_taken(1, "100"), _taken(2, "100.1", left="1"), _taken(3, "101"))
    await tape.append(_taken(4, "102", name="liq"))
    writer = hasty_writer(connections, shard)
    async with running(writer) as task:
        await until(lambda: writer.cursor_frame == 2, task)


async def _report(
    connections: Connections,
    shard: str,
    account: str | None = None,
    symbol: str | None = None,
    since: datetime | None = None,
) -> dict[str, Any]:
    return await execution_report(connections, shard, account, symbol, since)


@pytest.mark.usefixtures("written")
async def test_report_groups_what_taking_cost(connections: Connections, shard: str) -> None:
    """Slippage of 0, 10 and 100 bps is 36.6667 in the mean, 10 in the median, 100 at 95 % (A1)."""
    report = await _report(connections, shard)

    orders, liquidation = sorted(report["executions"], key=lambda row: row["kind"] != "limit")
    named = ("account", "symbol", "kind", "side", "count", "filled_share", "fees")
    slipped = ("touch_average", "touch_median", "touch_p95")
    assert [orders[key] for key in named] == ["bob", "BTCUSD", "limit", "buy", 3, "0.75", "0.36"]
    assert [orders[key] for key in slipped] == ["36.6667", "10", "100"]
    assert (orders["mark_median"], orders["mark_p95"]) == ("60.3015", "150.7538")
    assert (liquidation["kind"], liquidation["touch_average"]) == ("liquidation", "200")
    assert (report["frame"], report["total"]["count"], report["total"]["touch_p95"]) == (
        2,
        4,
        "200",
    )
    assert execution_table(report).row_count == 3


@pytest.mark.usefixtures("written")
async def test_report_takes_what_is_asked_for(connections: Connections, shard: str) -> None:
    """By account, symbol and time; nothing is nothing, not an error."""
    later = datetime.fromtimestamp(TIME_US // 10**6, UTC) + timedelta(seconds=1)
    for wanted in (("ann",), (None, "ETHUSD"), (None, None, later)):
        report = await _report(connections, shard, *wanted)
        assert (report["executions"], report["total"]["count"]) == ([], 0)
        assert report["total"]["touch_average"] is None
        assert execution_table(report).row_count == 1
    earlier = later - timedelta(minutes=1)
    found = await _report(connections, shard, "bob", "BTCUSD", earlier)
    assert found["total"]["count"] == 4


async def test_postgres_that_cannot_be_reached_is_no_daemon(tmp_path: Path) -> None:
    """Exit code 69, and what to do about it."""
    away = Connections(Endpoints("unix:///nowhere", f"postgresql:///pitboss?host={tmp_path}"))
    with pytest.raises(CommandError, match="start the daemon with `pitboss run`") as refused:
        await _report(away, "main")
    assert refused.value.exit_code == NO_DAEMON


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-20", NOW - timedelta(hours=12)),
        ("2026-11-20T11:30", NOW - timedelta(minutes=30)),
        ("2026-11-20T13:00+02:00", NOW - timedelta(hours=1)),
        ("90m", NOW - timedelta(minutes=90)),
        ("7d", NOW - timedelta(days=7)),
    ],
)
def test_since_is_a_time_or_a_while_ago(text: str, at: datetime) -> None:
    """In UTC, unless it says otherwise."""
    assert since_of(text, NOW) == at


@pytest.mark.parametrize("text", ["yesterday", "0m", "-3h", "", "999999d9", "999999d"])
def test_since_that_is_no_time_is_bad_usage(text: str) -> None:
    """Exit code 2, and what it takes."""
    with pytest.raises(CommandError, match="give a time such as") as refused:
        since_of(text, NOW)
    assert refused.value.exit_code == BAD_USAGE
