"""The other ways in: configuration, lines for `simulate` and `feed`, frames of another's hand."""

import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

from engine.codec import (
    CorruptFrame,
    chain_hash,
    encode_cursors,
    frame_fields,
    frame_from_fields,
    genesis_hash,
    seal,
)
from engine.config import ConfigError, load
from engine.connections import Connections, Endpoints
from engine.entries import decode_entry
from engine.machine import Machine
from engine.messages import Frame
from engine.ports import JournalDamaged, Manifest
from engine.replay import Diverged, OtherRelease, recover
from feeds.sources import jsonl
from feeds.sources.lines import LineFile, SourceError
from tests.cli.program import pitboss
from tests.house.source import ROOT
from tests.line.process import Make
from tests.line.written import write
from tests.security.corpus import bent, corpus, opening
from tests.security.test_corpus import SEED

FORESEEN = (CorruptFrame, JournalDamaged, Diverged, OtherRelease)


def test_configuration_is_read_or_refused_with_the_name_of_its_file(tmp_path: Path) -> None:
    """Whatever stands in it: an editor's accident must not end in a trace."""
    shipped = (ROOT / "config.toml").read_bytes()
    chance, file, outcomes = random.Random(SEED), tmp_path / "config.toml", Counter[str]()
    for _ in range(150):
        file.write_bytes(bent(chance, bent(chance, shipped)))
        try:
            load(file)
            outcomes["read"] += 1
        except ConfigError as refused:
            outcomes["named" if str(refused).startswith(f"{file}: ") else str(refused)] += 1
    assert outcomes.keys() == {"read", "named"}, SEED


def test_simulate_answers_every_line(tmp_path: Path) -> None:
    """It ends well whatever is refused, and nothing of a line is repeated on stderr."""
    entries = [*opening(), *corpus(SEED, 200)]
    lines = [each.payload or b"{}" for each in entries if b"\n" not in (each.payload or b"")]
    ended = pitboss("simulate", "-", given=b"\n".join(lines) + b"\n")
    assert (ended.code, ended.err) == (0, ""), SEED
    assert sum(each["type"] == "rejected" for each in ended.lines) > 50


def test_recorded_file_is_played_or_refused_by_its_line(tmp_path: Path) -> None:
    """A file that was damaged on its way names the line and what to do."""
    file = tmp_path / "recorded.jsonl"
    outcomes = Counter[str]()
    for entry in corpus(SEED, 300):
        file.write_bytes((entry.payload or b"") + b"\n")
        try:
            with LineFile(file) as lines:
                source = jsonl.source(file)
                outcomes["played"] += sum(1 for _ in source.read(lines))
        except SourceError as refused:
            outcomes["named" if "recorded.jsonl" in str(refused) else str(refused)] += 1
    assert outcomes.keys() == {"played", "named"}, SEED


class Copied:
    """Frames in memory, as recovery reads them; and no snapshots."""

    def __init__(self, frames: list[Frame]) -> None:
        self.damaged: list[str] = []
        self._frames = frames

    async def frames(self, after: int, until: int) -> AsyncIterator[Frame]:
        """Yield the frames asked for."""
        for frame in self._frames[after:until]:
            yield frame

    async def manifests(self) -> list[Manifest]:
        """Return none."""
        return []

    async def chunks(self, manifest: Manifest) -> list[bytes]:
        """Return none."""
        raise AssertionError(manifest)


def recorded(shard: str, count: int) -> list[Frame]:
    """Return a journal of an entry a frame."""
    machine, parent, frames = Machine(), genesis_hash(shard), list[Frame]()
    for n, entry in enumerate([*opening(), *corpus(SEED, count)], start=1):
        events: list[bytes] = []
        machine.begin(1_700_000_000_000_000 + n, events)
        items = decode_entry(entry.stream, f"{n}-0", entry.payload)
        for index, item in enumerate(items):
            machine.apply(item, index, events)
        cursors = encode_cursors({entry.stream: f"{n}-0"})
        bodies = [item.body for item in items]
        frames.append(seal(n, parent, 1_700_000_000_000_000 + n, bodies, events, cursors))
        parent = frames[-1].hash
    return frames


def forged(chance: random.Random, frame: Frame, parent: bytes) -> list[bytes]:
    """Return the fields of a frame with a blow to one of them, under a hash that follows."""
    words = list(frame_fields(frame))
    place = chance.choice((1, 3, 3, 5, 7, 9))
    words[place] = bent(chance, words[place])
    told = dict(zip(words[::2], words[1::2], strict=True))
    said = (told[name] for name in (b"t", b"in", b"ev", b"cur", b"v"))
    told[b"h"] = chain_hash(parent, *said).hex().encode()
    return [word for pair in told.items() for word in pair]


async def test_frame_of_another_hand_is_damage_and_no_bug(shard: str) -> None:
    """Whoever can write the journal can seal too: what no engine wrote ends with 65, not 70."""
    chance, frames, outcomes = random.Random(SEED), recorded(shard, 25), Counter[str]()
    for _ in range(250):
        at = chance.randrange(1, len(frames))
        words = forged(chance, frames[at], frames[at - 1].hash)
        try:
            history = Copied([*frames[:at], frame_from_fields(at + 1, words)])
            await recover(shard, history, history, at + 1, print)
            outcomes["the same"] += 1
        except FORESEEN as damage:
            outcomes[type(damage).__name__] += 1
    assert outcomes["CorruptFrame"] > 50, outcomes


async def test_daemon_ends_with_65_on_a_frame_of_another_hand(
    servers: Endpoints, connections: Connections, make: Make, shard: str
) -> None:
    """Systemd does not restart it, and the message names the frame."""
    frames = recorded(shard, 0)
    last = frames[-1]
    inputs = b'[{"s":"orders","id":"1-0","c":{"type":"withdraw_all"}}]'
    said = (str(last.time_us + 1).encode(), inputs, b"[]", b"{}", last.version)
    hash_ = chain_hash(last.hash, *said)
    link = await connections.redis()
    frame = Frame(last.n + 1, last.time_us + 1, inputs, b"[]", b"{}", last.version, hash_)
    await write(link, shard, [*frames, frame])
    await link.close()
    daemon = make(shard, servers.redis_url)
    daemon.spawn()

    assert await daemon.ended() == 65, daemon.log
    assert f"frame {frame.n} was not written by an engine" in daemon.log
    assert "Traceback" not in daemon.log
