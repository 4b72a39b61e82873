import pytest
import torch

from acteme.nn.skeleton import OFFICIAL, Backbone
from acteme.recordings.skeleton import adjacency
from acteme.recordings.skeleton.layouts import layout
from tests.nn.skeleton.official import State, network

NAMES = ("stgcn", "agcn", "ctrgcn", "stgcnpp")
COUNTS = {"stgcn": 3_098_832, "agcn": 3_469_510 - 2_816, "ctrgcn": 1_446_672, "stgcnpp": 1_403_144}


@pytest.mark.parametrize("name", NAMES)
def test_an_official_state_gives_the_official_features(name):
    x = torch.randn(2, 12, 2, 25, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    state = State()
    wanted = network(name, state, x)
    state["fc.weight" if "st" not in name else "cls_head.fc_cls.weight"] = torch.zeros(4, 48)
    prefix = "module.backbone." if "st" in name else "module."
    ours = OFFICIAL[name]({("" if "cls_head" in n else prefix) + n: v for n, v in state.items()})
    assert ours.pop("fc.weight").shape == (4, 48)
    encoder = Backbone(name, width=24).build(layout("ntu25"), 2, 3, ((1, 1), (2, 2))).double().eval()
    encoder.load_state_dict(ours)
    found = encoder.maps(x).maps.view(2, 2, 48, 6, 25)
    assert wanted.abs().max() > 1
    assert torch.allclose(found, wanted, atol=1e-9)
    latents = encoder(x)
    assert torch.allclose(latents.tokens, wanted.mean((1, 4)).transpose(1, 2), atol=1e-9)
    assert torch.allclose(latents.pooled, wanted.mean((1, 3, 4)), atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_parameter_counts_are_the_official_ones(name):
    # of 2s-AGCN's biases of three subsets only the sum acts: 2 (4 64 + 3 128 + 3 256) fewer
    encoder = Backbone(name).build(layout("ntu25"), 2, 3)
    assert sum(p.numel() for p in encoder.parameters()) + 60 * 257 == COUNTS[name]
    assert (encoder.width, encoder.stride, len(encoder.blocks)) == (256, 4, 10)


def test_graphs_are_used_in_the_official_direction():
    """With only the inward links a joint gets what its parent holds (2s-AGCN, PYSKL), or its children (CTR-GCN)."""
    body = layout("ntu25")
    x = torch.zeros(1, 1, 1, 25)
    x[..., 5] = 1  # left elbow: child of the left shoulder (4), parent of the left wrist (6)
    for name, reached in (("stgcn", 6), ("stgcnpp", 6), ("ctrgcn", 4)):
        space = Backbone(name, width=8).build(body, 1, 1, ((1, 1),)).blocks[0].space
        seen = []
        space.bn.register_forward_pre_hook(lambda _, args, seen=seen: seen.append(args[0]))
        with torch.no_grad():
            space.links.zero_()
            space.links[1] = torch.from_numpy(adjacency.matrix(body.edges, 25))  # In[parent, child] = 1
            for p in space.parameters():
                if p is not space.links and p is not getattr(space, "importance", None) and p.ndim > 1:
                    p.fill_(1.0)
            for bias in ("bias", "values_bias", "lift_bias"):
                if isinstance(getattr(space, bias, None), torch.nn.Parameter):
                    getattr(space, bias).zero_()
        space(x, None)
        assert seen[0][0, 0, 0].nonzero().flatten().tolist() == [reached]
