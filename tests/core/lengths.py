"""How long the core's tests search: seconds in all, and a campaign (`make fuzz`) as long as it can.

What is shortened here is played at its former length by the tests beside tests/core.
"""

from hypothesis import settings

CAMPAIGN = 1_000
"""A profile with as many examples as this is there to search long."""


def short(examples: int) -> settings:
    """Search so many examples, or as many as the profile says where that is a campaign."""
    profile = settings.default
    assert profile is not None
    return profile if profile.max_examples >= CAMPAIGN else settings(max_examples=examples)
