"""What this logic version says is recorded; saying anything else takes another version."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest

from engine.codec import chain_hash
from engine.limits import LOGIC_VERSION
from engine.wire import AnyWire
from tests.golden.journals import FOLDER, Journal, file_in, read, record, replay, written
from tests.golden.record import main
from tests.golden.tapes import TAPES

ENGINE = Path(__file__).parents[2] / "engine"
NAMES_A_TYPE = re.compile(r'\{\{"type":"(\w+)"')


@pytest.fixture(scope="module")
def journals() -> list[Journal]:
    """Read what is recorded of this logic version."""
    file = file_in(FOLDER)
    assert file.exists(), f"nothing is recorded of logic version {LOGIC_VERSION}: `make golden`"
    return list(read(file))


@pytest.mark.parametrize("name", TAPES)
def test_recorded_journal_replays_to_the_last_byte(journals: list[Journal], name: str) -> None:
    """A release replays the journals of its version, whoever wrote them (architecture §9)."""
    found = [journal for journal in journals if journal.name == name]
    assert found, f"{name} is not recorded yet: `make golden`"
    replay(found[0])


def test_every_command_and_every_event_is_recorded(journals: list[Journal]) -> None:
    """What no journal holds may change unnoticed: add a tape to tests/golden/tapes.py."""
    said: Counter[str] = Counter()
    for journal in journals:
        for frame in journal.frames:
            said.update(event["type"] for event in json.loads(frame.events))
            commands = [record["c"] for record in json.loads(frame.inputs) if "c" in record]
            said.update(f"command {command['type']}" for command in commands)
    events = {
        name
        for source in ENGINE.glob("rendering*.py")
        for name in NAMES_A_TYPE.findall(source.read_text(encoding="utf-8"))
    }
    assert len(events) > 40
    needed = events | {f"command {each.__struct_config__.tag}" for each in get_args(AnyWire)}
    assert not needed - said.keys(), "add a tape to tests/golden/tapes.py, then `make golden`"
    assert any(_goes_on(journal) for journal in journals), "no mass action goes on over frames"


def _goes_on(journal: Journal) -> bool:
    """Tell whether a frame without inputs follows at the same time, and says something."""
    pairs = zip(journal.frames, journal.frames[1:], strict=False)
    return any(
        then.time_us == now.time_us and now.inputs == b"[]" and now.events != b"[]"
        for then, now in pairs
    )


def test_change_of_an_event_says_what_to_do(journals: list[Journal]) -> None:
    """Who changes what is said must do it on purpose, and be told how."""
    journal = journals[0]
    frame = next(each for each in journal.frames if b'"price":"' in each.events)
    frame.events = frame.events.replace(b'"price":"', b'"price":"1', 1)

    with pytest.raises(
        AssertionError, match=r"first at index \d+: (?s:.*)raise LOGIC_VERSION.*make golden"
    ):
        replay(journal)


def test_recording_is_the_same_every_time(tmp_path: Path) -> None:
    """It is made of seeds, and reads back as it was written."""
    journal = record("squeeze-1", TAPES["squeeze-1"]())
    file = file_in(tmp_path)
    file.write_bytes(written([journal]))

    (found,) = read(file)

    assert [frame.hash for frame in found.frames] == [frame.hash for frame in journal.frames]
    assert found.state_hash == journal.state_hash
    assert written([found]) == file.read_bytes()


def test_recording_takes_the_place_of_an_older_version_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else whoever changes an event could record it away."""
    tapes = {name: TAPES[name] for name in ("squeeze-0", "squeeze-1")}
    older, current = file_in(tmp_path, LOGIC_VERSION - 1), file_in(tmp_path)
    older.touch()
    assert main(tmp_path, {"squeeze-0": TAPES["squeeze-0"]}) == 0
    assert [file.name for file in tmp_path.iterdir()] == [current.name]
    assert main(tmp_path, tapes) == 0
    assert [journal.name for journal in read(current)] == [*tapes]

    changed = record("squeeze-0", TAPES["squeeze-0"]())
    changed.frames[-1].events = b'[{"type":"something_else"}]'
    changed.frames[-1].hash = chain_hash_of(changed)
    current.write_bytes(written([changed._replace(frame_hash=changed.frames[-1].hash.hex())]))
    before = current.read_bytes()
    assert main(tmp_path, tapes) == 1
    assert current.read_bytes() == before
    assert "raise LOGIC_VERSION in engine/limits.py" in capsys.readouterr().err


def chain_hash_of(journal: Journal) -> bytes:
    """Return the hash of a journal's last frame as it now is."""
    last = journal.frames[-1]
    time = b"%d" % last.time_us
    fields = (last.inputs, last.events, last.cursors, last.version)
    return chain_hash(journal.frames[-2].hash, time, *fields)
