import dataclasses
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from acteme import catalog
from acteme.engine.config import configured, from_json, rows, to_json
from acteme.errors import InputError
from acteme.nn.skeleton import Backbone
from acteme.nn.skeleton.ctrgcn import MultiScale, RelationConv
from acteme.recordings.skeleton import adjacency
from acteme.recordings.skeleton.layouts import layout
from acteme.recordings.skeleton.sample import center_resize
from acteme.recordings.skeleton.streams import stack
from acteme.recordings.spec import Spec
from acteme.systems.recognize import psumnet
from acteme.systems.recognize.psumnet import RecognizeConfig, Recognizer
from acteme.systems.recognize.psumnet.parts import part_stream
from tests.systems.recognize.psumnet_cases import NTU, official_state, recognizer, reference, wave

SPEC = Spec("ntu25", 25, 2, 3, ("wave", "kick", "sit"))
TINY = RecognizeConfig(backbone=Backbone(width=8), size=16, shortest=8)


def made(config=TINY, spec=SPEC, **changes):
    torch.manual_seed(0)
    module = Recognizer(replace(config, **changes), spec)
    with torch.no_grad():
        for name, p in module.named_parameters():
            if name.endswith(("alpha", "space.bn.weight")):
                p.fill_(0.5)
    return module.train()


def clips(n=6, t=20, spec=SPEC, seed=0):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, t, spec.persons, spec.joints, spec.channels, generator=g)
    return {"skeleton": x, "frames": torch.full((n,), t), "label": torch.arange(n) % len(spec.classes)}


# --- the card's numbers ---------------------------------------------------------------------------------------------

COUNTS = {
    ("ntu25", 25, 2, 60): {"body": 1_448_418, "hands": 978_482, "legs": 499_898},
    ("ntux67", 67, 2, 60): {"body": 1_471_314, "hands": 1_018_592, "legs": 501_146},
    ("shrec22", 22, 1, 14): {"hands": 972_234},
    ("shrec22", 22, 1, 28): {"hands": 975_832},
}


@pytest.mark.parametrize("data", COUNTS)
def test_parameter_counts(data):
    spec = Spec(data[0], data[1], data[2], 3, tuple(map(str, range(data[3]))))
    module = Recognizer(RecognizeConfig(parts=tuple(COUNTS[data])), spec)
    assert {n: sum(p.numel() for p in s.parameters()) for n, s in module.streams.items()} == COUNTS[data]


def test_parameter_counts_of_ntu120():
    spec = replace(NTU, classes=tuple(map(str, range(120))))
    assert sum(p.numel() for p in Recognizer(RecognizeConfig(), spec).parameters()) == 2_973_058


LOGITS = {
    "body": (1278.9773, -207.6940, 1892.3570, -79.68043, 2542.8771, 1e-4),
    "hands": (1.3455336, -0.0284730, 1.3730570, 0.0078316, None, 1e-7),
    "legs": (0.0732572, -0.1512935, 0.5040636, -0.0065738, None, 1e-7),
}


@pytest.mark.parametrize("part", LOGITS)
def test_reference_logits_by_way_of_official_names(part):
    module = recognizer(part).eval()
    stream = module.streams[part]
    x = reference(1, 64, stream.tree.count)
    with torch.no_grad():
        latents = stream.encoder(x)
        logits = stream.fc(latents.pooled)[0]
        swapped = stream.fc(stream.encoder(x.flip(2)).pooled)[0]
    *first, mean, top, close = LOGITS[part]
    assert latents.tokens.shape == (1, 16, 256)
    assert logits[:3].tolist() == pytest.approx(first, abs=close)
    assert logits.mean().item() == pytest.approx(mean, abs=close)
    assert top is None or logits.abs().max().item() == pytest.approx(top, abs=close)
    assert torch.allclose(swapped, logits, rtol=1e-9)


def test_reference_training_step_of_the_legs():
    stream = recognizer("legs").train().streams["legs"]
    loss = F.cross_entropy(stream.fc(stream.encoder(reference(4, 64, 9)).pooled), torch.arange(4))
    loss.backward()
    norm = sum(p.grad.square().sum() for p in stream.parameters()).sqrt()
    assert loss.item() == pytest.approx(4.1588324, abs=1e-7)
    assert norm.item() == pytest.approx(4.941958, abs=1e-6)
    assert stream.encoder.blocks[0].space.alpha.grad.item() == pytest.approx(0.00472577, abs=1e-8)


def graph_conv(alpha):
    """The first unit over joints with one subset, its graph the identity of four joints; gives what it sums up."""
    unit = RelationConv(12, 64, torch.eye(4)[None], 1).double()
    with torch.no_grad():
        unit.relate.weight.copy_(torch.cat([wave(torch.empty(1, 12))[..., None]] * 2))
        unit.lift.copy_(wave(torch.empty(64, 1))[None])
        unit.values.copy_(wave(torch.empty(64, 12))[None])
        unit.alpha.fill_(alpha)
    seen = []
    unit.bn.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    unit(reference(1, 5, 4)[:, :, 0].permute(0, 3, 1, 2), None)
    return seen[0]


def test_reference_graph_convolution():
    y = graph_conv(0.5)
    assert y.mean().item() == pytest.approx(0.1213695, abs=1e-7)
    assert y[0, 0, 0].tolist() == pytest.approx([-0.6979346, -0.3987173, -0.0452374, 0.3215671], abs=1e-7)
    assert graph_conv(0.0)[0, 0, 0].tolist() == pytest.approx([-0.4765189, -0.1499849, 0.1899467, 0.5129110], abs=1e-7)


def test_reference_temporal_convolution():
    unit = MultiScale(16, 2).double().eval()
    with torch.no_grad():
        unit.reduce.weight.copy_(torch.cat([wave(torch.empty(4, 16, 1, 1))] * 3))
        unit.point.weight.copy_(wave(torch.empty(4, 16, 1, 1)))
        for conv in unit.convs:
            conv.weight.copy_(wave(torch.empty(4, 4, 5, 1)))
        unit.bn.weight.fill_(1)
        unit.reduce_bn.weight.fill_(1)
    y = unit(reference(1, 8, 3, c=16)[:, :, 0].permute(0, 3, 1, 2), None)
    assert y.shape == (1, 16, 4, 3)
    assert y.mean().item() == pytest.approx(0.0755447, abs=1e-7)
    assert y[0, [0, 4, 8, 12], 0, 0].tolist() == pytest.approx([0.0294320, 0.0376161, 0, -0.2750150], abs=1e-7)


def test_reference_crops():
    ramp = torch.arange(1.0, 71)[None]
    assert center_resize(ramp, torch.tensor([70]), 8)[0].tolist() == pytest.approx([5.75 + 8.5 * i for i in range(8)])
    assert center_resize(ramp[:, :64], torch.tensor([64]), 64)[0, :3].tolist() == pytest.approx([2, 2.953125, 3.921875])


# --- the method -----------------------------------------------------------------------------------------------------


def test_shapes():
    module = recognizer().eval()
    x = torch.randn(2, 64, 2, 25, 3).double()
    scores = module.scores(x)
    assert {n: s.shape for n, s in scores.items()} == dict.fromkeys(("body", "hands", "legs"), (2, 60))
    hands = module.streams["hands"](x)
    assert hands.tokens.shape == (2, 16, 256)


def test_without_alpha_relations_between_joints_do_not_act():
    module, x = made(parts=("hands",)).eval(), torch.randn(2, 16, 2, 25, 3)
    encoder = module.streams["hands"].encoder
    for zero in (False, True):
        with torch.no_grad():
            before = module.scores(x)["hands"]
            for block in encoder.blocks:
                block.space.alpha.fill_(0.0 if zero else 0.5)
            start = module.scores(x)["hands"]
            for block in encoder.blocks:
                block.space.relate.weight.normal_()
            after = module.scores(x)["hands"]
        assert torch.equal(start, after) == zero
        assert torch.equal(before, start) != zero


def test_a_constant_added_to_all_positions_changes_the_joints_only():
    tree = part_stream(layout("ntu25"), "hands").tree
    x = torch.randint(-50, 50, (2, 9, 2, 13, 3)).float()
    a, b = (stack(y, tree) for y in (x, x + 7))
    assert torch.equal(a[..., 3:], b[..., 3:]) and torch.equal(b[..., :3], a[..., :3] + 7) and a.shape[-1] == 12


@pytest.mark.parametrize("training", [False, True])
def test_a_unified_stream_without_bones_and_motion_is_one_of_joints(training):
    wide, narrow = (
        made(parts=("body",), unified=u).streams[n].encoder for u, n in ((True, "body"), (False, "body_joint"))
    )
    state = wide.state_dict()
    for name, value in narrow.state_dict().items():
        if value.shape != state[name].shape:
            if name.startswith("data_bn."):  # persons x joints x channels
                state[name] = state[name].view(50, 12)[:, :3].flatten()
            else:
                axis = next(a for a, (i, j) in enumerate(zip(value.shape, state[name].shape, strict=True)) if i != j)
                state[name] = state[name].narrow(axis, 0, 3)
    narrow.load_state_dict(state)
    x = torch.randn(4, 16, 2, 25, 3)
    unified = torch.cat([x, torch.zeros(4, 16, 2, 25, 9)], -1)
    wanted = narrow.train(training)(x).pooled
    assert wanted.std() > 0.01 and torch.allclose(wide.train(training)(unified).pooled, wanted, atol=1e-5)


def test_every_stream_learns_as_if_alone():
    together, batch = made(rotation=0.0, crop=(1.0, 1.0)), clips()
    losses = together.losses(batch)
    assert losses["total"].item() == pytest.approx(sum(losses[p].item() for p in ("body", "hands", "legs")), rel=1e-6)
    losses["total"].backward()
    for part in ("body", "hands", "legs"):
        alone = made(parts=(part,), rotation=0.0, crop=(1.0, 1.0))
        alone.streams[part].load_state_dict(made(rotation=0.0).streams[part].state_dict())
        alone.losses(batch)["total"].backward()
        for (n, p), q in zip(alone.streams[part].named_parameters(), together.streams[part].parameters(), strict=True):
            assert torch.allclose(p.grad, q.grad, atol=1e-6), n


def test_a_stream_sees_its_joints_only():
    module, batch = made(to_origin=False).eval(), clips()
    x = module.view(batch)
    changed = x.clone()
    changed[..., 12:20, :] += torch.randn_like(changed[..., 12:20, :])  # the legs, without the hip center
    before, after = module.scores(x), module.scores(changed)
    assert torch.equal(before["hands"], after["hands"])
    assert not torch.equal(before["legs"], after["legs"]) and not torch.equal(before["body"], after["body"])


def test_scores_are_fused_by_the_parts_weights():
    module, batch = made().eval(), clips()
    s = module.scores(module.view(batch))
    fused = 2 * s["body"] + 1.8 * s["hands"] + 0.7 * s["legs"]
    assert torch.allclose(module.logits(batch), fused, atol=1e-5)
    found = module.predict(batch).scores
    assert torch.allclose(found, (fused / 4.5).softmax(-1), atol=1e-6)


def test_modalities_may_have_streams_of_their_own():
    module, batch = made(parts=("body",), unified=False), clips()
    assert list(module.streams) == ["body_joint", "body_bone", "body_joint_motion", "body_bone_motion"]
    assert [w / 2 for w in module.weights.values()] == pytest.approx([1, 1, 2 / 3, 2 / 3])
    assert all(s.encoder.data_bn.num_features == 2 * 25 * 3 for s in module.streams.values())
    x = module.eval().view(batch).mul(64).round() / 64
    shifted = module.scores(x + 3)
    same = [torch.allclose(a, b, atol=1e-5) for a, b in zip(module.scores(x).values(), shifted.values(), strict=True)]
    assert same == [False, True, True, True]


@pytest.mark.parametrize("name", ["stgcn", "agcn", "ctrgcn", "stgcnpp"])
def test_any_backbone_serves(name):
    module = made(backbone=Backbone(name, width=8))
    losses = module.losses(clips())
    losses["total"].backward()
    assert torch.isfinite(losses["total"]) and module.encode(clips()).pooled.shape == (6, 96)
    assert module.encode(clips()).tokens.shape == (6, 4, 96)


def test_training_shows_random_crops_and_views_and_evaluation_the_middle():
    module, batch = made(), clips(t=60)
    torch.manual_seed(0)
    assert not torch.equal(module.view(batch), module.view(batch))
    module.eval()
    x = batch["skeleton"]
    wanted = center_resize(x - x[:, :1, :1, 1:2], batch["frames"], 16)
    assert torch.allclose(module.view(batch), wanted, atol=1e-6)
    moved = dict(batch, skeleton=x + torch.tensor([1.0, 2.0, 3.0]))
    assert torch.allclose(module.predict(moved).scores, module.predict(batch).scores, atol=1e-4)


def test_padded_clips_of_hand_gestures():
    config = psumnet.Config.shrec().recognize
    spec = Spec("shrec22", 22, 1, 3, ("grab", "tap"))
    module = made(config, spec, backbone=Backbone(width=8), size=30)
    for t in (20, 30, 50):
        batch = clips(2, t, spec)
        x = module.view(batch)
        assert x.shape == (2, 30, 1, 22, 3) and (x[:, t:] == 0).all()
        assert torch.equal(x[:, :t], (batch["skeleton"] - batch["skeleton"][:, :1, :, :1])[:, :30])
    assert module.encode(clips(2, 20, spec)).pooled.shape == (2, 32)


def test_clips_of_one_frame_and_one_class():
    spec = replace(SPEC, classes=("only",))
    module = made(spec=spec).eval()
    assert (module.predict(clips(2, 1, spec)).scores == 1).all()


def test_flat_clips():
    spec = Spec("coco17", 17, 1, 2, ("a", "b"))
    module = made(spec=spec)
    assert module.streams["body"].encoder.data_bn.num_features == 17 * 8
    assert torch.isfinite(module.losses(clips(spec=spec))["total"])


def test_clips_without_a_label_do_not_count():
    module, batch = made().eval(), clips()
    part = {n: v[:3] for n, v in batch.items()}
    batch["label"][3:] = -1
    assert torch.allclose(module.losses(batch)["total"], module.losses(part)["total"], atol=1e-6)


# --- what networks begin with and are given --------------------------------------------------------------------------


@pytest.mark.parametrize("official", [False, True])
def test_official_lists_reach_bones_and_graph(official):
    module = made(parts=("legs",), official_lists=official).eval()
    stream, tree = module.streams["legs"], part_stream(layout("ntu25"), "legs", official).tree
    for block in stream.encoder.blocks:
        assert torch.equal(block.space.links, torch.from_numpy(adjacency.spatial(tree)))
    assert stream.encoder.blocks[0].space.links.sum((1, 2)).tolist() == pytest.approx([9, 7 if official else 8, 7])
    fed = []
    stream.encoder.register_forward_pre_hook(lambda _, args: fed.append(args[0]))
    x = torch.randn(1, 5, 2, 25, 3)
    module.scores(x)
    assert torch.equal(fed[0][..., 8, 3:6], torch.zeros(1, 5, 2, 3) if official else x[..., 19, :] - x[..., 18, :])
    assert torch.equal(fed[0][..., 4, 3:6], x[..., 15, :] - x[..., 0 if official else 14, :])


def test_initial_values():
    torch.manual_seed(0)
    stream = Recognizer(RecognizeConfig(parts=("legs",)), replace(NTU, classes=tuple(map(str, range(400))))).streams[
        "legs"
    ]
    for block in stream.encoder.blocks:
        space, time = block.space, block.time
        assert torch.equal(space.links, torch.from_numpy(adjacency.spatial(stream.tree)))
        assert space.alpha.item() == 0 and (space.bn.weight == 1e-6).all()
        for bn in (time.bn, time.reduce_bn):
            assert bn.weight.mean().item() == pytest.approx(1, abs=0.01)
            assert bn.weight.std().item() == pytest.approx(0.02, rel=0.3)
        # a subset's or branch's convolution is officially one of its own
        wide, quarter = space.c_out, space.c_out // 4
        drawn = [(space.relate.weight, space.relations), (space.lift, wide), (space.values, wide),
                 (time.reduce.weight, quarter), (time.point.weight, quarter)]  # fmt: skip
        drawn += [(conv.weight, 5 * quarter) for conv in time.convs]
        drawn += [(way.conv.weight, wide) for way in (space.down, block.around) if hasattr(way, "conv")]
        for weight, fan in drawn:
            assert weight.std().item() == pytest.approx((2 / fan) ** 0.5, rel=4 / weight.numel() ** 0.5)
        biases = [p for n, p in block.named_parameters() if "bias" in n]
        assert len(biases) >= 9 and not any(p.any() for p in biases)
    assert (stream.encoder.data_bn.weight == 1).all()
    assert stream.fc.weight.std().item() == pytest.approx((2 / 400) ** 0.5, rel=0.02)
    assert 0.05 < stream.fc.bias.abs().max() <= 1 / 16


@pytest.mark.parametrize(("layout_name", "part", "center"), [("ntux67", "body", 1), ("ntu25", "hands", 0)])
def test_the_graph_of_stgcn_is_drawn_around_the_root(layout_name, part, center):
    spec = Spec(layout_name, layout(layout_name).count, 2, 3, ("a", "b"))
    stream = made(spec=spec, parts=(part,), backbone=Backbone("stgcn", width=8)).streams[part]
    assert stream.tree.root == stream.tree.center == center
    nearer = stream.encoder.blocks[0].space.links[2]
    assert nearer[center].any() and not nearer[:, center].any(), "links to the center, and none away from it"


# --- checkpoints, settings, messages --------------------------------------------------------------------------------


def test_the_stream_of_a_checkpoint_follows_from_its_blocks():
    for part in ("body", "hands", "legs"):
        names = Recognizer.official_state_dict({f"module.{n}": v for n, v in official_state(part).items()})
        assert all(n.startswith(f"streams.{part}.") for n in names)
    with pytest.raises(InputError, match="network of 0 blocks is no stream"):
        Recognizer.official_state_dict({"fc.weight": torch.zeros(2, 2)})


def test_the_catalog_finds_its_stage():
    entry = catalog.find("psumnet")
    assert entry.module() is psumnet
    assert [name for name, _ in entry.stages] == [f.name for f in dataclasses.fields(psumnet.Config)]


def test_defaults_are_the_official_setting():
    c = psumnet.Config().recognize
    assert (c.fusion.body, c.fusion.hands, c.fusion.legs) == (2.0, 1.8, 0.7)
    assert (c.backbone.name, c.backbone.width, c.backbone.relations) == ("ctrgcn", 64, 1)
    assert (c.size, c.crop, c.shortest, c.middle, c.rotation) == (64, (0.5, 1.0), 64, 0.95, 0.3)
    r = c.recipe
    assert (r.optimizer, r.lr, r.momentum, r.nesterov, r.weight_decay, r.batch) == ("sgd", 0.1, 0.9, True, 5e-4, 200)
    assert psumnet.Config.ntux().recognize.recipe.batch == 68 and psumnet.Config.shrec().recognize.recipe.batch == 64


def test_settings_survive_json_are_explained_and_changed_by_name():
    for config in (psumnet.Config(), psumnet.Config.small(), psumnet.Config.ntux(), psumnet.Config.shrec()):
        assert from_json(psumnet.Config, to_json(config)) == config
        assert all(meaning for _, _, meaning in rows(config))
    changed = configured("psumnet", "small", ["recognize.parts=hands,legs", "recognize.backbone.name=stgcn"]).recognize
    assert changed.parts == ("hands", "legs") and changed.backbone.name == "stgcn"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parts": ()}, "nothing is no set of parts"),
        ({"parts": ("body", "body")}, "body, body is no set of parts"),
        ({"modalities": ("bone", "bone")}, "bone, bone is no set of modalities"),
        ({"fusion": psumnet.Fusion(0, 0, 0)}, "negative, or all zero"),
        ({"size": 0}, "clips of 0 frames"),
    ],
)
def test_contradictions_are_named(changes, message):
    with pytest.raises(InputError, match=message):
        made(**changes)


def test_unfit_data_is_named():
    with pytest.raises(InputError, match="no skeleton layout"):
        made(spec=Spec(classes=("a",)))
    with pytest.raises(InputError, match="names no classes"):
        made(spec=replace(SPEC, classes=()))
    with pytest.raises(InputError, match="'shrec22' is a hand and has no body; set it to hands"):
        made(spec=Spec("shrec22", 22, 1, 3, ("a",)))
