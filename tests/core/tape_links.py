"""The random orders of a tape that are linked with others: groups and brackets (A13)."""

import random
from fractions import Fraction

from tests.core.tape_orders import Command, Listing, Orders

RULES = ("first_hit", "complete_fill", *("incremental",) * 3)


class Links(Orders):
    """Makes orders of few groups, so that they meet, and brackets around the market."""

    def __init__(self, rng: random.Random, listings: list[Listing]) -> None:
        super().__init__(rng, listings)
        self.linked: list[Command] = []
        self.brackets: list[Command] = []
        self.epoch = 0
        self.joining = 0

    def member(self) -> Command:
        """Place an order of a group: the first of a new one, or one beside others."""
        rng = self.rng
        if self.linked and (self.joining or rng.random() < 0.3):
            self.joining = max(0, self.joining - 1)
            return self.join(rng.choice(self.linked[-2:]))
        self.joining = rng.choice((0, 1, 1, 2, 3))
        self.epoch += rng.random() < 0.2
        order = self.leg() | self.maybe(0.8, {"fill_rule": rng.choice(RULES)})
        order["oco_group"] = f"g{self.epoch}"
        self.linked.append(order)
        del self.linked[:-5]
        return order

    def join(self, sibling: Command) -> Command:
        """Place an order in the group of another, on the same side or on the other."""
        rng = self.rng
        self.fixed = self.listing_of(sibling)
        order = self.leg()
        self.fixed = None
        for key in ("account", "oco_group"):
            order[key] = sibling[key]
        if rng.random() < 0.5 and "trigger_price" not in order and "trail_bps" not in order:
            order["side"] = sibling["side"]
        if "price" in order and "price" in sibling and rng.random() < 0.4:
            order["price"] = sibling["price"]
        return order | self.maybe(0.06, {"fill_rule": rng.choice(RULES)})

    def leg(self) -> Command:
        """Make an order for a group, mostly one that rests for a while."""
        rng = self.rng
        kinds = (self.limit,) * 8 + (self.iceberg, self.iceberg, self.exit, self.exit, self.market)
        order = rng.choice((*kinds, self.stop, self.stop, self.trailing))()
        lasts = order["order_type"] == "limit" and rng.random() < 0.7
        if lasts:
            order.pop("time_in_force", None)
            order.pop("expires_at", None)
        if lasts and rng.random() < 0.5:
            listing, away = self.listing_of(order), rng.randint(1, 3)
            order["price"] = listing.price(
                self.near(listing, -away if order["side"] == "buy" else away)
            )
        lots = self.listing_of(order).quantity(rng.choice((5, 8, 13, 21)))
        return order | self.maybe(0.5, {"quantity": lots})

    def bracket(self) -> Command:
        """Place a bracket near the market, its children close enough to be reached."""
        entry = self.entry()
        listing = self.listing_of(entry)
        lots = self.rng.choice((1, 3, 5, 7, 10, 13, 21))
        entry["quantity"] = listing.quantity(lots)
        if "display_quantity" in entry:
            entry["display_quantity"] = listing.quantity(min(lots, 2))
        command: Command = {"type": "place_bracket"}
        command |= {key: entry[key] for key in ("account", "symbol")}
        command["entry"] = dict(entry)
        if self.rng.random() < 0.8:
            for key in ("account", "symbol", "type"):
                del command["entry"][key]
        command |= self.maybe(0.5, {"fill_rule": self.rng.choice(RULES)})
        profits = self.take_profits(listing, entry, lots)
        command |= {"take_profit": profits} if profits else {}
        if not profits or self.rng.random() < 0.8:
            command["stop_loss"] = self.stop_loss(listing, entry)
        self.brackets.append(command)
        del self.brackets[:-5]
        self.remember(command, entry)
        return command

    def entry(self) -> Command:
        """Make an entry: mostly one that rests, sometimes one that waits or is linked itself."""
        rng = self.rng
        kinds = (self.limit,) * 8 + (self.iceberg, self.market, self.market)
        make = rng.choice((*kinds, self.stop, self.stop, self.trailing, *(self.member,) * 4))
        entry = make()
        if rng.random() < 0.97:
            entry.pop("reduce_only", None)
        return entry

    def take_profits(self, listing: Listing, entry: Command, lots: int) -> list[Command]:
        """Return up to three take-profits that share the quantity, or a part of it."""
        rng, profits = self.rng, list[Command]()
        left = lots if rng.random() < 0.75 else max(1, lots - 2)
        parts = rng.choice((0, 1, 1, 2, 2, 3))
        for place in range(parts):
            last = place == parts - 1
            share = left if last else min(left, rng.randint(1, max(1, lots // parts)))
            if share == 0:
                break
            price = self.beyond(listing, entry, rng.randint(1, 2 + place))
            profits.append({"price": price, "quantity": listing.quantity(share)})
            left -= share
        return profits

    def stop_loss(self, listing: Listing, entry: Command) -> Command:
        """Return a stop-loss, now and then with a price of its own."""
        rng, distance = self.rng, self.rng.randint(1, 3)
        stop: Command = {"trigger_price": self.beyond(listing, entry, -distance)}
        price = self.beyond(listing, entry, -distance - rng.choice((0, 1, 2, -1)))
        stop |= self.maybe(0.4, {"price": price})
        return stop | self.maybe(0.4, {"trigger_by": rng.choice(("last", "mark", "bid_ask"))})

    def beyond(self, listing: Listing, entry: Command, steps: int) -> str:
        """Return a price so many steps on the profit side of an entry's."""
        step = max(1, listing.middle // 100)
        ticks = self.near(listing, 0)
        if "price" in entry:
            ticks = int(Fraction(entry["price"]) / Fraction(listing.tick))
        away = steps * step if entry["side"] == "buy" else -steps * step
        return listing.price(max(1, ticks + away))

    def remember(self, command: Command, entry: Command) -> None:
        """Remember a bracket's children as orders that may be amended and cancelled."""
        name, side = entry["client_order_id"], "sell" if entry["side"] == "buy" else "buy"
        child = {key: entry[key] for key in ("account", "symbol", "quantity")} | {"side": side}
        for place, each in enumerate(command.get("take_profit", []), start=1):
            named = {"client_order_id": f"{name}.tp{place}", "price": each["price"]}
            self.resting.append(child | named | {"order_type": "limit"})
        del self.resting[:-8]
        if "stop_loss" in command:
            stop = command["stop_loss"]
            waits = {"client_order_id": f"{name}.sl", "trigger_price": stop["trigger_price"]}
            waits |= {"price": stop["price"]} if "price" in stop else {}
            kind = {"order_type": "stop_limit" if "price" in stop else "stop"}
            self.armed.append(child | waits | kind)
            del self.armed[:-10]

    def repeat_bracket(self) -> Command:
        """Send a bracket again, as it was or otherwise, or an order under a child's name."""
        if not self.brackets:
            return self.bracket()
        rng = self.rng
        bracket = dict(rng.choice(self.brackets))
        name = bracket["entry"]["client_order_id"]
        roll = rng.random()
        if roll < 0.5:
            return bracket
        if roll < 0.7:
            return bracket | {"fill_rule": "first_hit"}
        order = self.limit() | {"account": bracket["account"]}
        order["client_order_id"] = f"{name}.{rng.choice(('tp1', 'tp2', 'sl'))}"
        return order

    def wrong_link(self) -> Command:
        """Place an order or a bracket that names what does not go together."""
        rng = self.rng
        if rng.random() < 0.3:
            return self.limit() | {"fill_rule": rng.choice(RULES)}
        bracket = self.bracket()
        entry = bracket["entry"]
        listing = self.listing_of(bracket)
        price = self.beyond(listing, entry, 1)
        wrong_side = self.beyond(listing, entry, -1)
        lots = listing.quantity(1)
        wrong: list[Command] = [
            {"entry": entry | {"account": "fay" if bracket["account"] != "fay" else "ann"}},
            {"entry": entry | {"symbol": "S9"}},
            {"entry": entry | {"client_order_id": "x" * rng.choice((58, 59))}},
            {"entry": entry | {"reduce_only": True}},
            {"entry": entry | {"quantity": lots}},
            {"entry": entry | {"quantity": "0.0000001"}},
            {"entry": entry | {"post_only": True, "time_in_force": "ioc"}},
            {"entry": entry | {"fill_rule": "first_hit"}},
            {"take_profit": [], "stop_loss": None},
            {"take_profit": [{"price": price, "quantity": entry["quantity"]}] * 2},
            {"take_profit": [{"price": price, "quantity": "0"}]},
            {"take_profit": [{"price": "0.0000001", "quantity": lots}]},
            {"take_profit": [{"price": price, "quantity": "0.0000001"}]},
            {"take_profit": [{"price": wrong_side, "quantity": lots}]},
            {"take_profit": [{"price": entry.get("price", price), "quantity": lots}]},
            {"stop_loss": {"trigger_price": entry.get("price", price)}},
            {"stop_loss": {"trigger_price": self.beyond(listing, entry, 3)}},
            {"stop_loss": {"trigger_price": "0.0000001", "price": "-1"}},
            {"stop_loss": {"trigger_price": wrong_side, "price": "0.0000001"}},
            {"account": "nobody"},
            {"symbol": "S9"},
        ]
        return bracket | rng.choice(wrong)
