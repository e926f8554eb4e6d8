"""Random tapes: every kind of command on a crowded little market, from a seed.

Prices span a few ticks and accounts are few and poor, so that everything collides with everything:
self-trades, crossing amends, repeats, liquidations, halted markets, malformed entries.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.core.tape_limits import limits
from tests.core.tape_orders import ACCOUNTS, Command, Listing
from tests.core.tape_outside import Outside
from tests.core.tape_settings import DAY_MS
from tests.core.tape_terms import margin_brackets, wrong_brackets

SOURCES = (("l1_mid", "last", "pushed"), ("l1_mid", "pushed", "pushed"))
"""What instruments are marked by: on most tapes, and where prices are to jump."""
CAPS = ("0", "0.02", "0.3", "1")
SESSION_ENDS = ("00:00", "00:01", "17:30")
BANDS = ("0", "0.01", "0.02", "0.05", "0.2")
JUMPS = (1_000, 1_000, 30_000, 150_000, 299_000, 300_000, 301_000, 86_400_000)


@dataclass(frozen=True)
class Step:
    """One entry: milliseconds since the one before, stream, payload.

    A malformed one says what it must be refused as: (code, path). With `retry_ms` it came while
    the engine was behind.
    """

    wait_ms: int
    stream: str
    payload: str
    refusal: tuple[int, str] | None = None
    retry_ms: int = 0

    @property
    def command(self) -> Command:
        """Return the command that the payload is."""
        command: Command = json.loads(self.payload)
        return command

    def __str__(self) -> str:
        bad = f"   # {self.refusal}" if self.refusal else ""
        return f"+{self.wait_ms:<5} {self.stream:<7} {self.payload}{bad}"


def tape(
    seed: int, length: int, *, gaps: bool | None = None, outside: float | None = None
) -> list[Step]:
    """Return the tape of a seed: the set-up, then `length` random commands.

    With `gaps` most of them are of scenes in which prices jump; without saying so, on some tapes.
    `outside` is the share of instruments in mode `l1`; without saying so a few, on some tapes.
    """
    return list(_Tape(random.Random(seed), gaps=gaps, outside=outside).steps(length))


def tape_outside(seed: int, length: int) -> list[Step]:
    """Return a tape of instruments in mode `l1`, but for some, with scenes of their own."""
    return tape(seed, length, gaps=seed % 3 == 0, outside=0.9)


class _Tape(Outside):
    """The random choices of one tape."""

    def __init__(self, rng: random.Random, *, gaps: bool | None, outside: float | None) -> None:
        often, gaps = 60 if gaps else 15, rng.random() < 0.3 if gaps is None else gaps
        listings = [
            Listing(f"S{i}", rng.choice(SOURCES[gaps]), *rng.choice(_GRIDS))
            for i in range(rng.choice((1, 1, 2, 3)))
        ]
        share = rng.choice((0, 0, 0, 0.3)) if outside is None else outside
        super().__init__(rng, listings, gaps=gaps, outside=share)
        self.volatility, wealth = rng.choice((1, 2, 4, 8)), (1, 1, 1, 10)
        self.wealth = 1 if self.gaps else rng.choice(wealth)
        self.haste = rng.choice((0, 0, 0.003, 0.02))
        self.banded = rng.choice((0, 0, 0.3, 0.3 if share else 0.9))
        calls, ends = rng.choice(((0, 0), (0, 0), (1, 2), (4, 4), (20, 5), (30, 3)))
        kinds: dict[Callable[[], Command], int] = {
            self.limit: 34,
            self.iceberg: 1 if share > 0.5 else 8,
            self.exit: 10,
            self.market: 6,
            self.stop: 16,
            self.trailing: 8,
            self.member: 14,
            self.bracket: 16,
            self.repeat_bracket: 2,
            self.wrong_link: 3,
            self.amend_armed: 6,
            self.wrong_trigger: 2,
            self.cancel: 3,
            self.amend: 12,
            self.cancel_all: 2,
            self.repeat: 3,
            self.price: 26,
            self.money: 4,
            self.funding: 5,
            self.swap: 4,
            self.corporate: 2,
            self.fee_tiers: not self.gaps,
            self.named_tier: 2,
            self.leverage: 6,
            self.settings: 2,
            self.limited: rng.choice((0, 0, 12)),
            self.listing: 3,
            self.state: 1,
            self.reopen: 4,
            self.band: 2 if self.banded else 0,
            self.call: calls,
            self.leave: ends,
            self.ladder: 1,
            self.scene: often * self.gaps,
            self.fund_insurance: 1 + 2 * self.gaps,
            self.of_the_venue: 3,
            self.of_the_house: 2 * bool(share),
            self.booked: 30 if share > 0.5 else 4,
            self.turnover: 5 if share > 0.5 else 1,
            self.hush: 4 * (share > 0.5),
            self.storm: 12 * (share > 0.5),
            self.slide: 8 * (share > 0.5),
            self.freshness: 2 * bool(share),
            self.wrong_attributes: 3,
        }
        self.kinds, self.weights = list(kinds), list(kinds.values())

    def steps(self, length: int) -> Iterator[Step]:
        """Yield the set-up and the commands."""
        for listing in self.listings:
            yield self.step(self.create(listing))
        for name in ACCOUNTS:
            group = {"stp_group": "desk"} if self.rng.random() < 0.3 else {}
            leverage = {"leverage": self.rng.choice(("1", "2.5", "3", "5"))}
            chosen = leverage if self.rng.random() < (0.1 if self.gaps else 0.3) else {}
            yield self.step({"type": "create_account", "account": name, **group, **chosen})
            amount = self.rng.choice(self.purses) * self.wealth
            yield self.step(self.transfer("deposit", name, amount))
        if self.rng.random() < (0.15 if self.gaps else 0.5):
            yield self.step(self.fee_tiers())
        for listing in self.listings:
            yield self.step(self.tick(listing))
            if self.outside and listing.source == "pushed":
                yield self.step(self.mark_at(listing))
        if self.gaps:
            yield self.step(self.ladder())
            yield self.step(self.fund_insurance())
        for _ in range(length):
            if self.rng.random() < 0.02:
                yield self.malformed()
                continue
            if self.plan and self.rng.random() < 0.95:
                yield self.step(self.plan.pop(0))
                continue
            make = self.rng.choices(self.kinds, self.weights)[0]
            if self.joining and self.rng.random() < 0.5:
                make = self.member
            yield self.step(make())

    def step(self, command: Command) -> Step:
        """Return a command as an entry of the stream that it belongs to."""
        streams = dict.fromkeys(("place_order", "place_bracket", "amend_order"), "orders")
        streams |= dict.fromkeys(("cancel_order", "cancel_all"), "orders")
        streams |= {"l1": "ticks", "mark_price": "ticks"}
        wait = self.rng.choice((0, 0, 0, 1, 20, 100, 250, 600))
        if self.rng.random() < self.haste:
            wait = self.rng.choice(JUMPS)
        if self.rng.random() < 0.005:
            wait += DAY_MS * self.rng.choice((1, 14, 28, 29, 30))
        self.now_ms += wait
        return Step(wait, streams.get(command["type"], "admin"), json.dumps(command))

    # Prices

    def price(self) -> Command:
        """Send a new price, mostly of the kind that the instrument is marked by."""
        self.drift += self.rng.randint(-self.volatility, self.volatility)
        self.drift = max(-60, min(60, self.drift))
        listing = self.rng.choice(self.listings)
        if listing.source == "pushed" or self.rng.random() < 0.05:
            price = listing.price(self.near(listing, 0))
            return {"type": "mark_price", "symbol": listing.symbol, "price": price}
        return self.tick(listing)

    def tick(self, listing: Listing) -> Command:
        """Send a best bid and ask, sometimes late, off the grid or of an unknown symbol."""
        bid = self.near(listing, 0)
        prices = {"bid": listing.price(bid), "ask": listing.price(bid + self.rng.choice((1, 2, 5)))}
        self.counter += 1
        order = self.rng.choice(({}, {}, {"seq": self.counter}, {"ts": self.counter}))
        command = {"type": "l1", "symbol": listing.symbol, **prices, **order}
        command |= self.maybe(0.2, {"source": self.rng.choice(("a", "b"))})
        command |= self.maybe(0.03, {"seq": max(0, self.counter - 50)})
        above = listing.price(2 * bid)
        off_tick = {"ask": f"{above}{'' if '.' in above else '.'}00000001"}
        return command | self.maybe(0.02, self.rng.choice((off_tick,)))

    # Operations

    def money(self) -> Command:
        """Pay money in or out."""
        name = self.rng.choice((*ACCOUNTS, *ACCOUNTS, "nobody"))
        kind = self.rng.choice(("deposit", "withdraw", "withdraw"))
        return self.transfer(kind, name, self.rng.choice((0, 10, 50, 200, 1000)))

    def transfer(self, kind: str, name: str, amount: int) -> Command:
        """Make one transfer, its id mostly new."""
        self.counter += 1
        number = self.counter if self.rng.random() < 0.9 else self.rng.randint(1, self.counter)
        amount_text = f"{amount}.00000001" if self.rng.random() < 0.2 else str(amount)
        return {"type": kind, "account": name, "amount": amount_text, "transfer_id": f"t{number}"}

    def settings(self) -> Command:
        """Change a setting of an account."""
        name = self.rng.choice((*ACCOUNTS, *ACCOUNTS, "nobody"))
        statuses = ("active", "active", "active", "suspended", "closed")
        changes: list[Command] = [
            {"leverage": self.rng.choice(("1", "2", "5", "50", "0.5", "2000"))},
            {"stp_group": self.rng.choice(("desk", "floor"))},
            {"status": self.rng.choice(statuses)},
        ]
        if self.rng.random() < 0.1:
            return {"type": "create_account", "account": name}
        if self.rng.random() < 0.4:
            return {"type": "set_risk", "account": name} | limits(self.rng)
        active = {"status": "active"} if self.rng.random() < 0.5 else {}
        return {"type": "update_account", "account": name} | active | self.rng.choice(changes)

    def create(self, listing: Listing) -> Command:
        """List an instrument."""
        command: Command = {
            "type": "create_instrument",
            "symbol": listing.symbol,
            "tick_size": listing.tick,
            "lot_size": listing.lot,
            "mark_source": listing.source,
            "maker_fee": self.rng.choice(("0", "-0.0001", "0.0002")),
            "taker_fee": self.rng.choice(("0", "0.0004", "0.001337", "-0.0002")),
        }
        margin: Command = {"initial_margin": "0.25", "maintenance_margin": "0.15"}
        stale = {"feed_stale_ms": 2_000}
        collar = {"collar": self.rng.choice(("0.01", "0.2"))}
        if self.rng.random() < 0.6:
            command["session_end"] = self.rng.choice(SESSION_ENDS)
            self.with_sessions.add(listing.symbol)
        command |= self.maybe(self.banded, {"price_band": self.rng.choice(BANDS)})
        command |= self.maybe(0.3, {"stop_already_reached": "fire"})
        command |= self.maybe(0.05, {"state": "auction"})
        if self.outside and self.rng.random() < self.outside:
            command |= self.terms_outside()
        command |= self.maybe(0.9, {"group": "majors"})
        command |= self.maybe(0.6, {"funding_cap": self.rng.choice(CAPS)})
        if self.rng.random() < 0.5:
            margin = {"margin_brackets": margin_brackets(self.rng)}
        command |= self.maybe(0.25 if self.gaps else 0.5, margin)
        return command | self.maybe(0.2, stale) | self.maybe(0.5, collar)

    def listing(self) -> Command:
        """Change, delete or list again."""
        listing = self.rng.choice(self.listings)
        named = {"symbol": self.rng.choice((listing.symbol, listing.symbol, "S9"))}
        roll = self.rng.random()
        if roll < 0.35:
            return {"type": "delete_instrument", **named}
        if roll < 0.6:
            return self.create(listing)
        changes: list[Command] = [
            {"maintenance_margin": self.rng.choice(("0.1", "0.12", "0.3"))},
            {"margin_brackets": margin_brackets(self.rng)},
            {"margin_brackets": margin_brackets(self.rng)},
            wrong_brackets(self.rng),
            wrong_brackets(self.rng),
            {"taker_fee": self.rng.choice(("0.0005", "0"))},
            {"max_leverage": self.rng.choice(("3", "5", "9"))},
            {"initial_margin": self.rng.choice(("0.2", "0.3"))},
            {"collar": "0.0000001"},
            {"session_end": self.rng.choice(SESSION_ENDS)},
            {"price_band": self.rng.choice(("1", "-0.1", "0.0000001"))},
            {"stop_already_reached": self.rng.choice(("fire", "reject"))},
            {"funding_cap": self.rng.choice((*CAPS, "-0.1", "1.000001", "0.0000001"))},
        ]
        return {"type": "update_instrument", **named} | self.rng.choice(changes)

    def band(self) -> Command:
        """Set a price band, or switch it off, so that orders lie outside of the next."""
        symbol = self.rng.choice(self.listings).symbol
        band = self.rng.choice(("0", "0", *BANDS))
        return {"type": "update_instrument", "symbol": symbol, "price_band": band}

    def state(self) -> Command:
        """Open, halt or close; mostly open again."""
        symbol = self.rng.choice((self.listings[0].symbol, "*", "*", "S9"))
        state = self.rng.choice(("open", "open", "halted", "closed", "auction"))
        return {"type": "set_market_state", "symbol": symbol, "state": state}

    def call(self) -> Command:
        """Call an auction, in which orders come that would trade."""
        names = [each.symbol for each in self.listings]
        symbol = self.rng.choice((*names, "*"))
        self.called.update(names if symbol == "*" else [symbol])
        return {"type": "set_market_state", "symbol": symbol, "state": "auction"}

    def leave(self) -> Command:
        """End auctions, if there are any, mostly to trade on."""
        names = [each.symbol for each in self.listings]
        symbol = self.rng.choice((*names, "*"))
        self.called.difference_update(names if symbol == "*" else [symbol])
        state = self.rng.choice((*("open",) * 18, "halted", "closed"))
        return {"type": "set_market_state", "symbol": symbol, "state": state}

    def reopen(self) -> Command:
        """Open everything again, make everybody active."""
        if self.rng.random() < 0.5:
            return {"type": "set_market_state", "symbol": "*", "state": "open"}
        name = self.rng.choice(ACCOUNTS)
        return {"type": "update_account", "account": name, "status": "active"}

    def ladder(self) -> Command:
        """Set another ladder, sometimes one that does not rise."""
        changes: list[Command] = [
            {},
            {},
            {"margin_call": "0.4", "review_ms": 100},
            {"tier1_share": "0.1", "tier2_share": "0.25"},
            {"tier1": "0.85", "tier2": "0.9"},
            {"tier1": "0.97"},
            {"admission_ratio": "0.6"},
        ]
        tries = {"max_tries": self.rng.choice((1, 2, 3, 9))}
        wait = {"max_wait_ms": self.rng.choice((1, 300, 1_000, 5_000))}
        fee = {"liquidation_fee": self.rng.choice(("0.005", "0.02", "0.4", "1.01"))}
        more = self.maybe(0.6, tries) | self.maybe(0.3, wait) | self.maybe(0.6, fee)
        return {"type": "set_liquidation"} | self.rng.choice(changes) | more

    def limited(self) -> Command:
        """Set or lift an account's own limits (C2)."""
        return {"type": "set_risk", "account": self.rng.choice(ACCOUNTS)} | limits(self.rng)

    # Entries that nobody can read

    def malformed(self) -> Step:
        """Send an entry that is refused before it is a command."""
        order = self.limit()
        broken: list[tuple[str, tuple[int, str]]] = [
            ("{", (101, "$")),
            (json.dumps({**order, "price": 1.5}), (102, "$.price")),
            (json.dumps({**order, "speed": 3}), (103, "$.speed")),
            (json.dumps({**order, "type": "dance"}), (104, "$.type")),
            (json.dumps({**order, "price": "NaN"}), (106, "$.price")),
            (json.dumps({**order, "price": "1e3"}), (106, "$.price")),
            (json.dumps({**order, "quantity": 2**70}), (107, "$.quantity")),
            (json.dumps({**order, "account": "a b"}), (109, "$.account")),
            (json.dumps({"type": "deposit", "account": "ann", "amount": "1", "transfer_id": "x"}),
             (112, "$")),
        ]  # fmt: skip
        payload, refusal = self.rng.choice(broken)
        return Step(0, "orders", payload, refusal)


# a lot is worth about ten
_GRIDS = (
    ("0.01", "1", 1_000),
    ("1", "0.1", 100),
    ("0.5", "0.005", 4_000),
    ("0.00001", "1000", 900),
    ("0.00000002", "1", 500_000_000),
)
