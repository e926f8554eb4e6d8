"""A crash made of real prices: 10,000 accounts at 5 to 50 times leverage, and what is left of them.

The recorded minutes fall by 0.34 % only. Each price that they move to is put 60 times as far from
the first one, so that the same path falls by 20 % with gaps of up to 6.5 %; the sizes recorded at
the touch are all that there is to sell into. Nine in ten accounts are long, some with a stop-loss.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from statistics import median
from typing import Any

import msgspec
import pytest

from engine import views
from engine.cli.replica import Replica
from engine.cli.state import state_tables, state_view
from engine.cli.verify_before import held_before
from engine.cli.verify_receipts import ReceiptAuditor
from engine.limits import REVIEW_EVENTS_PER_FRAME
from engine.liquidation import Liquidator
from engine.machine import Machine
from feeds.sources import binance_raw
from feeds.sources.lines import LineFile
from persistence.position_lives import CLOSED, LIQUIDATED, TAKEN_OVER, PositionLives
from persistence.row_types import no_rows
from persistence.rows import append_rows
from risk.account import BACKSTOP
from tests.cli.recorded import Recording
from tests.feeds.running_daemon import ROOT

BINANCE = ROOT.parent / "shared" / "data" / "binance-btcusdt-perp-20240808.gz"
SYMBOL = binance_raw.SYMBOL
EXAGGERATION = 60
ACCOUNTS = 10_000
FLOCK = 10
"""Accounts that belong together: one sells, and the others share out what it has sold."""
LONG_LEVERAGES = range(5, 51)
SHORT_LEVERAGES = range(5, 21)
LEAST = Decimal("0.05")
FUND = Decimal(1200)

Command = dict[str, Any]

pytestmark = pytest.mark.skipif(
    not BINANCE.exists(), reason="the recorded prices are not on this machine"
)


class Crash:
    """A run and what its events tell: problems found, positions by cause, accounts looked at."""

    def __init__(self) -> None:
        self.recording = Recording("crash")
        self.state = self.recording.machine.kernel.state
        self.auditor = ReceiptAuditor(Machine().kernel.state)
        self.problems: list[str] = []
        self.of: dict[str, list[Command]] = defaultdict(list)
        self.moved: dict[str, Counter[str]] = defaultdict(Counter)
        """Account -> cause -> signed lots that it has come by."""
        self.sizes: list[int] = []
        """Frame by frame, events that are no margin calls: those are said all at once."""
        self.looks: list[int] = []
        self.holders: list[int] = []

    def run(self, *commands: Command) -> None:
        """Apply commands one by one; after each, money adds up and its receipts are recomputed."""
        for command in commands:
            before = len(self.recording.frames)
            self.recording.run(command)
            self.state.ledger.check()
            for frame in self.recording.frames[before:]:
                self.problems += self.auditor.observe(frame)
                events = msgspec.json.decode(frame.events)
                calls = sum(event["type"] == "margin_call" for event in events)
                self.sizes.append(len(events) - calls)
                for event in events:
                    assert event["type"] != "rejected", event
                    self._take_note(event)

    def move(self, *commands: Command) -> None:
        """Apply the commands that go with a move of the price."""
        self.looks.append(0)
        self.holders.append(len(self.state.positions.open_in(SYMBOL)))
        self.run(*commands)

    def accounts(self, kind: str) -> set[str]:
        """Return the accounts that events of a kind are about."""
        return {event["account"] for event in self.of[kind]}

    def _take_note(self, event: Command) -> None:
        kind = event["type"]
        if kind in {"liquidation", "margin_call", "takeover", "deleveraged", "deficit"}:
            self.of[kind].append(event)
        if kind not in {"trade", "takeover", "deleveraged"}:
            return
        lots = int(Decimal(event["quantity"]) * 1000)
        if kind == "trade":
            lots = lots if event["aggressor_side"] == "buy" else -lots
            for party, signed in ((event["taker"], lots), (event["maker"], -lots)):
                self.moved[party["account"]][party["client_order_id"].split("-")[0]] += signed
            return
        # Of a takeover the side is the account's, of a deleveraging that of its victim.
        lots = lots if (event["side"] == "buy") is (kind == "takeover") else -lots
        self.moved[event["account"]]["liq"] += lots
        self.moved[event.get("counter_account", BACKSTOP)][kind] -= lots


def recorded_moves() -> Iterator[Command]:
    """Yield the recorded ticks that move the bid, each put farther from the first."""
    first = last = Decimal(0)
    with LineFile(BINANCE) as lines:
        for record in binance_raw.source().read(lines):
            tick = record.command
            if tick is not None and Decimal(tick["bid"]) != last:
                last = Decimal(tick["bid"])
                first = first or last
                yield tick | {
                    side: str(first + EXAGGERATION * (Decimal(tick[side]) - first))
                    for side in ("bid", "ask")
                }


def order(account: str, name: str, side: str, quantity: object, **terms: object) -> Command:
    """Return an order, a limit order unless `terms` say otherwise."""
    return {
        "type": "place_order",
        "account": account,
        "symbol": SYMBOL,
        "side": side,
        "order_type": "limit",
        "quantity": str(quantity),
        "client_order_id": name,
    } | terms


def opened(number: int, price: str) -> Iterator[Command]:
    """Yield what opens an account and its position.

    A stop-loss is set where nine tenths of the margin are gone: where the price leaps over what is
    left, and the stop sells all the same, its account owes.
    """
    name, (flock, place) = f"a{number}", divmod(number, FLOCK)
    sells = place == 0
    leverages = SHORT_LEVERAGES if sells else LONG_LEVERAGES
    leverage = leverages[flock % len(leverages)]
    quantity = LEAST * (1 + flock % 7) * (FLOCK - 1 if sells else 1)
    # Between 3 and 6 % more than the margin: for the fee, and so that they do not all fall at once.
    amount = quantity * Decimal(price) / leverage * (10_300 + number % 307) / 10_000
    paid = {"account": name, "amount": f"{amount:.2f}", "transfer_id": name}
    yield {"type": "create_account", "account": name, "leverage": str(leverage)}
    yield {"type": "deposit", **paid}
    yield order(name, "open", "sell" if sells else "buy", quantity, price=price)
    if place in {1, 2, 3}:
        trigger = Decimal(price) * (1 - Decimal("0.9") / leverage)
        terms = {"trigger_by": "mark", "trigger_price": f"{trigger:.1f}", "reduce_only": True}
        yield order(name, "stop", "sell", quantity, order_type="stop", **terms)


def crashed(crash: Crash) -> Crash:
    """Open the accounts and let the price fall through them."""
    first, *moves = recorded_moves()
    crash.run(
        {**binance_raw.source().setup[0], "taker_fee": "0.0005"},
        {"type": "fund_insurance", "amount": str(FUND), "transfer_id": "fund"},
        {"type": "create_account", "account": "venue"},
        {"type": "deposit", "account": "venue", "amount": "100000000", "transfer_id": "venue"},
        first,
    )
    for number in range(ACCOUNTS):
        crash.run(*opened(number, first["bid"]))
    for n, tick in enumerate(moves):
        crash.move(
            {"type": "cancel_all", "account": "venue"},
            order("venue", f"bid-{n}", "buy", tick["bid_size"], price=tick["bid"]),
            order("venue", f"ask-{n}", "sell", tick["ask_size"], price=tick["ask"]),
            tick,
        )
    return crash


@pytest.fixture(scope="module")
def crash() -> Iterator[Crash]:
    """Run it once for every test, and count the accounts that are looked at on the way."""
    run = Crash()
    look = Liquidator._look

    def counted(liquidator: Liquidator, accounts: dict[str, Any], *rest: Any, **how: Any) -> Any:
        if run.looks:
            run.looks[-1] += len(accounts)
        return look(liquidator, accounts, *rest, **how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Liquidator, "_look", counted)
        yield crashed(run)


def test_crash_leaves_every_atom_where_it_belongs(crash: Crash) -> None:
    """After every input the ledger added up; at the end every invariant holds (B7)."""
    crash.recording.machine.kernel.check()

    totals = crash.state.ledger
    assert totals.balances == sum(each.balance_atoms for each in crash.state.accounts.values())
    assert len(crash.state.accounts) == ACCOUNTS + 2, "the venue and the backstop are the others"


def test_every_receipt_of_a_crash_comes_out_as_written(crash: Crash) -> None:
    """The auditor shares no code with the engine and finds nothing in thousands (D8)."""
    assert crash.problems == []
    assert crash.auditor.liquidations == len(crash.of["liquidation"]) > 10_000
    assert crash.auditor.margin_calls == len(crash.of["margin_call"]) > 9_000
    waterfall = [*crash.of["takeover"], *crash.of["deleveraged"], *crash.of["deficit"]]
    assert crash.auditor.waterfall_actions == len(waterfall)
    assert {event["tier"] for event in crash.of["liquidation"]} == {1, 2, 3}


def test_every_liquidated_account_of_a_crash_is_explained(crash: Crash) -> None:
    """Nobody was called too late, or lost a lot without a receipt (D2, D8)."""
    liquidated = crash.accounts("liquidation")
    assert len(liquidated) > ACCOUNTS // 2
    assert liquidated <= crash.accounts("margin_call")
    for name, causes in crash.moved.items():
        position = crash.state.positions.of(name, SYMBOL)
        assert position is not None
        assert causes.total() == position.lots, (name, causes)
        assert not causes["liq"] or name in liquidated, (name, causes)


def test_crash_goes_through_the_whole_waterfall(crash: Crash) -> None:
    """Buyers, then the backstop, then the winners; the fund pays debts until it is empty (D6)."""
    sold = {name for name, causes in crash.moved.items() if causes["liq"]}
    taken, given = crash.accounts("takeover"), crash.accounts("deleveraged")
    assert sold > taken | given, "some have found buyers in the book"
    assert len(taken) > 1_000
    assert len(given) > 100
    winners = {event["counter_account"] for event in crash.of["deleveraged"]}
    assert {int(name[1:]) % FLOCK for name in winners} == {0}, "those who were short"

    paid = [Decimal(event["from_insurance"]) for event in crash.of["deficit"]]
    owed = [Decimal(event["from_deficit"]) for event in crash.of["deficit"]]
    assert max(paid) > 0
    assert max(owed) > 0
    totals = views.totals(crash.state)
    assert Decimal(totals["insurance"]) == FUND - sum(paid) == 0
    assert Decimal(totals["deficits"]) == sum(owed)


def test_state_after_a_crash_shows_fund_deficits_and_quintiles(crash: Crash) -> None:
    """What `pitboss state` says: who is next in the queue, and who has paid (D7)."""
    view = state_view(Replica(crash.recording.machine.kernel, crash.recording.top.n), "crash")
    quintiles: dict[bool, Counter[int]] = defaultdict(Counter)
    for name, held in view["positions"].items():
        place = held[SYMBOL]["adl_quintile"]
        if place is None:
            has_nothing = Decimal(view["accounts"][name]["equity"]) <= 0
            assert name == BACKSTOP or has_nothing, f"{name} is missing in the ranking"
        else:
            quintiles[held[SYMBOL]["quantity"].startswith("-")][place] += 1
    for counts in quintiles.values():
        assert counts.keys() == {1, 2, 3, 4, 5}
        assert max(counts.values()) - min(counts.values()) <= 1
    assert quintiles.keys() == {False, True}

    *_, totals = state_tables(view)
    cells = {str(column.header): list(column.cells) for column in totals.columns}
    assert cells["insurance"] == ["0"]
    assert cells["deficits"] == [view["totals"]["deficits"]] != ["0"]


def test_frame_of_a_crash_is_bounded(crash: Crash) -> None:
    """Hundreds fall at one price; their review goes on over frames, the last action whole (D2)."""
    assert REVIEW_EVENTS_PER_FRAME < max(crash.sizes) < 3 * REVIEW_EVENTS_PER_FRAME


def test_lives_told_by_a_crash_end_as_the_engine_has_it(crash: Crash) -> None:
    """Ten thousand positions, many taken over: the fold is right to the last atom (B1, D6)."""
    lives = PositionLives("crash")
    statuses: Counter[str] = Counter()
    for frame in crash.recording.frames:
        append_rows(frame, no_rows(), lives)
        statuses.update(life.status for life in lives.take_changed().lives)

    found = {
        (life.account, life.symbol, life.sign > 0, life.quantity, life.cost)
        for life in lives.open_lives
    }
    assert found == {
        (*held[:3], Decimal(held.quantity), Decimal(held.cost))
        for held in held_before(crash.state, 0).held
    }
    assert min(statuses[each] for each in (CLOSED, LIQUIDATED, TAKEN_OVER)) > 0, statuses


def test_tick_of_a_crash_looks_at_few_accounts(crash: Crash) -> None:
    """Only whom the price can push over a threshold, retries and the timer counted in (D9)."""
    assert crash.looks[0] == ACCOUNTS, "everybody has just opened, and nobody has a band yet"
    looks, holders = crash.looks[1:], crash.holders[1:]

    assert len(looks) > 1_000
    assert median(looks) == 0, "most moves cross nobody's threshold"
    assert sum(looks) * 50 < sum(holders)
