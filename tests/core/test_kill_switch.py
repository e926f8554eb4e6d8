"""A kill switch lets nothing in that adds risk, and everything that takes some away (E4)."""

import json
from itertools import product

import pytest

from engine import limits
from engine.wire_guards import KillWire
from tests.core.bounds import lower
from tests.core.market import Market

PLACES = ("global", "symbol X", "account bob", "tag t")
MODES = ("no_new", "reduce_only", "cancel_all", "flatten")


def _kill(scope: str, mode: str, **fields: str | None) -> dict[str, str | None]:
    return {
        "type": "kill",
        "scope": scope,
        "mode": mode,
        "operator": "ann",
        "reason": "why",
    } | fields


def _long(market: Market) -> Market:
    """Let bob be long 10, and mm ready to buy another 10 from whoever sells."""
    market.play("""
        mm  sell 10@100
        bob buy  10@100
    """)
    market.forget()
    return market


@pytest.mark.parametrize(
    ("place", "mode"), [each for each in product(PLACES, MODES) if each != ("tag t", "flatten")]
)
def test_what_adds_risk_is_refused_in_every_mode(market: Market, place: str, mode: str) -> None:
    """Wherever the switch is that is over the order (E4)."""
    market.play(f"""
        bob cancel all
        kill {place} {mode}
        bob buy 1@99 tag=t
    """)

    (refusal,) = market.of("rejected")
    scope, _, target = place.partition(" ")
    detail = {"scope": scope, "target": target or "*", "mode": mode}
    assert refusal["code"] == 605
    assert refusal["detail"] == detail
    assert refusal["errors"] == [{"code": 605, "reason": "kill_switch"} | detail]


@pytest.mark.parametrize("place", ["symbol Y", "account amy", "tag u"])
def test_what_is_elsewhere_goes_on(market: Market, place: str) -> None:
    """A switch is over its own scope only (E4)."""
    market.play(f"""
        instrument Y
        amy buy 1@98
        kill {place} cancel_all
        bob buy 1@99 tag=t
        bob buy 2@99
    """)

    assert market.refusals == []


@pytest.mark.parametrize("place", PLACES[:3])
@pytest.mark.parametrize("mode", MODES[:3])
@pytest.mark.parametrize(
    "order", ["sell 10@101", "sell 3@101 reduce", "sell stop 4 trigger=99", "sell market 10"]
)
def test_what_reduces_is_let_in(market: Market, place: str, mode: str, order: str) -> None:
    """The way out is open, be the order marked reduce-only or not (E4, C1)."""
    _long(market).play(f"""
        kill {place} {mode}
        mm  buy 5@98
        bob {order}
    """)

    assert market.refusals == []
    assert len(market.of("order_accepted")) == 2


def test_order_beyond_the_position_does_not_reduce(market: Market) -> None:
    """What already rests on its side counts, as in C1 (E4)."""
    _long(market).play("""
        kill global no_new
        bob sell 4@101
        bob sell 7@101
        bob sell 6@101
    """)

    assert market.refusals == ["kill_switch"]
    assert market.asks() == ["bob 4@101", "bob 6@101"]


def test_strictest_of_all_switches_is_named(market: Market) -> None:
    """Of equals the widest; a looser one left over goes on alone (E4)."""
    market.play("""
        bob cancel all
        kill tag t no_new
        kill account bob reduce_only
        kill symbol X reduce_only
        kill global no_new
        bob buy 1@99 tag=t
        resume symbol X
        bob buy 1@99 tag=t
        resume account bob
        bob buy 1@99 tag=t
        resume global
        bob buy 1@99 tag=t
        resume tag t
        bob buy 1@99 tag=t
    """)

    assert [f"{e['detail']['scope']} {e['detail']['mode']}" for e in market.of("rejected")] == [
        "symbol reduce_only",
        "account reduce_only",
        "global no_new",
        "tag no_new",
    ]
    assert market.bids() == ["bob 1@99"]


def test_kill_replaces_the_switch_of_its_scope(market: Market) -> None:
    """Stricter or looser, as the operator says; one resume ends it (E4)."""
    market.play("""
        kill global cancel_all
        kill global no_new
        bob buy 1@99
        resume global
        bob buy 1@99
    """)

    assert market.of("rejected")[0]["detail"]["mode"] == "no_new"
    assert [(e["action"], e["mode"]) for e in market.of("kill_switch")] == [
        ("kill", "cancel_all"),
        ("kill", "no_new"),
        ("resume", "no_new"),
    ]
    assert market.bids() == ["bob 1@99"]


def test_switch_is_journaled_with_operator_and_reason(market: Market) -> None:
    """Who stopped the market, and why, is the first question afterwards (E4)."""
    why = 'feed "moon" is wrong \\ 🛑'
    market.send({"type": "create_account", "account": "bob"})
    market.forget()
    said = {"operator": "ann", "reason": why}
    market.send(_kill("account", "no_new", account="bob", symbol=None) | said)
    market.send({"type": "resume", "scope": "account", "account": "bob"} | said)

    named = {"type": "kill_switch", "in": 0, "account": "bob", "scope": "account", "target": "bob"}
    assert market.events == [
        named | {"action": "kill", "mode": "no_new"} | said,
        named | {"action": "resume", "mode": "no_new"} | said,
    ]


@pytest.mark.parametrize(
    ("command", "code", "path"),
    [
        (_kill("symbol", "no_new", symbol="Z"), 202, None),
        (_kill("account", "no_new", account="nobody"), 201, None),
        (_kill("account", "no_new"), 105, "$.account"),
        (_kill("tag", "no_new", tag="t", account="bob"), 103, "$.account"),
        (_kill("global", "no_new", symbol="X"), 103, "$.symbol"),
        (_kill("tag", "flatten", tag="t"), 607, "$.mode"),
        (_kill("tag", "flatten"), 105, "$.tag"),
        ({**_kill("global", "no_new"), "type": "resume", "mode": None}, 606, "$.scope"),
    ],
)
def test_switch_that_cannot_be_is_refused(
    market: Market, command: dict[str, str | None], code: int, path: str | None
) -> None:
    """Nothing is stopped that the operator did not mean (E4)."""
    if command["mode"] is None:
        command = {key: value for key, value in command.items() if value is not None}
    (refusal,) = market.send(command)

    assert (refusal["code"], refusal.get("path")) == (code, path)
    market.play("bob buy 1@99")
    assert market.refusals == [refusal["reason"]]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"reason": "x" * 256}, None),
        ({"reason": "x" * 257}, 108),
        ({"reason": ""}, 107),
        ({"operator": "Ann Smith"}, 109),
        ({"mode": "stop"}, 102),
        ({"scope": "shard"}, 102),
        ({"until": 5}, 103),
    ],
)
def test_words_of_a_switch_are_bounded(change: dict[str, object], code: int | None) -> None:
    """They are kept as long as the journal (E4)."""
    (event,) = Market().send(_kill("global", "no_new") | change)

    assert event.get("code") == code


def test_kill_belongs_to_the_operators_stream() -> None:
    """A trader stops nobody (E4)."""
    (event,) = Market().deliver("orders", json.dumps(_kill("global", "no_new")).encode())

    assert event["code"] == 112
    assert KillWire.__struct_config__.tag == "kill"


def test_switches_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new one is refused at the bound, another mode of an old one is not (E4)."""
    assert limits.MAX_SWITCHES == 10_000
    lower(monkeypatch, "MAX_SWITCHES", 2)
    market = Market()

    market.play("""
        kill tag a no_new
        kill tag b no_new
        kill tag c no_new
        kill tag a cancel_all
        resume tag b
        kill tag c no_new
    """)

    assert market.refusals == ["too_many"]


def test_amend_that_adds_risk_is_refused(market: Market) -> None:
    """More, or another price: the old order stays as it was; less is always let in (E4, A9)."""
    market.play("""
        bob buy 5@99 id=o
        bob buy stop 5 trigger=102 by=mark id=s
        kill account bob no_new
        bob amend o 6
        bob amend o @98
        bob amend s trigger=103
        bob amend o 4
        bob amend s 4
    """)

    assert market.refusals == ["kill_switch"] * 3
    assert market.bids() == ["bob 4@99"]
    assert market.armed() == ["s buy 4 102"]


def test_amend_of_what_reduces_is_let_in(market: Market) -> None:
    """An exit may follow the market (E4, A9)."""
    _long(market).play("""
        bob sell 5@105 id=o
        bob sell 2@105 reduce id=r
        bob sell stop 2 trigger=95 by=mark id=s
        kill global no_new
        bob amend o @103
        bob amend o 9
        bob amend r @104
        bob amend r 3
        bob amend s trigger=97
    """)

    assert market.refusals == ["kill_switch"]
    assert market.asks() == ["bob 5@103", "bob 3@104"]
    assert market.armed() == ["s sell 2 97"]


def test_fired_order_is_asked_too(market: Market) -> None:
    """It slept through the switch; what reduces fires as ever (E4, A11)."""
    _long(market).play("""
        bob buy stop_limit 1@110 trigger=102 by=mark id=opens
        bob sell stop_limit 4@90 trigger=98 by=mark id=closes
        kill symbol X no_new
        mark 103
        mark 97
    """)

    assert market.failed == ["opens kill_switch"]
    assert market.asks() == ["bob 4@90"]


def test_bracket_opens_nothing_and_its_children_protect(market: Market) -> None:
    """Its entry is an order like any other; what it opened before stays covered (E4, A13)."""
    market.play("""
        bob bracket buy 10@100 tp=10@110 sl=90 slby=mark id=e
        mm  sell 4@100
        kill account bob no_new
        bob bracket buy 1@99 tp=1@110 sl=90 slby=mark id=f
        mm  sell 6@100
        mark 89
    """)

    assert market.refusals == ["kill_switch"]
    assert market.position("bob") == "10"
    assert "e.sl 90 at 89" in market.fired
    assert market.failed == ["e.sl no_liquidity"]


def test_every_failing_check_is_reported(market: Market) -> None:
    """The account leads, the switch follows, then money (E4, C1)."""
    market.play("""
        deposit bob 10
        kill global no_new
        update bob status=suspended
        bob buy 1@100
    """)

    codes = [each["code"] for each in market.of("rejected")[0]["errors"]]
    assert codes == [206, 605, 501, 504, 505]


def test_venue_is_bound_where_it_opens(market: Market) -> None:
    """What the backstop buys is risk for the fund, and an operator has said stop (E4, D6)."""
    market.play("""
        kill global no_new
        backstop buy 1@99
        resume global
        backstop buy 1@99
        mm sell 1@99
        kill account backstop no_new
        backstop sell 1@101
        backstop buy 1@98
    """)

    assert market.refusals == ["kill_switch"] * 2
    assert market.asks() == ["backstop 1@101"]


def test_switch_survives_a_restart() -> None:
    """Stopped is stopped, until somebody says resume (E4)."""
    market = Market()
    market.play("""
        bob buy 1@99
        kill tag t cancel_all
        kill account bob no_new
        kill global no_new
        kill symbol X reduce_only
    """)

    twin = market.restarted()

    assert twin.hash() == market.hash()
    for each in (market, twin):
        each.play("resume symbol X")
        each.play("bob buy 1@99 tag=t")
    assert twin.last == market.last
    assert twin.refusals == ["kill_switch"]
    assert Market().hash() != market.hash()


def test_switch_outlives_what_it_is_on(market: Market) -> None:
    """Only resume ends it: who lists the symbol again finds it stopped (E4)."""
    market.play("""
        instrument Y
        kill symbol Y no_new
        delete Y
        instrument Y
        mark Y 100
        bob buy Y 1@99
        delete Y
        resume symbol Y
        resume symbol Y
    """)

    assert market.refusals == ["kill_switch", "no_such_switch"]
    assert market.last[0]["text"] == "no kill switch is on symbol Y"


def test_venue_can_be_stopped_before_it_trades(market: Market) -> None:
    """The backstop comes into being when it is needed, and not by being stopped (E4, D6)."""
    market.play("""
        kill account backstop flatten
        kill account house no_new
        backstop buy 1@99
    """)

    assert market.refusals == ["kill_switch"]
    assert "backstop" not in market.accounts()


def test_booked_trade_is_asked_on_both_sides_but_the_house(kind: type[Market]) -> None:
    """What opens is stopped, what reduces is not, whoever is the other side (E4, B7)."""
    market = kind()
    market.play("""
        deposit bob 1000
        deposit cy 1000
        book bob buy 2@100 id=a
        kill account bob no_new
        book bob buy 1@100 id=b
        book cy sell 1@100 with=bob id=c
        book bob sell 1@100 id=d
        kill account house no_new
        book cy buy 1@100 id=e
    """)

    assert market.refusals == ["kill_switch", "kill_switch"]
    assert {name: market.position(name) for name in ("bob", "cy")} == {"bob": "1", "cy": "1"}
