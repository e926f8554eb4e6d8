"""Readers of recorded files yield exactly what the file says, and say where it says nonsense."""

import gzip
import lzma
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from feeds.sources import binance_raw, bitstamp_orders, jsonl
from feeds.sources.lines import MAX_LINE_BYTES, LineFile, SourceError
from feeds.sources.record import Record, Source, shortest

DATA = Path(__file__).parents[2] / ".." / "shared" / "data"
BITSTAMP = DATA / "bitstamp-btcusd-20150501-orders.csv.xz"
BINANCE = DATA / "binance-btcusdt-perp-20240808.gz"

HEADER = "id,timestamp,exchange.timestamp,price,volume,action,direction\n"
TICKER = (
    '1723161255088169167 {"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":51,'
    '"s":"BTCUSDT","b":"61800.20","B":"2.507","a":"61800.30","A":"2.510","T":1723161256313,'
    '"E":1723161256313}}\n'
)


def read(source: Source, path: Path) -> list[Record]:
    """Read a whole file."""
    with LineFile(path) as lines:
        return list(source.read(lines))


def bitstamp(tmp_path: Path, rows: str) -> list[Record]:
    """Read rows below the header of a Bitstamp file."""
    path = tmp_path / "orders.csv"
    path.write_text(HEADER + rows)
    return read(bitstamp_orders.source(), path)


def binance(tmp_path: Path, text: str, symbol: str | None = None) -> list[Record]:
    """Read lines of raw Binance frames."""
    path = tmp_path / "frames"
    path.write_text(text)
    return read(binance_raw.source(symbol), path)


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [(".csv", bytes), (".csv.gz", gzip.compress), (".csv.xz", lzma.compress)],
)
def test_lines_are_the_same_plain_and_compressed(tmp_path: Path, suffix: str, pack: Any) -> None:
    """Recorded data is kept compressed; nobody should have to unpack it first."""
    path = tmp_path / f"file{suffix}"
    path.write_bytes(pack(b"one\r\ntwo\nthree"))

    with LineFile(path) as lines:
        assert list(lines) == ["one", "two", "three"]
        assert lines.line == 3
        assert lines.position_bytes == path.stat().st_size


def test_a_line_longer_than_the_bound_is_refused(tmp_path: Path) -> None:
    """A file without line ends must not be read into memory whole."""
    path = tmp_path / "long"
    path.write_bytes(b"short\n" + b"x" * (MAX_LINE_BYTES + 1))

    with LineFile(path) as lines, pytest.raises(SourceError, match=r"long, line 2: longer than"):
        list(lines)


@pytest.mark.parametrize(
    ("suffix", "content", "problem"),
    [
        (".gz", gzip.compress(b"a\nb\n" * 999)[:-9], "damaged or cut short"),
        (".xz", lzma.compress(b"a\nb\n" * 999)[:-9], "damaged or cut short"),
        (".gz", b"plain text\n", "damaged or cut short"),
        (".csv", b"\xff\xfe\n", "not UTF-8"),
    ],
)
def test_a_damaged_file_is_named_with_line_and_remedy(
    tmp_path: Path, suffix: str, content: bytes, problem: str
) -> None:
    """A torn download is ordinary; the reader says which file, where, and what to do."""
    path = tmp_path / f"torn{suffix}"
    path.write_bytes(content)

    with LineFile(path) as lines, pytest.raises(SourceError, match=problem) as refused:
        list(lines)
    assert refused.value.path == path
    assert refused.value.line >= 1
    assert refused.value.remedy


def test_a_missing_file_is_refused_as_a_source_error(tmp_path: Path) -> None:
    """One error type for whatever is wrong with the file that the user named."""
    with pytest.raises(SourceError, match="No such file"):
        LineFile(tmp_path / "absent.gz")


def test_a_bitstamp_order_is_placed_changed_and_cancelled(tmp_path: Path) -> None:
    """The three actions of the venue are the three order commands, spread over 200 accounts."""
    records = bitstamp(
        tmp_path,
        "65595247,1430438404518,1430438404000,236.40,200000000,created,bid\n"
        "65595247,1430438404635,1430438404000,236.40,178855669,changed,bid\n"
        "65595247,1430438404637,1430438404000,236.40,0,deleted,bid\n",
    )

    owner = {"account": "bitstamp-047", "client_order_id": "65595247"}
    placed = {
        "type": "place_order",
        **owner,
        "symbol": "BTCUSD",
        "side": "buy",
        "order_type": "limit",
        "quantity": "2",
        "price": "236.4",
        "time_in_force": "gtc",
    }
    amended = {"type": "amend_order", **owner, "quantity": "1.78855"}
    assert records == [
        Record("created", placed, 1430438404518, rounded=False),
        Record("changed", amended, 1430438404635, rounded=True),
        Record("deleted", {"type": "cancel_order", **owner}, 1430438404637, rounded=False),
    ]


@pytest.mark.parametrize(
    ("satoshi", "quantity", "rounded"),
    [
        (1_000, "0.00001", False),
        (1_999, "0.00001", True),
        (999, "0.00001", True),
        (0, "0.00001", True),
        (100_000_000, "1", False),
        (1_000_000_000_000, "10000", False),
        (123_456_789, "1.23456", True),
    ],
)
def test_volumes_round_down_to_the_lot_and_to_one_at_least(
    satoshi: int, quantity: str, rounded: bool
) -> None:
    """An order is never made larger than it was, except one smaller than the lot itself."""
    assert bitstamp_orders.quantity_of(satoshi) == (quantity, rounded)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("1,2,3,4,5,created\n", "6 fields instead of 7"),
        ("x,2,3,4,5,created,bid\n", "id 'x' is not a whole number"),
        ("1,2,3,4,-5,created,bid\n", "volume '-5' is not a whole number"),
        ("1,2.5,3,4,5,created,bid\n", "timestamp '2.5' is not a whole number"),
        ("1,2,3,NaN,5,created,bid\n", "price 'NaN' is not a decimal"),
        ("1,2,3,4e2,5,created,bid\n", "price '4e2' is not a decimal"),
        ("1,2,3,4,5,born,bid\n", "unknown action 'born'"),
        ("1,2,3,4,5,created,left\n", "unknown direction 'left'"),
    ],
)
def test_a_bitstamp_row_that_makes_no_sense_names_its_line(
    tmp_path: Path, row: str, problem: str
) -> None:
    """A wrong row is a wrong file: guessing would play a market that never was."""
    with pytest.raises(SourceError, match=problem) as refused:
        bitstamp(tmp_path, "1,2,3,4,5,created,bid\n" + row)
    assert refused.value.line == 3


def test_a_file_without_the_bitstamp_header_is_refused(tmp_path: Path) -> None:
    """Columns are not guessed from their contents."""
    path = tmp_path / "other.csv"
    path.write_text("time,price\n")

    with pytest.raises(SourceError, match="line 1: the header is not id,"):
        read(bitstamp_orders.source(), path)


def test_bitstamp_set_up_funds_every_account_before_its_orders() -> None:
    """200 accounts, one deposit each under an id of its own, so that repeating it is harmless."""
    setup = bitstamp_orders.source("XBTUSD").setup

    assert Counter(command["type"] for command in setup) == {
        "create_instrument": 1,
        "create_account": 200,
        "deposit": 200,
    }
    assert setup[0]["symbol"] == "XBTUSD"
    assert len({command["transfer_id"] for command in setup[201:]}) == 200
    assert setup[-1]["transfer_id"] == "feed-bitstamp-bitstamp-XBTUSD-199"


def test_a_book_ticker_becomes_a_tick_and_the_rest_is_counted(tmp_path: Path) -> None:
    """Only the best bid and ask move marks; the other frames are skipped in the open."""
    records = binance(
        tmp_path,
        TICKER
        + '1723161255088176367 {"stream":"btcusdt@trade","data":{"p":"61800.30"}}\n'
        + '1723161255088176368 {"stream":"btcusdt@depth@0ms","data":{"b":[]}}\n'
        + '1723161255088176369 {"lastUpdateId":1,"bids":[]}\n'
        + '1723161255088176370 {"ping":1}\n',
    )

    assert [record.kind for record in records] == [
        "bookTicker",
        "trade",
        "depth",
        "snapshot",
        "other",
    ]
    assert [record.command for record in records[1:]] == [None] * 4
    assert records[0].time_ms == 1723161255088
    assert records[0].command == {
        "type": "l1",
        "symbol": "BTCUSDT",
        "bid": "61800.2",
        "ask": "61800.3",
        "bid_size": "2.507",
        "ask_size": "2.51",
        "seq": 51,
        "ts": 1723161256313,
        "source": "binance",
    }


def test_the_symbol_of_binance_frames_can_be_overridden(tmp_path: Path) -> None:
    """One recording may drive an instrument of another name, set-up and ticks alike."""
    [record] = binance(tmp_path, TICKER, "PERP")

    assert record.command is not None
    assert record.command["symbol"] == "PERP"
    assert binance_raw.source("PERP").setup[0]["symbol"] == "PERP"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("hello\n", "does not begin with a time"),
        ("17231612550 {nope}\n", "not JSON"),
        ("17231612550 " + "[" * 100_000 + "\n", "not JSON"),
        ("17231612550 [1]\n", "not a JSON object"),
        (TICKER.replace('"61800.20"', "61800.20"), "bookTicker without a proper b"),
        (TICKER.replace('"u":51', '"u":"51"'), "bookTicker without a proper u"),
        (TICKER.replace('"s":"BTCUSDT",', ""), "bookTicker without a proper s"),
    ],
)
def test_a_binance_line_that_makes_no_sense_names_its_line(
    tmp_path: Path, line: str, problem: str
) -> None:
    """A frame that cannot be read stops the feed where it stands."""
    with pytest.raises(SourceError, match=problem) as refused:
        binance(tmp_path, TICKER + line)
    assert refused.value.line == 2


def test_admin_commands_at_the_head_of_a_jsonl_file_are_its_set_up(tmp_path: Path) -> None:
    """They go to another stream, whose order against the first is not promised: wait for them."""
    path = tmp_path / "market.jsonl"
    path.write_text(
        '{"type":"create_account","account":"a","ts":5}\n\n'
        '{"type":"l1","symbol":"S","bid":"1","ask":"2","ts":7}\n'
        '{"type":"cancel_all","account":"a","ts":8}\n'
    )

    source = jsonl.source(path)

    assert source.setup == ({"type": "create_account", "account": "a"},)
    assert read(source, path) == [
        Record("l1", {"type": "l1", "symbol": "S", "bid": "1", "ask": "2", "ts": 7}, 7),
        Record("cancel_all", {"type": "cancel_all", "account": "a"}, 8),
    ]


def test_a_jsonl_admin_command_after_the_first_order_is_refused(tmp_path: Path) -> None:
    """In the middle its place among the orders could not be kept, so it is not guessed."""
    path = tmp_path / "market.jsonl"
    path.write_text('{"type":"cancel_all","account":"a"}\n{"type":"deposit","account":"a"}\n')

    with pytest.raises(SourceError, match="line 2: deposit after the first order or tick"):
        read(jsonl.source(path), path)


@pytest.mark.parametrize("line", ["[]", "{", '{"type":1}', "[" * 100_000])
def test_a_jsonl_line_that_is_no_command_names_its_line(tmp_path: Path, line: str) -> None:
    """Whoever wrote the file finds the line without searching."""
    path = tmp_path / "market.jsonl"
    path.write_text(f'{{"type":"cancel_all","account":"a"}}\n{line}\n')

    with pytest.raises(SourceError, match="line 2: not "):
        read(jsonl.source(path), path)


@pytest.mark.parametrize(
    ("given", "short"),
    [
        ("61800.20", "61800.2"),
        ("0.500", "0.5"),
        ("007", "7"),
        ("0.0", "0"),
        ("100", "100"),
        ("1.", None),
        (".5", None),
        ("-1", None),
        ("1e5", None),
        ("NaN", None),
        ("\u0661", None),
        ("", None),
    ],
)
def test_decimals_take_their_shortest_form(given: str, short: str | None) -> None:
    """The protocol writes decimals one way; whatever is none is refused, not repaired."""
    assert shortest(given) == short


@pytest.mark.skipif(not BITSTAMP.exists(), reason=f"no {BITSTAMP.name} in ../shared/data")
def test_the_recorded_bitstamp_session_has_the_counts_its_readme_gives() -> None:
    """5 hours of a real venue: 24,894 created, 24,918 deleted, 602 changed."""
    records = read(bitstamp_orders.source(), BITSTAMP)

    assert Counter(record.kind for record in records) == {
        "created": 24_894,
        "deleted": 24_918,
        "changed": 602,
    }
    assert sum(record.rounded for record in records) == 15_474


@pytest.mark.skipif(not BINANCE.exists(), reason=f"no {BINANCE.name} in ../shared/data")
def test_the_recorded_binance_session_has_the_counts_its_readme_gives() -> None:
    """5.7 minutes of a violent day: 66,089 best bids and asks among trades and depth."""
    records = read(binance_raw.source(), BINANCE)

    assert Counter(record.kind for record in records) == {
        "bookTicker": 66_089,
        "trade": 21_313,
        "depth": 6_551,
        "snapshot": 1,
    }
