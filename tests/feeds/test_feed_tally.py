"""The report by kind joins the engine's events with what the file called them."""

import json
from typing import Any

from engine.cli.feed_tally import Tally
from engine.cli.journal_reader import JournalEntry, JournalGap

STREAM = "orders:feed-x"


def frame(
    n: int, inputs: list[dict[str, Any]], events: list[dict[str, Any]], cursors: dict[str, str]
) -> JournalEntry:
    """Build a frame as it would be read."""
    packed = [json.dumps(part, separators=(",", ":")).encode() for part in (inputs, events)]
    return JournalEntry(n, n, packed[0], packed[1], json.dumps(cursors).encode(), b"1", b"")


def test_outcomes_are_counted_under_the_kind_of_their_entry() -> None:
    """The entry's number is its place in the file; the event's `in` is its place in the frame."""
    tally = Tally([STREAM])
    for kind in ("created", "created", "created", "deleted", "changed"):
        tally.expect(STREAM, kind)

    tally.observe(
        frame(
            1,
            [
                {"s": "admin", "id": "9-0"},
                {"s": STREAM, "id": "1-0"},
                {"s": "orders", "id": "2-0"},
                {"s": STREAM, "id": "2-0"},
            ],
            [
                {"type": "balance_changed", "in": 0},
                {"type": "order_accepted", "in": 1, "status": "resting"},
                {"type": "order_accepted", "in": 2, "status": "resting"},
                {"type": "order_accepted", "in": 3, "status": "done"},
                {"type": "trade", "in": 3},
                {"type": "trade", "in": 3},
                {"type": "order_cancelled", "reason": "requested"},
            ],
            {STREAM: "2-0"},
        )
    )
    assert tally.consumed == {STREAM: 2}
    assert tally.unaccounted == 3
    tally.observe(
        frame(
            2,
            [{"s": STREAM, "id": f"{n}-0"} for n in (3, 4, 5)],
            [
                {"type": "order_accepted", "in": 0, "status": "done"},
                {"type": "order_cancelled", "in": 0, "reason": "self_trade"},
                {"type": "rejected", "in": 1, "code": 204, "reason": "unknown_order"},
                {"type": "order_amended", "in": 2},
            ],
            {STREAM: "5-0", "orders": "7-3"},
        )
    )

    assert tally.outcomes == {
        "created": {
            "applied": 3,
            "accepted": 3,
            "rested": 1,
            "traded": 1,
            "trades": 2,
            "cancelled: self_trade": 1,
        },
        "deleted": {"applied": 1, "rejected": 1, "rejected: 204 unknown_order": 1},
        "changed": {"applied": 1, "amended": 1},
    }
    assert tally.sent == {"created": 3, "deleted": 1, "changed": 1}
    assert tally.consumed == {STREAM: 5}
    assert tally.unaccounted == 0


def test_conflated_ticks_are_accounted_for_by_their_survivor() -> None:
    """A tick that was replaced by a newer one has no event, and has not vanished either."""
    tally = Tally(["ticks:feed-x"])
    for _ in range(5):
        tally.expect("ticks:feed-x", "bookTicker")

    tally.observe(
        frame(1, [{"s": "ticks:feed-x", "id": "5-0", "skipped": 4}], [], {"ticks:feed-x": "5-0"})
    )

    assert tally.outcomes == {"bookTicker": {"applied": 1, "conflated": 4}}
    assert tally.unaccounted == 0


def test_trimmed_frames_leave_entries_unaccounted() -> None:
    """A report that cannot be complete says so."""
    tally = Tally([STREAM])
    tally.expect(STREAM, "created")
    tally.expect(STREAM, "created")

    tally.miss(JournalGap(1, 7))
    tally.observe(frame(7, [{"s": STREAM, "id": "2-0"}], [], {STREAM: "2-0"}))

    assert tally.trimmed == [(1, 6)]
    assert tally.unaccounted == 1
