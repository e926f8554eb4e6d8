"""What longs and shorts pay each other at a funding boundary (B6)."""

from typing import Any

import pytest

from tests.core.market import Market

ATOM = "0.00000001"


def _crumbs(kind: type[Market], **terms: Any) -> Market:
    """Return a market in which ann holds 3 lots, bea 4 and cy −7, of 1,000 atoms each."""
    market = kind(None, mark_source="pushed", tick_size="0.00001", **terms)
    market.play("""
        push X 0.00001
        cy  sell 7@0.00001
        bea buy  4@0.00001
        ann buy  3@0.00001
    """)
    market.forget()
    return market


def _holding(kind: type[Market], **terms: Any) -> Market:
    """Return a market in which ann holds 2 at 100 and cy −2."""
    market = kind(**terms)
    market.play("""
        cy  sell 2@100
        ann buy  2@100
    """)
    market.forget()
    return market


def _moves(market: Market) -> list[str]:
    """Return what each account has paid or received, in the order of the events."""
    return [f"{e['account']} {e['delta']} {e['cause']}" for e in market.of("balance_changed")]


def test_vector_of_the_rule(kind: type[Market]) -> None:
    """Longs 3 and 4 against short 7 at half an atom a lot: pay 2 and 2, get 3, residue 1 (B6)."""
    market = _crumbs(kind)

    market.play("funding X 0.0005 id=f1")

    assert _moves(market) == [
        "ann -0.00000002 funding",
        "bea -0.00000002 funding",
        "cy 0.00000003 funding",
    ]
    (funding,) = market.of("funding")
    assert funding == {
        "type": "funding",
        "in": 0,
        "symbol": "X",
        "funding_id": "f1",
        "rate": "0.0005",
        "mark_price": "0.00001",
        "paid": "0.00000004",
        "received": "0.00000003",
        "residue": ATOM,
    }


def test_boundary_comes_before_what_it_moves(kind: type[Market]) -> None:
    """The totals are said first; whose balance moved follows, with the boundary's id (B6)."""
    market = _holding(kind)

    market.play("funding X 0.005 id=noon")

    assert market.kinds() == ["funding", "balance_changed", "balance_changed"]
    assert market.last[1] == {
        "type": "balance_changed",
        "in": 0,
        "account": "ann",
        "delta": "-1",
        "balance": "999999999",
        "cause": "funding",
        "symbol": "X",
        "funding_id": "noon",
    }


@pytest.mark.parametrize(
    ("rate", "moves"),
    [
        ("0.001", ["ann -0.2 funding", "cy 0.2 funding"]),
        ("-0.001", ["ann 0.2 funding", "cy -0.2 funding"]),
        ("0", []),
    ],
)
def test_longs_pay_while_the_rate_is_above_zero(
    kind: type[Market], rate: str, moves: list[str]
) -> None:
    """Below zero shorts pay; at zero nobody does, and nobody is named (B6)."""
    market = _holding(kind)

    market.play(f"funding X {rate}")

    assert _moves(market) == moves
    assert len(market.of("funding")) == 1


def test_short_pays_rounded_up_too(kind: type[Market]) -> None:
    """−7 lots at half an atom pay 4; 3 and 4 receive 1 and 2; the residue keeps 1 (B6)."""
    market = _crumbs(kind)

    market.play("funding X -0.0005")

    assert _moves(market) == [
        "ann 0.00000001 funding",
        "bea 0.00000002 funding",
        "cy -0.00000004 funding",
    ]
    assert market.last[0]["residue"] == ATOM


def test_who_receives_less_than_an_atom_is_not_named(kind: type[Market]) -> None:
    """A tenth of an atom a lot: payers pay one, a receiver of 0.3 gets none (B6)."""
    market = _crumbs(kind)

    market.play("funding X -0.0001")

    assert _moves(market) == ["cy -0.00000001 funding"]
    assert market.last[0]["received"] == "0"


@pytest.mark.parametrize(
    ("cap", "asked", "applied"),
    [
        (None, "0.01", "0.0075"),
        (None, "-0.01", "-0.0075"),
        (None, "0.0075", "0.0075"),
        ("0.02", "0.01", "0.01"),
        ("0.02", "1", "0.02"),
        ("0", "0.01", "0"),
    ],
)
def test_rate_is_clamped(kind: type[Market], cap: str | None, asked: str, applied: str) -> None:
    """To the instrument's cap, either way; the event says the rate as applied (B6)."""
    market = _holding(kind, **({} if cap is None else {"funding_cap": cap}))

    market.play(f"funding X {asked}")

    assert market.last[0]["rate"] == applied


def test_cap_can_be_changed(kind: type[Market]) -> None:
    """It is a term of the instrument like the collar (B6)."""
    market = _holding(kind)

    market.play("change X funding_cap=0.5")
    assert market.last[0]["funding_cap"] == "0.5"
    market.play("funding X 0.25")

    assert _moves(market) == ["ann -50 funding", "cy 50 funding"]


@pytest.mark.parametrize("cap", ["-0.1", "1.000001"])
def test_cap_lies_between_nothing_and_all(kind: type[Market], cap: str) -> None:
    """More than the whole position or less than nothing is no cap (B6)."""
    market = _holding(kind)

    market.play(f"change X funding_cap={cap}")

    assert market.refusals == ["invalid_terms"]


def test_repeat_changes_nothing(kind: type[Market]) -> None:
    """A boundary is paid once, whatever the repeat says; ids are the shard's (B6)."""
    market = _holding(kind)
    market.play("funding X 0.001 id=f1")
    before = market.hash()

    market.play("funding X 0.002 id=f1")

    assert market.last == [
        {
            "type": "rejected",
            "in": 0,
            "code": 702,
            "reason": "duplicate",
            "symbol": "X",
            "path": "$.funding_id",
        }
    ]
    assert market.hash() == before


def test_ids_of_transfers_and_swaps_are_others(kind: type[Market]) -> None:
    """Each kind of id has its own namespace (B6)."""
    market = _holding(kind)

    market.send(
        {"type": "deposit", "account": "ann", "amount": "1", "transfer_id": "x"},
    )
    market.play("""
        funding X 0.001 id=x
        swap    X 0.001 0.001 id=x day_count=360
    """)

    assert market.refusals == []


@pytest.mark.parametrize(
    ("line", "code", "path"),
    [
        ("funding X 0.0000000001 id=f", 107, "$.rate"),
        ("funding X 1000.1 id=f", 107, "$.rate"),
        ("funding Y 1000.1 id=f", 202, None),
        ("funding X 0.001 id=f", 302, None),
    ],
)
def test_refused_boundary_does_not_use_its_id(
    kind: type[Market], line: str, code: int, path: str | None
) -> None:
    """It changed nothing, so it may come again (B6)."""
    market = kind(None)

    market.play(line)
    (refusal,) = market.last
    assert (refusal["code"], refusal.get("path")) == (code, path)
    market.mark_at("100")
    market.play("funding X 0.001 id=f")

    assert [event["type"] for event in market.last] == ["funding"]


def test_duplicate_comes_before_the_missing_price(kind: type[Market]) -> None:
    """Who repeats hears so, also when the instrument is listed anew (B6)."""
    market = kind()
    market.play("""
        funding X 0.001 id=f
        delete X
        instrument X
        funding X 0.001 id=f
    """)

    assert market.refusals == ["duplicate"]


def test_half_a_tick_of_the_mark_counts(kind: type[Market]) -> None:
    """The mid of 99.99 and 100 is 99.995, to the atom (B2, B6)."""
    market = _holding(kind)

    market.play("""
        tick 99.99 100
        funding X 0.0001
    """)

    assert market.last[0]["mark_price"] == "99.995"
    assert market.last[0]["paid"] == "0.019999"


def test_halted_stale_and_suspended_pay_all_the_same(kind: type[Market]) -> None:
    """A position costs what it costs, whatever may trade (B6)."""
    market = _holding(kind, feed_stale_ms=100)
    market.play("""
        wait 500
        state * halted
        update ann status=suspended
        update cy status=closed
        funding X 0.001
    """)

    assert _moves(market) == ["ann -0.2 funding", "cy 0.2 funding"]


def test_only_the_instruments_own_positions_pay(kind: type[Market]) -> None:
    """Who is flat in it is left alone (B6)."""
    market = _holding(kind)
    market.play("""
        instrument Y
        mark Y 50
        cy  sell Y 4@50
        dot buy  Y 4@50
        funding Y 0.005
    """)

    assert [move.split()[0] for move in _moves(market)] == ["cy", "dot"]


def test_balance_may_go_below_zero(kind: type[Market]) -> None:
    """What is owed is owed, even by who has put all of it into the position's loss (B6)."""
    market = kind(lot_size="0.1", funding_cap="1")
    market.play("""
        deposit bob 21
        mm  sell 1@100
        bob buy  1@100
        mark 130
        funding X 0.3
    """)

    assert market.balance("bob") == "-18"


def test_margins_are_looked_at_after_a_boundary(kind: type[Market]) -> None:
    """Funding alone can bring an account to a tier: of 25 less 14, 10 must stay (B6, D2)."""
    market = kind(lot_size="0.1", funding_cap="1")
    market.play("""
        deposit bob 25
        mm    sell 1@100
        bob   buy  1@100
        carol buy  1@99
        bob   buy  0.1@50
    """)
    market.forget()

    market.play("funding X 0.14")

    assert market.kinds() == [
        "funding",
        "balance_changed",
        "balance_changed",
        "margin_call",
        "order_cancelled",
        "liquidation",
        "trade",
    ]
    assert market.of("liquidation")[0]["tier"] == 1
