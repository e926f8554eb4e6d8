"""Tapes of tests/core at length: killed between any two frames, restored after every command."""

from collections import Counter

import pytest

from tests.core.tapes import tape
from tests.core.test_breaker_tapes import restored_among_breakers
from tests.core.test_long_boundaries import SEEDS, kills_between_payments
from tests.core.test_oracle_outside import kills_between_fills
from tests.core.test_replay import restored_after_every_command
from tests.core.test_review_over_frames import kills_between_actions

NEEDED = (
    *(b"order_replenished", b"order_expired", b"decrement", b"reduce_only"),
    *(b"order_triggered", b"trigger_rejected", b"auction_uncrossed", b"outside_price_band"),
    *(b"oco", b"oco_spent", b"bracket", b"funding", b"swap", b"fee_tiers_set", b"leverage_set"),
    *(b"margin_brackets", b"liquidation", b"dividend", b"split", b"odd_lots"),
    *(b"takeover", b"deleveraged", b"deficit", b"liquidation_fee", b"insurance"),
)


def test_machine_restored_after_every_command_says_the_same() -> None:
    """No command depends on what a snapshot leaves out (A3 to A14, B3 to B6, D6, D7, E1)."""
    seen: Counter[bytes] = Counter()
    for seed in range(101, 140):
        if all(seen[needed] for needed in NEEDED):
            break
        seen += restored_after_every_command(tape(seed, 220, gaps=seed % 2 == 0 or None))

    assert all(seen[needed] for needed in NEEDED), f"the tapes are tame: {seen}"


def test_machine_restored_among_breakers_says_the_same() -> None:
    """References, what tripped, clocks, the index: nothing is left out of a snapshot (E2)."""
    said = restored_among_breakers(range(12))

    assert said.count(b'"scope":"instrument"') > 10
    assert said.count(b'"scope":"market"') > 5


@pytest.mark.parametrize("payments", [1, 2])
def test_killed_between_payments_it_agrees_with_the_oracle(
    monkeypatch: pytest.MonkeyPatch, payments: int
) -> None:
    """Whatever it holds and however it is margined (B6)."""
    kills = kills_between_payments(monkeypatch, payments, SEEDS)

    assert kills["carry"] > 10, "the tapes hold nothing at their boundaries"
    assert kills["split"] > 0, "the tapes hold no odd lots"


def test_killed_between_fills_it_agrees_with_the_oracle(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the outside price has reached is filled to the end before anything else (D5)."""
    assert kills_between_fills(monkeypatch, range(3, 9)) > 20, "the tapes reach nobody"


def test_killed_between_actions_it_agrees_with_the_oracle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which acts on all of them at once (D2, D6, D7)."""
    kills = kills_between_actions(monkeypatch, range(6))

    assert kills > 20, "nobody waits for anybody in the tapes"
