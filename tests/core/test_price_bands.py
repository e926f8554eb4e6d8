"""Limits within a price band, and what the band is measured from (E1)."""

from decimal import Decimal

import pytest

from tests.core.market import Market

CENT = Decimal("0.01")


def _lets_in(market: Market, lowest: str, highest: str) -> bool:
    """Tell whether exactly these are the outermost prices that a limit order may have."""
    before, last = list(market.events), market.last
    market.forget()
    market.play(f"""
        probe buy  1@{lowest}
        probe sell 1@{highest}
    """)
    inside = list(market.refusals)
    market.play(f"""
        probe buy  1@{Decimal(lowest) - CENT}
        probe sell 1@{Decimal(highest) + CENT}
        probe cancel all
    """)
    said = market.refusals
    market.events, market.last = before, last
    return inside == [] and said == ["outside_price_band"] * 2


def test_limit_outside_the_band_is_refused_on_either_side(market: Market) -> None:
    """A price far from all others is a slip of the hand, whichever way it errs (E1)."""
    market.play("""
        change X price_band=0.1
        alice buy  1@110.01
        alice buy  1@89.99
        alice sell 1@110.01
        alice sell 1@89.99
        alice sell 1@110
        alice buy  1@90
    """)

    assert market.refusals == ["outside_price_band"] * 4
    assert market.asks() == ["alice 1@110"]
    assert market.bids() == ["alice 1@90"]
    refusal = market.of("rejected")[0]
    assert (refusal["code"], "path" in refusal, "detail" in refusal) == (308, False, False)


@pytest.mark.parametrize("lifetime", ["ioc", "fok", "gtd=9000", "peak=1"])
def test_every_limit_is_asked(market: Market, lifetime: str) -> None:
    """The band looks at the price, not at how long the order lives (E1)."""
    market.play(f"change X price_band=0.1\n alice buy 1@111 {lifetime}")

    assert market.refusals == ["outside_price_band"]


@pytest.mark.parametrize(
    ("bid", "ask", "band", "lowest", "highest"),
    [
        ("99.99", "100.01", "0.1", "90", "110"),
        ("100", "100.02", "0.001", "99.91", "100.11"),
        ("99.99", "100", "0.1", "90", "109.99"),
        ("99.99", "100", "0.000001", "100", "99.99"),
        ("0.01", "0.03", "0.999999", "0.01", "0.03"),
        ("0.99", "1.01", "0.005", "1", "1"),
    ],
)
def test_bounds_are_rounded_into_the_band(
    market: Market, bid: str, ask: str, band: str, lowest: str, highest: str
) -> None:
    """A bound between two ticks lets in the inner one; at half a tick even none (E1)."""
    market.play(f"tick {bid} {ask}\n change X price_band={band}")
    market.play(f"""
        alice buy  1@{Decimal(lowest) - CENT or "0.05"}
        alice sell 1@{Decimal(highest) + CENT}
    """)
    assert market.refusals == ["outside_price_band"] * 2

    market.forget()
    market.play(f"alice buy 1@{lowest}\n bob sell 1@{highest}")

    assert (market.refusals == []) == (Decimal(lowest) <= Decimal(highest))


def test_reference_is_the_volume_weighted_price_of_the_trades(market: Market) -> None:
    """A single small print moves it by little: 1@100 and 3@104 make 103 (E1)."""
    market.play("""
        change X price_band=0.1
        alice sell 1@100
        alice sell 3@104
        bob   buy  4@104
        change X price_band=0.01
    """)

    assert _lets_in(market, "101.97", "104.03")


def test_trades_count_for_three_hundred_seconds(market: Market) -> None:
    """Buckets are whole seconds: what was traded in second 1 counts to the end of 300 (E1)."""
    market.play("""
        change X price_band=0.05
        alice sell 1@104
        wait  500
        bob   buy  1@104
    """)
    assert _lets_in(market, "98.8", "109.2")

    market.wait(299_499)
    assert market.now_us == 300_999_000
    assert _lets_in(market, "98.8", "109.2")

    market.wait(1)
    assert _lets_in(market, "95", "105")


def test_each_second_leaves_the_window_by_itself(market: Market) -> None:
    """Of two trades, the elder is forgotten first (E1)."""
    market.play("""
        change X price_band=0.05
        alice sell 1@104
        alice sell 1@102
        bob   buy  1@102
        wait  1000
        bob   buy  1@104
    """)
    assert _lets_in(market, "97.85", "108.15")

    market.wait(299_000)

    assert _lets_in(market, "98.8", "109.2")


def test_without_trades_the_session_open_counts(market: Market) -> None:
    """The mark may walk away within the session: the band does not follow it (E1)."""
    market.play("""
        change X price_band=0.05
        mark 120
        mark 50
    """)

    assert _lets_in(market, "95", "105")


def test_session_opens_at_its_first_price(market: Market) -> None:
    """Until one is seen, the open of the session before goes on (E1)."""
    market.play("""
        session X 00:01
        change X price_band=0.05
        mark 120
        wait 59000
    """)
    assert _lets_in(market, "95", "105")

    market.play("mark 130\n mark 150")

    assert _lets_in(market, "123.5", "136.5")


def test_session_turns_at_midnight_where_no_end_is_set(market: Market) -> None:
    """And the first price may be the one before: it has been seen again (E1)."""
    market.play("change X price_band=0.05\n mark 120")
    market.wait(86_400_000 - 1_000 - 1)
    market.play("mark 120")
    assert _lets_in(market, "95", "105")

    market.wait(1)
    market.play("mark 120\n mark 80")

    assert _lets_in(market, "114", "126")


def test_trade_may_open_the_session(venue: type[Market]) -> None:
    """Without a price nothing is measured; the first print is the first price (E1)."""
    market = venue(None, mark_source="last", price_band="0.1")
    market.play("""
        alice sell 1@10
        alice sell 1@400
        bob   buy  1@10
        alice sell 1@11.01
        bob   buy  1@8.99
    """)
    assert market.refusals == ["outside_price_band"] * 2

    market.wait(300_000)

    assert _lets_in(market, "9", "11")


def test_first_print_of_a_sweep_opens_the_session(venue: type[Market]) -> None:
    """Not the last one, which is the mark then (E1)."""
    market = venue(None, mark_source="last", price_band="0.1")
    market.play("""
        alice sell 1@10
        alice sell 1@12
        bob   buy  2@12
        wait  300000
    """)

    assert _lets_in(market, "9", "11")


def test_band_switched_on_begins_with_the_mark(market: Market) -> None:
    """What was traded without a band was not recorded (E1)."""
    market.play("""
        alice sell 5@104
        bob   buy  5@104
        mark  102
        change X price_band=0.05
    """)

    assert _lets_in(market, "96.9", "107.1")


def test_band_switched_on_without_a_mark_begins_with_the_last_trade(venue: type[Market]) -> None:
    """Whatever price is known is better than none (E1)."""
    market = venue(None, mark_source="pushed")
    market.play("push X 100\n alice sell 1@104\n bob buy 1@104")
    market.play("change X price_band=0.05")
    assert _lets_in(market, "95", "105")


def test_another_band_goes_on_with_what_is_known(market: Market) -> None:
    """Wider or narrower, around the same reference (E1)."""
    market.play("""
        change X price_band=0.1
        mark  103
        change X price_band=0.2
    """)
    assert _lets_in(market, "80", "120")

    market.play("""
        alice sell 1@104
        bob   buy  1@104
        change X price_band=0.05
    """)

    assert _lets_in(market, "98.8", "109.2")


def test_band_switched_off_forgets_all(market: Market) -> None:
    """Nobody is held by a price of before (E1)."""
    market.play("""
        change X price_band=0.05
        alice sell 1@104
        bob   buy  1@104
        change X price_band=0
        alice buy 1@10
        alice cancel all
        mark 90
        change X price_band=0.05
    """)

    assert market.refusals == []
    assert _lets_in(market, "85.5", "94.5")


@pytest.mark.parametrize(
    ("band", "reason"),
    [
        ("1", "invalid_terms"),
        ("-0.1", "invalid_terms"),
        ("1.5", "invalid_terms"),
        ("0.0000001", "out_of_range"),
    ],
)
def test_band_is_a_rate_below_one(market: Market, band: str, reason: str) -> None:
    """A band of the whole price would let in anything below and forbid nothing (E1)."""
    market.play(f"change X price_band={band}\n instrument Y price_band={band}")

    assert market.refusals == [reason] * 2


def test_instrument_says_its_band(market: Market) -> None:
    """What an operator has set can be read from the events; off is not said (E1)."""
    market.play("""
        change X price_band=0.050
        change X price_band=0
        instrument Y price_band=0.2
    """)

    assert [event.get("price_band") for event in market.events] == ["0.05", None, "0.2"]


def test_band_survives_a_snapshot() -> None:
    """The window and the session's open are state (E1)."""
    market = Market()
    market.play("""
        change X price_band=0.05
        alice sell 1@104
        bob   buy  1@104
        wait  299000
    """)

    twin = market.restarted()

    assert _lets_in(twin, "98.8", "109.2")
    twin.wait(1_000)
    assert _lets_in(twin, "95", "105")
    twin = twin.restarted()
    assert _lets_in(twin, "95", "105")
