"""A trained toy run that several test files look at; made once per process."""

import tempfile
from functools import cache
from pathlib import Path

from acteme.engine.run import Run
from acteme.engine.settings import Settings
from acteme.engine.train import train
from acteme.recordings.corpus import Corpus
from tests.engine.toys import Config, TaggerConfig, toy, trimmed, untrimmed

QUIET = Settings(progress=False, accelerator="cpu", prefetch=0)


@cache
def segmenting() -> tuple[Run, Corpus]:
    """A run that tags frames, and its data."""
    corpus = untrimmed()
    return train(toy(), corpus, Path(tempfile.mkdtemp()) / "run", settings=QUIET), corpus


@cache
def recognizing() -> tuple[Run, Corpus]:
    """A run that classifies clips, and its data."""
    corpus = trimmed(24)
    config = Config(tagger=TaggerConfig(clip_level=True))
    folder = Path(tempfile.mkdtemp()) / "run"
    return train(toy("recognition"), corpus, folder, config=config, settings=QUIET), corpus
