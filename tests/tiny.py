"""A tiny stand-in for the world `mocap`, and a run that was trained on it by the command line."""

import contextlib
import io

from acteme import cli
from acteme.recordings.corpus import Corpus
from acteme.recordings.sources import Source
from acteme.recordings.worlds.mocap import mocap as world

SOURCE = Source("tests.tiny:mocap", False, "a few seconds of mocap")


def mocap(*, train: int = 2, test: int = 2, seconds: tuple[float, float] = (3.0, 4.0), seed: int = 0) -> Corpus:
    """The world `mocap` with other defaults."""
    return world(train=train, test=test, seconds=seconds, seed=seed)


def command(*words: str) -> str:
    """What a command prints; it must succeed."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        cli.main(words)
    return out.getvalue()
