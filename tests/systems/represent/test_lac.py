import dataclasses

import pytest
import torch

from acteme import catalog
from acteme.engine.config import configured, from_json, rows, to_json
from acteme.recordings.batch import check_batch
from acteme.systems.represent import lac
from tests.systems.represent.lac_cases import BODY, batch


def test_the_catalog_finds_its_stages():
    entry = catalog.find("lac")
    assert entry.module() is lac
    assert [name for name, _ in entry.stages] == [f.name for f in dataclasses.fields(lac.Config)]
    assert all(issubclass(getattr(lac, kind), torch.nn.Module) for _, kind in entry.stages)


def test_defaults_are_the_official_setting():
    g, c, s = lac.Config().generator, lac.Config().contrast, lac.Config().segment
    assert (g.azimuths, g.scale) == ((-90, -60, -30, 0, 30, 60, 90), (0.5, 1.5))
    assert (g.triplet, g.margin, g.foot, g.motion, g.static) == (1, 1, 0, 128, 32)
    assert (g.recipe.optimizer, g.recipe.lr, g.recipe.gamma, g.recipe.epochs) == ("adam", 1e-3, 0.99, 300)
    assert (g.recipe.schedule, g.recipe.batch, g.windows.frames, g.windows.stride) == ("exponential", 2 * 64, 64, 32)
    assert (c.momentum, c.temperature, c.dim, c.queue, c.mlp) == (0.999, 0.07, 128, 65536, False)
    assert (c.encoder.layout, c.encoder.channels, c.encoder.width, c.encoder.heads) == ("posetics17", 2, 64, 3)
    assert (c.windows.frames, c.recipe.lr, c.recipe.milestones, c.recipe.epochs) == (120, 0.1, (45, 55), 65)
    assert (s.windows.frames, s.recipe.lr, s.recipe.milestones, s.recipe.epochs) == (400, 0.1, (30, 40), 50)
    assert c.recipe.nesterov and s.recipe.nesterov and s.recipe.batch == 16 and c.encoder == s.encoder


def test_settings_survive_json_and_are_all_explained():
    for config in (lac.Config(), lac.Config.small()):
        assert from_json(lac.Config, to_json(config)) == config
        assert all(meaning for _, _, meaning in rows(config))


def test_settings_are_changed_by_name():
    changes = ["contrast.compose=false", "segment.pretrained=no", "generator.azimuths=0,90", "contrast.store=pooled"]
    config = configured("lac", "small", changes)
    assert (config.contrast.compose, config.segment.pretrained) == (False, False)
    assert (config.generator.azimuths, config.contrast.store) == ((0.0, 90.0), "pooled")


@pytest.mark.parametrize("compose", [True, False])
def test_small_stages_fit_each_other_and_are_complete_in_their_states(compose):
    config = lac.Config.small()
    config = dataclasses.replace(config, contrast=dataclasses.replace(config.contrast, compose=compose))
    data = batch(4, 64)
    check_batch(data)
    generator = lac.Generator(config.generator, BODY)
    generator.calibrate([data])
    contrast = lac.Contrast(config.contrast, BODY)
    contrast.inherit({"generator": generator})
    segmenter = lac.Segmenter(config.segment, BODY)
    segmenter.inherit({"generator": generator, "contrast": contrast})
    for stage in (generator, contrast, segmenter):
        stage.train()
        losses = stage.losses(data)
        assert all(torch.isfinite(v) for v in losses.values())
        losses["total"].backward()
        again = type(stage)(stage.config, BODY)
        again.load_state_dict(stage.state_dict())
        a, b = stage.eval().encode(data), again.eval().encode(data)
        assert torch.equal(a.tokens, b.tokens) and torch.equal(a.pooled, b.pooled)
    if compose:
        assert torch.equal(contrast.generator.mean, generator.network.mean)


def test_bfloat16_changes_little_and_leaves_the_retargeting_exact():
    config, data = lac.Config.small(), batch(6, 64)
    generator = lac.Generator(config.generator, BODY).eval()
    generator.calibrate([data])
    contrast = lac.Contrast(config.contrast, BODY).eval()
    contrast.inherit({"generator": generator})
    segmenter = lac.Segmenter(config.segment, BODY).eval()
    seen = []
    pairs = generator.pairs
    generator.pairs = lambda d: seen.append(pairs(d)) or seen[-1]
    for stage in (generator, contrast, segmenter):
        torch.manual_seed(0)
        wanted = stage.losses(data)["total"]
        torch.manual_seed(0)
        with torch.autocast("cpu", torch.bfloat16):
            found = stage.losses(data)["total"]
        torch.testing.assert_close(found.float(), wanted, rtol=0.05, atol=0.05)
    assert torch.equal(seen[0].x12, seen[1].x12)
