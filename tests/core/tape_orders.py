"""The random orders of a tape: of every kind, on few prices, and what is done to them later."""

import random
from dataclasses import dataclass
from typing import Any

Command = dict[str, Any]

ACCOUNTS = ("ann", "bea", "cy", "dot", "eve", "fay")
WAITING = ("stop", "stop_limit", "take_profit", "take_profit_limit")
TRAILING = ("trailing_stop", "trailing_stop_limit")
STP_MODES = ("none", "cancel_newest", "cancel_oldest", "cancel_both", "decrement")


@dataclass(eq=False)
class Listing:
    """An instrument of a tape: its grid, and the middle of its price range in ticks.

    The middle moves with splits.
    """

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
        self.called: set[str] = set()
        self.armed: list[Command] = []
        self.sent: list[Command] = []
        self.fixed: Listing | None = None
        self.counter = 0
        self.drift = 0
        self.now_ms = 0
        self.spread = rng.choice((1, 3, 6))
        self.sizes: tuple[int, ...] = (1, 1, 2, 3, 5, 8, 13, 21)
        bulls = rng.sample(ACCOUNTS, rng.choice((1, 2, 3, 3, 4, 5)))
        bears = [name for name in ACCOUNTS if name not in bulls]
        self.leaning = {"buy": bulls, "sell": bears}

    def limit(self) -> Command:
        """Place a limit order near the middle of its range."""
        listing, order = self.order()
        offset = self.rng.randint(-self.spread, self.spread)
        aside = min(2, self.spread - 1) * (1 if order["side"] == "buy" else -1)
        offset += aside if listing.symbol in self.called else -aside
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

    def stop(self) -> Command:
        """Place an order that waits for a price near the market, so that it soon fires."""
        rng = self.rng
        order = self.exit() if rng.random() < 0.25 else self.limit()
        if rng.random() < 0.15:
            order = self.iceberg()
        order["order_type"] = rng.choice(WAITING)
        order["trigger_price"] = self.trigger_price(order, rng.randint(1, 2 + self.spread))
        return self.waiting(order)

    def trailing(self) -> Command:
        """Place a trailing order on a short leash, now and then to wake at a price."""
        rng = self.rng
        order = self.exit() if rng.random() < 0.25 else self.limit()
        order["order_type"] = rng.choice(TRAILING)
        listing = self.listing_of(order)
        step = max(1, listing.middle // 100)
        if rng.random() < 0.6:
            order["trail_offset"] = listing.price(rng.choice((1, step, step, 2 * step, 3 * step)))
        else:
            order["trail_bps"] = rng.choice((1, 50, 120, 250))
        gain = listing.price(rng.choice((1, step, 2 * step)))
        order |= self.maybe(0.4, {"trail_step": gain})
        if rng.random() < 0.35:
            away = 1 if order["side"] == "sell" else -1
            price = self.near(listing, away * rng.randint(-1, 3))
            order["activation_price"] = listing.price(price)
        return self.waiting(order)

    def waiting(self, order: Command) -> Command:
        """Let an order look at one of the three prices; a market order has no price of its own."""
        order |= self.maybe(0.7, {"trigger_by": self.rng.choice(("last", "mark", "bid_ask"))})
        if not order["order_type"].endswith("_limit") and self.rng.random() < 0.97:
            for field in ("price", "display_quantity", "post_only"):
                order.pop(field, None)
            if order.get("time_in_force") in {"ioc", "fok"}:
                del order["time_in_force"]
            order |= self.maybe(0.3, {"max_slippage_bps": self.rng.choice((0, 100, 500, 2000))})
        self.armed.append(order)
        del self.armed[:-10]
        return order

    def trigger_price(self, order: Command, distance: int) -> str:
        """Return a trigger so many steps from the market, mostly on the side it waits on."""
        falling = (order["side"] == "sell") == order["order_type"].startswith("stop")
        away = -distance if falling else distance
        if self.rng.random() < 0.1:
            away = -away
        listing = self.listing_of(order)
        return listing.price(self.near(listing, away))

    def amend_armed(self) -> Command:
        """Change an order that may still be armed: trigger, leash, price, size."""
        if not self.armed:
            return self.stop()
        order = self.rng.choice(self.armed[-3:])
        listing = self.listing_of(order)
        command = {"type": "amend_order", **self.name(order)}
        if "trigger_price" in order or self.rng.random() < 0.05:
            price = self.trigger_price(order, self.rng.randint(0, 2 + self.spread))
            command |= self.maybe(0.6, {"trigger_price": price})
        leash = self.rng.choice((1, 1, 2, 3)) * max(1, listing.middle // 100)
        if "trail_offset" in order or self.rng.random() < 0.05:
            command |= self.maybe(0.6, {"trail_offset": listing.price(leash)})
        if "trail_bps" in order or self.rng.random() < 0.05:
            command |= self.maybe(0.6, {"trail_bps": self.rng.choice((0, 1, 30, 100, 300, 10_000))})
        if "price" in order or self.rng.random() < 0.05:
            price = listing.price(self.near(listing, self.rng.randint(-3, 3)))
            command |= self.maybe(0.3, {"price": price})
        if "display_quantity" in order or self.rng.random() < 0.03:
            command |= self.maybe(0.3, {"display_quantity": listing.quantity(2)})
        if "expires_at" in order:
            command |= self.maybe(0.3, {"expires_at": self.some_time()})
        quantity = listing.quantity(self.rng.choice((0, 1, 2, 5, 8, 21)))
        return command | self.maybe(0.4, {"quantity": quantity})

    def wrong_trigger(self) -> Command:
        """Place an order whose trigger does not go with it."""
        order = self.limit()
        price = order["price"]
        leash = {"trail_offset": price}
        wrong: list[Command] = [
            {"order_type": "stop"},
            {"order_type": "stop_limit"},
            {"order_type": "take_profit", "price": None},
            {"order_type": "stop", "price": None, "trigger_price": "0"},
            {"order_type": "stop", "price": None, "trigger_price": "0.0000001"},
            {"order_type": "stop", "price": None, "trigger_price": price, "trail_bps": 0},
            {"order_type": "stop_limit", "trigger_price": price, "activation_price": price},
            {"order_type": "stop_limit", "price": None, "trigger_price": price},
            {"order_type": "stop_limit", "trigger_price": price, "max_slippage_bps": 5},
            {"order_type": "stop", "price": None, "trigger_price": price, "time_in_force": "ioc"},
            {"order_type": "take_profit", "price": None, "trigger_price": price, "post_only": True},
            {
                "order_type": "stop",
                "price": None,
                "trigger_price": price,
                "time_in_force": "gtc",
                "display_quantity": order["quantity"],
            },
            {"trigger_price": price},
            {"trigger_by": "last"},
            {"trail_offset": price},
            {"trail_bps": 5},
            {"trail_step": price},
            {"activation_price": price},
            {"order_type": "market", "price": None, "time_in_force": "ioc", "trigger_by": "mark"},
            {"order_type": "trailing_stop_limit"},
            {"order_type": "trailing_stop", "price": None},
            {"order_type": "trailing_stop", **leash},
            {"order_type": "trailing_stop_limit", **leash, "price": None},
            {"order_type": "trailing_stop_limit", **leash, "trail_bps": 5},
            {"order_type": "trailing_stop_limit", **leash, "trigger_price": price},
            {"order_type": "trailing_stop_limit", **leash, "trail_step": "0"},
            {"order_type": "trailing_stop_limit", **leash, "activation_price": "0.0000001"},
            {"order_type": "trailing_stop_limit", "trail_offset": "0.0000001"},
            {"order_type": "trailing_stop_limit", "trail_bps": 0},
            {"order_type": "trailing_stop_limit", "trail_bps": 10_000},
            {"order_type": "trailing_stop_limit", "trail_bps": 9_999},
        ]
        return order | self.rng.choice(wrong)

    def order(self) -> tuple[Listing, Command]:
        """Return what all orders have, and remember it."""
        rng, listing = self.rng, self.fixed or self.rng.choice(self.listings)
        self.counter += 1
        order: Command = {
            "type": "place_order",
            "account": rng.choice(ACCOUNTS),
            "symbol": listing.symbol,
            "side": rng.choice(("buy", "sell")),
            "quantity": listing.quantity(rng.choice(self.sizes)),
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
        if self.armed and self.rng.random() < 0.2:
            return self.rng.choice(self.armed)
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
        unfit: list[Command] = [{"trail_bps": 5}, {"trail_offset": price}, {"trigger_price": price}]
        return command | self.maybe(0.02, self.rng.choice(unfit))

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
        ]
        return order | self.rng.choice(wrong)
