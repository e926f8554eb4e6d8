"""What an account has traded in thirty days, and which fees that earns it (B5)."""

from hypothesis import given
from hypothesis import strategies as st

from engine.limits import DAY_US
from engine.views import accounts, markets
from risk.account import Account
from risk.fees import add_volume, counted_volumes, tier_of, volume_atoms
from risk.messages import FeeTier
from tests.core.market import Market

TIERS = (FeeTier("a", 0, 200, 500), FeeTier("b", 100, 100, 400), FeeTier("c", 1_000, -50, 300))
SET_TIERS = {
    "type": "set_fee_tiers",
    "tiers": [
        {"name": "regular", "volume": "0", "maker_fee": "0.0002", "taker_fee": "0.0005"},
        {"name": "large", "volume": "1000", "maker_fee": "-0.0001", "taker_fee": "0.0004"},
    ],
}
HOUR_US = DAY_US // 24


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 10**15)), max_size=30))
def test_volume_is_the_sum_of_the_last_thirty_days(fills: list[tuple[int, int]]) -> None:
    """Whole UTC days, today included: what is forgotten could not count again (B5)."""
    account, now_us = Account("ann"), 5 * DAY_US
    noted: list[tuple[int, int]] = []
    for hours, atoms in fills:
        now_us += hours * HOUR_US
        add_volume(account, atoms, now_us)
        noted.append((now_us // DAY_US, atoms))
        today = now_us // DAY_US
        assert volume_atoms(account, now_us) == sum(a for d, a in noted if d > today - 30)
        assert len(account.volumes) <= 30


@given(st.integers(0, 10**12), st.integers(0, 40))
def test_what_a_snapshot_holds_earns_the_same_tier(atoms: int, days: int) -> None:
    """Days that count no more are left out, whether or not the account has traded since (B5)."""
    account, twin = Account("ann"), Account("ann")
    add_volume(account, atoms, 3 * DAY_US)
    now_us = (3 + days) * DAY_US

    twin.volumes = dict(counted_volumes(account, now_us))

    assert bool(twin.volumes) == (days < 30)
    assert volume_atoms(twin, now_us) == volume_atoms(account, now_us)
    assert tier_of(twin, TIERS, now_us) is tier_of(account, TIERS, now_us)


def test_tier_is_the_last_whose_volume_is_reached() -> None:
    """The bound itself belongs to the better tier (B5)."""
    account = Account("ann")
    found = []
    for atoms in (0, 99, 1, 899, 1):
        add_volume(account, atoms, 0)
        found.append(tier_of(account, TIERS, 0).name)

    assert found == ["a", "a", "b", "b", "c"]


def test_fixed_tier_that_is_gone_leaves_the_volume_to_decide() -> None:
    """Until there is one of that name again (B5)."""
    account = Account("ann")
    account.fee_tier = "c"

    assert tier_of(account, TIERS, 0).name == "c"
    assert tier_of(account, TIERS[:2], 0).name == "a"


def test_views_show_tier_volume_and_brackets() -> None:
    """An account sees what it is charged and why, a market what margin it asks (B4, B5)."""
    market = Market()
    market.play("deposit ann 10000")
    state = market.kernel.state
    assert accounts(state)["ann"]["fee_tier"] is None
    market.send(SET_TIERS)
    market.play("""
        mm  sell 10@100
        ann buy 10@100
    """)

    shown = accounts(state)["ann"]

    assert (shown["fee_tier"], shown["volume_30d"]) == ("large", "1000")
    assert accounts(market.restarted().kernel.state)["ann"] == shown
    assert markets(state)["X"]["margin_brackets"] == [
        {"notional": "0", "initial_margin": "0.2", "maintenance_margin": "0.1"}
    ]


def test_snapshot_leaves_out_days_that_count_no_more() -> None:
    """An account that has not traded for a month costs it nothing, and has the same hash (B5)."""
    market = Market()
    market.send(SET_TIERS)
    market.play("""
        mm  sell 1@100
        ann buy 1@100
    """)
    assert list(market.restarted().kernel.state.accounts["ann"].volumes.values()) == [100 * 10**8]

    market.wait(40 * 24 * 3600 * 1_000)

    twin = market.restarted()
    assert twin.hash() == market.hash()
    assert twin.kernel.state.accounts["ann"].volumes == {}
