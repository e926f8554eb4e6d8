"""Breakers are a matter of the journal's time and of nothing else (E2)."""

from engine.machine import Machine
from engine.restore import restore
from engine.snapshot import capture, state_hash
from tests.core.breaker_words import LEVELS, told, watched
from tests.core.tape_breakers import breaking
from tests.core.test_replay import advance, played


def restored_among_breakers(seeds: range) -> bytes:
    """Play tapes with a restart after each command; return all that was said."""
    said = b""
    for seed in seeds:
        steps = breaking(seed, 80)
        machine, events, now_us = Machine(), list[bytes](), 0
        for step in steps:
            now_us += step.wait_ms * 1_000
            events += advance(machine, now_us, step)
            kernel = restore(list(capture(machine.kernel)))
            assert state_hash(kernel) == state_hash(machine.kernel)
            machine = Machine(kernel)

        assert (events, state_hash(machine.kernel)) == played(steps)
        said += b"".join(events)
    return said


def test_machine_restored_after_every_command_says_the_same() -> None:
    """References, what tripped, clocks, the index: nothing is left out of a snapshot (E2)."""
    said = restored_among_breakers(range(4))

    assert said.count(b'"scope":"instrument"') > 1
    assert said.count(b'"scope":"market"') > 1


def test_market_opens_in_the_frame_of_its_time_however_often_one_looks() -> None:
    """A replay is faster than the clock, and a busy engine writes frames all the time (E2)."""
    seldom, often = watched(LEVELS), watched(LEVELS)
    for market in (seldom, often):
        market.play("push X 95")
    deadline_us = seldom.kernel.next_deadline_us()
    assert deadline_us is not None

    seldom.wait((deadline_us - seldom.now_us) // 1_000)
    while often.now_us < deadline_us:
        often.wait(250)

    assert told(often) == told(seldom) == ["1 95 of 100 until 61000", "halted", "open"]
    assert often.hash() == seldom.hash()
