"""Instruments come, change and go (B4), each on its grid."""

from typing import Any

import pytest

from tests.core.market import Market

NEW: dict[str, Any] = {
    "type": "create_instrument",
    "symbol": "N",
    "tick_size": "0.01",
    "lot_size": "1",
}


def test_created_instrument_tells_all_its_terms() -> None:
    """What was left out is said too, so that nobody has to know the defaults (B4)."""
    market = Market()

    (event,) = market.send(NEW)

    assert event == {
        "type": "instrument_created",
        "in": 0,
        "symbol": "N",
        "tick_size": "0.01",
        "lot_size": "1",
        "contract_size": "1",
        "initial_margin": "0.2",
        "maintenance_margin": "0.1",
        "max_leverage": "5",
        "maker_fee": "0",
        "taker_fee": "0",
        "collar": "0.05",
        "funding_cap": "0.0075",
        "mark_source": "l1_mid",
        "state": "open",
    }


@pytest.mark.parametrize(
    ("keep", "leverage", "sound"),
    [
        ("0.1", "7.99", True),
        ("0.1", "8", False),
        ("0.159999", "5", True),
        ("0.16", "5", False),
        ("0.2", "3.999999", True),
        ("0.2", "4", False),
    ],
)
def test_maintenance_times_leverage_stays_below_the_admission_ratio(
    keep: str, leverage: str, sound: bool
) -> None:
    """Or an order could be liquidated as it enters (B4)."""
    market = Market()
    terms = {"maintenance_margin": keep, "max_leverage": leverage}

    market.send(NEW | terms)
    market.send({"type": "update_instrument", "symbol": "X"} | terms)

    assert market.refusals == ([] if sound else ["invalid_terms"] * 2)


@pytest.mark.parametrize(
    "terms",
    [
        {"tick_size": "0"},
        {"tick_size": "-0.01"},
        {"tick_size": "-0.01", "lot_size": "-1"},
        {"lot_size": "0"},
        {"tick_size": "0.00000001"},  # worth one atom: its half is none
        {"tick_size": "0.00000003"},
        {"tick_size": "0.0001", "lot_size": "0.00001"},
        {"contract_size": "0"},
        {"tick_size": "1000000", "lot_size": "1000000"},
        {"maintenance_margin": "0"},
        {"maintenance_margin": "0.3"},
        {"initial_margin": "1.1"},
        {"initial_margin": "-0.2"},
        {"max_leverage": "0.9"},
        {"max_leverage": "1001", "maintenance_margin": "0.0001"},
        {"maker_fee": "0.2"},
        {"taker_fee": "-0.2"},
        {"collar": "0"},
        {"collar": "1"},
    ],
)
def test_numbers_that_do_not_fit_together_are_refused(terms: dict[str, str]) -> None:
    """Nothing is ever rounded in silence, so a tick on a lot is an even number of atoms (B4)."""
    market = Market()
    before = market.hash()

    market.send(NEW | terms)

    assert market.refusals in (["invalid_terms"], ["out_of_range"])
    assert market.hash() == before


def test_smallest_tick_that_has_a_half() -> None:
    """Two atoms: the mid of a one-tick spread is one atom, exactly (B2)."""
    market = Market()

    market.send(NEW | {"tick_size": "0.00000002"})

    assert market.refusals == []


def test_contract_size_multiplies_what_a_lot_is_worth() -> None:
    """Ten of the underlying in one contract: ten times the profit (B1)."""
    market = Market(contract_size="10")

    market.play("""
        mm  sell 1@100
        bob buy  1@100
        mm  buy  1@101
        bob sell 1@101
    """)

    assert market.of("trade")[1]["taker"]["realized_pnl"] == "10"


def test_symbol_is_taken_once() -> None:
    """The first one keeps it, and the answer speaks of nothing else (B4)."""
    market = Market()

    (refusal,) = market.send(NEW | {"symbol": "X", "tick_size": "0.000000000001"})

    assert refusal["reason"] == "instrument_exists"
    assert "path" not in refusal


def test_grid_never_changes() -> None:
    """Open orders stand on it: there is no such field (B4)."""
    market = Market()

    market.send({"type": "update_instrument", "symbol": "X", "tick_size": "0.1"})

    assert market.refusals == ["unknown_field"]


def test_new_rates_count_at_once() -> None:
    """Margins are looked at again, as after a price (B4)."""
    market = Market(lot_size="0.1")
    market.play("""
        deposit bob 20
        mm  sell 1@100
        bob buy  1@100
        mark 94
    """)
    assert market.of("liquidation") == []

    market.play("change X maintenance_margin=0.15")  # 14.1 of 14

    assert [event["type"] for event in market.last][:2] == ["instrument_updated", "liquidation"]


@pytest.mark.parametrize("rest", ["mm sell 1@100", "mm sell 1@100\n bob buy 1@100"])
def test_instrument_goes_only_when_flat_and_empty(rest: str) -> None:
    """A resting order and an open position each keep it (B4)."""
    market = Market()
    market.play(rest)
    before = market.hash()

    market.play("delete X")

    assert market.refusals == ["instrument_not_flat"]
    assert market.hash() == before


def test_deleted_instrument_is_unknown_and_may_come_again() -> None:
    """With another grid, without a price, without a past (B4)."""
    market = Market()
    market.play("""
        mm  sell 1@100
        bob buy  1@100
        bob sell 1@100
        mm  buy  1@100
        tick 99 101 seq=7
        delete X
        mm  sell 1@100
        tick 99 101 seq=8
    """)
    assert market.refusals == ["unknown_instrument", "unknown_instrument"]
    market.forget()

    market.play("""
        instrument X tick_size=0.5
        mm sell 1@100
        tick 99 101 seq=1
        mm sell 1@100
        mm sell 1@100.01
    """)

    assert market.refusals == ["price_unavailable", "off_tick"]


@pytest.mark.parametrize(
    "command",
    [
        {"type": "update_instrument", "symbol": "N", "collar": "0.1"},
        {"type": "delete_instrument", "symbol": "N"},
        {"type": "set_market_state", "symbol": "N", "state": "open"},
        {"type": "mark_price", "symbol": "N", "price": "1"},
        {"type": "l1", "symbol": "N", "bid": "1", "ask": "2"},
    ],
)
def test_unknown_instrument_is_said_by_name(command: dict[str, Any]) -> None:
    """Whatever was to be done with it (B4)."""
    market = Market()

    (refusal,) = market.send(command)

    assert (refusal["reason"], refusal["symbol"]) == ("unknown_instrument", "N")
