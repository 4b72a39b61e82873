"""Every error about somebody's data says how to mend it."""

import ast
from pathlib import Path

import pytest

import acteme.recordings

FOLDER = Path(acteme.recordings.__path__[0])


def errors(file):
    """The calls that make an InputError of a text (not of another error's whole message)."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        made = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "InputError"
        if made and not isinstance(node.args[0], ast.BinOp):
            yield node


@pytest.mark.parametrize("file", [str(f.relative_to(FOLDER)) for f in sorted(FOLDER.rglob("*.py"))])
def test_every_error_says_how_to_mend_it(file):
    silent = [
        f"line {call.lineno}: {ast.unparse(call)}"
        for call in errors(FOLDER / file)
        if len(call.args) < 3 and not any(k.arg == "mend" for k in call.keywords)
    ]
    assert not silent


def test_errors_are_found():
    assert len(list(errors(FOLDER / "assemble.py"))) > 10
