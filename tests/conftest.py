"""Settings for all tests: one thread per worker, and a cache folder of their own."""

import os
import tempfile

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["ACTEME_CACHE"] = tempfile.mkdtemp(prefix="acteme-test-cache-")

import torch

torch.set_num_threads(1)
