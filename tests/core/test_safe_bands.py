"""A tick looks only at accounts that its price can push over a threshold (D9).

The scan over everybody who holds the symbol is the oracle: the same actions, always.
"""

import json
import random
from typing import Any

import pytest

from engine import liquidation
from engine.entries import decode_entry
from engine.liquidation import Liquidator
from engine.machine import Machine
from risk.account import Account
from risk.margin import equity_and_maintenance

TERMS = {
    "tick_size": "1",
    "lot_size": "1",
    "initial_margin": "0.1",
    "maintenance_margin": "0.05",
    "max_leverage": "10",
}


BRACKETS = [
    {"notional": "0", "initial_margin": "0.1", "maintenance_margin": "0.04"},
    {"notional": "9000", "initial_margin": "0.1", "maintenance_margin": "0.06"},
    {"notional": "20000.005", "initial_margin": "0.13", "maintenance_margin": "0.1"},
    {"notional": "31000", "initial_margin": "0.7", "maintenance_margin": "0.5"},
]
BRACKETED = {"tick_size": "1", "lot_size": "1", "max_leverage": "10", "margin_brackets": BRACKETS}


class Scanning(Liquidator):
    """The liquidator as it would be without bands: a moved mark looks at all who hold it."""

    __slots__ = ()

    def _gather_moved(self, symbol: str, accounts: dict[str, Account]) -> None:
        for account_id, position in self._state.positions.open_in(symbol).items():
            accounts[account_id] = position.account


class Floor:
    """A machine with instruments and accounts, and short ways to speak to it."""

    def __init__(
        self, symbols: int, accounts: int, *, scans: bool = False, terms: Any = TERMS
    ) -> None:
        self.machine = Machine()
        self.now_us = 0
        if scans:
            self.machine.kernel._liquidator.__class__ = Scanning
        for n in range(symbols):
            self.say("admin", type="create_instrument", symbol=f"S{n}", **terms)
            self.tick(n, 1_000)
        self.say("admin", type="create_account", account="maker")
        self.pay("maker", 10**9)
        for n in range(accounts):
            self.say("admin", type="create_account", account=f"a{n}")

    def say(self, stream: str, **command: Any) -> list[bytes]:
        """Give a command to the machine, a millisecond later; return its events."""
        out: list[bytes] = []
        self.now_us += 1_000
        self.machine.begin(self.now_us, out)
        (item,) = decode_entry(stream, "1-0", json.dumps(command).encode())
        self.machine.apply(item, 0, out)
        return out

    def tick(self, symbol: int, price: int) -> list[bytes]:
        """Move a symbol's mark."""
        bid, ask = str(price - 1), str(price + 1)
        return self.say("ticks", type="l1", symbol=f"S{symbol}", bid=bid, ask=ask)

    def pay(self, account: str, amount: int) -> list[bytes]:
        """Deposit."""
        paid = {"account": account, "amount": amount, "transfer_id": str(self.now_us)}
        return self.say("admin", type="deposit", **paid)

    def fund(self, symbol: int, rate: str) -> list[bytes]:
        """Let longs and shorts of a symbol pay each other."""
        boundary = {"symbol": f"S{symbol}", "funding_id": str(self.now_us)}
        return self.say("admin", type="apply_funding", rate=rate, **boundary)

    def order(self, account: str, symbol: int, side: str, price: int, lots: int) -> list[bytes]:
        """Place a limit order."""
        terms = {"side": side, "order_type": "limit", "quantity": str(lots), "price": str(price)}
        who = {"account": account, "client_order_id": f"o{self.now_us}", "stp": "none"}
        return self.say("orders", type="place_order", symbol=f"S{symbol}", **who, **terms)

    def open(self, account: str, symbol: int, lots: int, price: int = 1_000) -> None:
        """Let an account trade with the maker at a price; negative lots are sold."""
        near, far = ("buy", "sell") if lots > 0 else ("sell", "buy")
        self.order("maker", symbol, far, price, abs(lots))
        self.order(account, symbol, near, price, abs(lots))


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note every account whose margin is looked at."""
    seen: list[str] = []

    def looking(account: Account) -> tuple[int, int]:
        seen.append(account.account_id)
        return equity_and_maintenance(account)

    monkeypatch.setattr(liquidation, "equity_and_maintenance", looking)
    return seen


@pytest.mark.parametrize("terms", [TERMS, BRACKETED], ids=("one rate", "brackets"))
@pytest.mark.parametrize("seed", range(6))
def test_bands_act_like_a_scan_over_everybody(seed: int, terms: Any) -> None:
    """Random trades, transfers, funding and ticks on 1 to 20 instruments: the same bytes (D9)."""
    dice = random.Random(seed)
    symbols = (1, 2, 3, 6, 12, 20)[seed]
    floors = Floor(symbols, 12, terms=terms), Floor(symbols, 12, scans=True, terms=terms)
    prices = [1_000] * symbols
    acted = 0
    for _ in range(700):
        kind, symbol = dice.random(), dice.randrange(symbols)
        account, lots = f"a{dice.randrange(12)}", dice.choice((-1, 1)) * dice.randint(1, 40)
        move, amount = dice.choice((-90, -9, -2, -1, 1, 2, 9, 90)), dice.randint(500, 6_000)
        rate, name = dice.choice(("0.04", "0.05", "0.06")), f"S{symbol}"
        funding = dice.choice(("0.005", "-0.005", "0.0075"))
        prices[symbol] = min(2_000, max(500, prices[symbol] + move))
        said = []
        for floor in floors:
            if kind < 0.04:
                out = floor.pay(account, amount)
            elif kind < 0.38:
                near, far = ("buy", "sell") if lots > 0 else ("sell", "buy")
                floor.order("maker", symbol, far, prices[symbol], abs(lots))
                out = floor.order(account, symbol, near, prices[symbol], abs(lots))
            elif kind < 0.39:
                change = {"symbol": name} | _rates(rate, terms)
                out = floor.say("admin", type="update_instrument", **change)
            elif kind < 0.42:
                out = floor.fund(symbol, funding)
            else:
                out = floor.tick(symbol, prices[symbol])
            said.append(out)
        assert said[0] == said[1]
        acted += sum(b'"liquidation"' in event or b'"margin_call"' in event for event in said[0])
    assert acted >= 10, "a tape on which nobody runs short proves nothing"


def _rates(first: str, terms: Any) -> dict[str, Any]:
    """Return a change of the lowest maintenance rate."""
    if terms is TERMS:
        return {"maintenance_margin": first}
    lowest = BRACKETS[0] | {"maintenance_margin": str(float(first) - 0.02)}
    return {"margin_brackets": [lowest, *BRACKETS[1:]]}


def test_band_ends_at_the_edge_of_the_bracket(looks: list[str]) -> None:
    """There the rate changes, and what was reckoned with it holds no more (B4, D9)."""
    floor = Floor(1, 1, terms=BRACKETED)
    floor.pay("a0", 100_000)
    floor.open("a0", 0, 10)  # 10,000: the bracket reaches from 900 to 2,000
    floor.tick(0, 1_001)
    looks.clear()
    for price in (900, 1_999, 2_000):
        floor.tick(0, price)
    assert looks == []
    for price in (899, 898, 901):
        floor.tick(0, price)
    assert looks.count("a0") == 2, "once below, and once on the way back"


@pytest.mark.parametrize("lots", [7, -7])
def test_band_of_one_symbol_ends_at_the_threshold(lots: int, looks: list[str]) -> None:
    """Not a half tick earlier: nobody is looked at until the margin call itself (D9)."""
    floor = Floor(1, 1)
    floor.pay("a0", 1_400)
    floor.open("a0", 0, lots)
    floor.tick(0, 1_001)
    floor.tick(0, 1_000)
    looks.clear()
    price, called = 1_000, False
    while not called:
        assert "a0" not in looks, "looked at although the price could not hurt it"
        price -= 1 if lots > 0 else -1
        called = any(b"margin_call" in event for event in floor.tick(0, price))
    assert looks.count("a0") == 1
    equity = 1_400 + lots * (price - 1_000)
    maintenance = -(-abs(lots) * price * 5 // 100)
    assert maintenance * 2 > equity
    before = price + (1 if lots > 0 else -1)
    assert abs(lots) * before * 5 / 100 * 2 <= 1_400 + lots * (before - 1_000)


@pytest.mark.parametrize("holders", [10, 200])
def test_tick_over_safe_positions_looks_at_nobody(holders: int, looks: list[str]) -> None:
    """However many there are (D9)."""
    floor = Floor(1, holders)
    for n in range(holders):
        floor.pay(f"a{n}", 100_000)
        floor.open(f"a{n}", 0, 1 if n % 2 else -1)
    floor.tick(0, 1_001)
    looks.clear()
    for price in range(1_002, 1_050):
        floor.tick(0, price)
    assert looks == []


def test_many_instruments_cost_few_looks_a_percent(looks: list[str]) -> None:
    """Slack is shared by symbol; a fall of one price by 20 % looks seldom at its holders (D9)."""
    floor = Floor(20, 1)
    floor.pay("a0", 6_000)
    for symbol in range(20):
        floor.open("a0", symbol, 1 if symbol % 2 else -1)
    floor.tick(1, 1_001)
    looks.clear()
    for price in range(1_000, 800, -1):
        floor.tick(1, price)
    assert looks.count("a0") <= 20, "about one a percent of movement"


def test_account_that_trades_again_is_looked_at_once_a_tick(looks: list[str]) -> None:
    """Bands are renewed at the next tick, once however often it traded (D9)."""
    floor = Floor(2, 1)
    floor.pay("a0", 100_000)
    for _ in range(5):
        floor.open("a0", 0, 1)
        floor.open("a0", 1, -1)
    looks.clear()
    floor.tick(0, 1_001)
    assert looks.count("a0") == 1
    looks.clear()
    floor.tick(1, 1_001)
    assert "a0" not in looks
