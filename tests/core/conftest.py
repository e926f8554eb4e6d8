"""Markets that the scenarios of the order types are played on."""

import pytest

from tests.core.market import Market
from tests.core.naive_market import NaiveMarket


@pytest.fixture(params=(Market, NaiveMarket), ids=("machine", "oracle"))
def venue(request: pytest.FixtureRequest) -> type[Market]:
    """Return a kind of market, the machine's and the oracle's: they must say the same."""
    chosen: type[Market] = request.param
    return chosen


@pytest.fixture
def kind(venue: type[Market]) -> type[Market]:
    """Return what opens a market of one's own terms: the same as `venue`."""
    return venue


@pytest.fixture
def market(venue: type[Market]) -> Market:
    """Return an open market, once the machine's and once the oracle's."""
    return venue()
