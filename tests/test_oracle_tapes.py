"""The tapes of tests/core/test_oracle.py at length: everything must come up, and often enough."""

from collections import Counter
from functools import partial

from tests.core.duel import play_tapes
from tests.core.tape_orders import STP_MODES
from tests.core.tape_squeeze import squeeze
from tests.core.tapes import tape
from tests.core.test_oracle import COMMANDS, SEEDS, SEEDS_OF_GAPS, SEEDS_OF_SQUEEZES

MORE_SEEDS = range(SEEDS.stop, SEEDS.stop + 100)
MORE_GAPS = range(SEEDS_OF_GAPS.stop, SEEDS_OF_GAPS.stop + 90)
MORE_SQUEEZES = range(SEEDS_OF_SQUEEZES.stop, SEEDS_OF_SQUEEZES.stop + 250)


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


def _ask_for(seen: Counter[str], *needed: str) -> None:
    """Ask whether the tapes did what they are for."""
    for word in needed:
        assert seen[word] >= 5, f"{word} came up {seen[word]} times: the tapes are tame"
