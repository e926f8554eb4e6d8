"""What holding a position over night costs or earns, by its side (B6)."""

import pytest

from tests.core.market import Market


def _holding(kind: type[Market]) -> Market:
    """Return a market in which ann holds 2 at 100 and cy −2."""
    market = kind()
    market.play("""
        cy  sell 2@100
        ann buy  2@100
    """)
    market.forget()
    return market


def _moves(market: Market) -> list[str]:
    return [f"{e['account']} {e['delta']}" for e in market.of("balance_changed")]


@pytest.mark.parametrize(
    ("rates", "moves"),
    [
        ("0.036 0.018", ["ann -0.02", "cy -0.01"]),
        ("0.036 -0.018", ["ann -0.02", "cy 0.01"]),
        ("-0.036 0.018", ["ann 0.02", "cy -0.01"]),
        ("0 -0.018", ["cy 0.01"]),
        ("0 0", []),
    ],
)
def test_each_side_has_its_own_rate(kind: type[Market], rates: str, moves: list[str]) -> None:
    """Above zero pays, below zero receives: 200 × 3.6 % ⁄ 360 is two cents a day (B6)."""
    market = _holding(kind)

    market.play(f"swap X {rates} day_count=360")

    assert _moves(market) == moves


def test_event_says_everything(kind: type[Market]) -> None:
    """Rates, days, price, totals: enough to reckon each payment again (B6)."""
    market = _holding(kind)

    market.play("swap X 0.0365 -0.01825 day_count=365 days=3 id=wed")

    assert market.last == [
        {
            "type": "swap",
            "in": 0,
            "symbol": "X",
            "swap_id": "wed",
            "long_rate": "0.0365",
            "short_rate": "-0.01825",
            "day_count": 365,
            "days": 3,
            "mark_price": "100",
            "paid": "0.06",
            "received": "0.03",
            "residue": "0.03",
        },
        {
            "type": "balance_changed",
            "in": 0,
            "account": "ann",
            "delta": "-0.06",
            "balance": "999999999.94",
            "cause": "swap",
            "symbol": "X",
            "swap_id": "wed",
        },
        {
            "type": "balance_changed",
            "in": 0,
            "account": "cy",
            "delta": "0.03",
            "balance": "1000000000.03",
            "cause": "swap",
            "symbol": "X",
            "swap_id": "wed",
        },
    ]


def test_triple_day_is_three_times_one(kind: type[Market]) -> None:
    """Rounded once, over all its days: 200 × 1.2345 % × 3 ⁄ 365 (B6)."""
    market = _holding(kind)

    market.play("swap X 0.012345 -0.012345 day_count=365 days=3")

    assert _moves(market) == ["ann -0.02029316", "cy 0.02029315"]
    assert market.last[0]["residue"] == "0.00000001"


def test_year_of_360_days_costs_more_a_day(kind: type[Market]) -> None:
    """200 × 1.2345 % ⁄ 360 against ⁄ 365, payers ⌈⌉ and receivers ⌊⌋ (B6)."""
    moves = []
    for days in (360, 365):
        market = _holding(kind)
        market.play(f"swap X 0.012345 -0.012345 day_count={days}")
        moves.append(_moves(market))

    assert moves == [["ann -0.00685834", "cy 0.00685833"], ["ann -0.00676439", "cy 0.00676438"]]


def test_residue_may_go_below_zero(kind: type[Market]) -> None:
    """Where both sides receive, the venue pays (B6, B7)."""
    market = _holding(kind)

    market.play("swap X -0.036 -0.036 day_count=360")

    assert market.last[0]["residue"] == "-0.04"


def test_rates_are_not_clamped_by_the_funding_cap(kind: type[Market]) -> None:
    """A year's rate is no eight hours' (B6)."""
    market = _holding(kind)

    market.play("swap X 3.6 0 day_count=360")

    assert _moves(market) == ["ann -2"]


def test_repeat_changes_nothing(kind: type[Market]) -> None:
    """A night is paid once; funding of that name is another thing (B6)."""
    market = _holding(kind)
    market.play("""
        funding X 0.001 id=n1
        swap X 0.036 0.036 day_count=360 id=n1
    """)
    before = market.hash()

    market.play("swap X 0.072 0.072 day_count=365 id=n1")

    (refusal,) = market.last
    assert (refusal["code"], refusal["path"]) == (702, "$.swap_id")
    assert market.hash() == before


@pytest.mark.parametrize(
    ("line", "code", "path"),
    [
        ("swap X 0.0000000001 1001 day_count=360 id=s", 107, "$.long_rate"),
        ("swap X 0.01 1001 day_count=364 id=s", 107, "$.short_rate"),
        ("swap X 0.01 0.01 day_count=364 days=0 id=s", 107, "$.day_count"),
        ("swap X 0.01 0.01 day_count=365 days=0 id=s", 107, "$.days"),
        ("swap X 0.01 0.01 day_count=365 days=367 id=s", 107, "$.days"),
        ("swap Y 0.01 1001 day_count=360 id=s", 202, None),
        ("swap X 0.01 0.01 day_count=360 id=s", 302, None),
    ],
)
def test_refused_swap_does_not_use_its_id(
    kind: type[Market], line: str, code: int, path: str | None
) -> None:
    """It changed nothing, so it may come again (B6)."""
    market = kind(None)

    market.play(line)
    (refusal,) = market.last
    assert (refusal["code"], refusal.get("path")) == (code, path)
    market.mark_at("100")
    market.play("swap X 0.01 0.01 day_count=360 id=s")

    assert [event["type"] for event in market.last] == ["swap"]


@pytest.mark.parametrize(
    "fields",
    [
        {"day_count": "360"},
        {"day_count": 360, "days": 1.5},
        {"day_count": 360, "days": -1},
        {},
    ],
)
def test_swap_of_no_year_is_malformed(fields: dict[str, object]) -> None:
    """How many days a year has is not left to be guessed (B6)."""
    market = Market()

    market.send(
        {"type": "apply_swap", "symbol": "X", "long_rate": 0, "short_rate": 0, "swap_id": "s"}
        | fields
    )

    assert [event["code"] // 100 for event in market.last] == [1]
    assert market.last[0]["path"].startswith("$.day")


def test_swap_can_liquidate(kind: type[Market]) -> None:
    """Margins are looked at after the last payment (B6, D2)."""
    market = kind(lot_size="0.1")
    market.play("""
        deposit bob 20.9
        mm    sell 1@100
        bob   buy  1@100
        carol buy  1@99
    """)
    market.forget()

    market.play("swap X 0.396 0 day_count=360 days=90")

    assert market.kinds() == ["swap", "balance_changed", "margin_call", "liquidation", "trade"]
    assert market.balance("bob") == "10.7"
