"""What every test gets."""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# The same examples in every run, and no failure for being slow on a machine that is busy.
settings.register_profile(
    "house", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("house")

# Measuring what short trainings of hold'em come to takes longer than they do; tests of that ask.
os.environ.setdefault("CFR_SHM_RUN_QUALITY", "off")


@pytest.fixture(autouse=True)
def _wrap_around_quietly():
    """Let uint64 hashes overflow silently when the kernels run as plain Python."""
    with np.errstate(over="ignore"):
        yield
