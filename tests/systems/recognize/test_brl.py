import dataclasses
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from acteme import catalog
from acteme.engine.config import configured, from_json, rows, to_json
from acteme.errors import InputError
from acteme.nn.skeleton import Backbone
from acteme.nn.skeleton.stgcn import GraphConv, mixed
from acteme.nn.skeleton.stgcnpp import MultiScale
from acteme.recordings.skeleton import adjacency
from acteme.recordings.skeleton.layouts import layout
from acteme.recordings.skeleton.normalize import Axes, normalize_pyskl
from acteme.recordings.skeleton.sample import uniform_test_clips
from acteme.recordings.skeleton.streams import STREAMS, stream
from acteme.recordings.spec import Spec
from acteme.systems.recognize import brl
from acteme.systems.recognize.brl import Fusion, Mixing, Rebalance, RecognizeConfig, Recognizer, View
from acteme.systems.recognize.brl.inputs import Viewer
from acteme.systems.recognize.brl.mixing import draw
from acteme.systems.recognize.brl.mixing import mixed as mixed_bodies
from tests.systems.recognize.brl_cases import NTU, official_state, recognizer, reference
from tests.systems.recognize.psumnet_cases import wave

SPEC = Spec("ntu25", 25, 2, 3, ("wave", "kick", "sit"))
PLAIN = View(size=8, clips=3, scale=0.0, rotation=0.0, flip=0.0)
TINY = RecognizeConfig(streams=("joint",), backbone=Backbone("stgcnpp", width=8), view=View(size=8, clips=3))


def made(config=TINY, spec=SPEC, counts=(200, 40, 5), **changes):
    torch.manual_seed(0)
    module = Recognizer(replace(config, **changes), spec)
    module.loss.set_counts(torch.tensor(counts, dtype=torch.float32))
    return module.train()


def clips(n=6, t=20, spec=SPEC, seed=0):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, t, spec.persons, spec.joints, spec.channels, generator=g)
    return {"skeleton": x, "frames": torch.full((n,), t), "label": torch.arange(n) % len(spec.classes)}


# --- the card's numbers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "count"),
    [(NTU, 1_403_144), (replace(NTU, classes=tuple(map(str, range(120)))), 1_418_564),
     (Spec("kinect20", 20, 1, 3, tuple("abcdefghij")), 1_383_514)],
)  # fmt: skip
def test_parameter_counts(spec, count):
    module = Recognizer(RecognizeConfig(streams=("joint",)), spec)
    assert sum(p.numel() for p in module.parameters()) == count
    assert sum(p.numel() for p in module.streams["joint"].encoder.parameters()) == count - 257 * len(spec.classes)


def test_reference_features_logits_and_loss_by_way_of_official_names():
    module = recognizer()
    net = module.streams["joint"].eval()
    with torch.no_grad():
        seen = net.encoder.maps(reference(1, 64, 25))
        logits = net.fc(seen.pooled().pooled)[0]
    assert seen.maps.shape == (2, 256, 16, 25) and seen.maps.mean().item() == pytest.approx(0.0923981, abs=1e-7)
    assert logits[:3].tolist() == pytest.approx([0.0110140, -0.0090934, 0.1441269], abs=1e-7)
    assert logits.mean().item() == pytest.approx(-0.0118143, abs=1e-7)
    assert logits.abs().max().item() == pytest.approx(0.2427825, abs=1e-7)
    net.train().float()
    with torch.no_grad():
        loss = F.cross_entropy(net.fc(net.encoder(reference(4, 64, 25).float()).pooled), torch.arange(4))
    assert loss.item() == pytest.approx(4.2293161, abs=2e-6)


def test_reference_graph_convolution():
    graph = torch.from_numpy(adjacency.spatial(layout("ntu25_pyskl")))
    assert graph.sum((1, 2)).tolist() == pytest.approx([25, 24, 18])
    unit = GraphConv(12, 16, graph, importance=False, residual=True).double().eval()
    with torch.no_grad():
        unit.mix.weight.copy_(mixed(wave(torch.empty(48, 12, 1, 1)), 3))
        unit.down.conv.weight.copy_(wave(torch.empty(16, 12, 1, 1)))
        for p in (unit.bias, unit.down.conv.bias):
            p.zero_()
        y = unit(reference(1, 2, 25, 1, 12)[:, :, 0].permute(0, 3, 1, 2), None)
    assert y.mean().item() == pytest.approx(0.5552536, abs=1e-7)
    assert y[0, 0, 0, [0, 1, 20, 21]].tolist() == pytest.approx([0.0244731, 0.1290245, 0, 0], abs=1e-7)


def test_reference_temporal_convolution():
    unit = MultiScale(12, 2).double().eval()
    assert unit.sizes == [2] * 5 and unit.point.out_channels == 2
    with torch.no_grad():
        for name, p in unit.named_parameters():
            if name.endswith("weight") and p.ndim == 4:
                p.copy_(wave(p))
            elif name.endswith("bias"):
                p.zero_()
        unit.reduce.weight.copy_(torch.cat([wave(torch.empty(2, 12, 1, 1))] * 5))
        y = unit(reference(1, 8, 3, 1, 12)[:, :, 0].permute(0, 3, 1, 2), None)
    assert y.shape == (1, 12, 4, 3) and y.mean().item() == pytest.approx(0.0955088, abs=1e-7)
    assert y[0, :3, 0, 0].tolist() == pytest.approx([0.3282929, 0.3688692, 0.3263994], abs=1e-7)


# --- what is seen ----------------------------------------------------------------------------------------------------


def test_streams_are_made_at_the_native_rate_of_upright_clips():
    batch = clips(3, 20)
    batch["frames"] = torch.tensor([20, 11, 5])
    batch["skeleton"][0, 3, 0] = 0  # a frame without the first person is left out
    seen = Viewer(replace(PLAIN, clips=4), SPEC, layout("ntu25")).streams(batch, STREAMS, False, 4)
    for i, (x, n) in enumerate(zip(batch["skeleton"], batch["frames"].tolist(), strict=True)):
        y = torch.from_numpy(normalize_pyskl(x[:n].numpy(), Axes())[0])
        index = uniform_test_clips(torch.tensor([len(y)]), 8, 4)[0]
        for name in STREAMS:
            wanted = stream(y, layout("ntu25"), name)[index]
            assert torch.allclose(seen[name].unflatten(0, (3, 4))[i], wanted, atol=1e-5), name


def test_uniform_segments():
    batch = {"skeleton": torch.arange(200.0).view(1, 200, 1, 1, 1).expand(1, 200, 1, 25, 3) + 1,
             "frames": torch.tensor([200])}  # fmt: skip
    viewer = Viewer(replace(PLAIN, size=64, upright=False), replace(SPEC, persons=1), layout("ntu25"))
    torch.manual_seed(0)
    frame = viewer.streams(batch, ("joint",), True)["joint"][0, :, 0, 0, 0] - 1
    edges = torch.arange(65) * 200 // 64
    assert ((frame >= edges[:-1]) & (frame < edges[1:])).all()
    short = {"skeleton": batch["skeleton"][:, :40], "frames": torch.tensor([40])}
    frame = viewer.streams(short, ("joint",), True)["joint"][0, :, 0, 0, 0] - 1
    assert (frame == (frame[0] + torch.arange(64)) % 40).all()


def test_augmentation_is_one_linear_map_of_each_clip_and_a_swap_of_sides():
    batch, body = clips(4), layout("ntu25")
    viewer = Viewer(View(size=8, flip=1.0), SPEC, body)
    plain = Viewer(PLAIN, SPEC, body)
    torch.manual_seed(3)
    x = viewer.streams(batch, ("joint", "skip_motion"), True)
    torch.manual_seed(3)
    y = plain.streams(batch, ("joint", "skip_motion"), True)
    for name, z in x.items():
        z = z[..., list(body.flip), :]
        for i in range(4):
            found = torch.linalg.lstsq(
                y["joint"][i].reshape(-1, 3), x["joint"][i][..., list(body.flip), :].reshape(-1, 3)
            )
            assert torch.allclose(y[name][i] @ found.solution, z[i], atol=1e-4)
            scale = torch.linalg.svdvals(found.solution)
            assert (scale > 0.9 - 1e-4).all() and (scale < 1.1 + 1e-4).all() and torch.det(found.solution) > 0
    assert not torch.allclose(x["joint"][0], x["joint"][1])


def test_clips_of_kinetics_have_confidence_and_motion_of_what_is_shown():
    spec, body = Spec("coco17", 17, 2, 2, ("a", "b")), layout("coco17")
    config = brl.Config.kinetics().recognize
    batch = clips(3, 40, spec)
    batch["confidence"] = torch.rand(3, 40, 2, 17)
    viewer = Viewer(replace(config.view, size=8), spec, body)
    assert viewer.channels == 3
    seen = viewer.streams(batch, config.streams, False, 2)
    index = uniform_test_clips(batch["frames"], 8, 2)
    for i in range(3):
        for k in range(2):
            x, c = batch["skeleton"][i, index[i, k]], batch["confidence"][i, index[i, k]]
            bone, sure = x - x[..., list(body.parents), :], (c + c[..., list(body.parents)]) / 2
            moved = torch.cat([x[1:] - x[:-1], torch.zeros_like(x[:1])])
            between = torch.cat([(c[1:] + c[:-1]) / 2, torch.zeros_like(c[:1])])
            for name, place, score in (("joint", x, c), ("bone", bone, sure), ("joint_motion", moved, between)):
                wanted = torch.cat([place, score[..., None]], -1)
                assert torch.allclose(seen[name][2 * i + k], wanted, atol=1e-6), name
    flipped = Viewer(replace(config.view, size=8, flip=1.0), spec, body)
    torch.manual_seed(0)
    a = flipped.streams(batch, ("joint",), True)["joint"]
    torch.manual_seed(0)
    b = Viewer(replace(config.view, size=8, flip=0.0), spec, body).streams(batch, ("joint",), True)["joint"]
    assert torch.allclose(a, b[..., list(body.flip), :] * torch.tensor([-1.0, 1, 1]))
    module = made(
        replace(config, backbone=Backbone("stgcnpp", width=8), view=replace(config.view, size=8)), spec, (3, 1)
    )
    module.losses(batch)["total"].backward()
    with pytest.raises(InputError, match="the data has no confidence of joints"):
        module.losses(clips(3, 40, spec))


# --- training --------------------------------------------------------------------------------------------------------


def test_mixing_is_of_what_a_stream_sees():
    batch = clips(4)
    module = made(view=PLAIN, streams=("bone",), mixing=Mixing(share=0.25))
    fed = []
    module.streams["bone"].register_forward_pre_hook(lambda _, args: fed.append(args[0]))
    torch.manual_seed(5)
    module.losses(batch)
    torch.manual_seed(5)
    plain = module.viewer.streams(batch, ("bone",), True)["bone"]
    other = (fed[0] != plain).flatten(1).any(1).nonzero().flatten().tolist()
    assert len(other) == 1
    changed = (fed[0][other[0]] != plain[other[0]]).any(0).any(0).any(-1).nonzero().flatten().tolist()
    assert changed == [0, *range(12, 20)] and module.alpha == 0.64
    assert Recognizer(TINY, Spec("kinect20", 20, 1, 3, ("a", "b"))).alpha == pytest.approx(0.55)


def test_networks_have_the_graph_of_pyskl_and_bones_of_their_own():
    module = made(view=replace(PLAIN, upright=False), streams=("joint", "bone", "skip"), mixing=Mixing(share=0.0))
    graph = torch.from_numpy(adjacency.spatial(layout("ntu25_pyskl")))
    for net in module.streams.values():
        assert all(torch.equal(block.space.links, graph) for block in net.encoder.blocks)
    inward = module.streams["bone"].encoder.blocks[0].space.links[1]
    assert (inward[7, [21, 22]] == 1).all() and (inward[11, [23, 24]] == 1).all(), "tip and thumb hang on the hand"
    fed = {}
    for name, net in module.streams.items():
        net.register_forward_pre_hook(lambda _, args, name=name: fed.setdefault(name, args[0]))
    module.losses(clips(4))
    x = fed["joint"]
    assert torch.equal(fed["bone"][..., 21, :], x[..., 21, :] - x[..., 22, :]), "bones go from the thumb to the tip"
    assert torch.equal(fed["bone"][..., 22, :], x[..., 22, :] - x[..., 7, :])
    assert torch.equal(fed["skip"][..., 21, :], x[..., 21, :] - x[..., 7, :])
    other = Recognizer(TINY, Spec("coco17", 17, 2, 2, ("a", "b"))).streams["joint"].encoder.blocks[0].space.links
    assert torch.equal(other, torch.from_numpy(adjacency.spatial(layout("coco17"))))


def test_the_last_layer_begins_small():
    torch.manual_seed(0)
    fc = Recognizer(RecognizeConfig(streams=("joint",)), NTU).streams["joint"].fc
    assert fc.weight.std().item() == pytest.approx(0.01, rel=0.03) and abs(fc.weight.mean().item()) < 5e-4
    assert not fc.bias.any()


def test_losses_are_those_of_the_mixed_labels():
    batch = clips(4)
    module = made(view=PLAIN, mixing=Mixing(share=1.0)).double().eval()
    module.training, batch["skeleton"] = True, batch["skeleton"].double()
    seen = []
    module.streams["joint"].register_forward_hook(lambda _, args, out: seen.append(out))
    torch.manual_seed(5)
    total = module.losses(batch)["total"]
    torch.manual_seed(5)
    module.viewer.streams(batch, ("joint",), True)
    mix = draw(module.config.mixing, batch["label"], module.loss.counts, module.alpha)
    assert len(mix.rows) == 4 and set(np.round(mix.alpha.tolist(), 2)) <= {0.0, 0.64, 1.0}
    a, b = (F.cross_entropy(seen[0], y, reduction="none") for y in (batch["label"], mix.other))
    assert torch.allclose(total, (mix.alpha * a + (1 - mix.alpha) * b).mean())


@pytest.mark.parametrize("flag", [{}, {"scrambled": True}, {"one_alpha": True}, {"in_turn": True}])
def test_official_flags_of_the_mixing(flag):
    batch = clips(4)
    module = made(view=PLAIN, mixing=Mixing(share=1.0, **flag))
    fed, seen = [], []
    module.streams["joint"].register_forward_pre_hook(lambda _, args: fed.append(args[0]))
    module.streams["joint"].register_forward_hook(lambda _, args, out: seen.append(out))
    torch.manual_seed(5)
    total = module.losses(batch)["total"]
    torch.manual_seed(5)
    x = module.viewer.streams(batch, ("joint",), True)["joint"]
    mix = draw(module.config.mixing, batch["label"], module.loss.counts, module.alpha)
    assert torch.equal(fed[0], mixed_bodies(x, mix, module.upper, module.lower, "scrambled" in flag))
    assert mix.alpha.ndim == (0 if "one_alpha" in flag else 1)
    assert torch.allclose(total, module.loss(seen[0], batch["label"], mix.other, mix.alpha))


def test_the_official_turn():
    batch = clips(3, 20)
    for official in (False, True):
        viewer = Viewer(replace(PLAIN, clips=2, official_turn=official), SPEC, layout("ntu25"))
        seen = viewer.streams(batch, ("joint",), False, 2)["joint"].unflatten(0, (3, 2))
        index = uniform_test_clips(torch.full((3,), 20), 8, 2)
        for i, x in enumerate(batch["skeleton"]):
            wanted = torch.from_numpy(normalize_pyskl(x.numpy(), Axes(), official=official)[0])[index[i]]
            assert torch.allclose(seen[i], wanted, atol=1e-5), official


def steps(module, batch, count=2, epoch=0):
    module.before_epoch(epoch)
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    for i in range(count):
        torch.manual_seed(i)
        optimizer.zero_grad()
        module.losses(batch)["total"].backward()
        optimizer.step()
    return [p.detach().clone() for p in module.parameters()]


def test_before_its_second_stage_the_loss_is_cross_entropy_bit_for_bit():
    batch = clips(4)
    plain = steps(made(rebalance=Rebalance("cross_entropy")), batch, epoch=94)
    late, in_time = (steps(made(), batch, epoch=e) for e in (94, 95))
    assert all(torch.equal(a, b) for a, b in zip(plain, late, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(plain, in_time, strict=True))


def test_the_schedule_counts_epochs_of_five_passes():
    module = made()
    stages = []
    for epoch in range(120):
        module.before_epoch(epoch)
        stages.append(bool(module.loss.acts))
    assert stages == [False] * 95 + [True] * 25
    module = made(rebalance=Rebalance(alternating=True))
    kinds = []
    for epoch in range(95, 120):
        module.before_epoch(epoch)
        kinds.append(module.loss.weight[0].item() < 0.5)
    assert kinds == [True] * 5 + [False] * 5 + [True] * 5 + [False] * 5 + [True] * 5


def test_classes_are_counted_before_training():
    module = made()
    module.calibrate([clips(6), {"label": torch.tensor([2, -1])}])
    assert module.loss.counts.tolist() == [2, 2, 3]


def test_every_stream_learns_as_if_alone():
    batch, names = clips(), ("joint", "skip_motion")
    together = made(streams=names, view=PLAIN, mixing=Mixing(share=0.5))
    torch.manual_seed(1)
    losses = together.losses(batch)
    losses["total"].backward()
    assert losses["total"].item() == pytest.approx(sum(losses[n].item() for n in names), rel=1e-6)
    alone = made(streams=("skip_motion",), view=PLAIN, mixing=Mixing(share=0.5))
    alone.streams["skip_motion"].load_state_dict(made(streams=names).streams["skip_motion"].state_dict())
    torch.manual_seed(1)
    alone.losses(batch)["total"].backward()
    for (n, p), q in zip(alone.streams.named_parameters(), together.streams["skip_motion"].parameters(), strict=True):
        assert torch.allclose(p.grad, q.grad, atol=1e-6), n
    assert not [n for n, p in together.named_parameters() if p.grad is None]


# --- prediction ------------------------------------------------------------------------------------------------------


def test_probabilities_of_streams_and_showings_are_averaged():
    names = ("joint", "bone", "skip", "joint_motion")
    module, batch = made(streams=names).eval(), clips(4)
    seen = module.viewer.streams(batch, names, False, 3)
    with torch.no_grad():
        wanted = 0
        for name, weight in zip(names, (2, 2, 2, 1), strict=True):
            wanted = wanted + weight * module.streams[name](seen[name]).softmax(-1).view(4, 3, 3).mean(1) / 7
        found = module.predict(batch).scores
    assert torch.allclose(found, wanted, atol=1e-6) and torch.allclose(found.sum(-1), torch.ones(4))
    assert torch.equal(found, module.predict(batch).scores), "the same in every run"
    again = made(streams=names, fusion=Fusion(3.0, 1.0)).eval()
    assert [again.weight(n) for n in names] == [3, 3, 3, 1]


def test_turned_and_moved_clips_are_recognized_alike():
    module, batch = made().eval(), clips()
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(2))).Q
    turn = turn * torch.det(turn)
    moved = dict(batch, skeleton=batch["skeleton"] @ turn.T + torch.tensor([1.0, 2.0, 3.0]))
    assert torch.allclose(module.predict(moved).scores, module.predict(batch).scores, atol=1e-4)


def test_latents_and_edges():
    module = made(streams=("joint", "skip")).eval()
    latents = module.encode(clips())
    assert latents.tokens.shape == (6, 2, 64) and latents.pooled.shape == (6, 64) and latents.mask.all()
    one = clips(3, 1)
    assert torch.isfinite(module.predict(one).scores).all()
    nobody = dict(clips(2), skeleton=torch.zeros(2, 20, 2, 25, 3))
    assert torch.isfinite(module.predict(nobody).scores).all()
    module.train()
    for batch in (one, nobody, dict(clips(4), label=torch.full((4,), -1))):
        assert torch.isfinite(module.losses(batch)["total"])


@pytest.mark.parametrize("name", ["stgcn", "agcn", "ctrgcn", "stgcnpp"])
def test_any_backbone_serves(name):
    module = made(backbone=Backbone(name, width=8))
    losses = module.losses(clips(16))
    losses["total"].backward()
    assert torch.isfinite(losses["total"])


# --- names, settings, messages ---------------------------------------------------------------------------------------


def test_official_checkpoints():
    small = Spec("kinect20", 20, 1, 3, ("a", "b"))
    state, other = official_state(small), {n: v + 1 for n, v in official_state(small).items()}
    ours = Recognizer.official_state_dict({"joint": {"state_dict": state, "optimizer": {}}, "bone": other})
    module = Recognizer(RecognizeConfig(streams=("joint", "bone")), small)
    module.load_state_dict(ours)
    assert torch.equal(ours["streams.bone.fc.bias"], ours["streams.joint.fc.bias"] + 1)
    single = Recognizer.official_state_dict(state)
    assert {n.split(".")[1] for n in single if n.startswith("streams")} == {"joint"}
    for bad in ({"fc.weight": torch.zeros(2, 2)}, {"joint": {"state_dict": {}}}):
        with pytest.raises(InputError, match="'joint' is no stream of BRL; give checkpoints of ST-GCN"):
            Recognizer.official_state_dict(bad)


def test_the_catalog_finds_its_stage():
    entry = catalog.find("brl")
    assert entry.module() is brl
    assert [name for name, _ in entry.stages] == [f.name for f in dataclasses.fields(brl.Config)]


def test_defaults_are_the_official_setting():
    c = brl.Config().recognize
    assert set(c.streams) == set(STREAMS) and (c.fusion.position, c.fusion.motion) == (2, 1)
    assert (c.mixing.share, c.mixing.ratio, c.mixing.rebalance) == (1 / 16, 3, True)
    assert (c.rebalance.loss, c.rebalance.begin, c.rebalance.betas, c.repeat) == ("action_aware", 19, (0.99, 0.9999), 5)
    assert (c.view.size, c.view.clips, c.view.scale, c.view.rotation, c.view.flip) == (64, 10, 0.1, 0.3, 0.5)
    r = c.recipe
    assert (r.optimizer, r.lr, r.momentum, r.nesterov, r.weight_decay) == ("sgd", 0.0125, 0.9, True, 5e-4)
    assert (r.batch, r.epochs, r.schedule, c.backbone.name, c.backbone.width) == (16, 24 * 5, "cosine", "stgcnpp", 64)
    k = brl.Config.kinetics().recognize
    assert (k.view.size, k.recipe.epochs, k.rebalance.begin, k.recipe.lr, k.recipe.batch) == (100, 150, 129, 0.1, 64)


def test_settings_survive_json_are_explained_and_changed_by_name():
    for config in (brl.Config(), brl.Config.small(), brl.Config.kinetics()):
        assert from_json(brl.Config, to_json(config)) == config
        assert all(meaning for _, _, meaning in rows(config))
    changed = configured("brl", "small", ["recognize.streams=bone,skip", "recognize.mixing.alpha=0.5"]).recognize
    assert changed.streams == ("bone", "skip") and changed.mixing.alpha == 0.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"streams": ()}, "nothing is no set of streams"),
        ({"streams": ("bone", "bone")}, "bone, bone is no set of streams"),
        ({"fusion": Fusion(0.0, 1.0)}, "weights of the streams that are not positive"),
        ({"mixing": Mixing(share=1.5)}, "mixing: a number out of its range"),
        ({"mixing": Mixing(ratio=0.5)}, "mixing: a number out of its range"),
        ({"repeat": 0}, "an epoch of 0 passes"),
        ({"view": View(size=0)}, "10 clips of 0 frames"),
        ({"view": View(flip=1.5)}, "out of its bounds"),
        ({"view": View(confidence=True)}, "3D joints have no confidence"),
        ({"rebalance": Rebalance(begin=-1)}, "a negative number"),
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
    with pytest.raises(InputError, match=r"'shrec22' has no upper and lower body; set mixing.share to 0"):
        made(spec=Spec("shrec22", 22, 1, 3, ("a", "b", "c")), view=View(upright=False))
    hands = made(
        spec=Spec("shrec22", 22, 1, 3, ("a", "b", "c")), view=replace(PLAIN, upright=False), mixing=Mixing(0.0)
    )
    assert torch.isfinite(hands.losses(clips(4, 9, Spec("shrec22", 22, 1, 3, ("a", "b", "c"))))["total"])
