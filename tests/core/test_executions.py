"""What taking cost against what was found: a row each, from the journal alone (A1)."""

import json

import pytest

from engine.codec import genesis_hash, seal
from persistence.position_lives import PositionLives
from persistence.row_types import ExecutionRow, no_rows
from persistence.rows import append_rows
from tests.core.market import Event, Market


def executions(events: list[Event]) -> list[ExecutionRow]:
    """Return the rows of a frame of such events."""
    rows = no_rows()
    encoded = [json.dumps(event).encode() for event in events]
    append_rows(seal(1, genesis_hash("s"), 7, [], encoded, b"{}"), rows, PositionLives("s"))
    return rows.executions


def said(row: ExecutionRow) -> str:
    """Say what was had of what was asked, at which average, and what that lost to both prices."""
    return (
        f"{row.client_order_id} {row.order_type} {row.side} {row.filled}/{row.quantity}"
        f"@{row.average_price} {row.slippage_touch_bps} {row.slippage_mark_bps}"
    )


def test_slippage_is_that_of_the_average_price() -> None:
    """From the touch and from the mark as they were before it, in basis points (A1)."""
    market = Market()
    market.play("alice sell 10@101\nalice sell 10@103\nbob buy 25@104 id=b")

    (row,) = executions(market.last)

    assert said(row) == "b limit buy 20/25@102 99.0099 200"
    assert (row.arrival_touch, row.arrival_mark, row.makers, row.fee) == ("101", "100", 2, "0")
    assert row.event_index == 1, "the place of its first trade, behind the acceptance"


def test_selling_lower_is_worse() -> None:
    """Above zero is worse than what was found, whichever side took; better is below (A1)."""
    market = Market()
    market.play("alice buy 1@99.5\nalice buy 2@98\nbob sell market 3 id=b slippage=500")
    assert said(executions(market.last)[0]) == "b market sell 3/3@98.5 100.5025 150"

    market.play("alice buy 1@101\nbob sell 1@100 id=c")
    assert said(executions(market.last)[0]) == "c limit sell 1/1@101 0 -100"


def test_thirds_are_rounded_half_up() -> None:
    """Eight places of a price, four of a basis point; the sums they come from are exact."""
    market = Market()
    market.play("alice sell 1@100\nalice sell 2@100.01\nbob buy 3@101 id=b")

    (row,) = executions(market.last)

    assert (row.average_price, row.slippage_touch_bps) == ("100.00666667", "0.6667")


def test_finer_tick_than_eight_places_is_rounded() -> None:
    """The average price has eight places, also that of a single trade."""
    market = Market("1", tick_size="0.0000000005", lot_size="1000000")
    market.play("alice sell 1000000@1.0001000005\nbob buy 1000000@1.0001000005 id=b")

    (row,) = executions(market.last)

    assert (row.average_price, row.arrival_touch) == ("1.0001", "1.0001000005")
    assert (row.slippage_touch_bps, row.slippage_mark_bps) == ("0", "1")


def test_own_order_in_the_way_is_part_of_the_touch() -> None:
    """What was best is what the order found; prevention kept it from having it (A6)."""
    market = Market()
    market.play("bob sell 5@101\nalice sell 5@102\nbob buy 7@103 id=b stp=decrement")

    (row,) = executions(market.last)

    assert said(row) == "b limit buy 2/2@102 99.0099 200"
    assert market.last[1]["type"] == "prevented_match"


def test_without_a_mark_there_is_none_to_measure_from() -> None:
    """An instrument marked by its last trade has none before the first (B2)."""
    market = Market(mark=None, mark_source="last")
    market.play("alice sell 1@100\nbob buy 1@100 id=b")

    (row,) = executions(market.last)

    assert (row.arrival_mark, row.slippage_mark_bps, row.slippage_touch_bps) == (None, None, "0")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("bob buy 1@99 id=b\nbob amend b @101", "b limit buy 1/1@101 0 100"),
        ("bob buy stop 9 trigger=101 id=b slippage=900\nann buy 5@101 id=a",
         "b stop buy 5/9@103 0 300"),
        ("bob sell 2@98 id=b\nkill account bob flatten", "kill-7 limit buy 2/2@101 0 100"),
    ],
    ids=["amend", "stop", "kill switch"],
)  # fmt: skip
def test_whatever_lets_an_order_take_is_an_execution(lines: str, expected: str) -> None:
    """An amend that crosses, an order that fires or an operator's: each took at what it found."""
    market = Market()
    market.play("alice sell 1@100\nalice buy 2@98\nann buy 1@100")
    market.play("alice sell 5@101\nalice sell 5@103")
    market.play(lines)
    assert said(executions(market.last)[-1]) == expected


def test_liquidation_is_an_execution() -> None:
    """What a slice cost its account against the mark is asked first of all (D2)."""
    market = Market()
    market.play("deposit bob 120\nalice sell 10@100\nbob buy 5@100")
    market.play("alice buy 9@79")
    market.mark_at("80")

    rows = executions(market.last)

    assert [said(row).partition("-")[0] for row in rows] == ["liq"]
    assert (rows[0].side, rows[0].average_price, rows[0].slippage_mark_bps) == ("sell", "79", "125")


@pytest.mark.parametrize(
    ("lines", "fills"),
    [
        ("alice sell 5@100", 0),
        ("state X auction\nalice sell 5@100\nbob buy 5@101\nstate X open", 1),
        ("book bob buy 5@100 with=alice", 1),
    ],
    ids=["resting", "auction", "agreed elsewhere"],
)
def test_who_takes_nothing_of_the_book_has_no_execution(lines: str, fills: int) -> None:
    """In an auction nobody arrives at anybody's price; a trade agreed elsewhere met none (A14)."""
    market = Market()
    market.play("deposit alice 100000\ndeposit bob 100000")
    market.play(lines)
    assert (executions(market.last), len(market.fills)) == ([], fills)


def test_order_that_the_outside_reaches_took_nothing() -> None:
    """It waited; who came is the house. Who goes outside has an execution, and the house's (D5)."""
    market = Market(mode="l1")
    market.play("tick 100 102\nbob buy 5@101 id=b\ntick 99 101")
    assert (market.fills, executions(market.last)) == (["house<bob 5@101"], [])

    market.play("bob buy 5@102 id=c")
    (row,) = executions(market.last)
    assert (said(row), row.filled_by_house) == ("c limit buy 5/5@101 0 100", "5")


def test_next_taker_begins_anew() -> None:
    """Two orders of one frame, also of one account, are two executions."""
    market = Market()
    market.play("alice sell 1@101\nalice sell 1@102\nbob buy 1@101 id=b\nbob buy 1@102 id=c")
    rows = executions([*market.events])
    assert [said(row) for row in rows] == ["b limit buy 1/1@101 0 100", "c limit buy 1/1@102 0 200"]


def test_auction_of_the_same_frame_adds_nothing() -> None:
    """What had come to rest trades there again as a taker, but by another input (A14)."""
    market = Market()
    market.play("alice sell 5@101")
    events: list[Event] = []
    lines = ("bob buy 9@101 id=b", "state X auction", "alice sell 4@101", "state X open")
    for place, line in enumerate(lines):
        events += [event | {"in": place} for event in market.play(line)]

    assert market.fills == ["bob<alice 5@101", "bob<alice 4@101"]
    assert [said(row) for row in executions(events)] == ["b limit buy 5/9@101 0 100"]
