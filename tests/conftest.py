"""What every test shares: how long Hypothesis searches.

`HYPOTHESIS_PROFILE=long` (set by `make fuzz`) turns the same properties into a campaign.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("default", deadline=None, derandomize=True, max_examples=50)
settings.register_profile(
    "long",
    deadline=None,
    max_examples=3_000,
    stateful_step_count=120,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
