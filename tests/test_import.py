"""`import acteme` and the commands that only look things up are light, and the interface survives any import."""

import builtins
import dis
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import CodeType

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


def test_every_name_that_a_function_looks_up_is_defined():
    """What linters would say, were shape strings such as "b t" not undefined names to them."""

    def codes(code):
        yield code
        for inner in code.co_consts:
            if isinstance(inner, CodeType):
                yield from codes(inner)

    missing = set()
    for found in pkgutil.walk_packages(acteme.__path__, "acteme."):
        module = importlib.import_module(found.name)
        for code in codes(compile(Path(module.__file__).read_text(), module.__file__, "exec")):
            names = {i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"}
            unknown = (n for n in names if not hasattr(module, n) and not hasattr(builtins, n))
            missing |= {f"{found.name}.{code.co_name}: {n}" for n in unknown}
    assert not missing


def test_the_interface_is_what_it_says():
    from acteme.engine.train import train

    space: dict[str, object] = {}
    exec("from acteme import *", space)
    assert space["train"] is train is acteme.train
    assert set(acteme.__all__) <= set(space) and dir(acteme) == sorted(acteme.__all__)
    with pytest.raises(AttributeError, match="module 'acteme' has no attribute 'nothing'"):
        _ = acteme.nothing
