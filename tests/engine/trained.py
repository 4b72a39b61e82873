"""A trained toy run that several test files look at; made once per process."""

import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from acteme.engine.answers import Prediction
from acteme.engine.run import Run
from acteme.engine.settings import Settings
from acteme.engine.train import train
from acteme.recordings.corpus import Corpus
from acteme.recordings.worlds.crowd import crowd
from acteme.systems.anticipate import corridors
from tests.engine.toys import Config, TaggerConfig, toy, trimmed, untrimmed
from tests.systems.anticipate.corridors_cases import tiny


def alike(a: list[Prediction], b: list[Prediction]) -> bool:
    """Whether predictions agree; scores up to rounding, which depends on what else is in a batch."""
    plain = [[replace(p, segments=tuple(replace(s, score=0.0) for s in p.segments)) for p in ps] for ps in (a, b)]
    scores = [[s.score for p in ps for s in p.segments] for ps in (a, b)]
    return plain[0] == plain[1] and bool(np.allclose(*scores, atol=1e-5))


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


@cache
def scenes() -> tuple[Run, Run, Corpus]:
    """A base trained on three scenes, the same adapted to two others, and the data of these."""
    small = corridors.Config.small()
    base = corridors.BaseConfig(tiny(), small.base.windows, replace(small.base.recipe, epochs=2, batch=8))
    config = corridors.Config(base, replace(small.adapt, recipe=replace(small.adapt.recipe, epochs=2), every=2))
    folder = Path(tempfile.mkdtemp())
    many = crowd(scenes=3, tracks=4, test=1)
    first = train("corridors", many, folder / "base", config=config, settings=QUIET, stages=["base"])
    deploy = crowd(form="deploy", scenes=2, tracks=16, test=5)
    second = train("corridors", deploy, folder / "adapt", settings=QUIET, stages=["adapt"], start=first)
    return first, second, deploy
