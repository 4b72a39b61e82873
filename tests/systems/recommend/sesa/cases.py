"""The hand-made set as a corpus, and towers small enough for tests."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from acteme.recordings.batch import Batch
from acteme.recordings.behavior.readers.skills import skills
from acteme.recordings.corpus import Corpus
from acteme.systems.recommend.sesa import MatchConfig, Matcher, NetworkConfig, Skills, SkillsConfig
from acteme.systems.recommend.sesa.skills import pairs_windows
from tests.recordings.behavior.samples import write_skills

NETWORK = NetworkConfig(vocabulary=60, seen=1, length=12, embedding=8, width=6, listed=3)


@cache
def corpus(labels: bool = True) -> Corpus:
    """Four jobs, six people; with pairs that do not go together, or without."""
    with TemporaryDirectory() as folder:
        pairs = {} if labels else {"pairs": "j1\tp1\nj2\tp2\nj3\tp3\nj4\tp4\nj3\tp6\nj1\tp6\n"}
        return skills(write_skills(Path(folder), **pairs), val=0, test=0, known=0)


def everyone(labels: bool = True) -> Batch:
    """All pairs as one batch."""
    data = corpus(labels)
    index, start = pairs_windows().cut(data.frames)
    return data.cut(pairs_windows(), index, start)


def matcher(labels: bool = True, network: NetworkConfig = NETWORK, seed: int = 0, **changes: object) -> Matcher:
    """Stage B at its beginning, with its own towers."""
    torch.manual_seed(seed)
    data = corpus(labels)
    made = Matcher(replace(MatchConfig(network, pretrained=False), **changes), data.spec)
    made.consult(data.catalog)
    made.calibrate([everyone(labels)])
    return made


def stage_a(labels: bool = True, seed: int = 0, **changes: object) -> Skills:
    """Stage A at its beginning."""
    torch.manual_seed(seed)
    data = corpus(labels)
    made = Skills(replace(SkillsConfig(NETWORK), **changes), data.spec)
    made.consult(data.catalog)
    made.calibrate([everyone(labels)])
    return made


def permuted(module: Matcher, order: np.ndarray) -> Matcher:
    """The same with concepts in another order, in both projectors and in w."""
    made = Matcher(module.config, module.spec)
    state = module.state_dict()
    at = torch.from_numpy(order)
    for name in state:
        if name.startswith("network.projectors"):
            state[name] = state[name][at]
    state["scorer.v"], state["scorer.idf"] = state["scorer.v"][at], state["scorer.idf"][at]
    made.load_state_dict(state)
    return made.eval()
