"""The kernel against the oracle once more, with commands chosen by Hypothesis.

The tapes of test_oracle.py are long and from a seed; these are short and become shorter by
themselves when they fail. An amend or a cancel mostly names an order that was sent.
"""

import json
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.core.duel import Duel
from tests.core.lengths import short
from tests.core.tape_orders import STP_MODES, TRAILING, WAITING
from tests.core.tapes import Step

Fields = dict[str, Any]

NAMES = ("ann", "bea", "cy")
ACCOUNTS = st.sampled_from(NAMES)
SIDES = st.sampled_from(("buy", "sell"))
PRICES = st.integers(8, 13).map(str)
QUANTITIES = st.integers(1, 9).map(str)
PEAKS = st.sampled_from((None, None, None, "1", "2", "5"))
SELDOM = st.sampled_from((None, None, None, True))
MILLISECONDS = st.sampled_from((0, 1, 250, 1_000))
PLACES = st.integers(0, 30)
OTHERS_FROM = 28
TRIGGERS = st.sampled_from((None, "last", "mark", "bid_ask"))
LEASHES = st.sampled_from(
    ({"trail_offset": "1"}, {"trail_offset": "2"}, {"trail_bps": 500}, {"trail_bps": 2_000})
)
CHANGES = st.one_of(
    st.fixed_dictionaries({"quantity": QUANTITIES, "price": PRICES}),
    st.fixed_dictionaries({"quantity": QUANTITIES}),
    st.fixed_dictionaries({"display_quantity": PEAKS}),
    st.fixed_dictionaries({"trigger_price": PRICES}),
    LEASHES,
)


class KernelMachine(RuleBasedStateMachine):
    """A duel of machine and oracle on one instrument with prices around 10 (A1 to E3)."""

    def __init__(self) -> None:
        super().__init__()
        self.duel = Duel()
        self.sent: list[Fields] = []
        self.payments = 0

    def say(self, kind: str, stream: str = "orders", wait_ms: int = 0, **fields: Any) -> None:
        """Give a command to both."""
        self.duel.play(Step(wait_ms, stream, json.dumps({"type": kind, **fields})))

    @initialize(
        source=st.sampled_from(("l1_mid", "last")),
        fee=st.sampled_from(("0", "0.0013")),
        desk=st.booleans(),
        first=PRICES,
    )
    def open_the_market(self, source: str, fee: str, desk: bool, first: str) -> None:
        """List the instrument, fund three accounts, two of them perhaps of one desk; let two trade.

        So there is a last price, and somebody has something to reduce.
        """
        terms: Fields = {"tick_size": "1", "lot_size": "1", "collar": "0.5"}
        terms |= {"taker_fee": fee, "session_end": "00:01"}
        self.say("create_instrument", "admin", symbol="X", mark_source=source, **terms)
        for name in NAMES:
            group: Fields = {"stp_group": "desk"} if desk and name != "cy" else {}
            self.say("create_account", "admin", account=name, **group)
            self.pay(name, 60)
        self.quote(int(first))
        for name, side in (("ann", "sell"), ("cy", "buy")):
            self.place(
                "gtc", account=name, side=side, order_type="limit", quantity="5", price=first
            )

    @rule(
        account=ACCOUNTS,
        side=SIDES,
        quantity=QUANTITIES,
        price=PRICES,
        lifetime=st.sampled_from(("gtc", "gtc", "gtc", "ioc", "fok", "day")),
        stp=st.sampled_from(("cancel_newest", *STP_MODES)),
        display_quantity=PEAKS,
        post_only=SELDOM,
        reduce_only=SELDOM,
    )
    def limit(self, **order: Any) -> None:
        """Place a limit order."""
        self.place(order_type="limit", **order)

    @rule(
        account=ACCOUNTS,
        side=SIDES,
        quantity=QUANTITIES,
        price=PRICES,
        display_quantity=PEAKS,
        reduce_only=SELDOM,
        milliseconds=MILLISECONDS,
    )
    def limit_for_a_while(self, milliseconds: int, **order: Any) -> None:
        """Place a limit order that expires."""
        until = self.duel.now_us // 1_000 + milliseconds
        self.place(order_type="limit", lifetime="gtd", expires_at=until, **order)

    @rule(
        account=ACCOUNTS,
        side=SIDES,
        quantity=QUANTITIES,
        lifetime=st.sampled_from(("ioc", "fok")),
        reduce_only=SELDOM,
    )
    def market(self, **order: Any) -> None:
        """Place a market order."""
        self.place(order_type="market", **order)

    @rule(
        account=ACCOUNTS,
        side=SIDES,
        kind=st.sampled_from(WAITING),
        quantity=QUANTITIES,
        price=PRICES,
        trigger_price=PRICES,
        trigger_by=TRIGGERS,
        reduce_only=SELDOM,
    )
    def stop(self, kind: str, price: str, **order: Any) -> None:
        """Place an order that waits for a price."""
        self.wait_for_a_price(kind, price, **order)

    @rule(
        account=ACCOUNTS,
        side=SIDES,
        kind=st.sampled_from(TRAILING),
        quantity=QUANTITIES,
        price=PRICES,
        leash=LEASHES,
        trail_step=st.sampled_from((None, "2")),
        activation_price=st.none() | PRICES,
        trigger_by=TRIGGERS,
    )
    def trailing_stop(self, kind: str, price: str, leash: Fields, **order: Any) -> None:
        """Place an order that follows the market."""
        self.wait_for_a_price(kind, price, **leash, **order)

    def wait_for_a_price(self, kind: str, price: str, **order: Any) -> None:
        """Place an order that wakes up as a limit order, or as a market order."""
        limit = price if kind.endswith("_limit") else None
        self.place("gtc" if limit else None, order_type=kind, price=limit, **order)

    def place(self, lifetime: str | None, account: str, **order: Any) -> None:
        """Place an order under an id of its own."""
        named: Fields = {"account": account, "client_order_id": f"c{len(self.sent)}"}
        self.sent.append(named)
        self.say("place_order", symbol="X", time_in_force=lifetime, **named, **order)

    def some_order(self, place: int) -> Fields:
        """Name an order that was sent, the youngest first; now and then another account's."""
        named = self.sent[-1 - place % len(self.sent)]
        return named if place < OTHERS_FROM else {**named, "account": "ann"}

    @rule(place=PLACES, changes=CHANGES, milliseconds=st.none() | MILLISECONDS)
    def amend(self, place: int, changes: Fields, milliseconds: int | None) -> None:
        """Amend what may or may not be there: size, price, peak, trigger, leash, expiry."""
        until = None if milliseconds is None else self.duel.now_us // 1_000 + milliseconds
        self.say("amend_order", expires_at=until, **self.some_order(place), **changes)

    @rule(place=PLACES)
    def cancel(self, place: int) -> None:
        """Cancel what may or may not be there."""
        self.say("cancel_order", **self.some_order(place))

    @rule(account=ACCOUNTS)
    def cancel_all(self, account: str) -> None:
        """Cancel everything."""
        self.say("cancel_all", account=account)

    @rule(bid=st.integers(7, 13), wait_ms=st.sampled_from((0, 1, 249, 250, 60_000)))
    def quote(self, bid: int, wait_ms: int = 0) -> None:
        """Send a price, now or after a while."""
        self.say("l1", "ticks", wait_ms, symbol="X", bid=str(bid), ask=str(bid + 1))

    @rule(account=ACCOUNTS, amount=st.integers(-50, 20))
    def pay(self, account: str, amount: int) -> None:
        """Pay in or out."""
        self.payments += 1
        kind = "deposit" if amount > 0 else "withdraw"
        named: Fields = {"account": account, "transfer_id": f"t{self.payments}"}
        self.say(kind, "admin", amount=str(abs(amount)), **named)

    @rule(amount=st.integers(0, 30))
    def fund(self, amount: int) -> None:
        """Pay into the insurance fund."""
        self.payments += 1
        id_ = f"t{self.payments}"
        self.say("fund_insurance", "admin", amount=str(amount), transfer_id=id_)

    @rule(max_tries=st.integers(1, 3), fee=st.sampled_from(("0", "0.01", "0.5")))
    def ladder(self, max_tries: int, fee: str) -> None:
        """Say how often a slice is offered, and what a liquidation costs."""
        self.say("set_liquidation", "admin", max_tries=max_tries, liquidation_fee=fee)

    @rule(side=SIDES, quantity=QUANTITIES, price=PRICES)
    def backstop(self, **order: Any) -> None:
        """Let the backstop offer something."""
        self.place("gtc", account="backstop", order_type="limit", **order)

    @rule(state=st.sampled_from(("open", "open", "open", "halted", "auction")))
    def market_state(self, state: str) -> None:
        """Halt, gather or open."""
        self.say("set_market_state", "admin", symbol="X", state=state)

    @rule(
        orders=st.lists(
            st.tuples(ACCOUNTS, SIDES, QUANTITIES, PRICES, st.sampled_from(STP_MODES), PEAKS),
            min_size=2,
            max_size=8,
        ),
        then=st.sampled_from(("open", "halted")),
    )
    def auction(self, orders: list[tuple[Any, ...]], then: str) -> None:
        """Gather orders that cross, and let them trade."""
        self.market_state("auction")
        fields = ("account", "side", "quantity", "price", "stp", "display_quantity")
        for order in orders:
            self.place("gtc", order_type="limit", **dict(zip(fields, order, strict=True)))
        self.market_state(then)

    @rule(
        terms=st.sampled_from(
            (
                {"action": "dividend", "amount": "1.3"},
                {"action": "split", "numerator": 2, "denominator": 1},
                {"action": "split", "numerator": 1, "denominator": 2},
                {"action": "split", "numerator": 2, "denominator": 3},
            )
        ),
        then=st.sampled_from(("open", "auction")),
    )
    def corporate_action(self, terms: Fields, then: str) -> None:
        """Shut the market, let the company act, and open again."""
        self.payments += 1
        self.market_state("halted")
        id_ = f"t{self.payments}"
        self.say("corporate_action", "admin", symbol="X", action_id=id_, **terms)
        self.market_state(then)

    @rule(band=st.sampled_from(("0", "0.1", "0.3")))
    def price_band(self, band: str) -> None:
        """Set a band of prices, another one, or none."""
        self.say("update_instrument", "admin", symbol="X", price_band=band)


TestKernel = KernelMachine.TestCase
TestKernel.settings = short(15)
