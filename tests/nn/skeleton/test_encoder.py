from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from acteme.errors import InputError
from acteme.nn.skeleton import Backbone
from acteme.nn.skeleton.encoder import largest
from acteme.recordings.skeleton import adjacency
from acteme.recordings.skeleton.layouts import layout

NAMES = ("stgcn", "agcn", "ctrgcn", "stgcnpp")
PLAN = ((1, 1), (2, 2), (2, 1), (4, 2))
EACH = pytest.mark.parametrize("name", NAMES)


def encoder(name, persons=2, plan=PLAN, skip_absent=False):
    torch.manual_seed(0)
    made = Backbone(name, width=12, skip_absent=skip_absent).build(layout("ntu25"), persons, 3, plan).double()
    with torch.no_grad():  # what begins at (almost) nothing would hide mistakes
        for n, p in made.named_parameters():
            if n.endswith(("alpha", "bn.weight")):
                p.uniform_(0.5, 1.0)
    return made


def clips(b=3, t=13, m=2, seed=1):
    return torch.randn(b, t, m, 25, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@EACH
@pytest.mark.parametrize("training", [False, True])
def test_padding_has_no_part_in_anything(name, training):
    ours, padded = (encoder(name).train(training) for _ in range(2))
    x = clips()
    y = ours(x)
    mask = torch.arange(20).expand(3, -1) < 13
    z = padded(F.pad(x, (0, 0) * 3 + (0, 7), value=9.0), mask)
    assert z.mask.tolist() == [[True] * 4 + [False]] * 3 and y.mask.all() and y.mask.shape == (3, 4)
    assert torch.allclose(z.tokens[:, :4], y.tokens, atol=1e-10) and (z.tokens[:, 4:] == 0).all()
    assert torch.allclose(z.pooled, y.pooled, atol=1e-10)
    for (n, a), b in zip(ours.state_dict().items(), padded.state_dict().values(), strict=True):
        assert torch.allclose(a.double(), b.double(), atol=1e-9), n
    weight = torch.randn_like(y.pooled)
    for latents in (y, z):
        (latents.pooled * weight).sum().backward()
    for (n, a), b in zip(ours.named_parameters(), padded.parameters(), strict=True):
        assert torch.allclose(a.grad, b.grad, atol=1e-8), n


@EACH
def test_clips_of_unlike_length_are_as_if_alone(name):
    module = encoder(name).eval()
    x = clips(2, 16)
    mask = torch.arange(16) < torch.tensor([[16], [7]])
    together = module(torch.where(mask[..., None, None, None], x, 0), mask)
    assert torch.allclose(together.pooled[1], module(x[1:, :7]).pooled[0], atol=1e-10)
    assert torch.allclose(together.pooled[0], module(x[:1]).pooled[0], atol=1e-10)


@EACH
def test_absent_persons_are_left_out_or_averaged_in(name):
    x = clips()
    x[1, :, 1] = 0
    alone = encoder(name, skip_absent=True).eval()
    official = encoder(name).eval()
    assert torch.allclose(alone(x).pooled[[0, 2]], official(x).pooled[[0, 2]], atol=1e-12)
    assert not torch.allclose(alone(x).pooled[1], official(x).pooled[1], atol=1e-3)
    h = official.maps(x).maps.view(3, 2, -1, 4, 25)
    assert torch.allclose(alone(x).pooled[1], h[1, 0].mean((1, 2)), atol=1e-12)
    assert torch.allclose(official(x).pooled[1], h[1].mean((0, 2, 3)), atol=1e-12)


@EACH
def test_training_statistics_leave_absent_persons_out(name):
    x = clips()
    x[:, :, 1] = 0
    two, one = encoder(name, 2, skip_absent=True).train(), encoder(name, 1).train()
    state = {n: v[: one.state_dict()[n].numel()] if n.startswith("data_bn") and v.ndim else v
             for n, v in two.state_dict().items()}  # fmt: skip
    one.load_state_dict(state)
    untouched = deepcopy(two.data_bn.running_mean)
    assert torch.allclose(two(x).pooled, one(x[:, :, :1]).pooled, atol=1e-10)
    assert torch.allclose(two.data_bn.running_mean[:75], one.data_bn.running_mean, atol=1e-12)
    if len(untouched) > 75:
        assert torch.equal(two.data_bn.running_mean[75:], untouched[75:])
    for n, v in one.blocks.state_dict().items():
        assert torch.allclose(two.blocks.state_dict()[n].double(), v.double(), atol=1e-10), n


@EACH
def test_one_frame_nobody_and_any_layout(name):
    module = encoder(name, skip_absent=True).eval()
    assert module(clips(2, 1)).tokens.shape == (2, 1, 48)
    assert torch.isfinite(module(torch.zeros(2, 5, 2, 25, 3).double()).pooled).all()
    nobody = clips(2, 5)
    nobody[0] = 0
    assert (module(nobody).pooled[0] == 0).all()
    for body in ("coco17", "shrec22", "mocap15"):
        made = Backbone(name, width=12).build(layout(body), 1, 2, PLAN).eval()
        x = torch.randn(2, 9, 1, layout(body).count, 2)
        assert made(x).pooled.shape == (2, 48) and made(x).tokens.shape == (2, 3, 48)


@EACH
def test_every_parameter_learns(name):
    module = encoder(name).train()
    latents = module(clips())
    (latents.pooled * torch.randn_like(latents.pooled)).sum().backward()
    assert not [n for n, p in module.named_parameters() if p.grad is None]
    # biases before a batch normalization cannot act; everything else must
    dead = [n for n, p in module.named_parameters() if p.grad.abs().max() < 1e-13 and not n.endswith("bias")]
    assert not dead


@EACH
@pytest.mark.parametrize("body", ["ntu25", "ntu25_pyskl", "openpose18"])
def test_graphs_begin_as_the_published_ones(name, body):
    wanted = (adjacency.stgcn_spatial if name == "stgcn" else adjacency.spatial)(layout(body))
    for block in Backbone(name, width=12).build(layout(body), 1, 3, PLAN).blocks:
        assert torch.equal(block.space.links, torch.from_numpy(wanted))
        assert isinstance(block.space.links, nn.Parameter) == (name in ("ctrgcn", "stgcnpp")), "free, or as it is"
        if name == "stgcn":
            assert (block.space.importance == 1).all()
        if name == "agcn":
            assert torch.equal(block.space.learned, torch.full_like(block.space.links, 1e-6))
        if name == "ctrgcn":
            assert block.space.alpha.item() == 0


def test_means_over_some_of_the_joints():
    module = encoder("ctrgcn").eval()
    seen = module.maps(clips())
    some = seen.pooled([3, 4, 7])
    assert torch.allclose(some.pooled, seen.maps.view(3, 2, 48, 4, 25)[..., [3, 4, 7]].mean((1, 3, 4)), atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"width": 4}, "encoder of width 4"), ({"width": 18}, "multiple of 4"), ({"relations": 0}, "0 relations")],
)
def test_impossible_sizes_are_named(changes, message):
    with pytest.raises(InputError, match=message):
        Backbone(**changes).build(layout("ntu25"), 1, 3)


@EACH
@pytest.mark.parametrize("skip_absent", [False, True])
def test_means_of_joints_are_parts_of_the_mean_of_all(name, skip_absent):
    ours = encoder(name, skip_absent=skip_absent).eval()
    x = clips()
    x[1, :, 1] = 0
    mask = torch.arange(13).expand(3, -1) < torch.tensor([[13], [8], [12]])
    seen = ours.maps(x * mask[..., None, None, None], mask)
    joints = seen.joints()
    assert joints.shape == (3, ours.width, 25)
    assert torch.allclose(joints.mean(-1), seen.pooled().pooled, atol=1e-10)
    assert torch.allclose(joints[..., [3, 7]].mean(-1), seen.pooled([3, 7]).pooled, atol=1e-10)


class Apart(nn.Module):
    """A norm in evaluation that cannot be made part of what comes before it."""

    def __init__(self, bn):
        super().__init__()
        self.bn = bn.eval()

    def forward(self, x):
        return self.bn(x)


@EACH
def test_norms_that_became_part_of_convolutions_do_the_same(name):
    ours = encoder(name)
    for seed in range(3):
        ours(3 * clips(seed=seed) + 1)  # statistics that are not those of fresh norms
    ours.eval()
    apart = deepcopy(ours)
    for parent in list(apart.modules()):
        for child, bn in list(parent.named_children()):
            if isinstance(bn, nn.BatchNorm2d):
                setattr(parent, child, Apart(bn))
    x = clips()
    with torch.no_grad():
        joined = ours(x).tokens
    assert torch.allclose(joined, apart(x).tokens, atol=1e-10)
    assert torch.allclose(joined, ours(x.requires_grad_()).tokens, atol=1e-10)


@pytest.mark.parametrize("frames", [1, 2, 3, 8])
@pytest.mark.parametrize("stride", [1, 2])
def test_the_largest_of_three_frames_with_and_without_gradient(frames, stride):
    x = torch.randn(2, 3, frames, 4)
    expected = F.max_pool2d(x, (3, 1), (stride, 1), (1, 0))
    torch.testing.assert_close(largest(x, stride), expected, rtol=0, atol=0)
    torch.testing.assert_close(largest(x.clone().requires_grad_(), stride), expected, rtol=0, atol=0)
