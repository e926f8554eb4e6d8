"""Losses that pause an account's openings, by window and by streak (C3).

Engine time begins at 0: Thursday, 1 January 1970. A lot at 100 is worth 100.
"""

import pytest

from risk.losses import ends_us, turns
from risk.terms import DAY, MONTH, WEEK
from tests.core.market import Market

DAY_MS = 24 * 3600 * 1000
HOUR_MS = 3600 * 1000
DAY_US = 1000 * DAY_MS


def _long_10(kind: type[Market], limits: str) -> Market:
    """Return a market in which bob, with 1,000 and the limits, holds 10 at 100."""
    market = kind()
    market.play(f"""
        deposit bob 1000
        mm  sell 10@100
        bob buy  10@100
        risk bob {limits}
    """)
    market.forget()
    return market


@pytest.mark.parametrize(
    ("limits", "name", "limit"),
    [
        ("day_loss=50", "day_loss", "50"),
        ("day_loss_rate=0.05", "day_loss", "50"),
        ("day_loss=500 day_loss_rate=0.05", "day_loss", "50"),
        ("week_loss_rate=0.05", "week_loss", "50"),
        ("month_loss_rate=0.05", "month_loss", "50"),
    ],
)
def test_loss_reaches_its_limit_and_not_a_tick_before(
    limits: str, name: str, limit: str, kind: type[Market]
) -> None:
    """Realised or not, the lesser of amount and part of equity, once (C3)."""
    market = _long_10(kind, limits)

    market.play("mark 95.01")
    assert market.of("limit_hit") == []
    market.play("bob buy 1@50")
    assert market.refusals == []

    market.play("mark 95 \n mark 94 \n bob buy 1@50")

    (hit,) = market.of("limit_hit")
    assert (hit["limit_name"], hit["used"], hit["limit"]) == (name, "50", limit)
    assert market.refusals == [name]


def test_pause_stays_when_the_loss_is_won_back(kind: type[Market]) -> None:
    """It ends with the window, not with the price (C3)."""
    market = _long_10(kind, "day_loss=50")

    market.play("mark 95 \n mark 120 \n bob buy 1@50")

    assert market.refusals == ["day_loss"]


def test_reductions_are_never_paused(kind: type[Market]) -> None:
    """Whoever loses must find a way out (C3)."""
    market = _long_10(kind, "day_loss=50 losing_streak=1")

    market.play("""
        mm  buy 20@95
        mark 95
        bob sell 4@95
        bob sell 4@95 reduce
        bob sell 2@99
    """)

    assert market.refusals == []
    assert market.position("bob") == "2"


def test_payments_are_neither_gain_nor_loss(kind: type[Market]) -> None:
    """Money taken out is not lost, money paid in makes nothing good (C3)."""
    market = _long_10(kind, "day_loss=50")

    market.play("withdraw bob 100 \n mark 95.01")
    assert market.of("limit_hit") == []
    market.play("deposit bob 500 \n mark 95")

    assert [hit["used"] for hit in market.of("limit_hit")] == ["50"]


def test_windows_turn_at_midnight_on_monday_and_on_the_first(kind: type[Market]) -> None:
    """What is lost begins anew from the equity at the turn (C3)."""
    market = _long_10(kind, "day_loss=50 week_loss_rate=0.08 month_loss_rate=0.09")
    market.play("mark 95")
    market.wait(DAY_MS - HOUR_MS)
    market.play("bob buy 1@50")
    assert market.refusals == ["day_loss"]

    market.wait(HOUR_MS)
    market.play("bob buy 1@50 \n mark 92 \n bob buy 1@50")
    assert market.refusals == ["day_loss", "week_loss"]

    market.wait(3 * DAY_MS)  # Monday, 5 January
    market.play("bob buy 1@50 \n mark 91 \n bob buy 1@50")
    assert market.refusals == ["day_loss", "week_loss", "month_loss"]

    market.wait(26 * DAY_MS)
    market.play("bob buy 1@50")
    assert market.refusals[3:] == ["month_loss"]
    market.wait(DAY_MS)  # Sunday, 1 February
    market.play("bob buy 1@50")
    assert len(market.refusals) == 4


def test_turn_needs_no_command(kind: type[Market]) -> None:
    """The equity of midnight counts, not that of the first command after it (C3)."""
    market = _long_10(kind, "day_loss=50")
    market.play("mark 96")

    market.wait(DAY_MS)
    market.play("mark 92")
    assert market.of("limit_hit") == []
    market.play("mark 91")

    assert [hit["used"] for hit in market.of("limit_hit")] == ["50"]


def test_streak_counts_closes_that_lose(kind: type[Market]) -> None:
    """Flat or turned, fees included; one that breaks even neither counts nor resets (C3)."""
    market = kind()
    market.play("""
        deposit bob 10000
        deposit mm 10000
        risk bob losing_streak=3
        mm sell 2@100 \n bob buy 2@100
        mm buy  1@99  \n bob sell 1@99
        mm buy  1@99  \n bob sell 1@99
        mm sell 1@100 \n bob buy 1@100
        mm buy  1@100 \n bob sell 1@100
        mm sell 1@100 \n bob buy 1@100
        mm buy  3@99  \n bob sell 3@99
        mm sell 1@99  \n bob buy 1@99
        mm sell 3@100 \n bob buy 3@100
        bob buy 1@50
    """)

    assert [hit["limit_name"] for hit in market.of("limit_hit")] == ["losing_streak"]
    assert market.refusals == ["losing_streak"]
    (hit,) = market.of("limit_hit")
    assert (hit["used"], hit["limit"], hit["until"]) == ("3", "3", DAY_MS)

    market.wait(DAY_MS)
    market.play("bob buy 1@50")
    assert len(market.refusals) == 1


def test_win_ends_a_streak(kind: type[Market]) -> None:
    """In a row means without a win between (C3)."""
    market = kind()
    market.play("""
        deposit bob 10000
        risk bob losing_streak=2
        mm sell 1@100 \n bob buy 1@100 \n mm buy 1@99  \n bob sell 1@99
        mm sell 1@100 \n bob buy 1@100 \n mm buy 1@101 \n bob sell 1@101
        mm sell 1@100 \n bob buy 1@100 \n mm buy 1@99  \n bob sell 1@99
        bob buy 1@50
    """)

    assert market.refusals == []
    assert market.of("limit_hit") == []


def test_windows_and_pauses_survive_a_restart() -> None:
    """A restart neither forgives nor forgets (C3)."""
    market = _long_10(Market, "day_loss=50 losing_streak=3")
    market.play("mark 95")

    again = market.restarted()
    again.play("bob buy 1@50")
    assert again.refusals == ["day_loss"]
    again.wait(DAY_MS)
    again.play("bob buy 1@50 \n mark 90.01")
    assert again.of("limit_hit") == []
    again.play("mark 90")

    assert again.refusals == ["day_loss"]
    assert [hit["used"] for hit in again.of("limit_hit")] == ["50"]


def test_turn_goes_on_over_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million accounts do not turn in one frame; nothing comes between, restarts included."""
    monkeypatch.setattr("engine.loss_windows.WINDOW_TURNS_PER_FRAME", 2)
    market = Market()
    for name in ("ann", "bea", "cat", "dot", "eve"):
        market.play(f"deposit {name} 1000 \n risk {name} day_loss=50")
    kernel = market.kernel

    kernel.begin(DAY_US)
    assert kernel.is_busy()
    assert kernel.state.turned_account == "bea"
    market.restarted()
    kernel.begin(DAY_US)
    kernel.begin(DAY_US)

    assert not kernel.is_busy()
    assert kernel.next_deadline_us() == 2 * DAY_US


def test_calendar_is_that_of_the_world() -> None:
    """Thursday, 1 January 1970 was no Monday; 2000 and 2024 had a 29 February (C3)."""
    assert turns(0) == (DAY, MONTH)
    assert turns(4) == (DAY, WEEK)
    assert turns(11_016) == (DAY,)  # 29 February 2000, a Tuesday
    assert turns(11_017) == (DAY, MONTH)
    assert turns(19_782) == (DAY,)  # 29 February 2024
    assert turns(19_783) == (DAY, MONTH)
    assert ends_us(DAY, 5 * DAY_US) == 6 * DAY_US
    assert ends_us(WEEK, 4 * DAY_US) == 11 * DAY_US
    assert ends_us(MONTH, 0) == 31 * DAY_US


def test_operator_resumes_before_the_window_turns(kind: type[Market]) -> None:
    """What was lost until then is forgiven; a further loss counts from there (C3)."""
    market = _long_10(kind, "day_loss=50 losing_streak=1")
    market.play("mm buy 1@99 \n bob sell 10@99 \n mm buy 9@95 \n bob sell 9@95")
    market.play("mm sell 10@100 \n bob buy 5@100")
    market.play("mark 60")
    market.play("bob buy 1@50")

    market.forget()
    (said,) = market.play("resume account bob")
    market.play("bob buy 1@50 \n resume account bob")

    assert (said["type"], said["operator"]) == ("limits_resumed", "ann")
    assert said["limits"] == ["losing_streak"]
    assert market.refusals == ["no_such_switch"]


def test_resume_ends_switch_and_pause_in_one(kind: type[Market]) -> None:
    """An operator who says go on means all that he could have stopped (C3, E4)."""
    market = _long_10(kind, "day_loss=50")
    market.play("mark 95 \n kill account bob no_new")

    said = market.play("resume account bob")
    market.play("bob buy 1@50 \n mark 90.01")
    assert [event["type"] for event in said] == ["kill_switch", "limits_resumed"]
    assert len(market.of("limit_hit")) == 1
    market.play("mark 90")

    assert len(market.of("limit_hit")) == 2
    assert market.refusals == []
