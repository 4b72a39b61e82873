import json
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from acteme import catalog
from acteme.engine.config import configured, from_json, rows, to_json
from acteme.errors import InputError
from acteme.nn.skeleton import Backbone
from acteme.nn.text import Text, fresh_model
from acteme.nn.text.align import kl_contrast
from acteme.recordings.descriptions import find
from acteme.recordings.skeleton.adjacency import k_hop as k_hop_matrix
from acteme.recordings.skeleton.layouts import layout
from acteme.recordings.spec import Spec
from acteme.systems.recognize import gap
from acteme.systems.recognize.gap import RecognizeConfig, Recognizer
from acteme.systems.recognize.gap.guide import Guide, class_texts
from acteme.systems.recognize.gap.parts import BRANCHES, joints_of, root_of
from acteme.systems.recognize.gap.prompts import part_prompts, prompts
from acteme.systems.recognize.gap.views import Sight, boxed, drawn, spread, turned
from tests.systems.recognize.gap_cases import NTU, UCLA, official_state, recognizer, reference

SPEC = Spec("ntu25", 25, 2, 3, ("hand wave", "kick something", "sit down"))


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """Folder of a small text encoder."""
    return str(fresh_model(tmp_path_factory.mktemp("text") / "model", limit=160))


@pytest.fixture
def tiny(text):
    return RecognizeConfig(
        streams=("joint",), backbone=Backbone(width=8), size=16, shortest=8, text=Text(text, trained=True)
    )


def made(config, spec=SPEC, **changes):
    torch.manual_seed(0)
    module = Recognizer(replace(config, **changes), spec).train()
    module.before_training()
    return module


def clips(n=6, t=20, spec=SPEC, seed=0):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, t, spec.persons, spec.joints, spec.channels, generator=g)
    return {"skeleton": x, "frames": torch.full((n,), t), "label": torch.arange(n) % len(spec.classes)}


# --- the card's numbers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("classes", "whole", "bare"), [(60, 2_104_597, 1_446_672), (120, 2_120_017, None)])
def test_parameter_counts(classes, whole, bare):
    module = recognizer(replace(NTU, classes=tuple(map(str, range(classes)))))
    assert sum(p.numel() for p in module.parameters()) == whole
    assert bare is None or sum(p.numel() for p in module.streams.parameters()) == bare


def test_parameter_count_of_nwucla():
    assert sum(p.numel() for p in recognizer(UCLA).parameters()) == 2_084_817


REFERENCES = {
    "joint": ((1208.2231, -396.1266, 3121.0175), (-30.73949, -30.63470, -36.71982, -31.73284, -12.99750)),
    "bone": ((1429.0222, -162.0852, 2237.4742), (None, 14.40254, -2.08078, -24.21981, -54.61441)),
}


@pytest.mark.parametrize("stream", REFERENCES)
def test_reference_logits_and_features_by_way_of_official_names(stream):
    logits, means = REFERENCES[stream]
    module = recognizer(stream=stream, official=True).eval()
    with torch.no_grad():
        joints = module.streams[stream](reference(1, 64, 25, 2, 3)).joints()
        found = module.streams[stream].fc(joints.mean(-1))[0]
        features = module.guides[stream].features(joints).mean((1, 2))
    assert found[:3].tolist() == pytest.approx(logits, abs=1e-4)
    assert stream == "bone" or found.mean().item() == pytest.approx(-138.09199, abs=1e-5)
    for branch, ours, official in zip(BRANCHES, features.tolist(), means, strict=True):
        assert official is None or ours == pytest.approx(official, abs=1e-5), branch


def test_reference_training_step():
    module, label = recognizer().train(), torch.tensor([0, 1, 0])
    guide = module.guides["joint"]
    joints = module.streams["joint"](reference(3, 64, 25, 2, 3)).joints()
    b, c, j = torch.arange(3.0)[:, None], torch.arange(512.0), torch.arange(5.0)[:, None, None]
    texts = (0.3 * c + 1.7 * b + 0.5 * j).double().cos()
    each = kl_contrast(guide.features(joints), texts, label, guide.scale)
    classify = F.cross_entropy(module.streams["joint"].fc(joints.mean(-1)), label)
    assert classify.item() == pytest.approx(4.3032723, abs=1e-6)
    assert each.tolist() == pytest.approx([0.6464342, 0.6517454, 0.6392656, 0.6406643, 0.6275330], abs=1e-6)
    assert (classify + 0.8 * each.mean()).item() == pytest.approx(4.8161751, abs=1e-6)


def test_hops():
    body = layout("ntu25")
    assert root_of(body) == 1 and root_of(layout("kinect20")) == 2
    eye = torch.eye(25)[None, None, None]  # joint v has the v-th unit vector as its position
    for k, left in {1: 24, 2: 22, 3: 17, 6: 4, 7: 2, 8: 0}.items():
        seen = Sight.parse(f"hop{k}").of(eye, body, 1)[0, 0, 0]
        assert (seen < 0).sum() == left
        assert torch.equal(seen, torch.from_numpy(k_hop_matrix(body, k)))
    assert torch.equal(Sight.parse("joint").of(eye, body, 1), eye)
    bone = Sight.parse("bone").of(eye, body, 1)[0, 0, 0]
    assert (bone[21, 21], bone[21, 22], bone[21].abs().sum()) == (1, -1, 2), "child minus parent"
    assert torch.equal(bone[1], torch.eye(25)[1]), "the root stays"
    moved = Sight.parse("bone_motion").of(torch.randn(1, 4, 1, 25, 3), body, 1)
    assert not moved[:, -1].any() and moved[:, 0].any()


def test_official_hops_of_nwucla():
    body, eye = layout("kinect20"), torch.eye(20)[None, None, None]

    def rows(name, official=True):
        return Sight.parse(name).of(eye, body, root_of(body), official)[0, 0, 0]

    bone = rows("bone")
    assert bone[2].nonzero().flatten().tolist() == [1, 2, 3, 4, 8] and bone[2, 2] == 1
    assert (bone[2, [1, 3, 4, 8]] == -1).all(), "the parent minus the sum of its children"
    assert torch.equal(bone[[3, 7, 15]], torch.eye(20)[[3, 7, 15]]), "what nothing hangs on stays"
    assert torch.equal(bone, rows("bone", False).T)
    joint = rows("joint")
    assert (joint - torch.eye(20)).nonzero().tolist() == [[2, 15], [2, 19]], "both feet are missing at the root"
    assert torch.equal(joint, rows("hop6")) and torch.equal(rows("hop7"), torch.eye(20))
    assert torch.equal(rows("joint", False), torch.eye(20))
    x = torch.randn(1, 4, 1, 20, 3)
    moved = Sight.parse("bone_motion").of(x, body, 2, True)
    torch.testing.assert_close(moved[0, 0, 0, 0], (x[0, 1] - x[0, 0])[0, [0, 12, 16]].T @ torch.tensor([1.0, -1, -1]))
    ntu, y = layout("ntu25"), torch.randn(1, 4, 1, 25, 3)
    for name in ("joint", "bone"):
        assert torch.equal(Sight.parse(name).of(y, ntu, 1, True), Sight.parse(name).of(y, ntu, 1))


# --- texts ----------------------------------------------------------------------------------------------------------


def test_prompts():
    label, *fields = ["drink", "head tilts", "hand a", "arm b", "hip c", "leg d", "foot e"]
    assert part_prompts(label, fields) == {
        "head": "drink,head tilts", "hand": "drinkhand a,arm b", "hip": "drink,hip c", "foot": "drink,leg d,foot e",
    }  # fmt: skip
    (found,) = find(["hand wave"])
    assert prompts(found, "global", synonyms=False) == ("hand wave",)
    assert len(prompts(found, "global")) > 3 and prompts(found, "global")[0] == "hand wave"
    assert prompts(found, "hand")[0].startswith("hand wave hand swings from side to side with the palm open, arm ")


def test_texts_are_drawn_for_each_sample_and_encoded_once(tiny):
    module = made(tiny)
    guide = module.guides["joint"]
    label = torch.zeros(300, dtype=torch.long)
    chosen = guide.chosen(label)
    names = {guide.texts[i] for i in chosen[0].tolist()}
    assert names == set(find(SPEC.classes)[0].synonyms), "any synonym, the label included"
    assert all(len(set(row)) == 1 for row in chosen[1:].tolist())
    assert [guide.texts[i][:9] for i in chosen[:, 0].tolist()[1:]] == ["hand wave"] * 4
    sizes = []
    guide.encoder.model.register_forward_hook(lambda m, a, kwargs, out: sizes.append(len(kwargs["input_ids"])),
                                              with_kwargs=True)  # fmt: skip
    guide.encoded(chosen)
    assert sizes == [len(names) + 4]


def test_gradients_reach_the_text_encoder_and_the_scales(tiny):
    module = made(tiny)
    module.losses(clips())["total"].backward()
    guide = module.guides["joint"]
    assert all(g.abs() > 0 for g in guide.scale.grad)
    assert guide.encoder.model.embeddings.word_embeddings.weight.grad.abs().sum() > 0
    assert all(p.grad.abs().sum() > 0 for p in guide.project.parameters())
    assert module.rates() == {"guides.joint.encoder.": 1.0}


def test_a_frozen_encoder_is_nobodys_parameter(tiny, text):
    module = made(tiny, text=Text(text))
    assert not any("encoder.model" in n for n, _ in module.guides.named_parameters())
    first = module.guides["joint"].encoded(torch.arange(4))
    assert not first.requires_grad and module.rates() == {}
    layered = made(tiny, text=Text(text), text_layer=True).guides["joint"]
    torch.testing.assert_close(layered.encoded(torch.arange(4)), first)
    assert layered.encoded(torch.arange(4)).requires_grad


def test_texts_have_no_part_in_evaluation(tiny, monkeypatch):
    module, batch = made(tiny), clips()
    state = module.state_dict()
    assert any(n.startswith("guides.joint.encoder.model.") for n in state), "a tuned text encoder is kept"
    monkeypatch.setattr(Guide, "__init__", lambda *a, **k: pytest.fail("a guide was built"))
    bare = Recognizer(module.config, SPEC)
    bare.load_state_dict(state)
    bare.eval()
    assert bare.guides is None and not any("guides" in n for n in bare.state_dict())
    with torch.no_grad():
        assert torch.equal(bare.logits(batch), module.eval().logits(batch))
        bare.predict(batch), bare.encode(batch)
    with pytest.raises(RuntimeError, match="Unexpected key"):
        bare.load_state_dict(state | {"other": torch.zeros(1)})


def test_training_goes_on_with_the_tuned_encoder(tiny):
    a, b = made(tiny), made(tiny)
    with torch.no_grad():
        for p in a.guides.parameters():
            p.add_(0.01)
    b.load_state_dict(a.state_dict())
    assert torch.equal(a.guides["joint"].encoded(torch.arange(3)), b.guides["joint"].encoded(torch.arange(3)))


def test_without_weight_there_is_no_text(tiny):
    module = made(tiny, weight=0.0, text=Text("/no/such/folder"))
    losses = module.losses(clips())
    assert module.guides is None and set(losses) == {"total", "classify", "accuracy"}
    assert losses["total"] == losses["classify"]


def test_total(tiny):
    losses = made(tiny, weight=0.5).losses(clips())
    mean = sum(losses[b] for b in BRANCHES) / 5
    assert losses["total"].item() == pytest.approx((losses["classify"] + 0.5 * mean).item(), rel=1e-6)


def test_clips_without_label_are_left_out(tiny, text):
    module = made(tiny, text=Text(text), rotation=0.0, crop=(1.0, 1.0), synonyms=False).eval()
    batch = clips()
    batch["label"][3:] = -1
    guide, stream = module.guides["joint"], module.streams["joint"]
    joints = stream(module.view(batch)).joints()
    torch.testing.assert_close(guide(joints, batch["label"]), guide(joints[:3], batch["label"][:3]))
    batch["label"][:] = -1
    losses = module.losses(batch)
    assert losses["total"] == 0 and losses["total"].requires_grad


def test_controls(tiny, text):
    own, other = (made(tiny, text=Text(text), texts=t).guides["joint"] for t in ("own", "permuted"))
    assert set(own.texts) == set(other.texts)
    for k in range(3):
        assert own.texts[own.rows[k, 1, 0]] != other.texts[other.rows[k, 1, 0]], "no class keeps its own"
    random = made(tiny, texts="random", text=Text("/no/such/folder")).guides["joint"]
    vectors = F.normalize(random.encoded(torch.arange(len(random.texts))), dim=1)
    assert random.encoder is None and (vectors @ vectors.T).triu(1).abs().max() < 0.35
    again = made(tiny, texts="random").guides["joint"]
    assert torch.equal(again.table, random.table), "the same in every process"


# --- parts and streams ----------------------------------------------------------------------------------------------


def test_a_part_sees_its_joints_only(tiny):
    module = made(tiny)
    guide, joints = module.guides["joint"], torch.randn(2, 32, 25)
    for branch in BRANCHES[1:]:
        spoiled = torch.full_like(joints, torch.nan)
        chosen = list(joints_of(layout("ntu25"), branch))
        spoiled[..., chosen] = joints[..., chosen]
        found = dict(zip(BRANCHES, guide.features(spoiled), strict=True))
        assert found[branch].isfinite().all()
        assert torch.equal(found[branch], dict(zip(BRANCHES, guide.features(joints), strict=True))[branch])


def test_lists_of_joints():
    ntu, kinect = layout("ntu25"), layout("kinect20")
    assert joints_of(ntu, "head") == (2, 3, 20) and joints_of(ntu, "head", bones=True) == (2, 3)
    assert 21 in joints_of(ntu, "hand", bones=True) and 21 not in joints_of(ntu, "hand", bones=True, official=True)
    assert joints_of(kinect, "hip") == (0, 1, 12, 16) and joints_of(kinect, "hand") == tuple(range(4, 12))
    for name in ("body15", "mocap15", "coco17", "smpl24", "ntu25_pyskl"):
        body = layout(name)
        parts = {b: set(joints_of(body, b)) for b in BRANCHES}
        assert parts["global"] == set(range(body.count)) and not parts["hand"] & parts["foot"]
        assert any("wrist" in body.joints[v] for v in parts["hand"])
        assert any("knee" in body.joints[v] for v in parts["foot"])
        assert sum("hip" in body.joints[v] for v in parts["hip"]) >= 1
    with pytest.raises(InputError, match="layout 'hand21' has no head; leave it out"):
        joints_of(layout("hand21"), "head")


def test_streams_learn_as_if_alone(tiny, text):
    config = replace(tiny, rotation=0.0, crop=(1.0, 1.0), synonyms=False)
    both, batch = made(config, streams=("joint", "bone_motion")), clips()
    both.losses(batch)["total"].backward()
    for name in both.streams:
        alone = made(config, streams=(name,))
        part = {n: v for n, v in both.state_dict().items() if n.split(".")[1] == name}
        alone.load_state_dict(part)
        for bn in [m for m in alone.modules() if hasattr(m, "reset_running_stats")]:
            bn.reset_running_stats()
        alone.losses(batch)["total"].backward()
        theirs = dict(both.named_parameters())
        for n, p in alone.named_parameters():
            torch.testing.assert_close(p.grad, theirs[n].grad, atol=1e-5, rtol=1e-4, msg=n)


@pytest.mark.parametrize("official", [False, True])
def test_streams_have_the_parts_of_what_they_see(tiny, official):
    names = ("joint", "bone", "hop2_motion", "joint_motion")
    module = made(tiny, streams=names, official_lists=official)
    assert list(module.guides) == list(names)
    for name, bones in zip(names, (False, True, True, False), strict=True):
        wanted = {b: list(joints_of(layout("ntu25"), b, bones, official)) for b in BRANCHES}
        assert module.guides[name].joints == wanted, name
    hands = [module.guides[n].joints["hand"] for n in ("joint", "bone")]
    assert [20 in h for h in hands] == [False, official] and [21 in h for h in hands] == [True, not official]
    assert [2 in module.guides[n].joints["hip"] for n in ("joint", "bone")] == [True, False]


@pytest.mark.parametrize("official", [False, True])
def test_official_lists_reach_what_a_stream_sees(tiny, official):
    module = made(tiny, replace(UCLA, classes=("sit down",)), weight=0.0, streams=("joint", "bone"),
                  official_lists=official).eval()  # fmt: skip
    fed = {}
    for name, s in module.streams.items():
        s.encoder.data_bn.register_forward_pre_hook(lambda _, args, name=name: fed.setdefault(name, args[0]))
    x = torch.randn(2, 16, 1, 20, 3)
    module.scores(x)
    for name in fed:
        wanted = Sight.parse(name).of(x, layout("kinect20"), 2, official)
        assert torch.equal(fed[name].view(2, 20, 3, 16), wanted[:, :, 0].permute(0, 2, 3, 1)), name
    assert len(fed) == 2


def test_fusion(tiny):
    names = ("joint", "bone", "joint_motion", "bone_motion")
    module, batch = made(tiny, streams=names, weight=0.0).eval(), clips()
    s = module.scores(module.view(batch))
    expected = 0.8 * s["joint"] + 0.8 * s["bone"] + 0.2 * s["joint_motion"] + 0.2 * s["bone_motion"]
    torch.testing.assert_close(module.logits(batch), expected)
    torch.testing.assert_close(module.predict(batch).scores, (expected / 2).softmax(1))
    assert made(tiny, streams=names[:3], weight=0.0).weights == {"joint": 0.6, "bone": 0.6, "joint_motion": 0.4}
    assert made(tiny, streams=names[:2], weight=0.0, fusion=(1.0, 0.5)).weights["bone"] == 0.5


def test_official_states_of_several_streams():
    state = Recognizer.official_state_dict({"joint": official_state(), "bone": official_state()})
    module = Recognizer(RecognizeConfig(streams=("joint", "bone")), NTU)
    module.load_state_dict(state)
    state = Recognizer.official_state_dict(official_state())
    assert {n.split(".")[1] for n in state} == {"joint"}
    assert state["guides.joint.scale"].shape == (5,)
    foot = official_state()["part_list.2.weight"] + 1
    renamed = Recognizer.official_state_dict(official_state() | {"part_list.2.weight": foot})
    assert torch.equal(renamed["guides.joint.project.foot.weight"], foot)


def test_what_is_shown_in_training_and_evaluation(tiny):
    module, batch = made(tiny, weight=0.0, crop=(1.0, 1.0)), clips(t=16)
    moved = batch | {"skeleton": batch["skeleton"] + torch.tensor([3.0, -1.0, 2.0])}
    still = replace(module.config, rotation=0.0)
    plain = batch["skeleton"] - batch["skeleton"][:, :1, :1, 1:2]
    turned_clips, again = module.view(batch), module.view(batch)
    assert not torch.allclose(turned_clips, again, atol=1e-2), "turned anew each time"
    torch.testing.assert_close(turned_clips.norm(dim=-1), plain.norm(dim=-1))
    module.config = still
    torch.testing.assert_close(module.view(moved), plain, atol=1e-5, rtol=1e-5)
    module.config = replace(still, crop=(0.5, 0.5))
    assert not torch.allclose(module.view(batch), plain, atol=1e-2), "a part of each clip"
    module.eval()
    torch.testing.assert_close(module.view(batch), plain, msg="the middle 95% of 16 frames are all of them")


@pytest.mark.parametrize("name", ["stgcn", "stgcnpp"])
def test_2d_joints_and_other_networks(tiny, name):
    spec = Spec("coco17", 17, 2, 2, SPEC.classes)
    module, batch = made(tiny, spec, backbone=Backbone(name, width=8, blocks=4, skip_absent=True)), clips(spec=spec)
    batch["skeleton"][:, :, 1] = 0
    losses = module.losses(batch)
    losses["total"].backward()
    assert all(v.isfinite() for v in losses.values()) and module.streams["joint"].fc.weight.grad.any()
    assert module.eval().predict(batch).scores.shape == (6, 3)


# --- the view for NW-UCLA -------------------------------------------------------------------------------------------


def test_clips_are_stretched_to_a_box():
    x = torch.randn(2, 9, 1, 20, 3)
    frames = torch.tensor([9, 5])
    out = boxed(x, frames)
    for row, n in zip(out, frames, strict=True):
        flat = row[:n].flatten(0, 2)
        torch.testing.assert_close(flat.amin(0), -torch.ones(3))
        torch.testing.assert_close(flat.amax(0), torch.ones(3))
        assert not row[n:].any()
    torch.testing.assert_close(boxed(3 * x + 1, frames), out, atol=1e-4, rtol=1e-4)


def test_turns_are_rotations_by_whole_degrees():
    torch.manual_seed(0)
    x = torch.randn(200, 2, 1, 20, 3)
    out = turned(x, 60)
    torch.testing.assert_close(out.norm(dim=-1), x.norm(dim=-1))
    up = turned(torch.tensor([0.0, 1.0, 0.0]).expand(500, 1, 1, 1, 3), 60)[:, 0, 0, 0]
    tilt = torch.rad2deg(torch.acos(up[:, 1].clamp(-1, 1)))  # the turn about y leaves it, the one about x shows
    torch.testing.assert_close(tilt, tilt.round(), atol=0.05, rtol=0)
    assert tilt.max() <= 60.1 and tilt.max() > 55


def test_frames_are_drawn_in_order_and_spread_evenly():
    x = torch.arange(30.0).view(1, 30, 1, 1, 1).repeat(3, 1, 1, 1, 1)
    frames = torch.tensor([30, 7, 1])
    out = drawn(x, frames, 52)[..., 0, 0, 0]
    assert (out.diff(dim=1) >= 0).all() and (out.amax(1) < frames).all()
    import numpy as np

    for row, n in zip(spread(x, frames, 52)[..., 0, 0, 0], frames.tolist(), strict=True):
        assert row.tolist() == np.linspace(0, n - 1, 52).astype(int).tolist()


def test_the_setting_for_nwucla_trains_and_predicts(text):
    spec = replace(UCLA, classes=("sit down", "stand up"))
    config = replace(gap.Config.nwucla().recognize, streams=("joint",), text=Text(text), backbone=Backbone(width=8))
    module, batch = made(config, spec), clips(spec=spec)
    module.losses(batch)["total"].backward()
    first = module.eval().predict(batch).scores
    assert first.isfinite().all() and torch.equal(first, module.predict(batch).scores)
    assert config.weight == 1.0 and config.recipe.lr == 0.2 and module.view(batch).shape[1] == 52


# --- settings -------------------------------------------------------------------------------------------------------


def test_likeness_needs_no_training_class(tiny):
    module = made(tiny).eval()
    found = module.likeness(clips(), ["throw", "jump up", "hand wave"])
    assert found.shape == (6, 3) and (found.abs() <= 1).all() and found.std() > 0
    guide, stream = module.guides["joint"], module.streams["joint"]
    features = F.normalize(guide.features(stream(module.view(clips())).joints()), dim=-1)
    texts = [row[0] for row in class_texts(find(["throw"]), BRANCHES, False)[0]]
    expected = torch.stack([features[i] @ F.normalize(guide.encoder([t])[0], dim=0) for i, t in enumerate(texts)])
    torch.testing.assert_close(found[:, 0], expected.mean(0))
    with pytest.raises(InputError, match="the texts are not loaded; call before_training"):
        Recognizer(module.config, SPEC).likeness(clips(), ["throw"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"streams": ()}, "nothing is no set of streams"),
        ({"streams": ("joint", "joint")}, "is no set of streams; name each once"),
        ({"streams": ("hop0",)}, "no stream is called 'hop0'; use joint, bone or hopK"),
        ({"streams": ("joint", "bone", "hop2", "hop3", "hop4")}, "5 streams have no official weights"),
        ({"fusion": (1.0, 1.0)}, "is not a positive weight per stream; give 1 of them"),
        ({"branches": ("head",)}, "the first branch is head; begin with global"),
        ({"weight": -1.0}, "weight: is -1.0; give 0 or more"),
        ({"text_rate": -0.1}, "text_rate: is -0.1; give 0 or more"),
        ({"size": 0}, "size: is 0; give 1 or more"),
        ({"crop": (0.9, 0.5)}, "crop: is (0.9, 0.5); give 0 < low <= high <= 1"),
        ({"middle": 1.5}, "middle: is 1.5; give more than 0 and at most 1"),
        ({"degrees": -3}, "degrees: is -3; give 0 or more"),
        ({"text": Text("/no/such/folder")}, "is neither a folder nor the name of a model"),
        ({"descriptions": "/no/such/file"}, "cannot be read"),
        ({"descriptions": "", "match": "order"}, "describes 0 classes, the data has 3"),
    ],
)
def test_settings_that_cannot_be(tiny, changes, message):
    with pytest.raises(InputError) as caught:
        made(tiny, **changes)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_data_that_cannot_be(tiny, text):
    for change, message in (({"classes": ()}, "names no classes"), ({"layout": ""}, "names no skeleton layout")):
        with pytest.raises(InputError, match=message):
            Recognizer(tiny, replace(SPEC, **change))
    with pytest.raises(InputError, match="sampling: is draw; take resize: the joints have no depth"):
        Recognizer(replace(tiny, sampling="draw"), Spec("coco17", 17, 1, 2, ("grab",)))
    with pytest.raises(InputError, match="layout 'hand21' has no head"):
        Recognizer(tiny, Spec("hand21", 21, 1, 3, ("grab",)))
    with pytest.raises(InputError, match=r"class 'juggle' has no description; .*: acteme describe DATA --to FOLDER"):
        made(tiny, replace(SPEC, classes=("hand wave", "juggle")))


def test_a_text_that_is_too_long(tiny, tmp_path):
    (tmp_path / "d.txt").write_text("hand wave; head " + "x" * 300)
    with pytest.raises(InputError, match=r"text 'hand wave, head xxx.*takes 160; shorten it, or have it cut"):
        made(tiny, descriptions=str(tmp_path / "d.txt"))
    made(tiny, descriptions=str(tmp_path / "d.txt"), text=replace(tiny.text, truncate=True))


def test_configuration():
    entry = catalog.find("gap")
    assert entry.module() is gap
    config = configured("gap", "", ["recognize.text.name=minilm", "recognize.streams=joint,bone"])
    assert config.recognize.text == Text("minilm", trained=True) and config.recognize.streams == ("joint", "bone")
    assert from_json(gap.Config, json.loads(json.dumps(to_json(config)))) == config
    assert all(meaning for _, _, meaning in rows(config))
    official = gap.Config().recognize
    assert (official.weight, official.recipe.lr, official.recipe.epochs) == (0.8, 0.1, 110)
    assert official.recipe.milestones == (90, 100) and official.text.name == "clip" and official.text.trained
