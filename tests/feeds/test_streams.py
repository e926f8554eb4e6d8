"""Every command goes to the stream that takes it, and every command we make is well-formed."""

from pathlib import Path
from typing import Any

import pytest

from engine.cli.streams import encode, entry_id, stream_of
from engine.entries import KINDS, decode_entry
from engine.messages import Verdict
from feeds.sources import binance_raw, bitstamp_orders
from feeds.sources.lines import LineFile
from feeds.sources.record import Record
from feeds.synthetic import SyntheticMarket

ENGINE_TYPES = [
    (wire.__struct_config__.tag, stream)  # type: ignore[attr-defined]
    for stream in ("orders", "ticks", "admin")
    for wire in KINDS[stream]
]


@pytest.mark.parametrize(("kind", "stream"), ENGINE_TYPES)
def test_a_command_goes_where_the_engine_takes_it(kind: str, stream: str) -> None:
    """On another stream the engine would refuse it."""
    assert stream_of({"type": kind}) == stream
    assert stream_of([{"type": kind}, {}]) == stream


@pytest.mark.parametrize("command", [None, 5, "x", [], [[]], {}, {"type": 5}, {"type": "nope"}])
def test_what_is_no_command_goes_to_orders(command: Any) -> None:
    """The engine refuses it there with a number, instead of the tool with a guess."""
    assert stream_of(command) == "orders"


def test_stream_ids_compare_like_numbers() -> None:
    """As texts, 10-0 would come before 9-0."""
    assert entry_id("9-0") < entry_id(b"10-0") < entry_id("10-1")


def assert_well_formed(command: dict[str, Any]) -> None:
    """Fail where the engine would refuse the command before the kernel."""
    [decoded] = decode_entry(stream_of(command), "1-0", encode(command))
    assert not isinstance(decoded.command, Verdict), decoded.command


def test_set_up_commands_are_well_formed() -> None:
    """A feed whose own set-up is refused is of no use."""
    for command in bitstamp_orders.source().setup + binance_raw.source().setup:
        assert_well_formed(command)


def test_commands_of_recordings_are_well_formed(tmp_path: Path) -> None:
    """Whatever a reader lets through, the engine can decode."""
    path = tmp_path / "orders.csv"
    path.write_text(
        "id,timestamp,exchange.timestamp,price,volume,action,direction\n"
        "1,2,3,236.40,200000000,created,bid\n"
        "1,2,3,236.40,1,changed,bid\n"
        "1,2,3,0236.40,0,deleted,bid\n"
    )
    with LineFile(path) as lines:
        records: list[Record] = list(bitstamp_orders.source().read(lines))
    assert len(records) == 3
    for record in records:
        assert record.command is not None
        assert_well_formed(record.command)


def test_commands_of_the_synthetic_market_are_well_formed() -> None:
    """The demonstration shows refusals of the market, not of its own making."""
    market = SyntheticMarket(7, "d1")
    for command in market.setup() + [each for _ in range(300) for each in market.step()]:
        assert_well_formed(command)
