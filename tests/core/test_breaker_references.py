"""What a breaker measures from: where its day began (E2)."""

import pytest

from tests.core.breaker_words import DAY_MS, LEVELS, told, watched
from tests.core.market import Market


@pytest.mark.parametrize(("ask", "tripped"), [("95.01", 0), ("95", 1)])
def test_half_a_tick_decides(ask: str, tripped: int) -> None:
    """The mid of a spread of one tick lies between two ticks (E2)."""
    market = Market(breakers=[{"move": "0.05005"}], tick_size="0.01")

    market.play(f"tick 94.99 {ask}")

    assert len(market.of("breaker")) == tripped


def test_new_day_measures_from_where_it_begins() -> None:
    """A window is a day of UTC; what tripped in the last one is forgotten (E2)."""
    market = watched()
    market.play("push X 95")
    market.wait(DAY_MS - 1_000 - 1)
    market.forget()

    market.play("push X 96")
    market.wait(1)
    market.play("""
        push X 91.2
    """)

    assert told(market) == [f"1 91.2 of 96 until {DAY_MS + 60_000}", "halted"]


def test_halt_of_yesterday_goes_on_to_its_own_end() -> None:
    """Midnight opens nothing (E2)."""
    market = watched()
    market.wait(DAY_MS - 31_000)
    market.play("push X 95")

    market.wait(59_999)
    assert told(market)[1:] == ["halted"]
    market.wait(1)

    assert told(market)[1:] == ["halted", "open"]


def test_window_is_measured_from_what_the_price_band_was_around() -> None:
    """The trades of the five minutes before midnight; later ones do not count (E1)."""
    market = watched([{"move": "0.03", "halt_s": 60}], price_band="0.5")
    market.wait(DAY_MS - 11_000)
    market.play("""
        ann sell 1@101
        bob buy 1@101
        ann sell 2@104
        bob buy 2@104
    """)
    market.wait(10_000)
    market.play("""
        ann sell 9@100
        bob buy 9@100
    """)
    market.forget()

    market.play("push X 99.92")
    assert told(market) == []
    market.play("push X 99.91")

    assert told(market)[0].startswith("1 99.91 of 103 until")


def test_reference_may_lie_between_two_prices() -> None:
    """It is shown to eight places, and compared as the fraction that it is (E2)."""
    market = watched([{"move": "0.03", "halt_s": 60}], price_band="0.5")
    market.wait(DAY_MS - 11_000)
    market.play("""
        ann sell 1@100
        bob buy 1@100
        ann sell 2@100.01
        bob buy 2@100.01
    """)
    market.wait(10_000)
    market.forget()

    market.play("push X 97.01")
    assert told(market) == []
    market.play("push X 97")

    assert told(market)[0].startswith("1 97 of 100.00666667 until")


def test_first_price_ever_is_its_own_reference() -> None:
    """Without a past there is nothing to have moved away from (E2)."""
    market = Market(None, mark_source="pushed", breakers=LEVELS)

    market.play("push X 500")
    market.play("push X 475")

    assert told(market)[0] == "1 475 of 500 until 61000"
