"""A stage that looks into another model: its own first stage, or another run's."""

import shutil
from dataclasses import dataclass, field, replace

import pytest
import torch
from torch import Tensor, nn

from acteme import catalog
from acteme.catalog import Entry
from acteme.engine.run import load
from acteme.engine.settings import Settings
from acteme.engine.train import train
from acteme.errors import InputError
from acteme.recordings.batch import Batch
from acteme.recordings.corpus import Corpus
from acteme.recordings.spec import Spec
from tests.engine import toys
from tests.engine.toys import EncoderConfig, toy, untrimmed

QUIET = Settings(progress=False, accelerator="cpu")
Encoder = toys.Encoder


@dataclass(frozen=True)
class Config:
    """An encoder, and what looks into it."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    looker: EncoderConfig = field(default_factory=EncoderConfig)


class Looker(nn.Module):
    """Learns the mean vector of another module; knows the training recordings, which are no part of its state."""

    def __init__(self, config: EncoderConfig, spec: Spec):
        super().__init__()
        self.center = nn.Parameter(torch.zeros(config.width))
        self.model: list[nn.Module] = []
        self.windows = 0

    def attach(self, model: nn.Module) -> None:
        self.model = [model]

    def remember(self, corpus: Corpus) -> None:
        self.windows = len(corpus)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        assert self.windows
        return {"total": (self.model[0].encode(batch).pooled.detach() - self.center).square().sum()}


@dataclass(frozen=True)
class Here(Entry):
    """An entry whose module is this one."""

    @property
    def module_name(self) -> str:
        return __name__


@pytest.fixture
def looker(monkeypatch):
    stages = (("encoder", "Encoder"), ("looker", "Looker"))
    entry = Here("looker", "inspect", "Looker", "", "", "", "skeleton", "segmentation", stages, "")
    monkeypatch.setattr(catalog, "ENTRIES", (*catalog.ENTRIES, entry, toy()))
    return entry


def test_it_looks_into_its_own_first_stage(looker, tmp_path):
    run = train(looker, untrimmed(), tmp_path / "r", settings=QUIET)
    model = run.module("looker")
    assert torch.equal(model.model[0].down.weight, run.module("encoder").down.weight)
    assert list(model.state_dict()) == ["center"]


def test_another_run_takes_the_place_of_the_first_stage_and_may_go(looker, tmp_path):
    other = train(toy(), untrimmed(), tmp_path / "toy", settings=replace(QUIET, seed=3))
    run = train(looker, untrimmed(), tmp_path / "r", settings=QUIET, base=other)
    assert run.status == "trained" and not run.done("encoder")
    weight = other.module("encoder").down.weight
    shutil.rmtree(other.folder)
    assert torch.equal(load(run.folder).module("looker").model[0].down.weight, weight)


def test_it_goes_on_with_the_run_that_it_began_with(looker, tmp_path):
    other = train(toy(), untrimmed(), tmp_path / "toy", settings=QUIET)
    whole = train(looker, untrimmed(), tmp_path / "whole", settings=QUIET, base=other)
    (tmp_path / "whole" / "looker" / "weights.safetensors").unlink()
    again = train(looker, untrimmed(), tmp_path / "whole", settings=QUIET, resume=True)
    assert not again.done("encoder") and torch.equal(again.module("looker").center, whole.module("looker").center)


def test_what_does_not_go_together_is_refused(looker, tmp_path):
    other = train(toy(), untrimmed(), tmp_path / "toy", settings=QUIET, stages=["encoder"])
    with pytest.raises(InputError, match="'toy' looks into no other run"):
        train(toy(), untrimmed(), tmp_path / "r", settings=QUIET, base=other)
    with pytest.raises(InputError, match="name no stages, and do not resume"):
        train(looker, untrimmed(), tmp_path / "r", settings=QUIET, base=other, stages=["looker"])
    with pytest.raises(InputError, match="was trained on other data"):
        slow = replace(toys.SPEC, fps=5.0)
        train(looker, untrimmed(spec=slow), tmp_path / "r", settings=QUIET, base=other)
    assert not (tmp_path / "r").exists()
