"""When the engine counts as behind: the age and length of what waits, with patience (E6)."""

import pytest

from engine.backlog import IDLE_US, MAX_RETRY_MS, Backlog
from engine.limits import PPM

PATIENCE_US = 500_000
TARGET_US = 25_000
FULL = 512
START_US = 1_700_000_000_000_000
ALL = PPM


class Queue:
    """A backlog, and a clock that moves by each batch."""

    def __init__(self, patience_us: int = PATIENCE_US) -> None:
        self.now_us = START_US
        self.backlog = Backlog(patience_us, FULL, START_US - 10 * PATIENCE_US)

    def batch(self, age_us: int | None, size: int = FULL, after_us: int = 10_000) -> int:
        """Look at a batch; return how much of it may open, in ppm."""
        self.now_us += after_us
        oldest_us = None if age_us is None else self.now_us - age_us
        return self.backlog.look(size, oldest_us, self.now_us)

    def begin(self) -> None:
        """Let overload begin."""
        while not self.backlog.is_overloaded:
            self.batch(TARGET_US)


def test_overload_begins_when_batches_have_been_late_for_as_long_as_there_is_patience() -> None:
    """A burst that is worked off in less is taken whole (E6)."""
    queue = Queue()

    assert {queue.batch(2 * TARGET_US) for _ in range(50)} == {ALL}
    assert not queue.backlog.is_overloaded
    assert queue.batch(2 * TARGET_US) < ALL
    assert queue.backlog.is_overloaded


@pytest.mark.parametrize(
    ("age_us", "size"),
    [(TARGET_US - 1, FULL), (10 * PATIENCE_US, FULL // 2 - 1), (None, FULL)],
    ids=["young", "few", "of unknown age"],
)
def test_what_is_young_or_few_or_of_no_known_age_is_never_late(
    age_us: int | None, size: int
) -> None:
    """A slow journal makes entries old, but not many; an id that counts is no time (E6)."""
    queue = Queue()

    assert {queue.batch(age_us, size) for _ in range(200)} == {ALL}
    assert not queue.backlog.is_overloaded


@pytest.mark.parametrize(
    ("age_us", "size"), [(TARGET_US // 2 - 1, FULL), (TARGET_US, FULL // 4 - 1)]
)
def test_one_batch_of_relief_starts_the_patience_anew(age_us: int, size: int) -> None:
    """Half as old, or half as long: the queue was worked off (E6)."""
    queue = Queue()

    for _ in range(10):
        assert {queue.batch(2 * TARGET_US) for _ in range(20)} == {ALL}
        queue.batch(age_us, size)
    assert not queue.backlog.is_overloaded


@pytest.mark.parametrize(
    ("age_us", "size", "open_ppm"),
    [
        (TARGET_US, FULL, ALL),
        (TARGET_US + 1, FULL, 999_920),
        (2 * TARGET_US, FULL, 250_000),
        (4 * TARGET_US, FULL, 62_500),
        (4 * TARGET_US, FULL // 8, 62_500),
        (4 * TARGET_US, FULL // 8 - 1, ALL),
        (None, FULL, ALL),
    ],
)
def test_once_begun_the_older_a_batch_is_the_less_of_it_opens(
    age_us: int | None, size: int, open_ppm: int
) -> None:
    """By the square of its age beyond the target, so that the queue stays short (E6)."""
    queue = Queue()
    queue.begin()

    assert queue.batch(age_us, size) == open_ppm


def test_it_ends_when_nothing_had_to_be_refused_for_twice_the_patience() -> None:
    """Until then what is late is refused without new patience (E6)."""
    queue = Queue()
    queue.begin()

    queue.batch(2 * TARGET_US)
    assert queue.batch(0, after_us=2 * PATIENCE_US - 1) == ALL
    assert queue.batch(2 * TARGET_US, after_us=0) < ALL
    assert queue.batch(0, after_us=2 * PATIENCE_US - 1) == ALL
    assert queue.backlog.is_overloaded
    assert [queue.batch(0, after_us=1), queue.backlog.is_overloaded] == [ALL, False]
    assert {queue.batch(2 * TARGET_US) for _ in range(25)} == {ALL}


@pytest.mark.parametrize(
    ("age_us", "size", "is_calm"),
    [
        (TARGET_US // 2, FULL // 4, False),
        (TARGET_US // 2 - 1, FULL // 4, True),
        (10 * TARGET_US, FULL // 4 - 1, True),
    ],
)
def test_calm_is_what_is_not_both_long_and_old(age_us: int, size: int, is_calm: bool) -> None:
    """Then the daemon tidies up, but never in overload (E6)."""
    queue = Queue()

    queue.batch(age_us, size)
    assert queue.backlog.is_calm == is_calm
    queue.begin()
    queue.batch(0, 0)
    assert not queue.backlog.is_calm


def test_a_batch_is_long_that_was_all_a_read_may_bring() -> None:
    """Then the next read brings more, if there is overload (E6)."""
    queue = Queue()

    for size, is_long in ((FULL - 1, False), (FULL, True)):
        queue.batch(0, size)
        assert queue.backlog.is_long == is_long


def test_silence_ends_it_too() -> None:
    """Without batches somebody must look, or nobody is told of the end (E6)."""
    queue = Queue()
    queue.begin()

    assert not queue.backlog.is_idle(queue.now_us + IDLE_US - 1)
    assert queue.backlog.is_idle(queue.now_us + IDLE_US)
    queue.batch(None, 0, after_us=IDLE_US)
    assert not queue.backlog.is_overloaded
    assert not queue.backlog.is_idle(queue.now_us + IDLE_US)


def test_what_gathered_while_no_engine_ran_is_as_old_as_the_engine() -> None:
    """Orders sent during a restart are taken, not refused for the restart (E6)."""
    queue = Queue()
    queue.backlog = Backlog(PATIENCE_US, FULL, queue.now_us)

    queue.batch(3_600_000_000, after_us=TARGET_US - 1)
    assert queue.backlog.age_us == TARGET_US - 1


@pytest.mark.parametrize(
    ("age_us", "retry_ms"), [(TARGET_US, 500), (3_000_000, 3_000), (90_000_000, MAX_RETRY_MS)]
)
def test_hint_is_the_age_of_the_backlog(age_us: int, retry_ms: int) -> None:
    """At least the patience, at most a minute (E6)."""
    queue = Queue()
    queue.backlog = Backlog(PATIENCE_US, FULL, 0)
    queue.begin()
    queue.batch(age_us)

    assert queue.backlog.retry_ms == retry_ms


def test_without_patience_it_never_begins() -> None:
    """`overload_ms = 0` takes everything, whatever it costs (E6)."""
    queue = Queue(0)

    assert {queue.batch(10 * PATIENCE_US) for _ in range(1_000)} == {ALL}
    assert not queue.backlog.is_overloaded
