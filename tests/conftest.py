"""Settings for all tests: one thread, a cache folder of their own, the same examples in every run, no clock."""

import os
import tempfile

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["ACTEME_CACHE"] = tempfile.mkdtemp(prefix="acteme-test-cache-")

import torch
from hypothesis import settings

settings.register_profile("acteme", deadline=None, derandomize=True, database=None)
settings.load_profile("acteme")
torch.set_num_threads(1)
