"""`import acteme` and the commands that only look things up are light, and the interface survives any import."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

import acteme

HEAVY = ("torch", "numpy", "scipy", "sklearn", "lightning", "pyarrow", "lancedb", "plotly", "ray")


@pytest.mark.parametrize("act", ["", "from acteme.cli import main; main(['list'])", "dir(acteme)"])
def test_nothing_heavy_is_loaded(act):
    code = f"import sys, acteme; {act}\nprint('loaded:', *[m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_help_loads_nothing_heavy():
    code = f"""
import sys
from acteme.cli import main
try:
    main(["train", "--help"])
except SystemExit:
    print("loaded:", *[m for m in {HEAVY} if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_every_name_is_there_after_all_modules_were_imported():
    for module in pkgutil.walk_packages(acteme.__path__, "acteme."):
        importlib.import_module(module.name)
    for name in acteme.__all__:
        found = getattr(acteme, name)
        assert isinstance(found, str) if name == "__version__" else callable(found), name
    packages = {module.name for module in pkgutil.iter_modules(acteme.__path__)}
    assert not packages & set(acteme.__all__), "a module of that name would hide the function"


def test_the_interface_is_what_it_says():
    from acteme.engine.train import train

    space: dict[str, object] = {}
    exec("from acteme import *", space)
    assert space["train"] is train is acteme.train
    assert set(acteme.__all__) <= set(space) and dir(acteme) == sorted(acteme.__all__)
    with pytest.raises(AttributeError, match="module 'acteme' has no attribute 'nothing'"):
        _ = acteme.nothing
