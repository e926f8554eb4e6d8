"""What is out of the ordinary is told, and changes nothing (E7)."""

from functools import partial

import pytest

from risk.activity import BUCKETS, Activity
from risk.guards.messages import SetActivity
from tests.core.duel import play_tapes
from tests.core.market import Event, Market
from tests.core.tape_activity import activity

SEEDS = range(6)
RESTARTED = range(10, 12)


def told(events: list[Event]) -> list[str]:
    """Return what is unusual as `account kind value`."""
    unusual = [event for event in events if event["type"] == "unusual_activity"]
    return [f"{event['account']} {event['kind']} {event['value']}" for event in unusual]


def test_off_until_set() -> None:
    """Without thresholds nothing is counted, so that the plain path pays nothing (E7)."""
    market = Market()
    market.play("bob buy 1@90\nbob buy 1@90 id=o1")
    assert (told(market.events), market.kernel.state.activity) == ([], None)

    market.play("activity order_rate=1\nbob buy 1@90")
    assert told(market.last) == ["bob order_rate 1"]

    market.play("activity window_s=5\nbob buy 1@90")
    assert (told(market.last), market.kernel.state.activity) == ([], None)


def test_event_says_what_was_reached(market: Market) -> None:
    """Kind, value, limit and window; the symbol where it is about one (E7)."""
    market.play("activity order_rate=1 price_impact=0.01 window_s=7")
    market.play("mm sell 1@101.5\nbob buy 1@102")
    assert [event for event in market.last if event["type"] == "unusual_activity"] == [
        {"type": "unusual_activity", "in": 0, "account": "bob", "kind": "order_rate"}
        | {"value": "1", "limit": "1", "window_s": 7},
        {"type": "unusual_activity", "in": 0, "symbol": "X", "account": "bob"}
        | {"kind": "price_impact", "value": "0.015", "limit": "0.01", "window_s": 7},
    ]


def test_only_orders_that_entered_count_for_the_rate(market: Market) -> None:
    """A repeat enters nothing, a refused order did not enter, and a cancel is none (E7)."""
    market.play("activity order_rate=2")
    market.play("bob buy 1@90 id=b\nbob buy 1@90 id=b\nbob buy 1@0.001\nbob cancel b")
    assert told(market.events) == []
    assert told(market.play("bob buy 1@90")) == ["bob order_rate 2"]


def test_venue_and_strangers_are_not_counted() -> None:
    """Names that nobody knows would fill the memory; the venue's own are the operator's (E7)."""
    market = Market()
    market.play("activity reject_rate=0.1 least_commands=1")
    stranger = {"type": "cancel_order", "account": "nobody", "client_order_id": "x"}
    market.send(stranger, stranger | {"account": "backstop"})
    assert told(market.events) == []
    state = market.kernel.state
    assert state.activity is not None
    assert not state.activity.accounts


def test_impact_is_measured_from_the_mark(market: Market) -> None:
    """The last trade, not the average; from the touch where there is no mark (E7)."""
    market.play("activity price_impact=0.02")
    market.play("mm buy 9@99\nmm buy 1@98")
    assert told(market.play("bob sell 10@98")) == ["bob price_impact 0.02"]

    unmarked = Market(mark=None, mark_source="last")
    unmarked.play("activity price_impact=0.02\nmm sell 1@100\nmm sell 1@102")
    assert told(unmarked.play("bob buy 2@102")) == ["bob price_impact 0.02"]


def test_impact_is_that_of_the_last_trade(market: Market) -> None:
    """Whatever else came before or after it: a prevented match, a remainder (E7)."""
    market.play("activity price_impact=0.03")
    market.play("bob sell 1@101\nmm sell 1@102\nmm sell 1@103")
    market.play("bob buy 5@104 ioc stp=cancel_oldest")
    assert market.last[1]["type"] == "prevented_match"
    assert market.cancels == ["o1 1 self_trade", "o4 3 ioc_remainder"]
    assert told(market.last) == ["bob price_impact 0.03"]


def test_what_a_command_sets_off_is_not_its_impact(market: Market) -> None:
    """The stop that fires is somebody else's command (E7)."""
    market.play("mm sell 1@100\nmm sell 1@101\nmm sell 9@105\namy buy 1@100")
    market.play("zoe buy stop 3 trigger=101 slippage=900")
    market.play("activity price_impact=0.03")
    market.play("bob buy 1@101")
    assert (market.fills[-1], told(market.last)) == ("zoe<mm 3@105", [])


def test_orders_enter_all_the_same(market: Market) -> None:
    """Events only: whoever must be stopped is stopped by a limit or a kill switch (E7)."""
    market.play("activity order_rate=1 reject_rate=0.01 least_commands=1")
    for _ in range(5):
        market.play("bob cancel nothing\nbob buy 1@90")
        assert [e["type"] for e in market.last if e["type"] == "rejected"] == []
    assert told(market.events) == ["bob reject_rate 1", "bob order_rate 1"]


def test_only_who_is_active_is_remembered() -> None:
    """Of a million accounts that once said something, those of the window stay (E7)."""
    watch = Activity(SetActivity(order_rate=9, window_us=10 * BUCKETS))
    for number in range(500):
        for name in (f"a{number}", "steady", "steady"):
            watch.of(name, number).add(1, 1, 0)
        watch.check()
        assert len(watch.accounts) <= BUCKETS + 2
    assert watch.accounts["steady"].orders == 2 * BUCKETS


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("order_rate", 10**6 + 1), ("least_commands", 0), ("window_s", 0), ("window_s", 3_601)),
        *(("reject_rate", "1.000001"), ("price_impact", "-0.1"), ("price_impact", "0.0000001")),
    ],
)
def test_impossible_threshold_is_refused(market: Market, field: str, value: str | int) -> None:
    """Nothing changes, and the path says what is at fault (E7)."""
    market.play("activity order_rate=1")
    market.send({"type": "set_activity", field: value})
    refusal = {key: market.last[0][key] for key in ("reason", "path")}
    assert refusal == {"reason": "out_of_range", "path": f"$.{field}"}
    assert told(market.play("bob buy 1@90")) == ["bob order_rate 1"]


def test_setting_begins_anew(market: Market) -> None:
    """What was counted by other thresholds is not measured by these (E7)."""
    market.play("activity order_rate=2\nbob buy 1@90\nactivity order_rate=2\nbob buy 1@90")
    assert told(market.events) == []
    assert [event["order_rate"] for event in market.of("activity_set")] == [2, 2]


def test_machine_agrees_on_what_is_unusual() -> None:
    """Thresholds of every kind, among orders of every kind (E7)."""
    seen = play_tapes(activity, SEEDS)
    for word in ("unusual order_rate", "unusual reject_rate", "unusual price_impact"):
        assert seen[word] >= 3, f"{word} came up {seen[word]} times: the tapes are tame"


def test_restarted_machine_agrees_on_what_is_unusual() -> None:
    """A snapshot after every command holds what was counted and what was told (E7)."""
    seen = play_tapes(partial(activity, length=120), RESTARTED, restarts=True)
    assert seen["unusual_activity"] > 10
