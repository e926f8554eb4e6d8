"""Raw WebSocket frames of Binance futures, one `<local ns> <json>` a line.

Best bids and asks (`@bookTicker`) become `l1` ticks, which move marks and liquidate; trades, depth
updates and snapshots are counted and skipped.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from feeds.sources.lines import LineFile
from feeds.sources.record import Command, Record, Source, shortest

SYMBOL: Final = "BTCUSDT"

_FETCH: Final = "record the raw frames of Binance's combined stream"
_NS_PER_MS: Final = 1_000_000
_MAX_DIGITS: Final = 20


def source(symbol: str | None = None) -> Source:
    """Return the format; `symbol` overrides the one that the frames carry (default `BTCUSDT`)."""
    return Source(setup=(_instrument(symbol or SYMBOL),), read=lambda lines: _read(lines, symbol))


def _instrument(symbol: str) -> Command:
    return {
        "type": "create_instrument",
        "symbol": symbol,
        "tick_size": "0.1",
        "lot_size": "0.001",
        "mark_source": "l1_mid",
        "initial_margin": "0.02",
        "maintenance_margin": "0.01",
        "max_leverage": 50,
    }


def _read(lines: LineFile, symbol: str | None) -> Iterator[Record]:
    decode = msgspec.json.Decoder().decode
    for line in lines:
        stamp, _, text = line.partition(" ")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= _MAX_DIGITS):
            lines.refuse("does not begin with a time in ns", _FETCH)
        try:
            frame = decode(text)
        except (msgspec.DecodeError, RecursionError) as error:
            lines.refuse(f"not JSON ({error})", _FETCH)
        if not isinstance(frame, dict):
            lines.refuse("not a JSON object", _FETCH)
        time_ms = int(stamp) // _NS_PER_MS
        kind = _kind(frame)
        command = _l1(lines, frame["data"], symbol) if kind == "bookTicker" else None
        yield Record(kind, command, time_ms)


def _kind(frame: dict[str, Any]) -> str:
    """Name a frame by its stream: `btcusdt@depth@0ms` is `depth`; a bare one is a snapshot."""
    name = frame.get("stream")
    if isinstance(name, str) and isinstance(frame.get("data"), dict):
        parts = name.split("@")
        return parts[1] if len(parts) > 1 else name
    return "snapshot" if "lastUpdateId" in frame else "other"


def _l1(lines: LineFile, data: dict[str, Any], symbol: str | None) -> Command:
    quoted = {name: data.get(name) for name in ("b", "B", "a", "A")}
    decimals = {
        name: shortest(value) if isinstance(value, str) else None for name, value in quoted.items()
    }
    missing = [name for name, value in decimals.items() if value is None]
    numbers = [name for name in ("u", "T") if not isinstance(data.get(name), int)]
    if missing or numbers or not isinstance(data.get("s"), str):
        wrong = ", ".join([*missing, *numbers]) or "s"
        lines.refuse(f"bookTicker without a proper {wrong}", _FETCH)
    return {
        "type": "l1",
        "symbol": symbol or data["s"],
        "bid": decimals["b"],
        "ask": decimals["a"],
        "bid_size": decimals["B"],
        "ask_size": decimals["A"],
        "seq": data["u"],
        "ts": data["T"],
        "source": "binance",
    }
