import dataclasses

import pytest
import torch

from acteme import catalog
from acteme.engine.config import configured, from_json, rows, to_json
from acteme.errors import InputError
from acteme.recordings.batch import VOCABULARY, check_batch
from acteme.recordings.spec import Spec
from acteme.systems.represent import halp


def test_the_catalog_finds_its_stages():
    entry = catalog.find("halp")
    assert entry.module() is halp
    assert [name for name, _ in entry.stages] == [f.name for f in dataclasses.fields(halp.Config)]
    assert all(issubclass(getattr(halp, kind), torch.nn.Module) for _, kind in entry.stages)


def test_defaults_are_the_official_setting():
    p, c = halp.Config().pretrain, halp.Config().classify
    assert (p.encoder.hidden, p.encoder.layers, p.encoder.form) == (1024, 3, "stepwise")
    assert (p.queue, p.temperature, p.dim, p.momentum, p.head) == (16384, 0.07, 128, 0.999, "mlp")
    assert (p.prototypes, p.recent, p.refresh, p.count, p.hardness, p.mu) == (20, 256, 10, 100, 0.8, 2)
    assert (p.distill_top, p.teacher_temperature, p.student_temperature) == (8192, 0.05, 0.1)
    assert (p.size, p.crop, p.shortest, round(25 * p.corrupt)) == (64, (0.1, 1), 64, 15)
    r = p.recipe
    assert (r.optimizer, r.lr, r.momentum, r.weight_decay, r.batch) == ("sgd", 0.01, 0.9, 1e-4, 64)
    assert (r.epochs, r.schedule, r.milestones, r.gamma) == (451, "step", (351,), 0.1)
    assert (c.recipe.lr, c.recipe.epochs, c.recipe.milestones, c.recipe.weight_decay) == (0.005, 80, (50, 70), 0)
    assert c.crop == (0.5, 1) and c.frozen
    pku = halp.Config.pku()
    assert (pku.pretrain.recipe.epochs, pku.pretrain.recipe.milestones, pku.pretrain.mu) == (1001, (801,), 1)
    assert pku.classify.recipe.lr == 0.001


def test_settings_survive_json_and_are_all_explained():
    for config in (halp.Config(), halp.Config.small(), halp.Config.pku()):
        assert from_json(halp.Config, to_json(config)) == config
        assert all(meaning for _, _, meaning in rows(config))


def test_settings_are_changed_by_name():
    changes = ["pretrain.hardness=edge", "pretrain.modalities=joint,bone", "pretrain.warmup=0", "pretrain.crop=0.5,1"]
    p = configured("halp", "small", changes).pretrain
    assert (p.hardness, p.modalities, p.warmup, p.crop) == ("edge", ("joint", "bone"), 0, (0.5, 1.0))


def test_stages_that_do_not_fit_are_told_before_training():
    for config in (halp.Config(), halp.Config.small(), halp.Config.pku()):
        config.check()
    changed = configured("halp", "small", ["pretrain.encoder.hidden=32"])
    with pytest.raises(InputError, match=r"classify.encoder: differs from pretrain.encoder; set both alike"):
        changed.check()
    configured("halp", "small", ["pretrain.encoder.hidden=32", "classify.encoder.hidden=32"]).check()
    with pytest.raises(InputError, match=r"classify.modalities: 'bone' was not pre-trained"):
        configured("halp", "small", ["classify.modalities=bone"]).check()


def test_small_stages_fit_each_other():
    config, spec = halp.Config.small(), Spec("mocap15", 15, 1, 3, ("a", "b"))
    x = torch.randn(4, 40, 1, 15, 3)
    batch = {"skeleton": x, "frames": torch.tensor([40, 1, 30, 20]), "label": torch.tensor([0, 1, 1, 0])}
    batch["mask"] = torch.arange(40) < batch["frames"][:, None]
    check_batch(batch)
    assert batch.keys() <= VOCABULARY.keys()
    pretrain = halp.Pretrain(config.pretrain, spec).train()
    assert torch.isfinite(pretrain.losses(batch)["total"])
    classify = halp.Classifier(config.classify, spec)
    classify.inherit({"pretrain": pretrain})
    assert torch.equal(classify.eval().encode(batch).pooled, pretrain.eval().encode(batch).pooled)
