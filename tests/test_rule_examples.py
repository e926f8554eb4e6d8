"""The examples of docs/rules.md are played, by the machine and by the oracle.

An example is a fenced block with the word `example` behind its fence:

    ```example
    market lot_size=0.1 collar=0.05     if needed, first: the terms of the instrument X, with
                                        brackets=0:0.2:0.1,400:0.5:0.3 for margin brackets,
                                        breakers=0.05:60,0.1:300:auction,0.2 for breakers
    alice sell 30@100 peak=10           a command, in the language of tests/core/market.py
    bob   sell 10@100
    carol buy 35@100                    orders are named o1, o2 ... by appearance, or by id=...
      carol<alice 20@100; carol<bob 10@100; carol<alice 5@100; o1 shows 5
    asks: alice 5@100                   how things stand: asks, bids, armed, or an account
    carol: position 35, balance 96500
    ```

Indented below a command stand *all* of its events, in order, parted by `;`, on one line or more,
as `SAID` words them; those of `UNSAID` are never written. A command without any has none but
those. `asks`, `bids` and `armed` are complete too, and `none` where there is nothing; an account's
line names any of `position cost balance equity maintenance initial free fee_hold`. What follows a
`#` is a remark. A new type of event needs a line in `SAID` or `UNSAID`, a rule an example.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.core.market import Event, Market
from tests.core.naive_market import NaiveMarket
from tests.core.words import levels
from tests.house.source import ROOT
from tests.test_rules import rules_in_force

PAGE = "docs/rules.md"

UNSAID = frozenset(
    {
        *("account_created", "account_updated", "balance_changed", "risk_set", "liquidation_set"),
        *("fee_tiers_set", "leverage_set", "limits_resumed", "market_breakers_set"),
        *("instrument_created", "instrument_updated", "instrument_deleted"),
        *("insurance_funded", "heartbeat", "activity_set", "dry_run"),
    }
)
SAID: dict[str, Callable[[Event], str]] = {
    "order_accepted": lambda e: f"{e['client_order_id']} duplicate" if "duplicate" in e else "",
    "rejected": lambda e: (
        "rejected " + ", ".join(error["reason"] for error in e.get("errors", [e]))
    ),
    "trade": lambda e: (
        f"{e['taker']['account']}<{e['maker']['account']} {e['quantity']}@{e['price']}"
    ),
    "order_cancelled": lambda e: f"{e['client_order_id']} cancelled {e['leaves']} {e['reason']}",
    "order_amended": lambda e: (
        f"{e['client_order_id']} amended, {'keeps' if e['kept_priority'] else 'loses'} its place"
    ),
    "order_replenished": lambda e: f"{e['client_order_id']} shows {e['shown']}",
    "order_expired": lambda e: f"{e['client_order_id']} expired {e['leaves']}",
    "order_triggered": lambda e: f"{e['client_order_id']} fires at {e['reference']}",
    "trigger_rejected": lambda e: f"{e['client_order_id']} fails {e['reason']}",
    "prevented_match": lambda e: (
        f"{e['taker']['client_order_id']} meets {e['maker']['client_order_id']}"
        f" {e['quantity']}@{e['price']}"
    ),
    "auction_uncrossed": lambda e: f"{e['quantity']} trade at {e['price']}",
    "funding": lambda e: f"{e['symbol']} funding {e['rate']}: {_totals(e)}",
    "swap": lambda e: f"{e['symbol']} swap {e['long_rate']} and {e['short_rate']}: {_totals(e)}",
    "corporate_action": lambda e: (
        f"{e['symbol']} dividend {e['amount']}: {_totals(e)}"
        if "amount" in e
        else f"{e['symbol']} split {e['numerator']} for {e['denominator']}"
    ),
    "odd_lots": lambda e: f"house takes {e['quantity']}@{e['price']} from {e['account']}",
    "market_state": lambda e: f"{e['symbol']} {e['state']}",
    "breaker": lambda e: (
        f"{e.get('symbol', 'all')} breaker {e['level']} at {e.get('price') or e['index_value']},"
        f" until {e.get('until', 'opened')}"
    ),
    "limit_hit": lambda e: f"{e['account']} reaches {e['limit_name']}",
    "margin_call": lambda e: f"{e['account']} margin call",
    "liquidation": lambda e: (
        f"{e['account']} tier {e['tier']}, {e['side']} {e['quantity']}@{e['limit_price']}"
    ),
    "takeover": lambda e: f"backstop takes {e['quantity']}@{e['price']} from {e['account']}",
    "deleveraged": lambda e: (
        f"{e['account']} deleverages {e['counter_account']} {e['quantity']}@{e['price']}"
    ),
    "heartbeat_missed": lambda e: f"{e['account']} is silent",
    "flatten": lambda e: f"{e['account']} flattens, {e['side']} {e['quantity']}@{e['limit_price']}",
    "unusual_activity": lambda e: f"{e['account']} unusual {e['kind']} {e['value']}",
    "kill_switch": lambda e: f"{e['action']} {e['target']} {e['mode']}",
    "deficit": lambda e: f"{e['account']} owes {e['amount']}",
    "what_if_result": lambda e: f"{e['account']} would {_would(e)}",
}


def _would(event: Event) -> str:
    if not event["accepted"]:
        return "be refused " + ", ".join(error["reason"] for error in event["errors"])
    fills = [f"{fill['quantity']}@{fill['price']}" for fill in event["fills"]]
    return "trade " + (" and ".join(fills) or "nothing")


def _totals(event: Event) -> str:
    return f"{event['paid']} paid, {event['received']} received"


_FENCE = re.compile(r"^```(\w*)")
_RULE = re.compile(r"^\*\*(?P<number>[A-F]\d{1,2})\b")
_STANDING = re.compile(r"^(?P<who>[\w-]+): +(?P<said>.+)$")


@dataclass(frozen=True)
class Example:
    """A block of the page: its rule, the number of its first line, its lines."""

    rule: str
    start: int
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.rule}:{self.start}"


def examples(page: str) -> Iterator[Example]:
    """Yield every example of a page. Raises AssertionError for a fence that is never closed."""
    rule, opened, start = "", "", 0
    block: list[str] = []
    for number, line in enumerate(page.splitlines(), start=1):
        fence = _FENCE.match(line)
        if fence is not None and start:
            if opened == "example":
                yield Example(rule, start, tuple(block))
            start, block = 0, []
        elif fence is not None:
            opened, start = fence.group(1), number + 1
        elif start:
            block.append(line)
        elif found := _RULE.match(line):
            rule = found.group("number")
    assert start == 0, f"{PAGE}:{start - 1}: this fence is never closed"


def play(example: Example, market_type: type[Market]) -> None:
    """Play an example. Raises AssertionError, naming the line that is not so."""
    lines = [(n, each.partition("#")[0].rstrip()) for n, each in _numbered(example)]
    lines = [(number, line) for number, line in lines if line]
    market = market_type(**_terms(lines.pop(0)[1] if lines[0][1].startswith("market") else ""))
    while lines:
        number, line = lines.pop(0)
        standing = _STANDING.match(line)
        said = [] if standing is None else [standing["said"]]
        while lines and lines[0][1].startswith(" "):
            said.append(lines.pop(0)[1].strip().strip(";"))
        try:
            if standing is None:
                so = "; ".join(filter(None, map(_say, market.play(line))))
            else:
                so = _stands(market, standing["who"], standing["said"])
        except Exception as error:
            raise AssertionError(
                f"{PAGE}:{number}: `{line}` cannot be played: {error!r}"
            ) from error
        words = " ".join("; ".join(said).split())
        assert so == words, (
            f"{PAGE}:{number}: `{line}`:\n"
            f"  the page says {words or 'nothing'}\n  it is {so or 'nothing'}"
        )


def _numbered(example: Example) -> Iterator[tuple[int, str]]:
    return enumerate(example.lines, start=example.start)


def _terms(line: str) -> dict[str, Any]:
    """Return the terms of an instrument; milliseconds are numbers, brackets lists."""
    terms: dict[str, Any] = dict(word.split("=", 1) for word in line.split()[1:])
    if "brackets" in terms:
        names = ("notional", "initial_margin", "maintenance_margin")
        brackets = [each.split(":") for each in terms.pop("brackets").split(",")]
        terms["margin_brackets"] = [dict(zip(names, each, strict=True)) for each in brackets]
    if "breakers" in terms:
        terms["breakers"] = levels(terms["breakers"])
    return {key: int(value) if key.endswith("_ms") else value for key, value in terms.items()}


def _say(event: Event) -> str:
    """Return the words for an event, none for one that goes without saying."""
    if event["type"] in UNSAID:
        return ""
    return SAID[event["type"]](event)


def _stands(market: Market, who: str, said: str) -> str:
    """Return how a side of the book, the armed orders, or what was asked of an account stands."""
    lists: dict[str, Callable[[], list[str]]] = {
        "asks": market.asks,
        "bids": market.bids,
        "armed": market.armed,
    }
    if who in lists:
        return ", ".join(lists[who]()) or "none"
    fields: dict[str, Callable[[str], str]] = {
        "position": market.position,
        "cost": market.cost,
        "balance": market.balance,
    }
    words = []
    for name in (part.split()[0] for part in said.split(",")):
        value = fields[name](who) if name in fields else market.margin(who)[name]
        words.append(f"{name} {value}")
    return ", ".join(words)


WITHOUT = {
    "B2": "every mark of the other examples",
    "D3": "D1 acts at the first two tier prices, and a cent away from them does not",
    "D8": "a receipt is for a program to read",
    "D9": "what is not looked at cannot be shown; tests/core/test_safe_bands.py counts it",
}
"""Rules that need no example of their own, and why."""

_PAGE_TEXT = (ROOT / PAGE).read_text(encoding="utf-8")
EXAMPLES = tuple(examples(_PAGE_TEXT))


@pytest.mark.parametrize("market_type", [Market, NaiveMarket], ids=("machine", "oracle"))
@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_example_is_so(example: Example, market_type: type[Market]) -> None:
    """What a trader reads is what happens, in the machine and in the oracle."""
    play(example, market_type)


def test_every_rule_has_an_example() -> None:
    """A rule that cannot be shown in a few lines is hard to believe."""
    rules = rules_in_force(_PAGE_TEXT)
    shown = {example.rule for example in EXAMPLES}

    assert shown <= rules
    assert not WITHOUT.keys() - rules, "WITHOUT names a rule that is gone"
    missing = sorted(rules - shown - WITHOUT.keys())
    assert not missing, f"{PAGE} shows no example of {', '.join(missing)}: write one"


GOOD = """**A1 Priority.**

```example
market collar=0.05
alice sell 5@100          # a remark
alice sell 5@101
bob   buy 7@101
  bob<alice 5@100;
  bob<alice 2@101
asks: alice 3@101
bids: none
bob: position 7
```
"""


def test_good_example_passes() -> None:
    """What is tried below is wrong in one place only."""
    (example,) = examples(GOOD)

    assert (example.rule, example.start) == ("A1", 4)
    play(example, Market)


@pytest.mark.parametrize(
    ("so", "wrong", "line"),
    [
        ("  bob<alice 5@100;\n", "  bob<alice 5@99;\n", 7),
        ("  bob<alice 5@100;\n", "", 7),
        ("  bob<alice 2@101\n", "  bob<alice 2@101; o3 shows 1\n", 7),
        ("bob   buy 7@101\n", "bob   buy 8@101\n", 7),
        ("collar=0.05", "tick_size=0.3", 5),
        ("alice sell 5@101\n", "alice sell 5@101\n  o2 shows 1\n", 6),
        ("alice sell 5@101\n", "alice sings\n", 6),
        ("asks: alice 3@101", "asks: alice 3@101, alice 1@102", 10),
        ("asks: alice 3@101", "asks: none", 10),
        ("bids: none", "bids: bob 1@99", 11),
        ("position 7", "position 7, balance 5", 12),
        ("position 7", "colour blue", 12),
    ],
)
def test_wrong_example_is_caught(so: str, wrong: str, line: int) -> None:
    """An example that nobody checks is soon an example of nothing."""
    assert so in GOOD
    (example,) = examples(GOOD.replace(so, wrong))

    with pytest.raises(AssertionError, match=rf"^docs/rules\.md:{line}:"):
        play(example, Market)


def test_fence_left_open_is_caught() -> None:
    """The rest of the page would pass for a block that nobody plays."""
    with pytest.raises(AssertionError, match=r"md:3: this fence is never closed"):
        list(examples(GOOD.rpartition("```")[0]))


def test_other_blocks_are_no_examples() -> None:
    """The page may show JSON, too."""
    assert list(examples(GOOD.replace("```example", "```json"))) == []
