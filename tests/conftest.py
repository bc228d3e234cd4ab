"""Settings that all tests share."""

from __future__ import annotations

import os
from typing import Any

# Tests run side by side, one on each core; small tensors gain nothing from more threads. Set before
# anything imports torch or numpy.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Kernels for a GPU run on the CPU, slowly; read when triton is imported, which torch may do.
os.environ.setdefault("TRITON_INTERPRET", "1")

from hypothesis import HealthCheck, settings

# Times vary on small machines; what is checked does not depend on them.
settings.register_profile(
    "default", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what tests recorded to be read, such as how often bounds meet."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, value in report.user_properties:
            if report.when == "call":
                terminalreporter.write_line(f"{name}: {value}")
