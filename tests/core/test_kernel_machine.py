"""The kernel against the oracle once more, with commands chosen by Hypothesis.

The tapes of test_oracle.py are long and from a seed; these are short and become shorter by
themselves when they fail.
"""

import json
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.core.duel import Duel
from tests.core.tape_orders import STP_MODES
from tests.core.tapes import Step

ACCOUNTS = st.sampled_from(("ann", "bea", "cy"))
SIDES = st.sampled_from(("buy", "sell"))
PRICES = st.integers(8, 14).map(str)
QUANTITIES = st.integers(1, 30).map(str)
PEAKS = st.sampled_from((None, None, None, "1", "2", "5"))
SELDOM = st.sampled_from((None, None, None, True))
MILLISECONDS = st.sampled_from((0, 1, 250, 1_000))
NUMBERS = st.integers(1, 40)


class KernelMachine(RuleBasedStateMachine):
    """A duel of machine and oracle on one instrument with prices around 10 (A1 to E3)."""

    def __init__(self) -> None:
        super().__init__()
        self.duel = Duel()
        self.number = 0

    def say(self, kind: str, stream: str = "orders", wait_ms: int = 0, **fields: Any) -> None:
        """Give a command to both."""
        self.duel.play(Step(wait_ms, stream, json.dumps({"type": kind, **fields})))

    @initialize(
        source=st.sampled_from(("l1_mid", "last")),
        fee=st.sampled_from(("0", "0.0013")),
        desk=st.booleans(),
    )
    def open_the_market(self, source: str, fee: str, desk: bool) -> None:
        """List the instrument, fund three accounts, two of them perhaps of one desk."""
        terms: dict[str, Any] = {"tick_size": "1", "lot_size": "1", "collar": "0.5"}
        terms |= {"taker_fee": fee, "session_end": "00:01"}
        self.say("create_instrument", "admin", symbol="X", mark_source=source, **terms)
        for name in ("ann", "bea", "cy"):
            group: dict[str, Any] = {"stp_group": "desk"} if desk and name != "cy" else {}
            self.say("create_account", "admin", account=name, **group)
            self.pay(name, 60)
        self.quote(9)

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

    def place(self, lifetime: str, **order: Any) -> None:
        """Place an order under the next id of its account."""
        self.number += 1
        named: dict[str, Any] = {
            "symbol": "X",
            "client_order_id": f"c{self.number}",
            "time_in_force": lifetime,
        }
        self.say("place_order", **named, **order)

    @rule(account=ACCOUNTS, number=NUMBERS, quantity=QUANTITIES, price=PRICES)
    def amend(self, account: str, number: int, **changes: Any) -> None:
        """Amend what may or may not be there."""
        self.say("amend_order", account=account, client_order_id=f"c{number}", **changes)

    @rule(account=ACCOUNTS, number=NUMBERS, peak=PEAKS, milliseconds=st.none() | MILLISECONDS)
    def amend_more(
        self, account: str, number: int, peak: str | None, milliseconds: int | None
    ) -> None:
        """Amend what an order shows, or when it expires."""
        until = None if milliseconds is None else self.duel.now_us // 1_000 + milliseconds
        named: dict[str, Any] = {"account": account, "client_order_id": f"c{number}"}
        self.say("amend_order", display_quantity=peak, expires_at=until, **named)

    @rule(account=ACCOUNTS, number=NUMBERS)
    def cancel(self, account: str, number: int) -> None:
        """Cancel what may or may not be there."""
        self.say("cancel_order", account=account, client_order_id=f"c{number}")

    @rule(account=ACCOUNTS)
    def cancel_all(self, account: str) -> None:
        """Cancel everything."""
        self.say("cancel_all", account=account)

    @rule(bid=st.integers(6, 14), wait_ms=st.sampled_from((0, 1, 249, 250, 60_000)))
    def quote(self, bid: int, wait_ms: int = 0) -> None:
        """Send a price, now or after a while."""
        self.say("l1", "ticks", wait_ms, symbol="X", bid=str(bid), ask=str(bid + 1))

    @rule(account=ACCOUNTS, amount=st.integers(-50, 20))
    def pay(self, account: str, amount: int) -> None:
        """Pay in or out."""
        self.number += 1
        kind = "deposit" if amount > 0 else "withdraw"
        named: dict[str, Any] = {"account": account, "transfer_id": f"t{self.number}"}
        self.say(kind, "admin", amount=str(abs(amount)), **named)

    @rule(amount=st.integers(0, 30))
    def fund(self, amount: int) -> None:
        """Pay into the insurance fund."""
        self.number += 1
        id_ = f"t{self.number}"
        self.say("fund_insurance", "admin", amount=str(amount), transfer_id=id_)

    @rule(max_tries=st.integers(1, 3), fee=st.sampled_from(("0", "0.01", "0.5")))
    def ladder(self, max_tries: int, fee: str) -> None:
        """Say how often a slice is offered, and what a liquidation costs."""
        self.say("set_liquidation", "admin", max_tries=max_tries, liquidation_fee=fee)

    @rule(side=SIDES, quantity=QUANTITIES, price=PRICES)
    def backstop(self, **order: Any) -> None:
        """Let the backstop offer something."""
        self.place("gtc", account="backstop", order_type="limit", **order)

    @rule(state=st.sampled_from(("open", "open", "halted")))
    def market_state(self, state: str) -> None:
        """Halt or open."""
        self.say("set_market_state", "admin", symbol="X", state=state)


TestKernel = KernelMachine.TestCase
