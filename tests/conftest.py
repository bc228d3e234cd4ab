"""Settings that all tests share."""

from __future__ import annotations

import os

# Tests run side by side, one on each core; small tensors gain nothing from more threads. Set before
# anything imports torch or numpy.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import HealthCheck, settings

# Times vary on small machines; what is checked does not depend on them.
settings.register_profile(
    "default", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
