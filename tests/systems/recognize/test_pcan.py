"""The recognizer: streams, losses, rectification, groups, wrong settings."""

from dataclasses import replace

import pytest
import torch

from acteme.errors import InputError
from acteme.nn.skeleton import Backbone
from acteme.recordings.spec import Spec
from acteme.systems.recognize.pcan import Calibration, Config, RecognizeConfig, Recognizer, Sight
from tests.systems.recognize.pcan.cases import GROUP_OF, MA52, SMALL, clips, filled, small

PARTS = ("class", "group", "tree", "refine", "group_refine", "diversity")
TINY = Sight(frames=8, size=32, test_size=32)


VIDEO = replace(SMALL, video=True)


def pictures(streams=("rgb", "pose"), spec=VIDEO, **changes) -> Recognizer:
    torch.manual_seed(0)
    config = replace(RecognizeConfig(), **{"planes": (8, 8), "sight": TINY, "clips": 2, "streams": streams} | changes)
    return Recognizer(config, spec)


def video_clips(count=3):
    batch = clips(count, 12)
    g = torch.Generator().manual_seed(1)
    return batch | {"video": torch.randint(0, 256, (count, 12, 20, 24, 3), generator=g, dtype=torch.uint8)}


def test_actions_of_the_published_tree():
    boundaries = [k for k in range(51) if GROUP_OF[k] != GROUP_OF[k + 1]]
    assert boundaries == [4, 10, 23, 31, 37, 47] and MA52.group_of == GROUP_OF


def test_official_parameters_and_logits():
    config = replace(RecognizeConfig(), planes=(64, 32))
    module = filled(Recognizer(config, MA52))
    heads = sum(p.numel() for p in module.heads.parameters())
    assert heads + 2 * 256 * 52 == 1_161_590, "prototypes are no parameters here"
    x = {"rgb": (0.01 * torch.arange(2048)).double().sin(), "pose": (0.02 * torch.arange(512)).double().sin()}
    with torch.no_grad():
        before = {name: module.heads.double()[name](x[name][None])[0][0, :3] for name in x}
        after = {name: module.heads[name].rectified(x[name][None])[0][0, :3] for name in x}
    assert before["rgb"].tolist() == pytest.approx([1.6536982, 1.4422656, -0.0495380], abs=1e-6)
    assert after["rgb"].tolist() == pytest.approx([1.6357192, 1.3833129, -0.2625296], abs=1e-6)
    assert after["pose"].tolist() == pytest.approx([-0.2880829, -0.5054603, 0.3809316], abs=1e-6)
    cosines = module.heads["rgb"].fine.cosines(x["rgb"][None])[0, :3]
    assert torch.allclose(after["rgb"] - before["rgb"], 5 * cosines)


@pytest.mark.parametrize("made", [small, pictures], ids=["graph", "pictures"])
def test_the_total_is_the_weighted_sum_and_reaches_all_weights(made):
    module, batch = made(), video_clips(6)
    found = module.losses(batch)
    wanted = 0.0
    for name in module.heads:
        part = {n: found[f"{name}_{n}"] for n in PARTS}
        wanted += part["class"] + part["group"] + part["tree"]
        wanted += 0.2 * (part["refine"] + part["group_refine"] + part["diversity"])
    assert found["total"].item() == pytest.approx(wanted.item(), rel=1e-5)
    found["total"].backward()
    still = [n for n, p in module.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert all(n.endswith("k_proj.bias") for n in still), "a bias of the keys shifts all scores of a step alike"


def test_weights_of_zero_leave_parts_out():
    batch = clips()
    base = small(tree=0.0, refine=0.0, rectify=(0.0, 0.0), dropout=0.0).train()
    torch.manual_seed(3)
    found = base.losses(batch)
    assert found["total"].item() == pytest.approx((found["pose_class"] + found["pose_group"]).item(), rel=1e-6)
    gradient = torch.autograd.grad(found["total"], base.heads["pose"].fine.project.weight, allow_unused=True)[0]
    assert gradient is None


def test_warm_up_gathers_prototypes_without_using_them():
    module, batch = small(warmup=2, dropout=0.0), clips()
    module.before_epoch(1)
    torch.manual_seed(3)
    early = module.losses(batch)
    assert early["total"].item() == pytest.approx(sum(early[f"pose_{n}"].item() for n in PARTS[:3]), rel=1e-5)
    module.before_epoch(2)
    torch.manual_seed(3)
    assert module.losses(batch)["total"] > early["total"]


def test_prototypes_follow_the_clips_that_are_right():
    module, batch = small(dropout=0.0), clips(12)
    with torch.no_grad():
        module.heads["pose"].fc.weight.zero_()
        module.heads["pose"].fc.bias.copy_(torch.tensor([9.0, 0, 0, 0, 0, 0]))
        module.heads["pose"].fc_group.weight.zero_()
        module.heads["pose"].fc_group.bias.copy_(torch.tensor([9.0, 0, 0]))
    before = module.heads["pose"].fine.prototypes.clone()
    module.losses(batch)
    moved = (module.heads["pose"].fine.prototypes != before).any(1)
    assert moved.tolist() == [True] + [False] * 5


def test_clips_without_a_class_have_no_part():
    module, batch = small(dropout=0.0, sight=Sight(frames=8, flip=0.0)), clips()
    module.eval()
    known = {n: v[:4] for n, v in batch.items()}
    partly = batch | {"label": torch.cat([batch["label"][:4], torch.tensor([-1, -1])])}
    a, b = module.losses(known), module.losses(partly)
    assert all(torch.allclose(a[n], b[n], atol=1e-4) for n in a)
    none = module.losses(batch | {"label": torch.full((6,), -1)})
    assert all(none[f"pose_{n}"] == 0 for n in PARTS[:5]) and none["total"].isfinite()


def test_rectification_is_for_prediction_and_prototypes_must_fit_their_class():
    batch = clips()
    plainly, drawn = small(rectify=(0.0, 0.0)).eval(), small().eval()
    drawn.load_state_dict(plainly.state_dict())
    features = drawn.backbone(batch, 0)["pose"].pooled
    head = drawn.heads["pose"]
    assert torch.allclose(drawn.predict(batch).scores, (head(features)[0] + head.fine.cosines(features)).softmax(1))
    assert not torch.allclose(plainly.predict(batch).scores, drawn.predict(batch).scores)
    assert torch.equal(plainly.predict(batch).groups, drawn.predict(batch).groups), "groups stay as they are"
    with torch.no_grad():  # prototypes where their clips are: the right ones help, exchanged ones hurt
        f = head.fine.project(features)
        head.fine.prototypes.copy_(f)
        head.rectify = 1e6
    label = batch["label"]
    right = (drawn.predict(batch).scores.argmax(1) == label).float().mean()
    with torch.no_grad():
        head.fine.prototypes.copy_(f.roll(1, 0))
    wrong = (drawn.predict(batch).scores.argmax(1) == label).float().mean()
    assert right == 1 and wrong < 0.5


@pytest.mark.parametrize("streams", [("rgb",), ("pose",), ("rgb", "pose")])
def test_streams_of_pictures(streams):
    module, batch = pictures(streams), video_clips()
    assert set(module.heads) == set(streams)
    found = module.losses(batch)
    assert {n for n in found if n.endswith("_tree")} == {f"{s}_tree" for s in streams}
    module.eval()
    scores = module.predict(batch)
    assert scores.scores.shape == (3, 6) and scores.groups.shape == (3, 3)
    assert torch.allclose(scores.scores.sum(1), torch.ones(3)) and torch.allclose(scores.groups.sum(1), torch.ones(3))
    latents = module.encode(batch)
    width = sum(module.backbone.widths.values())
    assert latents.tokens.shape == (3, 8 if streams == ("pose",) else 2, width) and latents.pooled.shape == (3, width)
    assert torch.allclose(latents.tokens.mean(1), latents.pooled, atol=1e-5) and latents.mask.all()


def test_without_video_the_pose_stream_stands_alone():
    module = pictures(spec=SMALL)
    assert set(module.heads) == {"pose"} and module.eval().predict(clips(2, 12)).scores.shape == (2, 6)
    with pytest.raises(InputError, match="the data has no video; add pose"):
        pictures(("rgb",), spec=SMALL)
    with pytest.raises(InputError, match="the data has no video; set streams to pose"):
        pictures().predict(clips(2, 12))


def test_several_clips_are_averaged():
    batch = clips(2, 40)
    one, many = (pictures(("pose",), clips=n).eval() for n in (1, 3))
    many.load_state_dict(one.state_dict())
    single = torch.stack([many.heads["pose"].rectified(many.backbone(batch, c)["pose"].pooled)[0].softmax(1)
                          for c in range(3)])  # fmt: skip
    assert torch.allclose(many.predict(batch).scores, single.mean(0))
    assert torch.allclose(one.predict(batch).scores, single[0]) and not torch.allclose(single[0], single[1])


@pytest.mark.parametrize("frames", [1, 3, 32, 70])
def test_clips_of_any_length(frames):
    module, batch = small(), clips(4, frames)
    assert module.losses(batch)["total"].isfinite() and module.eval().predict(batch).scores.isfinite().all()


def test_peaks_are_maxima_in_training_only():
    module = pictures(("pose",), peaks=True, sight=replace(TINY, size=64, test_size=64))
    batch = clips(3, 12)
    torch.manual_seed(0)
    seen = module.backbone(batch, 0)["pose"]
    assert (seen.shown > seen.pooled).any() and (seen.shown >= seen.pooled - 1e-5).all()
    tested = module.eval().backbone(batch, 0)["pose"]
    assert tested.shown is tested.pooled


def test_labels_of_one_level_make_one_group():
    module = Recognizer(RecognizeConfig.small(), replace(SMALL, groups=()))
    found = module.losses(clips())
    assert found["pose_group"] == 0 and found["pose_group_refine"] == 0
    assert module.eval().predict(clips()).groups is None


def test_half_precision():
    module, batch = small(), clips()
    with torch.autocast("cpu", torch.bfloat16):
        found = module.losses(batch)
    assert all(v.isfinite() for v in found.values()) and found["total"].dtype == torch.float32


def test_official_names_are_refused_when_strange():
    with pytest.raises(InputError, match=r"'neck\.weight' is not of PCAN"):
        Recognizer.official_state_dict({"state_dict": {"neck.weight": torch.zeros(1)}})


def test_official_names_are_those_of_the_module():
    module = Recognizer(RecognizeConfig(), MA52)
    state, found = module.state_dict(), {}
    for name, value in state.items():
        if ".coarse.prototypes" in name:
            continue
        for ours, theirs in (
            ("backbone.network.rgb.", "backbone.rgb_path."), ("backbone.network.pose.", "backbone.pose_path."),
            ("backbone.network.to_rgb.0.", "backbone.rgb_path.layer2_lateral."),
            ("backbone.network.to_rgb.1.", "backbone.rgb_path.layer3_lateral."),
            ("backbone.network.to_pose.0.", "backbone.pose_path.layer1_lateral."),
            ("backbone.network.to_pose.1.", "backbone.pose_path.layer2_lateral."),
            ("backbone.network.interact.0.", "backbone.featuredifference2."),
            ("backbone.network.interact.1.", "backbone.featuredifference3."),
            *((f"heads.{s}.fc.", f"cls_head.fc_{s}.") for s in ("rgb", "pose")),
            *((f"heads.{s}.fc_group.", f"cls_head.fc_{s}_coarse.") for s in ("rgb", "pose")),
            *((f"heads.{s}.fine.project.", f"cls_head.fr_{s}.spatio_cl_net.cl_fc.") for s in ("rgb", "pose")),
            *((f"heads.{s}.fine.prototypes", f"cls_head.fr_{s}.spatio_cl_net.avg_f") for s in ("rgb", "pose")),
            *((f"heads.{s}.coarse.project.", f"cls_head.fr_coarse_{s}.spatio_cl_net.cl_fc.") for s in ("rgb", "pose")),
        ):  # fmt: skip
            if name.startswith(ours):
                found[name.replace(ours, theirs, 1)] = value.T if "prototypes" in name else value
    shapes = {n: tuple(found[n].shape) for n in (
        "backbone.rgb_path.layer2_lateral.conv.weight", "backbone.rgb_path.layer3_lateral.conv.weight",
        "backbone.pose_path.layer1_lateral.conv.weight", "backbone.pose_path.layer2_lateral.conv.weight",
        "cls_head.fr_rgb.spatio_cl_net.avg_f", "backbone.rgb_path.layer4.2.conv3.conv.weight",
    )}  # fmt: skip
    assert list(shapes.values()) == [(128, 128, 7, 1, 1), (256, 256, 7, 1, 1), (512, 32, 7, 1, 1), (1024, 64, 7, 1, 1),
                                     (256, 52), (2048, 512, 1, 1, 1)]  # fmt: skip
    again = Recognizer.official_state_dict({"state_dict": found})
    assert set(again) == set(state)
    assert all(torch.equal(again[n], state[n]) for n in again if ".coarse.prototypes" not in n)
    module.load_state_dict(again)


@pytest.mark.parametrize(
    ("config", "spec", "message"),
    [
        ({}, Spec(classes=("a",)), "no skeleton layout"),
        ({}, replace(SMALL, classes=(), groups=()), "no classes"),
        ({}, replace(SMALL, groups=("x",)), "1 groups for 6 classes"),
        ({"streams": ()}, SMALL, "no set of streams"),
        ({"streams": ("pose", "pose")}, SMALL, "no set of streams"),
        ({"clips": 0}, SMALL, "0 clips"),
        ({"refine": -1.0}, SMALL, "a weight is negative"),
        ({"network": "graph", "peaks": True}, SMALL, "maxima of maps"),
        ({"sight": Sight(frames=30)}, SMALL, "30 frames of the skeleton"),
        ({"sight": Sight(size=30)}, SMALL, "pictures of 30 and 256 pixels"),
        ({"sight": Sight(area=(0.0, 1.0))}, SMALL, "out of its range"),
        ({"network": "graph", "backbone": Backbone(width=6)}, SMALL, "width 6"),
    ],
)
def test_wrong_settings(config, spec, message):
    with pytest.raises(InputError, match=message):
        Recognizer(replace(RecognizeConfig(), **config), spec)


def test_settings():
    assert Config().recognize == RecognizeConfig() and Config.small().recognize.network == "graph"
    assert RecognizeConfig().calibration == Calibration(256, 128, 0.9, 0.125, 0.125, (1.0, 0.1, 0.5, 1.0), 1.0, False)
    recipe = RecognizeConfig().recipe
    assert (recipe.lr, recipe.momentum, recipe.weight_decay, recipe.clip) == (0.0075, 0.9, 1e-4, 40)
    assert (recipe.epochs, recipe.schedule, recipe.milestones, recipe.batch) == (30, "step", (10, 20), 10)
    c = RecognizeConfig()
    assert (c.planes, c.clips, c.dropout, c.tree, c.refine, c.rectify) == ((64, 32), 10, 0.5, 1.0, 0.2, (5.0, 1.0))
    assert c.sight == Sight(32, 224, 256, 0.7, 0.25, (0.56, 1.0), 0.5) and c.streams == ("rgb", "pose")
    head = small().heads["pose"]
    assert head.fine.factors == c.calibration.factors and head.coarse.factors == (1.0, 1.0)
