"""The recommender that is looked into."""

import math

import numpy as np
import pytest
import torch

from acteme.errors import InputError
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.inspect.recsae.base import Base, BaseConfig, bpr_max, parted

SMALL = BaseConfig(width=4, windows=Windows(frames=5, stride=1, prefixes=True))


def batch(*rows, user=None, frames=None):
    """Histories as a batch, padded at the end."""
    longest = frames or max(map(len, rows))
    item = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])
    count = torch.tensor([len(row) for row in rows])
    return {"item": item, "mask": torch.arange(longest) < count[:, None], "frames": count,
            "index": torch.arange(len(rows)) if user is None else torch.tensor(user)}  # fmt: skip


def official_names():
    block = "transformer_block.0."
    linear = [f"{block}masked_attn_head.{n}_linear" for n in "qkv"]
    names = ["i_embeddings.weight", "p_embeddings.weight"]
    names += [f"{n}.{kind}" for n in linear for kind in ("weight", "bias")]
    for part in ("layer_norm1", "linear1", "linear2", "layer_norm2"):
        names += [f"{block}{part}.weight", f"{block}{part}.bias"]
    return names


def ruled():
    """Weights by a rule, as the numbers of the official code were computed."""
    shapes = [(7, 4), (5, 4), *[(4, 4), (4,)] * 3, (4,), (4,), *[(4, 4), (4,)] * 2, (4,), (4,)]
    state = {}
    for i, (name, shape) in enumerate(zip(official_names(), shapes, strict=True)):
        j = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
        state[name] = (0.3 * torch.sin(0.7 * j + i) + ("norm" in name and "weight" in name)).reshape(shape)
    module = Base(SMALL, Spec(items=6)).double()
    module.load_state_dict(Base.official_state_dict(state | {"sae_module.b_dec": torch.zeros(4)}))
    return module


def test_numbers_of_the_official_code():
    found = ruled().predict(batch([3, 1, 5], [2, 4, 6, 1]))
    wanted = [[0.573143, 1.891229, -1.303078, -0.984968], [2.247676, -0.139615, -0.502312, -1.343608]]
    torch.testing.assert_close(found.query, torch.tensor(wanted, dtype=torch.float64), atol=1e-6, rtol=0)
    scores = torch.tensor([0.489600, -0.647828, 0.731195, -0.730070, 0.644580, -0.484606], dtype=torch.float64)
    torch.testing.assert_close(found.query[0] @ found.table.T, scores, atol=1e-6, rtol=0)


def test_parameters():
    module = Base(BaseConfig(windows=Windows(frames=21, stride=1, prefixes=True)), Spec(items=8713))
    assert sum(p.numel() for p in module.parameters()) == 580_096


@pytest.mark.parametrize(
    ("scores", "loss"), [([[2.0, 1, 0], [0.5, 1.5, -1]], 0.714509), ([[2.0, 1], [0.5, 1.5]], 0.813262)]
)
def test_bpr_max(scores, loss):
    assert bpr_max(torch.tensor(scores)).item() == pytest.approx(loss, abs=1e-6)


def test_bpr_max_of_far_scores_is_finite():
    scores = torch.tensor([[-500.0, 500.0, 400.0]], requires_grad=True)
    loss = bpr_max(scores)
    loss.backward()
    assert loss.item() == pytest.approx(1000 - math.log(2)) and torch.isfinite(scores.grad).all()


@pytest.mark.parametrize("form", ["recent", "absolute"])
def test_what_comes_later_changes_nothing_before(form):
    torch.manual_seed(0)
    config = BaseConfig(form, width=4, layers=2, heads=2, windows=Windows(frames=6, stride=1, prefixes=True))
    module = Base(config, Spec(items=9)).eval()
    one, two = (module.encode(batch([1, 2, 3, last])).tokens for last in (4, 9))
    if form == "absolute":
        torch.testing.assert_close(one[0, :-1], two[0, :-1])
    assert not torch.allclose(one[0, -1], two[0, -1])


def test_padding_and_older_events_than_fit_change_nothing():
    module = ruled()
    wide = module.predict(batch([3, 1, 5], [2, 4, 6, 1], frames=9)).query
    torch.testing.assert_close(wide, module.predict(batch([3, 1, 5], [2, 4, 6, 1])).query)
    long = module.predict(batch([6, 5, 2, 4, 6, 1])).query
    torch.testing.assert_close(long, module.predict(batch([2, 4, 6, 1])).query)
    with torch.no_grad():
        module.network.items.weight[0] += 5
    torch.testing.assert_close(module.predict(batch([3, 1, 5], [2, 4, 6, 1])).query, wide)


def test_a_window_is_parted_into_what_was_and_what_came():
    history, target = parted(batch([3, 1, 5], [2, 4, 6, 1], [5, 2]))
    assert target.tolist() == [5, 1, 2] and history["frames"].tolist() == [2, 3, 1]
    assert history["item"].tolist() == [[3, 1, 0, 0], [2, 4, 6, 0], [5, 0, 0, 0]]
    assert history["mask"].sum(1).tolist() == [2, 3, 1]


def test_negatives_are_what_the_user_never_had():
    torch.manual_seed(0)
    module = Base(BaseConfig(width=4, negatives=50, windows=SMALL.windows), Spec(items=6))
    with pytest.raises(InputError, match="the training recordings are not known"):
        module.drawn(torch.tensor([0]), torch.tensor([1]))
    histories = ([1, 2, 3, 4], [6, 1])
    module.remember(Corpus.of([Recording(str(n), 1.0, {"item": np.array(h)}) for n, h in enumerate(histories)],
                              Spec(items=6, fps=1.0)))  # fmt: skip
    drawn = module.drawn(torch.tensor([0, 1]), torch.tensor([1, 1]))
    assert set(drawn[0].tolist()) == {5, 6} and set(drawn[1].tolist()) == {2, 3, 4, 5}


def test_after_every_item_comes_the_next():
    config = BaseConfig("absolute", width=4, loss="every", windows=SMALL.windows)
    torch.manual_seed(0)
    module = Base(config, Spec(items=6)).eval()
    found = module.losses(batch([3, 1, 5], [2, 4, 6, 1]))["total"]
    tokens = module.encode(batch([3, 1], [2, 4, 6])).tokens
    logits = torch.cat([tokens[0, -2:], tokens[1, -3:]]) @ module.network.table.T
    torch.testing.assert_close(found, torch.nn.functional.cross_entropy(logits, torch.tensor([1, 5, 4, 6, 1])))


def test_wrong_inputs():
    with pytest.raises(InputError, match="has no items"):
        Base(SMALL, Spec())
    with pytest.raises(InputError, match="3 heads do not divide a width of 4"):
        Base(BaseConfig(width=4, heads=3), Spec(items=3))
