"""What all tests share: one torch thread, no way out to a model hub, repeatable fuzzing."""

import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["virtual_audio"]

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

# A machine may be busy: slowness is no fault of the code that is fuzzed.
settings.register_profile(
    "ci", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci")
