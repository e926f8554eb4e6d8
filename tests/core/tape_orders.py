"""The random orders of a tape: of every kind, on few prices, and what is done to them later."""

import random
from dataclasses import dataclass
from typing import Any

Command = dict[str, Any]

ACCOUNTS = ("ann", "bea", "cy", "dot", "eve", "fay")
STP_MODES = ("none", "cancel_newest", "cancel_oldest", "cancel_both", "decrement")


@dataclass(frozen=True)
class Listing:
    """An instrument of a tape: its grid, and the middle of its price range in ticks."""

    symbol: str
    source: str
    tick: str
    lot: str
    middle: int

    def price(self, ticks: int) -> str:
        """Return a price on the grid."""
        return _multiple(self.tick, ticks)

    def quantity(self, lots: int) -> str:
        """Return a quantity on the grid."""
        return _multiple(self.lot, lots)


def _multiple(step: str, times: int) -> str:
    """Return a multiple of a decimal step, exactly."""
    places = len(step.partition(".")[2])
    digits = str(int(step.replace(".", "")) * abs(times)).rjust(places + 1, "0")
    plain = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    return f"-{plain}" if times < 0 else plain


class Orders:
    """Makes orders and what follows them, and remembers which may still rest."""

    def __init__(self, rng: random.Random, listings: list[Listing]) -> None:
        self.rng = rng
        self.listings = listings
        self.resting: list[Command] = []
        self.with_sessions: set[str] = set()
        self.sent: list[Command] = []
        self.counter = 0
        self.drift = 0
        self.now_ms = 0
        self.spread = rng.choice((1, 3, 6))
        bulls = rng.sample(ACCOUNTS, 3)
        bears = [name for name in ACCOUNTS if name not in bulls]
        self.leaning = {"buy": bulls, "sell": bears}

    def limit(self) -> Command:
        """Place a limit order near the middle of its range."""
        listing, order = self.order()
        offset = self.rng.randint(-self.spread, self.spread)
        offset -= min(2, self.spread - 1) * (1 if order["side"] == "buy" else -1)
        price = self.near(listing, offset) * self.rng.choice((1,) * 40 + (3,))
        order |= {"order_type": "limit", "price": listing.price(price)}
        lifetime = self.rng.choice((None,) * 5 + ("gtc", "ioc", "fok", "fok", "gtd", "gtd", "day"))
        if lifetime == "day" and listing.symbol not in self.with_sessions:
            lifetime = self.rng.choice((None, None, None, "day"))
        order |= {"time_in_force": lifetime} if lifetime else {}
        if lifetime == "gtd":
            order["expires_at"] = self.some_time()
        if lifetime not in {"ioc", "fok"}:
            order |= self.maybe(0.1, {"post_only": True})
            self.resting.append(order)
            del self.resting[:-8]
        return order

    def some_time(self) -> int:
        """Return a time to expire at: mostly soon, sometimes past."""
        soon = (600, 1_000, 2_000, 4_000, 8_000)
        return self.now_ms + self.rng.choice((0, 1, 200, *soon, *soon, 20_000))

    def iceberg(self) -> Command:
        """Place a large order that shows little, often at the price of the last one."""
        order = self.limit()
        if order.get("time_in_force") in {"ioc", "fok"}:
            del order["time_in_force"]
            self.resting.append(order)
        lots = self.rng.choice((7, 13, 21, 34))
        listing = self.listing_of(order)
        order["quantity"] = listing.quantity(lots)
        order["display_quantity"] = listing.quantity(self.rng.choice((1, 2, 3, 5)))
        return order

    def exit(self) -> Command:
        """Place an order that only reduces, mostly of somebody who may well hold something."""
        order = self.iceberg() if self.rng.random() < 0.25 else self.limit()
        if self.rng.random() < 0.8:
            held_by = self.leaning["sell" if order["side"] == "buy" else "buy"]
            order["account"] = self.rng.choice(held_by)
        order["reduce_only"] = True
        return order

    def market(self) -> Command:
        """Place a market order, now and then with its own slippage."""
        _, order = self.order()
        order["order_type"] = "market"
        lifetime = self.rng.choice((None, None, "ioc", "fok"))
        order |= {"time_in_force": lifetime} if lifetime else {}
        order |= self.maybe(0.2, {"reduce_only": True})
        return order | self.maybe(0.4, {"max_slippage_bps": self.rng.choice((0, 50, 300, 2000))})

    def order(self) -> tuple[Listing, Command]:
        """Return what all orders have, and remember it."""
        rng, listing = self.rng, self.rng.choice(self.listings)
        self.counter += 1
        order: Command = {
            "type": "place_order",
            "account": rng.choice(ACCOUNTS),
            "symbol": listing.symbol,
            "side": rng.choice(("buy", "sell")),
            "quantity": listing.quantity(rng.choice((1, 1, 2, 3, 5, 8, 13, 21))),
            "client_order_id": f"c{self.counter}",
        }
        order |= self.maybe(0.4, {"stp": rng.choice(STP_MODES)})
        if rng.random() < 0.8:
            order["account"] = rng.choice(self.leaning[order["side"]])
        self.sent.append(order)
        del self.sent[:-60]
        return listing, order

    def near(self, listing: Listing, offset: int) -> int:
        """Return a price in ticks, `offset` steps from where the market drifts."""
        step = max(1, listing.middle // 100)
        return max(1, listing.middle + (self.drift + offset) * step)

    def maybe(self, chance: float, fields: Command) -> Command:
        """Return the fields, or none."""
        return fields if self.rng.random() < chance else {}

    def listing_of(self, order: Command) -> Listing:
        """Return the instrument of an order."""
        return next(each for each in self.listings if each.symbol == order["symbol"])

    def some_order(self) -> Command:
        """Return an order of the recent past; it may be gone, or never have been."""
        return self.rng.choice(self.resting) if self.resting else self.limit()

    def name(self, order: Command) -> Command:
        """Name an order, now and then as another account's."""
        account = order["account"]
        if self.rng.random() < 0.05:
            account = self.rng.choice((*ACCOUNTS, "nobody"))
        return {"account": account, "client_order_id": order["client_order_id"]}

    def cancel(self) -> Command:
        """Cancel one."""
        return {"type": "cancel_order", **self.name(self.some_order())}

    def cancel_all(self) -> Command:
        """Cancel many."""
        account = self.rng.choice((*ACCOUNTS, *ACCOUNTS, "nobody"))
        command = {"type": "cancel_all", "account": account}
        command |= self.maybe(0.5, {"symbol": self.rng.choice(("S0", "S1", "S9"))})
        return command | self.maybe(0.3, {"side": self.rng.choice(("buy", "sell"))})

    def amend(self) -> Command:
        """Change quantity, price, peak or time, or several of them, or nothing."""
        order = self.some_order()
        listing = self.listing_of(order)
        if self.rng.random() < 0.05:
            listing = self.rng.choice(self.listings)
        command = {"type": "amend_order", **self.name(order)}
        quantity = listing.quantity(self.rng.choice((0, 1, 2, 3, 5, 8, 13, 30)))
        price = listing.price(self.near(listing, self.rng.randint(-self.spread, self.spread)))
        command |= self.maybe(0.7, {"quantity": quantity})
        command |= self.maybe(0.4, {"price": price})
        peak = listing.quantity(self.rng.choice((1, 2, 4, 8)))
        command |= self.maybe(
            0.4 if "display_quantity" in order else 0.03, {"display_quantity": peak}
        )
        time = self.some_time()
        command |= self.maybe(0.4 if "expires_at" in order else 0.03, {"expires_at": time})
        return command | self.maybe(0.01, {"trail_bps": 5})

    def repeat(self) -> Command:
        """Send an order again: as it was, or otherwise."""
        if not self.sent:
            return self.limit()
        order = dict(self.rng.choice(self.sent))
        return order | self.maybe(0.3, {"quantity": "1", "side": "buy"})

    def wrong_attributes(self) -> Command:
        """Place an order that can be read and yet cannot be."""
        order = self.limit()
        wrong: list[Command] = [
            {"price": "0.0000001"},
            {"quantity": "0.0000001"},
            {"quantity": "0"},
            {"quantity": "-5"},
            {"price": "-1"},
            {"price": None},
            {"price": "99999999999999999999"},
            {"quantity": "99999999999999999999"},
            {"symbol": "S9"},
            {"account": "nobody"},
            {"order_type": "market", "time_in_force": "ioc"},
            {"order_type": "market", "price": None, "time_in_force": "gtc"},
            {"order_type": "stop", "trigger_price": "5"},
            {"time_in_force": "gtd"},
            {"time_in_force": "gtd", "expires_at": 0},
            {"time_in_force": "gtc", "expires_at": 10**9},
            {"time_in_force": "ioc", "post_only": True},
            {"time_in_force": "fok", "display_quantity": order["quantity"]},
            {"post_only": False, "reduce_only": False, "display_quantity": order["quantity"]},
            {"display_quantity": "0.0000001"},
            {"display_quantity": "0"},
            {"display_quantity": "1000000"},
            {"max_slippage_bps": 5},
            {"oco_group": "g"},
        ]
        return order | self.rng.choice(wrong)
