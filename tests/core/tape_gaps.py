"""Random scenes that drive accounts down the waterfall: gaps, thin books, a poor fund (D6, D7)."""

import random

from tests.core.tape_links import Links
from tests.core.tape_orders import Command, Listing

BACKSTOP = "backstop"
HOUSE = "house"
OTHER = {"buy": "sell", "sell": "buy"}


class Gaps(Links):
    """Makes prices jump over whole books, and the venue trade and pay for itself.

    A scene is planned as a whole; other commands come in between now and then.
    """

    def __init__(self, rng: random.Random, listings: list[Listing], *, gaps: bool) -> None:
        super().__init__(rng, listings)
        self.gaps = gaps
        self.fund = rng.choice(("0.000001", "0.000001", "3", "40", "300"))
        self.purses = (15, 40, 90) if self.gaps else (100, 300, 900)
        self.plan: list[Command] = []

    def scene(self) -> Command:
        """Let a few stand far out against many, and take the ground away under them."""
        rng, listing = self.rng, self.rng.choice(self.listings)
        few = min(("buy", "sell"), key=lambda each: len(self.leaning[each]))
        side = few if rng.random() < 0.7 else OTHER[few]
        self.drift = max(-20, min(20, self.drift))
        self.plan = [{"type": "set_market_state", "symbol": "*", "state": "open"}]
        self.plan += [self.taker_fee(listing, "0.0004"), self.price_at(listing)]
        self.open_up(listing, side)
        self.thin_out(listing, side)
        self.crash(listing, side)
        return self.plan.pop(0)

    def open_up(self, listing: Listing, side: str) -> None:
        """Let one or two of a side trade with many of the other, and be left poor."""
        rng, losers, winners = self.rng, self.leaning[side], self.leaning[OTHER[side]]
        many = rng.sample(winners, rng.randint((len(winners) + 1) // 2, len(winners)))
        for name in many:
            self.lean(listing, name, OTHER[side], rng.choice(((13, 5), (8, 3), (5, 2))), {})
        chosen = rng.sample(losers, rng.randint(1, min(2, len(losers))))
        for name in chosen:
            self.lean(listing, name, side, (34, 13, 5), {"time_in_force": "ioc"})
        for name in (*chosen, *rng.sample(winners, rng.randint(0, len(winners)))):
            self.drain(name)
        for name in winners:
            if rng.random() < 0.4:
                self.plan.append(self.way_out(listing, name, side))

    def thin_out(self, listing: Listing, side: str) -> None:
        """Take some of what rests away, and let some rest that hardly anybody can use."""
        rng, losers = self.rng, self.leaning[side]
        if rng.random() < 0.25:
            self.plan.append(self.fund_insurance())
        if rng.random() < 0.6:
            for name in rng.sample(losers, rng.randint(1, len(losers))):
                self.plan.append({"type": "cancel_all", "account": name})
        if rng.random() < 0.6:
            self.ladder_of_bids(listing, side)
            if rng.random() < 0.7:
                self.plan.append(self.taker_fee(listing, "0.1"))

    def taker_fee(self, listing: Listing, fee: str) -> Command:
        """Make trading dear, so that whoever has just enough to close has not, or cheap again."""
        return {"type": "update_instrument", "symbol": listing.symbol, "taker_fee": fee}

    def lean(
        self, listing: Listing, name: str, side: str, sizes: tuple[int, ...], lasts: Command
    ) -> None:
        """Let somebody trade at the market about as much as the margin allows, and be left poor."""
        if self.rng.random() < 0.7:
            self.plan.append(self.paid(name, self.rng.choice((5, 20, 60))))
        here = {"order_type": "limit", "price": listing.price(self.near(listing, 0))}
        for lots in sizes:
            self.plan.append(self.numbered(listing, name, side, lots) | here | lasts)

    def drain(self, name: str) -> None:
        """Let somebody take out about all that is free."""
        for amount in (150, 40, 15, 5, 2):
            self.plan.append(self.paid(name, amount, "withdraw"))

    def paid(self, name: str, amount: int, kind: str = "deposit") -> Command:
        """Pay something in or out, always with an id of its own."""
        self.counter += 1
        paid = {"account": name, "amount": str(amount), "transfer_id": f"p{self.counter}"}
        return {"type": kind, **paid}

    def numbered(self, listing: Listing, name: str, side: str, lots: int) -> Command:
        """Return what an order needs besides its type."""
        self.counter += 1
        return {
            "type": "place_order",
            "account": name,
            "symbol": listing.symbol,
            "side": side,
            "quantity": listing.quantity(lots),
            "client_order_id": f"c{self.counter}",
        }

    def ladder_of_bids(self, listing: Listing, side: str) -> None:
        """Let some offer to trade far away, where those who fall are about bankrupt."""
        way = -1 if side == "buy" else 1
        for steps in self.rng.sample((6, 10, 13, 15, 17, 19, 21, 24), 4):
            price = listing.price(self.near(listing, way * steps))
            name = self.rng.choice((BACKSTOP, *self.leaning[OTHER[side]]))
            order = self.numbered(listing, name, side, self.rng.choice((1, 5, 21)))
            self.plan.append(order | {"order_type": "limit", "price": price})

    def way_out(self, listing: Listing, name: str, side: str) -> Command:
        """Let somebody have an order that would close what it holds: asleep, or out of reach."""
        rng = self.rng
        order = self.numbered(listing, name, side, rng.choice((1, 3, 13)))
        order |= self.maybe(0.7, {"reduce_only": True})
        away = -30 if side == "buy" else 30
        price = listing.price(self.near(listing, away))
        if rng.random() < 0.5:
            return order | {"order_type": "limit", "price": price}
        return order | {"order_type": "take_profit", "trigger_price": price, "trigger_by": "mark"}

    def crash(self, listing: Listing, side: str) -> None:
        """Send a price far from the last one, against that side, and some after it."""
        rng, way = self.rng, -1 if side == "buy" else 1
        for jump in (rng.choice((8, 12, 18, 25)), rng.choice((0, 2, 9)), rng.choice((1, 5, -9))):
            self.drift += way * jump
            self.plan.append(self.price_at(listing))
            if rng.random() < 0.4:
                self.flee(listing, side)
            if rng.random() < 0.2:
                for state in ("halted", "open"):
                    turn = {"type": "set_market_state", "symbol": listing.symbol, "state": state}
                    self.plan.append(turn)
        for _ in range(rng.choice((0, 2, 4))):
            self.plan.append(self.price_at(listing))

    def flee(self, listing: Listing, side: str) -> None:
        """Let those who have lost close what they have at any price that somebody gives."""
        losers, winners = self.leaning[side], self.leaning[OTHER[side]]
        here = {"order_type": "limit", "price": listing.price(self.near(listing, 0))}
        lots = self.rng.choice((1, 21, 55, 55))
        maker = self.rng.choice((*winners, BACKSTOP))
        self.plan.append(self.numbered(listing, maker, side, lots) | here)
        for name in losers:
            order = self.numbered(listing, name, OTHER[side], 21)
            self.plan.append(order | {"order_type": "market", "reduce_only": True})

    def price_at(self, listing: Listing) -> Command:
        """Send where the market is now, in the way that the instrument is marked by."""
        bid = self.near(listing, 0)
        if listing.source == "pushed":
            price = listing.price(bid)
            return {"type": "mark_price", "symbol": listing.symbol, "price": price}
        prices = {"bid": listing.price(bid), "ask": listing.price(bid + 1)}
        return {"type": "l1", "symbol": listing.symbol, **prices}

    def fund_insurance(self) -> Command:
        """Pay into the fund, mostly little; now and then nothing, or by a transfer that was."""
        self.counter += 1
        number = self.counter if self.rng.random() < 0.9 else self.rng.randint(1, self.counter)
        amount = self.rng.choice((self.fund, self.fund, "0.00000007", "0"))
        return {"type": "fund_insurance", "amount": amount, "transfer_id": f"t{number}"}

    def of_the_venue(self) -> Command:
        """Let backstop or house trade what they have taken, or meddle with their accounts."""
        rng = self.rng
        meddling: list[Command] = [
            {"type": "create_account", "account": rng.choice((BACKSTOP, HOUSE))},
            {"type": "update_account", "account": rng.choice((BACKSTOP, HOUSE)), "leverage": "2"},
            {"type": "deposit", "account": HOUSE, "amount": "5", "transfer_id": HOUSE},
            self.paid(BACKSTOP, 1) | {"amount": self.fund},
            {"type": "withdraw", "account": BACKSTOP, "amount": "1", "transfer_id": "out"},
            {"type": "set_risk", "account": BACKSTOP, "max_exposure": "1"},
            {"type": "cancel_all", "account": BACKSTOP},
        ]
        if rng.random() < 0.3:
            return rng.choice(meddling)
        kinds = (self.limit, self.limit, self.market, self.stop, self.exit, self.member)
        order = rng.choice((*kinds, self.bracket))()
        # Also where it is remembered, to be amended or cancelled.
        order["account"] = rng.choice((BACKSTOP, BACKSTOP, BACKSTOP, HOUSE))
        return order
