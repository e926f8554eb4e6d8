"""The tapes of tests/core/test_oracle.py at length: everything must come up, and often enough."""

from collections import Counter
from functools import partial

import pytest

from tests.core import test_oracle_outside as outside
from tests.core.duel import play_tapes
from tests.core.tape_breakers import breaking
from tests.core.tape_kills import kills
from tests.core.tape_orders import STP_MODES
from tests.core.tape_slices import slices
from tests.core.tape_squeeze import squeeze
from tests.core.tapes import tape, tape_outside
from tests.core.test_kill_tapes import SEEDS as SEEDS_OF_KILLS
from tests.core.test_oracle import (
    COMMANDS,
    SEEDS,
    SEEDS_OF_BREAKERS,
    SEEDS_OF_GAPS,
    SEEDS_OF_SQUEEZES,
)

MORE_SEEDS = range(SEEDS.stop, 110)
MORE_GAPS = range(SEEDS_OF_GAPS.stop, 96)
MORE_BREAKERS = range(SEEDS_OF_BREAKERS.stop, 150)
MORE_SQUEEZES = range(SEEDS_OF_SQUEEZES.stop, 270)
MORE_OUTSIDE = (*range(outside.SEEDS.start), *range(outside.SEEDS.stop, 37))
MORE_SLICES = range(outside.SEEDS_OF_SLICES.stop, 52)
MORE_KILLS = (*range(SEEDS_OF_KILLS.stop, 8), *range(100, 150))

pytestmark = pytest.mark.long


def test_machine_agrees_with_the_oracle() -> None:
    """Over 50,000 commands in which everything collides with everything (A1 to E3)."""
    assert len(MORE_SEEDS) * COMMANDS > 50_000
    seen = play_tapes(partial(tape, length=COMMANDS), MORE_SEEDS)

    _ask_for(
        seen,
        *("trade", "liquidation", "margin_call", "prevented_match", "order_amended"),
        *("unfillable", "insufficient_margin", "leverage_exceeded", "id_reused", "collar"),
        *("price_stale", "market_not_open", "self_trade", "exposure_limit"),
        *("order_replenished", "order_expired", "reduce_only", "invalid_display"),
        *("position_notional_limit", "position_size", "instrument_exposure", "pyramiding"),
        *("too_many_positions", "correlated_positions", "portfolio_heat", "reward_to_risk"),
        *("order_rate", "rejected $.profile"),
        *("limit_hit", "day_loss"),
        *("order_triggered", "trigger_rejected", "would_trigger", "trigger_required"),
        *("trigger_not_allowed", "invalid_trail", "outside_price_band", "price_band"),
        *("auction_uncrossed", "not_in_auction"),
        *("invalid_oco", "oco_spent", "oco", "invalid_bracket", "bracket", "oco cut"),
        *("bracket cut", "bracket grown", "child at once", "child refused", "child repeated"),
        *("funding residue", "swap residue", "swap from the venue", "paid funding", "paid swap"),
        *("paid dividend", "odd_lots", "corporate_action cut", "market_not_closed"),
        *("order_accepted beyond", "liquidation beyond", "order_amended beyond"),
        *("leverage_set", "leverage too low"),
        *("rejected $.funding_id", "rejected $.swap_id", "price_unavailable"),
        *("fee_tiers_set", "rejected $.tiers", "rejected $.fee_tier", "rejected $.margin_brackets"),
        *("post_only_would_trade", "nothing_to_reduce", "invalid_expiry", *STP_MODES[1:]),
    )


def test_machine_agrees_down_the_waterfall() -> None:
    """Over 40,000 commands in which prices jump and nobody is there to buy (D6, D7)."""
    seen = play_tapes(partial(tape, length=COMMANDS, gaps=True), MORE_GAPS)

    _ask_for(
        seen,
        *("takeover", "takeover buy", "takeover sell", "flat by takeover", "insurance_funded"),
        *("deleveraged", "buy round", "sell round", "cleared for deleveraging", "in_liquidation"),
        *("deficit", "by the fund", "by nobody", "paid liquidation_fee", "lost by the backstop"),
    )


def test_machine_agrees_on_who_is_deleveraged() -> None:
    """Where the first round takes little, and every rounding of a ratio counts (D7)."""
    seen = play_tapes(squeeze, MORE_SQUEEZES)

    _ask_for(seen, "round 1", "round 2", "buy round", "sell round", "rank 3", "takeover")


def test_restarted_machine_agrees_outside() -> None:
    """14,000 commands: an outside market, the house, and trades agreed elsewhere (D5, B7)."""
    commands = partial(tape_outside, length=outside.COMMANDS)
    seen = play_tapes(commands, MORE_OUTSIDE, restarts=True)

    _ask_for(
        seen,
        *("outside maker", "outside taker", "outside one of many", "outside child"),
        *("outside reduce_only", "outside oco", "outside bracket", "outside order_triggered"),
        *("outside price_band", "outside order_amended", "no_liquidity", "unfillable"),
        *("house_is_counterparty", "post_only_would_trade", "rejected $.display_quantity"),
        *("booked buy", "booked sell", "booked and signed", "turned by a booked trade"),
        *("booked with the house", "booked with the backstop", "same_account"),
        *("rejected $.counter_account", "rejected $.trade_id", "rejected $.timestamp"),
    )


def test_restarted_machine_agrees_down_the_tiers() -> None:
    """Slices that go outside, of every tier and of either side, above water and below (D2, D5)."""
    seen = play_tapes(slices, MORE_SLICES, restarts=True)

    tiers = [f"outside tier {tier} {side}" for tier in (1, 2, 3) for side in ("buy", "sell")]
    _ask_for(seen, *tiers, "outside under water", "by the fund", "paid liquidation_fee")


def test_machine_agrees_on_when_markets_stand_still() -> None:
    """Over 20,000 commands in which prices walk by the levels of breakers (E2)."""
    seen = play_tapes(breaking, MORE_BREAKERS)

    _ask_for(
        seen,
        *("breaker of the instrument", "breaker of the market", "market_breakers_set"),
        *("breaker gathers", "breaker by a clock", "breaker by nobody", "auction_uncrossed"),
        *("order_triggered", "trigger_rejected", "liquidation", "instrument_deleted"),
        *("rejected $.breakers", "rejected $.levels", "rejected $.weights.S9"),
    )


def test_machine_agrees_on_what_is_stopped() -> None:
    """Over 13,000 commands among kill switches and heartbeats (E4, E5)."""
    seen = play_tapes(kills, MORE_KILLS)

    _ask_for(
        seen,
        *("kill_switch", "rejected by a switch"),
        *("cancelled by kill_switch", "flatten at input", "flatten by timer"),
        *("heartbeat_missed", "cancelled by heartbeat", "no_such_switch", "invalid_switch"),
    )


def _ask_for(seen: Counter[str], *needed: str) -> None:
    """Ask whether the tapes did what they are for."""
    for word in needed:
        assert seen[word] >= 5, f"{word} came up {seen[word]} times: the tapes are tame"
