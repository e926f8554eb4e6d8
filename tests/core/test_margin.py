"""Initial margin with open orders (B3), maintenance margin (B4)."""

import pytest

from tests.core.market import Market


def test_worse_side_counts() -> None:
    """Long 4, buys of 3 and sells of 9 at 100 with 20 %: 7 long is worse than 5 short (B3)."""
    market = Market()

    market.play("""
        mm  sell 4@100
        bob buy  4@100
        bob buy  3@100
        mark 100.01
        bob sell 9@100.01
        mark 100
    """)

    assert market.margin("bob")["initial"] == "140"


@pytest.mark.parametrize(
    ("orders", "initial"),
    [
        ("bob buy 3@100", "140"),
        ("bob sell 9@100.5", "100.9"),
        ("bob sell 4@100.5", "80"),
        ("bob sell 4@300", "80"),
        ("bob sell 5@300", "220"),
        ("bob buy 1@50", "90"),
    ],
)
def test_open_orders_add_what_they_could_make_worse(orders: str, initial: str) -> None:
    """Long 4 at 100 holds 80; orders that only reduce hold nothing, at whatever price (B3)."""
    market = Market()
    market.play("""
        mm  sell 4@100
        bob buy  4@100
    """)

    market.play(orders)

    assert market.margin("bob")["initial"] == initial


def test_short_position_counts_its_buys_alike() -> None:
    """Short 4: buying back holds nothing, buying through does (B3)."""
    market = Market()
    market.play("""
        mm  buy  4@100
        bob sell 4@100
        bob buy  4@99
    """)
    assert market.margin("bob")["initial"] == "80"

    market.play("""
        bob cancel o3
        bob buy 4@300
    """)
    assert market.margin("bob")["initial"] == "80"

    market.play("""
        bob cancel o4
        bob buy 4@99
        bob buy 6@99
    """)

    assert market.margin("bob")["initial"] == "118"  # 10 × 99 − 400, at 20 %


@pytest.mark.parametrize(
    ("leverage", "rate", "initial"),
    [("5", "0.20", "20"), ("2", "0.20", "50"), ("5", "0.30", "30"), ("3", "0.10", "33.33333334")],
)
def test_dearer_of_leverage_and_rate(leverage: str, rate: str, initial: str) -> None:
    """Rounded up, to the atom (B3)."""
    market = Market(initial_margin=rate, max_leverage="5")

    market.play(f"""
        account bob leverage={leverage}
        deposit bob 1000
        bob buy 1@100
    """)

    assert market.margin("bob")["initial"] == initial


def test_leverage_used_is_the_lesser() -> None:
    """An account may be more careful than the instrument, never less (B3)."""
    market = Market(max_leverage="4")

    market.play("""
        account bold leverage=50
        deposit bold 1000
        bold buy 1@100
    """)

    assert market.margin("bold")["initial"] == "25"


def test_changed_leverage_counts_at_once() -> None:
    """Margin is asked by what holds now (B3)."""
    market = Market()
    market.play("""
        deposit bob 1000
        bob buy 1@100
    """)

    market.play("update bob leverage=2")

    assert market.free("bob") == "950"


def test_free_margin_counts_the_fees_that_might_come() -> None:
    """The worst case is to be the taker for all of it; a rebate is not counted on (B3)."""
    market = Market(taker_fee="0.001", maker_fee="-0.001")

    market.play("""
        deposit bob 1000
        bob buy 1@100
        bob buy 2@99.99
    """)

    # notional 299.98 at 20 % is 59.996; fees 0.1 and 0.19998
    assert market.margin("bob") == {
        "equity": "1000",
        "maintenance": "0",
        "initial": "59.996",
        "fee_hold": "0.29998",
        "free": "939.70402",
    }


def test_holds_shrink_with_the_order() -> None:
    """What traded is held as a position, what was cancelled not at all (B3)."""
    market = Market(taker_fee="0.001")
    market.play("""
        deposit bob 1000
        bob buy 10@100
        mm  sell 4@100
    """)
    assert market.margin("bob")["fee_hold"] == "0.6"

    market.play("bob amend o1 7")
    assert market.margin("bob")["fee_hold"] == "0.3"
    assert market.margin("bob")["initial"] == "140"

    market.play("bob cancel o1")
    assert market.margin("bob")["fee_hold"] == "0"
    assert market.margin("bob")["initial"] == "80"


def test_margin_adds_up_over_instruments() -> None:
    """Each instrument for itself, at its own mark and rate (B3)."""
    market = Market()
    market.play("""
        instrument Y initial_margin=0.5 maintenance_margin=0.15
        mark Y 10
        mm  sell 1@100
        bob buy  1@100
        mm  sell Y 2@10
        bob buy  Y 2@10
    """)

    assert market.margin("bob")["initial"] == "30"
    assert market.margin("bob")["maintenance"] == "13"


def test_maintenance_is_rounded_up_for_each_position() -> None:
    """Never an atom too little is asked (B4)."""
    market = Market(
        None, mark_source="last", tick_size="0.00000002", lot_size="1", maintenance_margin="0.15"
    )

    market.play("""
        mm  sell 1@0.00000002
        bob buy  1@0.00000002
    """)

    assert market.margin("bob")["maintenance"] == "0.00000001"


def test_maintenance_follows_the_mark() -> None:
    """10 % of what the position is worth now, long or short (B4)."""
    market = Market()

    market.play("""
        mm  sell 3@100
        bob buy  3@100
        mark 120
    """)

    assert market.margin("bob")["maintenance"] == "36"
    assert market.margin("mm")["maintenance"] == "36"
