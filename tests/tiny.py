"""A tiny stand-in for the world `mocap`, and commands run in this process."""

import contextlib
import io
import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from acteme import cli
from acteme.recordings import sources
from acteme.recordings.corpus import Corpus
from acteme.recordings.sources import Source
from acteme.recordings.worlds.mocap import mocap as world
from acteme.systems.represent import lac


def mocap(*, train: int = 2, test: int = 2, seconds: tuple[float, float] = (3.0, 4.0), seed: int = 0) -> Corpus:
    """The world `mocap`, a few seconds of it unless told otherwise."""
    return world(train=train, test=test, seconds=seconds, seed=seed)


def shrink(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Makes `mocap` seconds long and LAC's small setting one epoch per stage; caches below the folder."""
    monkeypatch.setenv("ACTEME_CACHE", str(folder / "cache"))
    monkeypatch.setitem(sources.SOURCES, "mocap", Source("tests.tiny:mocap", False, "seconds of real motion"))
    small = lac.Config.small()
    stages = {name: getattr(small, name) for name in ("generator", "contrast", "segment")}
    short = replace(small, **{n: replace(s, recipe=replace(s.recipe, epochs=1)) for n, s in stages.items()})
    monkeypatch.setattr(lac.Config, "small", staticmethod(lambda: short))


@dataclass(frozen=True)
class Said:
    """What a command said."""

    code: int
    out: str
    err: str


def command(*words: str | os.PathLike[str]) -> Said:
    """Runs a command in this process."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main([os.fspath(w) for w in words])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Said(code, out.getvalue(), err.getvalue())
