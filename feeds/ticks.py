"""Conflation: of the ticks in a batch only each source's last one per symbol is applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.wire import L1Wire, MarkPriceWire

if TYPE_CHECKING:
    from engine.messages import Input


def conflate(inputs: list[Input]) -> list[Input]:
    """Return the inputs with each run of ticks of one type, symbol and source reduced to its last.

    The survivor stands where it came and carries how many it stands for. A tick that is older
    than the one before it stays, for the kernel to refuse. Nothing else is touched. Linear.
    """
    latest: dict[tuple[str | bool | None, ...], int] = {}
    skipped: dict[int, int] = {}
    gone: set[int] = set()
    for place, item in enumerate(inputs):
        command = item.command
        if isinstance(command, L1Wire):
            # Only what the kernel would compare alike: a tick without a sequence says nothing
            # about the sequence of the next one.
            marks = command.seq is None, command.ts is None
            key: tuple[str | bool | None, ...] = ("l1", command.symbol, command.source, *marks)
        elif isinstance(command, MarkPriceWire):
            key = ("mark_price", command.symbol)
        else:
            continue
        before = latest.get(key)
        if before is not None:
            if isinstance(command, L1Wire) and _is_older(command, inputs[before].command):
                continue
            gone.add(before)
            skipped[place] = skipped.pop(before, 0) + 1
        latest[key] = place
    if not gone:
        return inputs
    for place, count in skipped.items():
        item = inputs[place]
        item.body = item.body[:-1] + b',"skipped":%d}' % count
    return [item for place, item in enumerate(inputs) if place not in gone]


def _is_older(tick: L1Wire, before: object) -> bool:
    """Tell whether a tick's sequence, or else its time, does not move on (E3)."""
    assert isinstance(before, L1Wire)
    if tick.seq is not None and before.seq is not None:
        return tick.seq <= before.seq
    return tick.ts is not None and before.ts is not None and tick.ts < before.ts
