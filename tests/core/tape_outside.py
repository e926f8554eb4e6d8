"""Random scenes of an outside market (D5): walls of limits, prices that jump over them, silence."""

import random

from tests.core.tape_booked import HOUSE, Booked
from tests.core.tape_orders import ACCOUNTS, Command, Listing

STALE = (250, 600, 2_000, 20_000)

WIDE: Command = {
    "type": "set_liquidation",
    "tier1": "0.81",
    "tier2": "0.87",
    "tier1_share": "0.2",
    "tier2_share": "0.4",
    "liquidation_fee": "0.02",
}
"""Tiers so far apart that prices come to lie between them."""
LEAVING = (500, 250, 120, 60, 30, 15, 7, 3, 1)
"""What somebody takes out who leaves little in."""


class Outside(Booked):
    """Lets instruments trade with an outside market, and moves it through what rests.

    `outside` is the share of instruments that do.
    """

    def __init__(
        self, rng: random.Random, listings: list[Listing], *, gaps: bool, outside: float
    ) -> None:
        super().__init__(rng, listings, gaps=gaps)
        self.outside = outside
        self.slipped = 0

    def terms_outside(self) -> Command:
        """Return what an instrument says that trades outside: often how long a price lasts."""
        lasts = {"feed_stale_ms": self.rng.choice(STALE)}
        return {"mode": "l1"} | self.maybe(0.4, lasts)

    def storm(self) -> Command:
        """Let many wait on both sides, and the price go through them and back again."""
        rng, listing = self.rng, self.rng.choice(self.listings)
        self.drift = max(-20, min(20, self.drift))
        self.plan = [{"type": "set_market_state", "symbol": "*", "state": "open"}]
        self.plan += [self.paid(name, rng.choice((60, 200))) for name in rng.sample(ACCOUNTS, 3)]
        self.plan += [self.mark_at(listing)] if listing.source == "pushed" else []
        self.plan.append(self.quote(listing))
        away = rng.choice((3, 6, 9))
        self.wall(listing, away)
        lull = rng.random()
        if lull < 0.45:
            self.pause(listing, away, "halted" if lull < 0.2 else "auction")
        way = rng.choice((-1, 1))
        for jump in (rng.randint(2, away + 2), rng.randint(-away, 1), -2 * rng.randint(1, away)):
            self.drift += way * jump
            self.plan += self.prices(listing) if rng.random() < 0.4 else [self.quote(listing)]
            if rng.random() < 0.3:
                self.wall(listing, away)
        self.plan += [self.booked(), self.booked()]
        return self.plan.pop(0)

    def slide(self) -> Command:
        """Let a few hold as much as they can, and the price move against them."""
        rng, listing = self.rng, self.rng.choice(self.listings)
        side = rng.choice(("buy", "sell"))
        self.drift = max(-20, min(20, self.drift))
        self.plan = [{"type": "set_market_state", "symbol": "*", "state": "open"}]
        self.plan += [WIDE] if rng.random() < 0.6 else []
        self.plan += self.prices(listing)
        for name in rng.sample(ACCOUNTS, rng.randint(1, 3)):
            self.plan.append(self.paid(name, rng.choice((5, 20, 60))))
            for lots in (34, 13, 5, 2):
                order = self.numbered(listing, name, side, lots)
                self.plan.append(order | {"order_type": "market"})
            self.plan += [self.booked() for _ in range(rng.choice((0, 0, 1, 2)))]
            self.plan += [self.paid(name, amount, "withdraw") for amount in LEAVING]
            way_out = self.way_out(listing, name, side)
            self.plan += [way_out] if rng.random() < 0.4 else []
        way, step = -1 if side == "buy" else 1, max(1, listing.middle // 100)
        for _ in range(rng.randint(12, 30)):
            self.slipped += way * rng.randint(0, step)
            if rng.random() < 0.1:
                self.drift += way * rng.choice((-1, 1, 5, 12))
            self.plan += self.prices(listing)
            if rng.random() < 0.1:
                self.pause(listing, 4, rng.choice(("halted", "closed")))
        self.slipped = 0
        return self.plan.pop(0)

    def prices(self, listing: Listing) -> list[Command]:
        """Return where the market is outside, and the mark apart where it is pushed."""
        quote = self.quote(listing)
        if listing.source != "pushed":
            return [quote]
        mark = self.mark_at(listing)
        return self.rng.choice(([quote, mark], [mark, quote], [mark], [quote, mark]))

    def mark_at(self, listing: Listing) -> Command:
        """Push the mark to where the market is."""
        price = listing.price(self.nearby(listing))
        return {"type": "mark_price", "symbol": listing.symbol, "price": price}

    def drain(self, name: str) -> None:
        """Let somebody take out about what is free, less often than where it is all about that."""
        if not self.outside or self.rng.random() < 0.5:
            super().drain(name)

    def wall(self, listing: Listing, away: int) -> None:
        """Let limits of every kind wait on both sides."""
        rng = self.rng
        self.fixed = listing
        for _ in range(rng.randint(3, 12)):
            kinds = (*(self.limit,) * 3, self.exit, self.exit, self.member, self.bracket)
            order = rng.choice((*kinds, self.booked))()
            if order["type"] == "place_order" and order["order_type"] == "limit":
                order = self.patient(listing, order, away)
            self.plan.append(order)
        self.fixed = None

    def patient(self, listing: Listing, order: Command, away: int) -> Command:
        """Return a limit order that waits: shown in whole, on its own side of the market."""
        for key in ("time_in_force", "expires_at", "display_quantity"):
            order.pop(key, None)
        way = -1 if order["side"] == "buy" else 1
        steps = self.rng.randint(min(0, away), max(0, away))
        order["price"] = listing.price(self.near(listing, way * steps))
        return order

    def pause(self, listing: Listing, away: int, state: str) -> None:
        """Shut the market; prices go on, and orders come that would trade, or change."""
        rng = self.rng
        named = {"type": "set_market_state", "symbol": listing.symbol}
        self.plan.append(named | {"state": state})
        self.called.add(listing.symbol)
        self.fixed = listing
        for _ in range(rng.randint(1, 6)):
            makes = (self.amend, self.amend, self.amend, self.cancel)
            make = rng.choice((*makes, *(self.limit,) * (6 if state == "auction" else 1)))
            order = make()
            if order["type"] == "place_order":
                order = self.patient(listing, order, away)
            self.plan.append(order)
        self.fixed = None
        self.called.discard(listing.symbol)
        self.drift += rng.randint(-away, away)
        self.plan.append(self.quote(listing))
        opened = rng.choice((listing.symbol, "*"))
        self.plan.append(named | {"symbol": opened, "state": "open"})

    def hush(self) -> Command:
        """Let the outside fall silent while marks go on; what rests by then may be reached later.

        A longer memory, or the next price, lets the outside count again.
        """
        rng, listing = self.rng, self.rng.choice(self.listings)
        lasts = {"type": "update_instrument", "symbol": listing.symbol}
        self.plan = [lasts | {"feed_stale_ms": 100}, self.quote(listing)]
        self.fixed = listing
        for _ in range(rng.randint(3, 7)):
            self.plan += [self.mark_at(listing)] if listing.source == "pushed" else []
            order = rng.choice((self.limit, self.limit, self.exit))()
            self.plan.append(self.patient(listing, order, -3))
        self.fixed = None
        again = lasts | {"feed_stale_ms": rng.choice((0, 20_000))}
        self.plan += [rng.choice((again, again, self.quote(listing))), again]
        return self.plan.pop(0)

    def quote(self, listing: Listing) -> Command:
        """Send where the market is outside now."""
        bid = self.nearby(listing)
        ask = bid + self.rng.choice((1, 1, 3, max(1, listing.middle // 100)))
        prices = {"bid": listing.price(bid), "ask": listing.price(ask)}
        return {"type": "l1", "symbol": listing.symbol, **prices}

    def nearby(self, listing: Listing) -> int:
        """Return a price of now that need not lie on one of the few where orders rest."""
        step = max(1, listing.middle // 100)
        return max(1, self.near(listing, 0) + self.slipped + self.rng.choice((0, step // 3)))

    def price_at(self, listing: Listing) -> Command:
        """Send where the market is: outside, where that is what everybody trades with."""
        if self.outside and self.rng.random() < 0.6:
            return self.quote(listing)
        return super().price_at(listing)

    def repeat(self) -> Command:
        """Send an order again, now and then saying what its trigger looks at, or not (A10, A11)."""
        order = super().repeat()
        if self.outside and order["order_type"] not in {"limit", "market"}:
            order |= self.maybe(0.6, {"trigger_by": self.rng.choice(("bid_ask", "last", None))})
        return order

    def freshness(self) -> Command:
        """Say how long a price lasts, or that it lasts for ever."""
        lasts = {"feed_stale_ms": self.rng.choice((0, *STALE))}
        symbol = self.rng.choice(self.listings).symbol
        return {"type": "update_instrument", "symbol": symbol, **lasts}

    def of_the_house(self) -> Command:
        """Let the house place an order, which it may in a book, or move its money."""
        rng = self.rng
        if rng.random() < 0.3:
            self.counter += 1
            paid = {"amount": rng.choice(("1", "40")), "transfer_id": f"h{self.counter}"}
            return {"type": rng.choice(("deposit", "withdraw")), "account": HOUSE, **paid}
        order = rng.choice((self.limit, self.limit, self.market, self.stop, self.bracket))()
        order["account"] = HOUSE
        return order
