"""Sending an order twice is harmless (A10)."""

import pytest

from tests.core import view
from tests.core.market import Market

DAY_MS = 24 * 3600 * 1000


def test_repeat_gives_the_original_acceptance_and_changes_nothing() -> None:
    """The order that it speaks of may long have traded (A10)."""
    market = Market()
    market.play("""
        alice sell 5@100 id=once
        bob   buy  2@100
    """)
    before, original = market.hash(), market.of("order_accepted")[0]

    said = market.play("alice sell 5@100 id=once")

    assert said == [{**original, "duplicate": True}]
    assert market.hash() == before


def test_original_status_is_kept() -> None:
    """`resting` then, though it is gone now; the answer is the one that was lost (A10)."""
    market = Market()

    market.play("""
        alice sell 5@100 id=once
        alice cancel once
        alice sell 5@100 id=once
    """)

    repeat = market.last[0]
    assert (repeat["status"], repeat["duplicate"]) == ("resting", True)
    assert market.asks() == []


@pytest.mark.parametrize(
    "other",
    [
        "buy 5@100 id=once",
        "sell 6@100 id=once",
        "sell 5@101 id=once",
        "sell 5@100 ioc id=once",
        "sell 5@100 stp=none id=once",
        "sell 5@100 tag=x id=once",
        "sell Y 5@100 id=once",
        "sell market 5 id=once",
        "sell 5@100.001 id=once",
    ],
)
def test_same_id_with_other_content_is_refused(other: str) -> None:
    """A reused id is a mistake of the client's that must not trade (A10)."""
    market = Market()
    market.play("""
        instrument Y
        alice sell 5@100 id=once
    """)
    before = market.hash()

    market.play(f"alice {other}")

    assert market.refusals == ["id_reused"]
    assert market.hash() == before


def test_way_of_writing_is_no_content() -> None:
    """5.0 is 5, a default said aloud is still the default, an integer is its decimal (A10)."""
    market = Market()
    market.play("alice sell 5@100 id=once")

    market.play("""
        alice sell 5.0@100.00 gtc id=once
        alice sell 5@100 stp=cancel_newest id=once
    """)

    assert [event.get("duplicate") for event in market.of("order_accepted")] == [None, True, True]


def test_ids_belong_to_an_account() -> None:
    """Two accounts may name their orders alike (A10)."""
    market = Market()

    market.play("""
        alice sell 5@100 id=once
        bob   sell 5@100 id=once
    """)

    assert market.asks() == ["alice 5@100", "bob 5@100"]


@pytest.mark.parametrize(
    "refused",
    [
        "sell 5@100.001 id=once",
        "sell 1000@100 id=once",
        "sell 5@100 fok id=once",
        "sell market 5 id=once",
    ],
)
def test_refused_order_does_not_use_its_id_up(refused: str) -> None:
    """Whatever was wrong, the id is free for the corrected order (A10)."""
    market = Market()
    market.play("deposit poor 1000")

    market.play(f"""
        poor {refused}
        poor sell 1@101 id=once
    """)

    assert len(market.refusals) == 1
    assert market.asks() == ["poor 1@101"]


def test_repeat_is_told_before_anything_else_is_asked() -> None:
    """A halted market and an empty account do not make the original acceptance untrue (A10)."""
    market = Market()
    market.play("""
        deposit bob 20
        bob buy 1@100 id=once
        state X halted
    """)

    market.play("bob buy 1@100 id=once")

    assert market.refusals == []
    assert market.last[0]["duplicate"] is True


def test_repeat_outlives_its_instrument() -> None:
    """The same order again is the same order, whatever became of its symbol (A10)."""
    market = Market()

    market.play("""
        alice sell 1@100 id=once
        alice cancel once
        delete X
        alice sell 1@100 id=once
    """)

    assert market.last[0]["type"] == "order_accepted"
    assert market.last[0]["duplicate"] is True


def test_repeat_on_another_grid_tells_no_wrong_quantity() -> None:
    """The symbol came back with other ticks and lots: what does not fit them is left out (A10)."""
    market = Market()

    market.play("""
        alice sell 5@100.01 id=once
        alice cancel once
        delete X
        instrument X tick_size=0.5 lot_size=2
        alice sell 5@100.01 id=once
    """)

    repeat = market.last[0]
    assert (repeat["order_id"], repeat["status"], repeat["duplicate"]) == (1, "resting", True)
    assert "quantity" not in repeat


def _place_and_cancel(market: Market, *names: str) -> None:
    for name in names:
        market.play(f"""
            alice sell 1@100 id={name}
            alice cancel {name}
        """)


def _is_remembered(market: Market, name: str) -> bool:
    """Ask by sending it with other content, which is refused only if the id is known."""
    market.forget()
    market.play(f"alice sell 2@123 ioc id={name}")
    return market.refusals == ["id_reused"]


def test_old_ids_are_forgotten_after_a_day_when_there_are_too_many() -> None:
    """The window holds the last ids; what fell out of it is free again (A10)."""
    market = Market()
    view.remember_at_most(market.kernel, 3)
    _place_and_cancel(market, "a", "b")
    market.wait(DAY_MS)
    market.mark_at("100")

    _place_and_cancel(market, "c", "d")

    assert [_is_remembered(market, name) for name in ("b", "c", "d")] == [True] * 3
    assert not _is_remembered(market, "a")


def test_ids_of_the_last_day_stay_however_many() -> None:
    """A full window forgets nobody who might still be retrying (A10)."""
    market = Market()
    view.remember_at_most(market.kernel, 2)
    _place_and_cancel(market, "a")
    market.wait(DAY_MS - 1)

    _place_and_cancel(market, "b", "c", "d")

    assert _is_remembered(market, "a")


def test_id_of_a_live_order_never_leaves() -> None:
    """As long as it rests its id is taken, or two live orders could share one name (A10)."""
    market = Market()
    view.remember_at_most(market.kernel, 2)
    market.play("alice sell 1@100 id=live")
    for _ in range(4):
        market.wait(DAY_MS)
        market.mark_at("100")
        _place_and_cancel(market, *(f"{market.now_us}{letter}" for letter in "abc"))

    assert _is_remembered(market, "live")
    assert market.asks() == ["alice 1@100"]


def test_id_of_an_armed_order_never_leaves() -> None:
    """It lives, though it does not rest (A10, A11)."""
    market = Market()
    view.remember_at_most(market.kernel, 2)
    market.play("alice sell stop 1 trigger=90 by=mark id=live")
    for _ in range(4):
        market.wait(DAY_MS)
        market.mark_at("100")
        _place_and_cancel(market, *(f"{market.now_us}{letter}" for letter in "abc"))

    market.play("alice sell stop 1 trigger=91 by=mark id=live")
    assert market.refusals == ["id_reused"]


def test_live_ids_push_nobody_out() -> None:
    """The last so many accepted ids are remembered, beside those that are live (A10)."""
    market = Market()
    view.remember_at_most(market.kernel, 3)
    market.play("alice sell 1@100 id=live")
    market.wait(DAY_MS)
    market.mark_at("100")
    _place_and_cancel(market, "b")
    market.wait(DAY_MS)
    market.mark_at("100")

    _place_and_cancel(market, "c", "d")

    assert _is_remembered(market, "b")
