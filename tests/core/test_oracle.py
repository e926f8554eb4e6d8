"""The machine against the naive oracle, which shares no code with it.

The same random tapes are played to both. After every entry all events (as parsed JSON, every
field), books in queue order, marks, balances, positions, holds and free margins must be equal, and
the kernel's own invariants must hold. A tape that fails is shrunk and printed with its seed.
"""

import os
import random
import time
from collections import Counter
from fractions import Fraction
from typing import Any

import pytest

from tests.core.duel import Difference, Duel, play, report, shrink
from tests.core.oracle.numbers import ATOMS, number
from tests.core.oracle.world import Command, World
from tests.core.tape_orders import STP_MODES
from tests.core.tapes import Step, tape

SEEDS = range(40)
COMMANDS = 520
CAMPAIGN_COMMANDS = int(os.environ.get("FUZZ_COMMANDS", "1000000"))


def _play(seed: int, length: int) -> Counter[str]:
    """Play a seed's tape; return how often each event and refusal came up."""
    seen: Counter[str] = Counter()
    duel = Duel()
    steps = tape(seed, length)
    for end, step in enumerate(steps, start=1):
        try:
            for event in duel.play(step):
                seen.update([*_words(event), *_by_bracket(duel.oracle.world, event)])
        except Exception as failure:
            raise AssertionError(report(seed, steps[:end])) from failure
    return seen


def _by_bracket(world: World, event: dict[str, Any]) -> list[str]:
    """Return what an event of a position beyond its instrument's first margin bracket counts as."""
    symbol, account = event.get("symbol"), event.get("account")
    if symbol not in world.instruments or account not in world.accounts:
        return []
    position = world.accounts[account].position(world.instruments[symbol])
    brackets = position.instrument.brackets
    notional = Fraction(abs(position.value))
    if event["type"] == "liquidation":
        receipt = event["receipt"]
        notional = abs(number(receipt["position"])) * number(receipt["mark_price"]) * ATOMS
    is_beyond = len(brackets) > 1 and notional >= brackets[1][0]
    return [f"{event['type']} beyond"] if is_beyond else []


def _words(event: dict[str, Any]) -> list[str]:
    """Return what an event counts as among the needed."""
    kind, name = event["type"], str(event.get("client_order_id"))
    words = [kind, event.get("mode", "")]
    words += [each["reason"] for each in event.get("errors") or [event] if "reason" in each]
    if kind in {"funding", "swap"}:
        words.append(f"{kind} residue" if event["residue"] != "0" else "")
        words.append(f"{kind} from the venue" if event["residue"][0] == "-" else "")
    if kind == "rejected" and "path" in event:
        words.append(f"rejected {event['path'].partition('[')[0]}")
    if kind == "rejected" and event["code"] == 504 and "errors" not in event:
        words.append("leverage too low")
    words.append(f"{event['cause']} paid" if kind == "balance_changed" else "")
    if kind == "order_amended" and "cause" in event:
        grown = event["cause"] == "bracket" and not event["kept_priority"]
        words.append(f"{event['cause']} {'grown' if grown else 'cut'}")
    if name.endswith((".tp1", ".tp2", ".tp3", ".sl")):
        at_once = kind == "order_accepted" and event["status"] == "done"
        words += ["child at once"] if at_once else []
        codes = {413: "child refused", 703: "child repeated"}
        words.append(codes.get(event.get("code", 0), ""))
    return words


def test_machine_agrees_with_the_oracle() -> None:
    """Over 20,000 commands in which everything collides with everything (A1 to E3)."""
    seen: Counter[str] = Counter()
    for seed in SEEDS:
        seen += _play(seed, COMMANDS)

    for needed in (
        *("trade", "liquidation", "margin_call", "prevented_match", "order_amended"),
        *("unfillable", "insufficient_margin", "leverage_exceeded", "id_reused", "collar"),
        *("price_stale", "market_not_open", "in_liquidation", "self_trade", "exposure_limit"),
        *("order_replenished", "order_expired", "reduce_only", "invalid_display"),
        *("order_triggered", "trigger_rejected", "would_trigger", "trigger_required"),
        *("trigger_not_allowed", "invalid_trail"),
        *("invalid_oco", "oco_spent", "oco", "invalid_bracket", "bracket", "oco cut"),
        *("bracket cut", "bracket grown", "child at once", "child refused", "child repeated"),
        *("funding residue", "swap residue", "swap from the venue", "funding paid", "swap paid"),
        *("order_accepted beyond", "liquidation beyond", "order_amended beyond"),
        *("leverage_set", "leverage too low"),
        *("rejected $.funding_id", "rejected $.swap_id", "price_unavailable"),
        *("fee_tiers_set", "rejected $.tiers", "rejected $.fee_tier", "rejected $.margin_brackets"),
        *("post_only_would_trade", "nothing_to_reduce", "invalid_expiry", *STP_MODES[1:]),
    ):
        assert seen[needed] >= 5, f"{needed} came up {seen[needed]} times: the tapes are tame"


@pytest.mark.long
def test_campaign_against_the_oracle(capsys: pytest.CaptureFixture[str]) -> None:
    """A million commands from fresh seeds, for `make fuzz` (A1 to E3)."""
    base = random.SystemRandom().randrange(10**9)
    played, started, rng = 0, time.monotonic(), random.Random(base)
    while played < CAMPAIGN_COMMANDS:
        seed, length = rng.randrange(10**12), rng.choice((60, 500, 3_000))
        _play(seed, length)
        played += length
        if played % 20_000 < length:
            pace = played / (time.monotonic() - started)
            with capsys.disabled():
                print(f"{played:>9,} commands agree ({pace:,.0f}/s), base seed {base}")  # noqa: T201


def test_difference_is_found_and_shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken machine is caught, and the tape that shows it is small enough to read."""
    steps = tape(1, 200)
    play(steps)
    monkeypatch.setattr("tests.core.oracle.oracle.COMMANDS", _with_worse_fees())

    with pytest.raises(Difference):
        play(steps)

    told = report(1, steps)
    assert told.startswith("seed 1, ")
    assert told.count("\n+") <= 12
    assert "fee" in told


def _with_worse_fees() -> dict[str, object]:
    """Return the oracle's commands with one that charges makers an atom too much."""
    from tests.core.oracle import oracle

    place = oracle.COMMANDS["place_order"]

    def dearer(world: World, command: Command) -> None:
        before = len(world.events)
        place(world, command)
        for event in world.events[before:]:
            if event["type"] == "trade":
                event["maker"]["fee"] += "1"

    return {**oracle.COMMANDS, "place_order": dearer}


def test_shrinking_leaves_nothing_out_that_is_needed() -> None:
    """Two steps that fail only together are found among a hundred."""
    steps = [Step(0, "orders", str(number)) for number in range(100)]

    def fails(some: list[Step]) -> bool:
        return {"17", "83"} <= {step.payload for step in some}

    assert [step.payload for step in shrink(steps, fails)] == ["17", "83"]
