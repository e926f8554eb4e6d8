"""What must hold after whatever was traded."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from engine.snapshot import state_hash
from tests.core.duel import Duel
from tests.core.market import Market
from tests.core.oracle import admission, margins
from tests.core.oracle.world import RESERVED, Order, World
from tests.core.tapes import Step, tape


def _newcomer(duel: Duel, step: Step) -> Order | None:
    """Return what an entry asks to add, as an order that nobody knows; None if it only reduces."""
    world, command = duel.oracle.world, step.command
    account = world.accounts.get(command.get("account", ""))
    if account is None or account.name in RESERVED:  # asked nothing about money
        return None
    if command["type"] == "amend_order":
        name = command["client_order_id"]
        own = [o for o in world.orders if o.account is account and o.name == name]
        return own[0] if own else None
    instrument = world.instruments.get(command.get("symbol", ""))
    if command["type"] != "place_order" or instrument is None:
        return None
    lots = Fraction(command["quantity"]) / instrument.lot
    if lots.denominator != 1:
        return None
    side = 1 if command["side"] == "buy" else -1
    wish = admission.Wish(account, instrument, side, lots.numerator, 1, Fraction(0))
    wish.reduce_only = bool(command.get("reduce_only"))
    if admission.reduces(world, wish):
        return None
    rates = (Fraction(0), Fraction(0))
    return Order(
        account, instrument, "", side, 1, lots.numerator, lots.numerator, "", "", "", *rates
    )


def _may_go_below(world: World, order: Order) -> bool:
    """Tell whether free margin may end below zero: trades move the mark, or it only reduces."""
    if order.instrument.terms["mark_source"] == "last":
        return True
    position = order.account.position(order.instrument)
    return order.number > 0 and position.lots * order.side < 0  # an amend of an exit


def _enters(duel: Duel, step: Step) -> Order | None:
    """Play an entry; return the order if one was accepted, or admitted anew, by adding risk."""
    order = None if step.refusal else _newcomer(duel, step)
    excused = order is None or _may_go_below(duel.oracle.world, order)
    kinds = {event["type"] for event in duel.play(step)}
    if excused or "liquidation" in kinds or not kinds & {"order_accepted", "order_amended"}:
        return None
    said = duel.oracle.world.events
    if any(event.get("duplicate") or event.get("kept_priority") for event in said):
        return None
    return order


def accepted_and_covered(seeds: range) -> int:
    """Play tapes; return after how many orders free margin was looked at, and found."""
    asked = 0
    for seed in seeds:
        duel = Duel()
        for step in tape(seed, 400):
            order = _enters(duel, step)
            if order is not None:
                asked += 1
                assert margins.free(duel.oracle.world, order.account) >= 0, f"{seed}: {step}"
    return asked


def test_accepted_order_never_leaves_free_margin_negative() -> None:
    """Whatever it trades with, and however much of it; no price moved (C1)."""
    assert accepted_and_covered(range(104, 105)) > 40, "the tapes have become tame"


@given(
    side=st.sampled_from((1, -1)),
    lots=st.integers(1, 30),
    money_cents=st.integers(2_000, 2_400),
    mark_cents=st.integers(8_100, 9_200),
    better_cents=st.integers(0, 300),
    tenths_filled=st.integers(1, 10),
)
def test_slice_at_bankruptcy_price_or_better_never_raises_the_ratio(
    side: int,
    lots: int,
    money_cents: int,
    mark_cents: int,
    better_cents: int,
    tenths_filled: int,
) -> None:
    """With positive equity and no fees, however much of the slice finds a buyer (D4).

    A long from 100 falls to the mark; a short rises by as much.
    """
    market = Market(lot_size="0.1", collar="0.99")
    mine, theirs = ("buy", "sell") if side > 0 else ("sell", "buy")
    quantity = f"{lots // 10}.{lots % 10}"
    market.play(f"""
        deposit bob {Decimal(money_cents * lots) / 1000}
        mm  {theirs} {quantity}@100
        bob {mine} {quantity}@100
    """)
    mark = mark_cents if side > 0 else 20_000 - mark_cents
    alone = market.restarted()
    alone.play(f"mark {mark / 100:.2f}")
    actions = alone.of("liquidation")
    before = {key: Fraction(value) for key, value in alone.margin("bob").items()}
    assume(actions and before["equity"] > 0)

    limit = Fraction(actions[0]["receipt"]["bankruptcy_price"]) * 100 + side * better_cents
    part = max(1, int(Fraction(actions[0]["quantity"]) * tenths_filled))
    buyer = f"{part // 10}.{part % 10}@{float(limit) / 100:.2f}"
    market.play(f"""
        carol {mine} {buyer}
        mark {mark / 100:.2f}
    """)

    assert market.fills[-1].startswith("bob<carol")
    after = {key: Fraction(value) for key, value in market.margin("bob").items()}
    assert after["maintenance"] * before["equity"] <= before["maintenance"] * after["equity"]


def refused_without_a_trace(seeds: range) -> int:
    """Play tapes; return how many refusals were seen to leave the state's hash as it was."""
    refused = 0
    for seed in seeds:
        duel = Duel()
        for step in tape(seed, 300, gaps=seed % 2 == 0):
            if duel.oracle.world.waiting_accounts or duel.oracle.world.waiting_symbols:
                duel.play(step)
                continue
            still = Step(0, step.stream, step.payload, step.refusal)
            before = state_hash(duel.machine.kernel)
            kinds = [event["type"] for event in duel.play(still)]
            if kinds == ["rejected"]:
                refused += 1
                assert state_hash(duel.machine.kernel) == before, str(step)
    return refused


def test_refused_commands_of_a_tape_leave_the_state_as_it_was() -> None:
    """Not one bit, wherever the tape stands; but time goes on, and what waits is looked at (C1)."""
    assert refused_without_a_trace(range(200, 202)) > 80
