"""Orders that end by the clock: `gtd` and `day` (A3)."""

import pytest

from tests.core.market import Market

MIDNIGHT_MS = 24 * 3_600_000


def _expired(market: Market) -> list[str]:
    """Return the expiries as `order leaves`."""
    return [f"{e['client_order_id']} {e['leaves']}" for e in market.of("order_expired")]


def test_gtd_order_rests_until_its_time(market: Market) -> None:
    """At the millisecond itself it is gone (A3)."""
    market.play("""
        alice sell 5@100 gtd=3000
        wait 1999
    """)
    assert market.asks() == ["alice 5@100"]

    market.play("wait 1")

    assert market.asks() == []
    assert market.last == [
        {
            "type": "order_expired",
            "symbol": "X",
            "account": "alice",
            "client_order_id": "o1",
            "order_id": 1,
            "leaves": "5",
        }
    ]


def test_order_expires_before_any_input_of_its_batch(market: Market) -> None:
    """A taker that comes at that very time finds nobody (A3)."""
    market.play("alice sell 5@100 gtd=3000\n deposit bob 1000")
    market.now_us = 3_000_000

    market.play("bob buy 5@100 ioc")

    assert market.fills == []
    kinds = [event["type"] for event in market.last]
    assert kinds == ["order_expired", "order_accepted", "order_cancelled"]
    assert "in" not in market.last[0]


def test_gtd_trades_before_its_time(market: Market) -> None:
    """Until then it is an order like any other; what has traded does not come back (A3)."""
    market.play("""
        alice sell 5@100 gtd=3000
        bob   buy  2@100
        wait 5000
    """)

    assert market.fills == ["bob<alice 2@100"]
    assert _expired(market) == ["o1 3"]


@pytest.mark.parametrize("end", ["buy 5@100", "cancel o1", "amend o1 0.5@1"])
def test_order_that_has_ended_does_not_expire(market: Market, end: str) -> None:
    """Its time goes with it (A3)."""
    account = "bob" if end.startswith("buy") else "alice"
    if end.startswith("amend"):
        market.play("alice sell 5@100 gtd=3000\n bob buy 2@100\n alice amend o1 2")
    else:
        market.play(f"alice sell 5@100 gtd=3000\n {account} {end}")

    market.play("wait 9000")

    assert _expired(market) == []
    assert market.asks() == []


def test_expiries_go_by_time_and_then_by_arrival(market: Market) -> None:
    """Whatever their accounts, prices and instruments (A3)."""
    market.play("""
        instrument Y
        mark Y 100
        carol sell 1@103 gtd=4000
        alice sell 2@101 gtd=3000
        bob   sell Y 3@100 gtd=3000
        alice buy 4@90 gtd=2000
        wait 9000
    """)

    assert _expired(market) == ["o4 4", "o2 2", "o3 3", "o1 1"]


def test_each_expires_at_its_own_time(market: Market) -> None:
    """The next one is waited for (A3)."""
    market.play("""
        alice sell 2@101 gtd=4000
        alice sell 1@101 gtd=3000
        wait 2000
    """)
    assert _expired(market) == ["o2 1"]

    market.play("wait 1000")

    assert _expired(market) == ["o2 1", "o1 2"]


def test_expired_order_gives_its_margin_back(market: Market) -> None:
    """Nothing of it is held any more, and its name is free to be unknown (A3, B3)."""
    market.play("""
        deposit alice 1000
        alice sell 5@100 gtd=3000
        wait 2000
        alice cancel o1
    """)

    assert market.free("alice") == "1000"
    assert market.refusals == ["unknown_order"]


def test_expired_iceberg_leaves_with_all_it_hid(market: Market) -> None:
    """Its leaves count, not what it showed (A3, A4)."""
    market.play("""
        alice sell 30@100 peak=10 gtd=3000
        wait 2000
    """)

    assert _expired(market) == ["o1 30"]


@pytest.mark.parametrize("state", ["halted", "closed"])
def test_orders_expire_in_any_market_state(market: Market, state: str) -> None:
    """Time goes on (A3, A14)."""
    market.play(f"""
        alice sell 5@100 gtd=3000
        state X {state}
        wait 2000
    """)

    assert _expired(market) == ["o1 5"]


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("sell 5@100 gtd=1000", "$.expires_at"),
        ("sell 5@100 gtd=999", "$.expires_at"),
        ("sell 5@100 gtd=0", "$.expires_at"),
        ("sell 5@100 gtd", "$.expires_at"),
        ("sell 5@100 expires=5000", "$.expires_at"),
        ("sell 5@100 gtc expires=5000", "$.expires_at"),
        ("sell 5@100 ioc expires=5000", "$.expires_at"),
        ("sell 5@100 expires=0", "$.expires_at"),
        ("sell 5@100 day expires=0", "$.expires_at"),
        ("sell 5@100 day", "$.time_in_force"),
        ("sell 5@100 day expires=5000", "$.expires_at"),
    ],
)
def test_expiry_that_cannot_be_is_refused(market: Market, line: str, path: str) -> None:
    """Past, missing, beside another lifetime, or a day without an end (A3)."""
    (refusal,) = market.play(f"alice {line}")

    assert (refusal["code"], refusal["reason"]) == (414, "invalid_expiry")
    assert refusal["path"] == path


def test_market_orders_take_neither(market: Market) -> None:
    """They never rest (A2, A3)."""
    market.play("""
        alice sell 5@100
        bob buy market 5 day
        bob buy market 5 gtd=5000
    """)

    assert market.refusals == ["invalid_time_in_force"] * 2


def test_day_order_ends_with_the_session(market: Market) -> None:
    """At the next session end after its entry, in UTC (A3)."""
    market.play("""
        session X 17:00
        alice sell 5@100 day
    """)
    market.wait(17 * 3_600_000 - 1_000 - 1)
    assert _expired(market) == []

    market.wait(1)

    assert _expired(market) == ["o1 5"]


def test_day_order_at_the_session_end_lives_a_day(market: Market) -> None:
    """The next end is strictly after now (A3)."""
    market.play("session X 17:00")
    market.wait(17 * 3_600_000 - 1_000)
    market.play("alice sell 5@100 day")
    market.wait(MIDNIGHT_MS - 1)
    assert _expired(market) == []

    market.wait(1)

    assert _expired(market) == ["o1 5"]


def test_day_order_keeps_the_end_of_its_entry(market: Market) -> None:
    """Another session end counts for the orders that come after it (A3)."""
    market.play("""
        session X 00:01
        alice sell 5@100 day
        session X 17:00
        alice sell 6@100 day
        wait 59000
    """)

    assert _expired(market) == ["o1 5"]


def test_midnight_is_a_session_end(market: Market) -> None:
    """00:00 is the end of the day that runs (A3)."""
    market.play("session X 00:00\n alice sell 5@100 day")
    market.wait(MIDNIGHT_MS - 1_001)
    assert _expired(market) == []

    market.wait(1)

    assert _expired(market) == ["o1 5"]


def test_session_end_is_shown_where_there_is_one(market: Market) -> None:
    """An instrument says what it is (A3)."""
    market.play("instrument Y session_end=08:30")
    assert market.last[0]["session_end"] == "08:30"

    market.play("change Y collar=0.2")
    assert market.last[0]["session_end"] == "08:30"

    market.play("change X collar=0.2")
    assert "session_end" not in market.last[0]


def test_day_order_can_be_listed_with_its_instrument() -> None:
    """The end may be given when the instrument is made (A3)."""
    market = Market(session_end="00:01")

    market.play("alice sell 5@100 day\n wait 59000")

    assert _expired(market) == ["o1 5"]


@pytest.mark.parametrize(
    "time",
    ["24:00", "17:60", "7:00", "17:00:00", "1700", "", "noon", "1\N{ARABIC-INDIC DIGIT SEVEN}:00"],
)
@pytest.mark.parametrize("kind", ["create_instrument", "update_instrument"])
def test_session_end_is_a_time_of_day(kind: str, time: str) -> None:
    """HH:MM, nothing else (A3)."""
    market = Market()
    grid = {"tick_size": "0.01", "lot_size": "1"} if kind == "create_instrument" else {}

    (refusal,) = market.send({"type": kind, "symbol": "X", "session_end": time} | grid)

    assert (refusal["code"], refusal["path"]) == (107, "$.session_end")


def test_next_deadline_is_the_first_expiry() -> None:
    """The engine sleeps until then and no longer (A3)."""
    market = Market()
    market.play("""
        alice sell 5@100 gtd=9000
        alice sell 5@100 gtd=3000
    """)
    assert market.kernel.next_deadline_us() == 3_000_000

    market.play("alice cancel o2")
    assert market.kernel.next_deadline_us() == 9_000_000

    market.play("alice cancel o1")
    assert market.kernel.next_deadline_us() is None


def test_expiry_survives_a_restart() -> None:
    """The timers are in the snapshot (A3)."""
    market = Market(session_end="00:01")
    market.play("alice sell 5@100 gtd=3000\n alice sell 6@100 day")

    twin = market.restarted()
    twin.play("wait 2000\n wait 60000")

    assert _expired(twin) == ["o1 5", "o2 6"]
