"""The tests' language: a market that traders talk to, one line a command.

    market = Market()
    market.play('''
        alice sell 30@100
        bob   buy market 5
        alice cancel o1
    ''')
    assert market.fills == ["bob<alice 5@100"]

An order's line ends in what it carries: `alice sell 30@100 peak=10 post gtd=5000 stp=decrement`,
`reduce`, `day`, `ioc`, `fok`; times are in milliseconds, and the market opens at 1000. One that
waits for a price names its type: `bob sell stop 5 trigger=99`, `bob buy stop_limit 5@101
trigger=100 by=mark`, `bob sell trailing_stop 5 offset=1 step=0.5 activation=102`, or `bps=50`.
Linked orders: `bob sell 5@101 oco=g rule=incremental`, `bob bracket buy 10@100 tp=3@105,7@107
sl=95`, with `sl=95@94` for a stop-limit, `slby=mark`, `rule=first_hit`. Before any of these,
`what_if` asks what the line would do; from `behind 250` to `behind 0` orders come late, hint 250.

Every line takes the whole way of an input: JSON, decoding, conversion, kernel, rendering. After
every command all invariants of the kernel are checked, so every test proves conservation (B7).
Orders are named `o1`, `o2` … in order of appearance unless a line says `id=…`. Whoever trades
without having been introduced by `deposit` or `account` is rich.
"""

import copy
import json
from collections.abc import Iterable
from typing import Any

from engine.entries import decode_entry, mark_overloaded
from engine.kernel import Kernel
from engine.machine import Machine
from engine.restore import restore
from engine.snapshot import capture, state_hash
from tests.core import view
from tests.core.words import (
    GRID,
    GUARDS,
    STREAMS,
    TYPES,
    WORDS,
    attributes,
    booked,
    corporate,
    exits,
    options_of,
    with_integers,
    with_numbers,
)

RICH = "1000000000"
"""What an account is given that trades without having been introduced."""

Event = dict[str, Any]


class Market:
    """One machine and the lines that were played on it. `mark` None leaves it without a price.

    `terms` go to `create_instrument` of the symbol `X`, whose tick is 0.01 and whose lot is 1
    unless they say otherwise.
    """

    def __init__(self, mark: str | None = "100", *, symbol: str = "X", **terms: Any) -> None:
        self.machine = Machine()
        self.now_us = 1_000_000
        self.events: list[Event] = []
        self.last: list[Event] = []
        self.symbol, self.is_short = symbol, False
        self.retry_ms = self._orders = self._transfers = 0
        self.send({"type": "create_instrument", **GRID, "symbol": symbol, **terms})
        if mark is not None and terms.get("mark_source", "l1_mid") == "l1_mid":
            self.mark_at(mark)
        self.forget()

    @property
    def kernel(self) -> Kernel:
        """Return the kernel in the machine."""
        return self.machine.kernel

    # Commands

    def play(self, text: str) -> list[Event]:
        """Play lines, one command each; return the events of the last one."""
        for line in text.strip().splitlines():
            words = line.split("#", 1)[0].split()
            if words:
                self._say(words)
        return self.last

    def send(self, *commands: dict[str, Any]) -> list[Event]:
        """Apply commands of the wire, each as an entry of its own; return the last one's events."""
        for command in commands:
            self.deliver(STREAMS.get(command["type"], "admin"), json.dumps(command).encode())
        return self.last

    def deliver(self, stream: str, payload: bytes | None) -> list[Event]:
        """Apply one stream entry as it came; return its events."""
        self.last = self._begin()
        inputs = decode_entry(stream, "7-0", payload)
        if self.retry_ms:
            mark_overloaded(inputs, self.retry_ms, is_short=self.is_short)
        for index, item in enumerate(inputs):
            out: list[bytes] = []
            self.machine.apply(item, index, out)
            self.kernel.check()
            self.last += [json.loads(event) for event in out]
        self.events += self.last
        return self.last

    def wait(self, milliseconds: int) -> list[Event]:
        """Let time pass and run the timers due; return their events."""
        self.now_us += milliseconds * 1_000
        self.last = self._begin()
        self.events += self.last
        return self.last

    def mark_at(self, price: str, symbol: str | None = None) -> list[Event]:
        """Tick around `price`, a cent to either side, so that the mid is `price`."""
        cents = view.cents(price)
        bid, ask = view.from_cents(cents - 1), view.from_cents(cents + 1)
        return self.send({"type": "l1", "symbol": symbol or self.symbol, "bid": bid, "ask": ask})

    def restarted(self) -> "Market":
        """Return a market that goes on from a snapshot of this one."""
        twin = copy.copy(self)
        twin.machine = Machine(restore(list(capture(self.kernel))))
        twin.forget()
        return twin

    def forget(self) -> None:
        """Forget the events so far: what follows is what the test looks at."""
        self.events = []
        self.last = []

    # What happened

    @property
    def fills(self) -> list[str]:
        """Return the trades as `taker<maker quantity@price`."""
        return [
            f"{e['taker']['account']}<{e['maker']['account']} {e['quantity']}@{e['price']}"
            for e in self.of("trade")
        ]

    @property
    def refusals(self) -> list[str]:
        """Return the reasons of all refusals."""
        return [e["reason"] for e in self.of("rejected")]

    @property
    def cancels(self) -> list[str]:
        """Return the cancellations as `order leaves reason`."""
        return [
            f"{e['client_order_id']} {e['leaves']} {e['reason']}"
            for e in self.of("order_cancelled")
        ]

    @property
    def cuts(self) -> list[str]:
        """Return what linked orders were cut or grown to, as `order leaves/total cause`."""
        return [
            f"{e['client_order_id']} {e['leaves']}/{e['quantity']} {e['cause']}"
            for e in self.of("order_amended")
            if "cause" in e
        ]

    @property
    def fired(self) -> list[str]:
        """Return the orders that woke up as `order trigger at reference`."""
        return [
            f"{e['client_order_id']} {e['trigger_price']} at {e['reference']}"
            for e in self.of("order_triggered")
        ]

    @property
    def failed(self) -> list[str]:
        """Return the orders that woke up and were not let in, as `order reason`."""
        return [f"{e['client_order_id']} {e['reason']}" for e in self.of("trigger_rejected")]

    def of(self, kind: str) -> list[Event]:
        """Return the events of one type."""
        return [event for event in self.events if event["type"] == kind]

    def kinds(self) -> list[str]:
        """Return the types of all events, in order."""
        return [event["type"] for event in self.events]

    # How things stand

    def book(self, symbol: str | None = None) -> dict[str, list[str]]:
        """Return every resting order in queue order, best price first, as `view.line` writes it."""
        return view.book_lines(self.kernel, symbol or self.symbol)

    def asks(self) -> list[str]:
        """Return the asks as `account leaves@price`, best first."""
        return self.book()["asks"]

    def bids(self) -> list[str]:
        """Return the bids as `account leaves@price`, best first."""
        return self.book()["bids"]

    def armed(self, symbol: str | None = None) -> list[str]:
        """Return the orders that sleep as `order side leaves trigger`, first armed first."""
        return view.armed_lines(self.kernel, symbol or self.symbol)

    def accounts(self) -> Iterable[str]:
        """Return the ids of all accounts."""
        return view.accounts(self.kernel)

    def symbols(self) -> Iterable[str]:
        """Return all symbols."""
        return view.symbols(self.kernel)

    def balance(self, account: str) -> str:
        """Return an account's cash."""
        return view.balance(self.kernel, account)

    def position(self, account: str, symbol: str | None = None) -> str:
        """Return an account's signed quantity."""
        return view.position(self.kernel, account, symbol or self.symbol)

    def cost(self, account: str, symbol: str | None = None) -> str:
        """Return the signed cost of an account's position."""
        return view.cost(self.kernel, account, symbol or self.symbol)

    def margin(self, account: str) -> dict[str, str]:
        """Return `equity maintenance initial fee_hold free` of an account."""
        return view.margin(self.kernel, account)

    def free(self, account: str) -> str:
        """Return an account's free margin."""
        return self.margin(account)["free"]

    def hash(self) -> str:
        """Return the state's hash."""
        return state_hash(self.kernel)

    # The language

    def _begin(self) -> list[Event]:
        out: list[bytes] = []
        is_later = self.now_us > self.kernel.state.now_us
        self.machine.begin(self.now_us, out)
        if is_later or out:  # else it is as it was when the last command was checked
            self.kernel.check()
        while self.kernel.is_busy():
            self.machine.begin(self.now_us, out)
            self.kernel.check()
        return [json.loads(event) for event in out]

    def _say(self, words: list[str]) -> None:
        verb = words[1] if len(words) > 1 else ""
        if words[0] in _OPERATIONS:
            self.send(_OPERATIONS[words[0]](self, words[1:]))
        elif words[0] == "wait":
            self.wait(int(words[1]))
        elif words[0] in {"behind", "full"}:
            self.retry_ms, self.is_short, self.last = int(words[1]), words[0] == "full", []
        elif words[0] == "mark":
            self.mark_at(words[-1], words[1] if len(words) == 3 else None)
        elif verb in _TRADES:
            self._introduce(words[0])
            self.send(_TRADES[verb](self, words[0], words[1:]))
        else:
            raise ValueError(f"not understood: {' '.join(words)}")

    def _introduce(self, account: str) -> None:
        """Create and fund an account that nobody has heard of."""
        if account in self.accounts() or account in {"backstop", "house"}:
            return
        said = list(self.events)
        self.send({"type": "create_account", "account": account}, self._transfer(account, RICH))
        self.events = said

    def _transfer(self, account: str, amount: str, kind: str = "deposit") -> dict[str, Any]:
        self._transfers += 1
        return {
            "type": kind,
            "account": account,
            "amount": amount,
            "transfer_id": f"t{self._transfers}",
        }

    def _boundary(self, kind: str, words: list[str], *rates: str) -> dict[str, Any]:
        """Return what funding or swap says; its id is new unless `id=` names one."""
        words, options = options_of(words)
        self._transfers += 1
        said: dict[str, Any] = {"type": f"apply_{kind}", "symbol": words.pop(0)}
        said[f"{kind}_id"] = options.pop("id", f"b{self._transfers}")
        return said | dict(zip(rates, words, strict=True)) | with_integers(options)

    def _pay(self, words: list[str], kind: str) -> dict[str, Any]:
        words, options = options_of(words)
        if words[0] not in self.accounts() and not options:
            self.send({"type": "create_account", "account": words[0]})
        return self._transfer(words[0], words[1], kind) | options

    def _fund(self, words: list[str]) -> dict[str, Any]:
        words, options = options_of(words)
        self._transfers += 1
        named = {"transfer_id": f"t{self._transfers}"} | options
        return {"type": "fund_insurance", "amount": words[0]} | named

    def _order(self, account: str, words: list[str]) -> dict[str, Any]:
        words, options = options_of(words)
        self._orders += 1
        order = {"type": "place_order", "account": account, "side": words.pop(0)}
        order["client_order_id"] = options.pop("id", f"o{self._orders}")
        order["symbol"] = self._symbol(words)
        order["order_type"] = words.pop(0) if words[0] in TYPES else "limit"
        quantity, _, price = words[0].partition("@")
        order |= {"quantity": quantity} | ({"price": price} if price else {})
        for word in words[1:]:
            order |= WORDS.get(word) or {"time_in_force": word}
        return order | attributes(options)

    def _bracket(self, account: str, words: list[str]) -> dict[str, Any]:
        words, options = options_of(words[1:])
        outer = exits(options)
        entry = self._order(account, words + [f"{key}={value}" for key, value in options.items()])
        del entry["type"]
        named = {key: entry.pop(key) for key in ("account", "symbol")}
        return {"type": "place_bracket", **named, "entry": entry} | outer

    def _symbol(self, words: list[str]) -> str:
        """Take a symbol off the front where the line names one."""
        return words.pop(0) if words and words[0] in self.symbols() else self.symbol

    def _cancel(self, account: str, words: list[str]) -> dict[str, Any]:
        if words[1] != "all":
            return {"type": "cancel_order", "account": account, "client_order_id": words[1]}
        command: dict[str, Any] = {"type": "cancel_all", "account": account}
        for word in words[2:]:
            command["side" if word in {"buy", "sell"} else "symbol"] = word
        return command

    def _amend(self, account: str, words: list[str]) -> dict[str, Any]:
        words, options = options_of(words)
        quantity, _, price = "".join(words[2:]).partition("@")
        command: dict[str, Any] = {"type": "amend_order", "account": account}
        command["client_order_id"] = words[1]
        command |= {"quantity": quantity} if quantity else {}
        command |= {"price": price} if price else {}
        return command | attributes(options)

    def _tick(self, words: list[str]) -> dict[str, Any]:
        words, options = options_of(words)
        numbers = {key: int(options.pop(key)) for key in ("seq", "ts") if key in options}
        tick = {"type": "l1", "symbol": self._symbol(words), "bid": words[0], "ask": words[1]}
        return tick | numbers | options


def _named(kind: str, key: str) -> Any:
    """Return what turns `<name> key=value …` into a command of that type."""

    def make(_: Market, words: list[str]) -> dict[str, Any]:
        plain, options = options_of(words)
        return {"type": kind, key: plain[0]} | with_numbers(options)

    return make


_TRADES = {
    "buy": Market._order,
    "sell": Market._order,
    "bracket": Market._bracket,
    "cancel": Market._cancel,
    "amend": Market._amend,
}
_OPERATIONS: dict[str, Any] = {
    "tick": Market._tick,
    "deposit": lambda market, words: market._pay(words, "deposit"),
    "withdraw": lambda market, words: market._pay(words, "withdraw"),
    "fund": Market._fund,
    "account": _named("create_account", "account"),
    "update": _named("update_account", "account"),
    "risk": _named("set_risk", "account"),
    "delete": _named("delete_instrument", "symbol"),
    "change": _named("update_instrument", "symbol"),
    "instrument": lambda market, words: GRID | _named("create_instrument", "symbol")(market, words),
    "book": lambda market, words: booked(words, market.symbol),
    "session": lambda _, words: (
        {"type": "update_instrument", "symbol": words[0], "session_end": words[1]}
    ),
    "funding": lambda market, words: market._boundary("funding", words, "rate"),
    "swap": lambda market, words: market._boundary("swap", words, "long_rate", "short_rate"),
    "dividend": lambda market, words: corporate(market._boundary("action", words, "amount")),
    "split": lambda market, words: corporate(market._boundary("action", words, "ratio")),
    "leverage": lambda _, words: (
        {"type": "set_leverage"} | dict(zip(("account", "symbol", "leverage"), words, strict=True))
    ),
    "push": lambda _, words: {"type": "mark_price", "symbol": words[0], "price": words[1]},
    **GUARDS,
    "what_if": lambda market, words: (
        {"type": "what_if", "command": _TRADES[words[1]](market, words[0], words[1:])}
    ),
    "state": lambda _, words: {"type": "set_market_state", "symbol": words[0], "state": words[1]},
    "ladder": lambda _, words: {"type": "set_liquidation"} | with_numbers(options_of(words)[1]),
}
