"""Hosts against the numbers of the official code on weights by a rule, and against formulas written out."""

from dataclasses import replace
from itertools import combinations

import pytest
import torch

from acteme.errors import InputError
from acteme.systems.recommend.dnis.hosts import XDeepFM, make_host, pairs
from acteme.systems.recommend.dnis.network import NetworkConfig
from tests.systems.recommend.dnis.official import network, ruled, shapes

FIVE = (0.2,) * 5
PAIRS = torch.tensor([[0, 5], [3, 9], [7, 7]])
TRIPLES = torch.tensor([[0, 5, 2], [3, 9, 1], [7, 7, 4]])


def close(found, expected, places=1e-6):
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=places)


@pytest.mark.parametrize(
    ("host", "width", "expected"),
    [
        ("fm", 4, (0.372599, 0.029479, 0.896371)),
        ("mlp", 4, (0.274062, 0.343597, 0.309617)),
        ("neumf", 5, (0.162836, 0.155654, 0.165501)),
        ("deepfm", 4, (4.887634, 3.831853, 5.055959)),
        ("widedeep", 4, (4.894696, 3.834755, 5.031741)),
    ],
)
def test_predictions_are_the_official_ones(host, width, expected):
    state = ruled((5, width), 10, width, shapes(host, 10, 2, width))
    made = network(NetworkConfig(host, width, blocks=FIVE, outcome="click"), 10, 2, state)
    close(made.scores(PAIRS), expected)
    close(made.scores(PAIRS, torch.ones(3, 2, dtype=torch.float64)), expected)


def test_predictions_of_xdeepfm_are_the_official_ones():
    state = ruled((5, 4), 10, 4, shapes("xdeepfm", 10, 3, 4, (6, 6), (4, 4, 4)))
    config = NetworkConfig("xdeepfm", 4, blocks=FIVE, hidden=(6, 6), cin=(4, 4, 4))
    close(network(config, 10, 3, state).scores(TRIPLES), (0.048135, 0.313219, -0.090731))


@pytest.mark.parametrize(("space", "size"), [("embedding_block", 5), ("feature_block", 4)])
def test_official_states_of_other_spaces_load(space, size):
    """One number for each block, the dimensions that it has, or for each dimension, the blocks that have it."""
    state = ruled((size,), 10, 4, shapes("fm", 10, 2, 4))
    state["alpha"] = 1 + 3 * state["alpha"]
    made = network(NetworkConfig("fm", 4, blocks=FIVE, space=space, outcome="rating"), 10, 2, state)
    assert made.table.alpha.shape == (size,) and torch.equal(made.table.alpha, state["alpha"])
    number, has = state["alpha"].tolist(), torch.zeros(5, 4, dtype=torch.float64)
    for block in range(5):
        for k in range(4):
            left = number[block] - k if space == "embedding_block" else number[k] - block
            has[block, k] = min(max(left, 0.0), 1.0)
    assert 0 < has.sum() < 20 and ((has > 0) & (has < 1)).any()
    free = network(NetworkConfig("fm", 4, blocks=FIVE, outcome="rating"), 10, 2, state | {"alpha": has})
    torch.testing.assert_close(made.scores(PAIRS), free.scores(PAIRS))


HAND = {
    "feature_embeddings.weight": torch.tensor([[1, 2], [3, -1], [0.5, 0.5], [-2, 1]], dtype=torch.float64),
    "model.feature_biases.weight": torch.tensor([[0.1], [0.2], [0.3], [0.4]], dtype=torch.float64),
    "model.bias": torch.tensor([0.05], dtype=torch.float64),
}
IDS = torch.tensor([[0, 1], [0, 2], [1, 3]])


def by_hand(alpha):
    state = HAND | {"alpha": torch.tensor(alpha, dtype=torch.float64)}
    return network(NetworkConfig("fm", 2, blocks=(0.5, 0.5), outcome="rating"), 4, 2, state)


def test_a_factorization_machine_by_hand():
    ones = [[1.0, 1.0], [1.0, 1.0]]
    close(by_hand(ones).scores(IDS), (0.85, 1.2, -2.85))
    half = by_hand([[1, 0.5], [0.25, 0]])
    close(half.scores(IDS), (1.6, 0.5125, -0.1))
    close(half.scores(IDS, torch.full((3, 2), 2.0, dtype=torch.float64)), (5.65, 1.1, -1.75))
    close(by_hand([[0.0, 0.0], [0.0, 0.0]]).scores(IDS), (0.35, 0.45, 0.65))


def test_the_pairs_of_a_factorization_machine_are_a_mean_over_dimensions():
    x = torch.tensor([[[1.0, 2.0], [3.0, -1.0]]])
    assert pairs(x).item() == pytest.approx(0.5), "per dimension 3 and -2; their sum would be 1"
    x = torch.randn(4, 5, 3, dtype=torch.float64)
    torch.testing.assert_close(pairs(x), sum((x[:, a] * x[:, b]).mean(1) for a, b in combinations(range(5), 2)))


def test_matrix_factorization_is_an_inner_product_with_biases():
    made = network(NetworkConfig("mf", 2, blocks=(0.5, 0.5)), 4, 2)
    made.table.weight.data.copy_(HAND["feature_embeddings.weight"])
    made.host.biases.weight.data.copy_(HAND["model.feature_biases.weight"])
    made.host.biases.constant.data.fill_(0.05)
    close(made.scores(IDS), (1 * 3 - 2 + 0.35, 0.5 + 1 + 0.45, -6 - 1 + 0.65))


def test_the_interactions_of_xdeepfm_are_products_of_maps_and_fields():
    host = XDeepFM(9, 3, 4, (4, 6), (5,)).double()
    x = torch.randn(2, 3, 4, dtype=torch.float64)
    maps, sums = x, []
    for i, layer in enumerate(host.cin):
        weight = layer.weight.view(len(layer.weight), maps.shape[1], 3)
        made = torch.einsum("ohm,bhk,bmk->bok", weight, maps, x) + layer.bias[:, None]
        made = made.relu()
        maps, out = (made[:, :2], made[:, 2:]) if i == 0 else (made[:, :0], made)
        sums.append(out.sum(-1))
    deep = (x.flatten(1) @ host.layers[0].weight.T + host.layers[0].bias).relu()
    expected = host.out(torch.cat([*sums, deep], 1)).squeeze(1) + host.biases.weight[[[0, 1, 2], [3, 4, 5]], 0].sum(1)
    torch.testing.assert_close(host(x, torch.tensor([[0, 1, 2], [3, 4, 5]]), None), expected)


@pytest.mark.parametrize(
    ("host", "fields", "count"),
    [("fm", 2, 1001), ("mlp", 2, 24833), ("deepfm", 39, 1321002), ("widedeep", 39, 1321002), ("xdeepfm", 39, 3025801)],
)
def test_parameters_of_the_published_sizes(host, fields, count):
    made = make_host(host, 1000, fields, 64, (), (200, 200, 200))
    assert sum(p.numel() for p in made.parameters()) == count


@pytest.mark.parametrize(
    ("change", "fields", "message"),
    [
        ({"host": "neumf", "width": 64}, 2, "NeuMF shares 64 dimensions out in fifths"),
        ({"host": "neumf", "width": 5}, 3, "'neumf' is of a user and an item, but events have 3 fields"),
        ({"host": "mf"}, 1, "'mf' is of a user and an item, but events have 1 field;"),
        ({"host": "xdeepfm", "cin": (3, 4)}, 2, "layers of 3, 4 maps cannot be halved"),
    ],
)
def test_hosts_that_do_not_fit_are_refused(change, fields, message):
    with pytest.raises(InputError) as error:
        network(replace(NetworkConfig(width=4), **change), 12, fields)
    assert message in str(error.value)


@pytest.mark.parametrize("host", ["fm", "mf", "mlp", "neumf", "deepfm", "widedeep", "xdeepfm"])
def test_one_event_is_a_batch_and_the_level_moves_predictions(host):
    made = network(NetworkConfig(host, 5, blocks=FIVE, hidden=(4, 4), cin=(2, 2)), 10, 2)
    one = made.scores(PAIRS[:1])
    assert one.shape == (1,)
    torch.testing.assert_close(one, made.scores(PAIRS)[:1])
    made.host.level.data += 2
    torch.testing.assert_close(made.scores(PAIRS[:1]), one + 2)
