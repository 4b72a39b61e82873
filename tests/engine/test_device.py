"""What is computed on, and what memory is kept."""

import ctypes
import os
import sys
from types import SimpleNamespace

import pytest

from acteme.engine.device import KEPT, LARGE, keep_memory


@pytest.mark.parametrize(
    ("platform", "environment", "told"),
    [
        ("linux", {}, [(-1, KEPT), (-3, LARGE)]),
        ("linux", {"MALLOC_TRIM_THRESHOLD_": "0"}, []),
        ("linux", {"GLIBC_TUNABLES": "glibc.malloc.trim_threshold=0"}, []),
        ("darwin", {}, []),
    ],
)
def test_freed_memory_is_kept_unless_the_environment_says_otherwise(monkeypatch, platform, environment, told):
    calls = []
    library = SimpleNamespace(mallopt=lambda what, value: calls.append((what, value)))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(os, "environ", environment)
    keep_memory()
    assert calls == told


def test_another_c_library_is_asked_and_left_alone(monkeypatch):
    opened = []
    monkeypatch.setattr(ctypes, "CDLL", lambda name: opened.append(name) or SimpleNamespace())
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "environ", {})
    keep_memory()  # without mallopt: nothing to call, no error
    assert opened == [None]
