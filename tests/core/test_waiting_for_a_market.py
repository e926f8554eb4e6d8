"""Time in which nobody could have bought is not held against anybody (D6)."""

from tests.core.market import Market
from tests.core.unsold import long_at_100


def _tries(market: Market) -> int:
    return len(market.of("liquidation"))


def test_halted_time_is_no_time_to_wait() -> None:
    """However long the halt: the two seconds begin when the market is open again (D6)."""
    market = long_at_100(ladder="max_tries=1000")
    market.play("mark 90\n state X halted\n wait 60000\n state X open")
    assert (_tries(market), market.of("takeover")) == (2, [])

    for _ in range(7):
        market.wait(250)
    assert market.of("takeover") == []
    market.wait(250)

    assert len(market.of("takeover")) == 1


def test_tries_before_a_halt_do_not_count_after_it() -> None:
    """Three tries in a row are three in one market (D6)."""
    market = long_at_100()
    market.play("mark 90")
    market.wait(250)
    market.play("state X halted\n state X open")
    assert (_tries(market), market.of("takeover")) == (3, [])

    market.wait(250)
    assert market.of("takeover") == []
    market.wait(250)

    assert len(market.of("takeover")) == 1


def test_stale_price_begins_the_count_anew_too() -> None:
    """Whom the timer finds without a fresh price has not been tried (D6, E3)."""
    market = long_at_100(ladder="max_tries=1000", feed_stale_ms=1000)
    market.play("mark 90")
    for _ in range(5):
        market.wait(250)
    assert _tries(market) == 5, "the sixth look found no fresh price"

    market.play("wait 60000\n mark 90")

    assert (_tries(market), market.of("takeover")) == (6, [])
    held = market.kernel.state.accounts["bob"].positions["X"]
    assert (held.tries, held.tried_since_us) == (1, market.now_us)


def test_market_that_stays_open_keeps_its_tries() -> None:
    """One market's halt is no reprieve in another (D6)."""
    market = long_at_100("", "max_tries=3")
    market.play("""
        instrument Y lot_size=0.1
        mark Y 100
        deposit bob 20
        mm  sell Y 1@100
        bob buy  Y 1@100
        fund 1000
        mark 78
        state Y halted
    """)
    held = market.kernel.state.accounts["bob"].positions
    assert (held["X"].tries, held["Y"].tries) == (2, 0)

    market.wait(250)

    assert [event["symbol"] for event in market.of("takeover")] == ["X"]
