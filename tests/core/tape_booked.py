"""What a tape books of trades that were agreed elsewhere: most of them sound, some said twice."""

import random

from tests.core.tape_gaps import BACKSTOP, OTHER
from tests.core.tape_orders import ACCOUNTS, Command, Listing
from tests.core.tape_settings import Settings

HOUSE = "house"
TIMES = (0, 1, 1_700_000_000_000)


class Booked(Settings):
    """Books trades between accounts, and with the venue."""

    def __init__(self, rng: random.Random, listings: list[Listing], *, gaps: bool) -> None:
        super().__init__(rng, listings, gaps=gaps)
        self.agreed: list[Command] = []

    def booked(self) -> Command:
        """Book a trade, or one that was booked before: as it was, or all but one word of it."""
        if self.agreed and self.rng.random() < 0.3:
            return self.again()
        rng = self.rng
        listing = self.fixed or rng.choice(self.listings)
        side = rng.choice(("buy", "sell"))
        self.counter += 1
        ticks = self.near(listing, rng.randint(-3, 3)) * rng.choice((1,) * 20 + (2,))
        command: Command = {
            "type": "book_trade",
            "account": rng.choice((*self.leaning[side] * 6, *ACCOUNTS, BACKSTOP, HOUSE)),
            "symbol": listing.symbol,
            "side": side,
            "quantity": listing.quantity(rng.choice((*self.sizes, 1, 2, 3))),
            "price": listing.price(ticks),
            "trade_id": f"t{self.counter}",
        }
        others = (*self.leaning[OTHER[side]] * 4, *ACCOUNTS, BACKSTOP, HOUSE)
        command |= self.maybe(0.7, {"counter_account": rng.choice(others)})
        command |= self.maybe(0.6, {"timestamp": rng.choice(TIMES)})
        self.agreed.append(command)
        del self.agreed[:-5]
        return command | self.maybe(0.12, rng.choice(self.wrong(command)))

    def turnover(self) -> Command:
        """Book a trade, let both sides have exits, and book more than that back between them."""
        rng, listing = self.rng, self.rng.choice(self.listings)
        buyer, seller = rng.sample(ACCOUNTS, 2)
        lots = rng.choice((1, 2, 5))
        self.plan = [self.paid(name, 60) for name in (buyer, seller)]
        self.plan.append(self.between(listing, buyer, "buy", seller, lots))
        for name, side in ((buyer, "sell"), (seller, "buy")) * rng.choice((1, 2)):
            away = 4 if side == "sell" else -4
            order = self.numbered(listing, name, side, rng.choice((1, lots)))
            price = {"price": listing.price(self.near(listing, away))}
            self.plan.append(order | price | {"order_type": "limit", "reduce_only": True})
        more = lots + rng.choice((0, 1, 3))
        self.plan.append(self.between(listing, buyer, "sell", seller, more))
        return self.plan.pop(0)

    def between(self, listing: Listing, name: str, side: str, other: str, lots: int) -> Command:
        """Return a trade that two have agreed on at the price of now."""
        trade = self.numbered(listing, name, side, lots) | {"type": "book_trade"}
        trade["trade_id"] = trade.pop("client_order_id")
        price = listing.price(self.near(listing, 0))
        return trade | {"price": price, "counter_account": other}

    def wrong(self, command: Command) -> list[Command]:
        """Return what there may be wrong with a trade."""
        return [
            {"account": "nobody"},
            {"counter_account": "nobody"},
            {"account": "nobody", "counter_account": "no-one"},
            {"counter_account": command["account"]},
            {"symbol": "S9"},
            {"quantity": "0"},
            {"quantity": "-1"},
            {"quantity": "0.0000001"},
            {"quantity": "99999999999999999999"},
            {"price": "0"},
            {"price": "0.0000001"},
            {"price": "0.0000001", "quantity": "0.0000001"},
            {"price": "99999999999999999999"},
            {"trade_id": f"t{self.rng.randint(1, self.counter)}"},
        ]

    def again(self) -> Command:
        """Book a trade again, under its own name or another."""
        rng = self.rng
        command = dict(rng.choice((*self.agreed, *self.agreed[-1:] * 6)))
        self.counter += 1
        new = {"trade_id": f"t{self.counter}"}
        quantity = command["quantity"]
        longer = f"{quantity}0" if "." in quantity else f"{quantity}.0"
        others: list[Command] = [
            *({},) * 4,
            *(new,) * 4,
            new | {"counter_account": rng.choice((*ACCOUNTS, HOUSE))},
            new | {"side": OTHER[command["side"]]},
            new | {"timestamp": rng.choice(TIMES)},
            new | {"quantity": longer},
        ]
        return command | rng.choice(others)
