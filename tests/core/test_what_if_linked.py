"""What a command would do to orders that belong together, or only reduce (A8, A13, C4)."""

from engine.snapshot import state_hash
from engine.views import accounts
from tests.core.market import Event, Market


def _foretold(market: Market, line: str) -> Event:
    """Ask what a line would do, see that nothing changes, then play it and find it so."""
    before = state_hash(market.kernel)
    (told,) = market.play(f"what_if {line}")
    assert state_hash(market.kernel) == before
    market.play(line)
    stands = accounts(market.kernel.state)["bob"]
    assert {name: told["after"][name] for name in stands if name in told["after"]} == {
        name: value for name, value in stands.items() if name in told["after"]
    }
    assert sum(float(fill["quantity"]) for fill in told["fills"]) == sum(
        float(trade["quantity"]) for trade in market.last if trade["type"] == "trade"
    )
    return told


def test_siblings_go_in_the_answer() -> None:
    """A leg amended to cross cancels the other, which then holds nothing."""
    market = Market()
    market.play("""
        deposit bob 1000
        mm  sell 5@101
        bob buy 5@99 oco=g id=low
        bob buy 9@90 oco=g id=lower
    """)
    told = _foretold(market, "bob amend low @101")
    assert told["after"]["initial_margin"] == "100"
    assert market.cancels == ["lower 9 oco"]


def test_own_leg_that_is_met_is_parted() -> None:
    """Who joins the group of its own maker does not trade with it, in the answer either."""
    market = Market()
    market.play("""
        deposit bob 1000
        bob sell 5@101 oco=g id=a
        mm  sell 5@101
    """)
    told = _foretold(market, "bob buy 5@101 oco=g stp=none id=b")
    assert told["fills"] == [{"price": "101", "quantity": "5"}]
    assert market.cancels == ["a 5 oco"]


def test_own_leg_that_is_filled_cancels_its_sibling() -> None:
    """Trading with oneself, where that is allowed, is a fill of the resting leg as well."""
    market = Market(maker_fee="0.001", taker_fee="0.002")
    market.play("""
        deposit bob 1000
        bob sell 5@101 oco=g id=a
        bob sell 5@102 oco=g id=b
    """)
    told = _foretold(market, "bob buy 5@101 stp=none id=c")
    assert told["fees"] == "1.515"  # both sides of it are the account's
    assert market.cancels == ["b 5 oco"]


def test_others_orders_that_only_reduce_are_met() -> None:
    """They hold nothing, and a stand-in for them gives back no more than that."""
    market = Market()
    market.play("""
        deposit bob 1000
        mm  sell 5@100
        amy buy 5@100
        amy sell 5@101 reduce
        amy sell 5@102 reduce
    """)
    told = _foretold(market, "bob buy 9@102")
    assert told["fills"] == [{"price": "101", "quantity": "5"}]


def test_others_legs_are_met() -> None:
    """Of two legs of one group the second leaves with the first, which is no fill."""
    market = Market(taker_fee="0.01")
    market.play("""
        deposit bob 1000
        amy sell 5@101 oco=g
        amy sell 9@102 oco=g
    """)
    assert _foretold(market, "bob buy 7@101")["filled"] == "5"
    assert _foretold(market, "bob buy 1@102 id=last")["filled"] == "0"


def test_prevention_among_friends() -> None:
    """Another account of the group is in the way: no trade, whatever goes (A6)."""
    market = Market(taker_fee="0.01")
    market.play("""
        account bob stp_group=desk
        account amy stp_group=desk
        deposit bob 1000
        deposit amy 1000
        amy sell 5@101
        mm  sell 5@101
    """)
    assert _foretold(market, "bob buy 7@101 stp=decrement id=a")["filled"] == "2"
    assert _foretold(market, "bob buy 1@101 stp=cancel_oldest id=b")["filled"] == "1"
    market.play("""
        amy sell 5@104 oco=g
        amy sell 5@105 oco=g
    """)
    assert _foretold(market, "bob buy 3@105 stp=cancel_oldest id=c")["fills"] == [
        {"price": "101", "quantity": "2"}
    ]


def test_bracket_children_that_a_fill_cuts() -> None:
    """A stop fires no sooner for being asked about; an exit by hand takes from the children."""
    market = Market(taker_fee="0.01")
    market.play("""
        deposit bob 1000
        mm  sell 5@100
        mm  buy 9@95
        bob bracket buy 5@100 tp=2@110,3@120 sl=90 id=e
    """)
    told = _foretold(market, "bob sell 5@95")
    assert told["after"]["fee_hold"] == "0"
    assert told["after"]["position"] == "0"
