"""Markets that the scenarios of the order types are played on."""

import pytest

from tests.core.market import Market
from tests.core.naive_market import NaiveMarket


@pytest.fixture(params=(Market, NaiveMarket), ids=("machine", "oracle"))
def market(request: pytest.FixtureRequest) -> Market:
    """Return an open market, once the machine's and once the oracle's: they must say the same."""
    opened: Market = request.param()
    return opened


@pytest.fixture(params=(Market, NaiveMarket), ids=("machine", "oracle"))
def kind(request: pytest.FixtureRequest) -> type[Market]:
    """Return what opens a market of one's own terms, once the machine's and once the oracle's."""
    chosen: type[Market] = request.param
    return chosen
