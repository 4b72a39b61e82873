"""The adjacency figures of the published graphs, and both ways to use them."""

import numpy as np
import pytest
import torch

from acteme.errors import InputError
from acteme.recordings.skeleton.adjacency import (
    aggregate,
    distance,
    hops,
    k_adjacency,
    k_hop,
    matrix,
    neighbors,
    normalize_columns,
    spatial,
    stgcn_spatial,
    uniform,
)
from acteme.recordings.skeleton.layouts import LAYOUTS, layout

NTU, PYSKL, OPENPOSE = layout("ntu25"), layout("ntu25_pyskl"), layout("openpose18")
EACH = pytest.mark.parametrize("body", LAYOUTS.values(), ids=LAYOUTS)


def links(stack):
    return [int((subset > 0).sum()) for subset in stack]


def test_a_link_is_written_to_the_row_of_its_end():
    a = matrix([(0, 2), (1, 2)], 3)
    assert a[2].tolist() == [1, 1, 0] and not a[:2].any()


def test_columns_are_normalized_and_empty_ones_stay():
    a = normalize_columns(np.array([[1.0, 0, 2], [1, 0, 0], [2, 0, 2]]))
    np.testing.assert_allclose(a, [[0.25, 0, 0.5], [0.25, 0, 0], [0.5, 0, 0.5]])


def test_spatial_partition_of_ntu():
    a = spatial(NTU)
    own, inward, outward = a
    assert a.shape == (3, 25, 25) and a.sum((1, 2)).tolist() == [25, 24, 20]
    np.testing.assert_array_equal(own, np.eye(25))
    assert not inward[:, 20].any() and inward[1, 0] == 1
    np.testing.assert_array_equal(inward.sum(0), np.arange(25) != 20)
    assert {v: outward[v, 20] for v in np.flatnonzero(outward[:, 20])} == {1: 0.25, 2: 0.25, 4: 0.25, 8: 0.25}
    assert outward[12, 0] == outward[16, 0] == 0.5


def test_spatial_partition_on_the_pyskl_tree():
    assert spatial(PYSKL).sum((1, 2)).tolist() == [25, 24, 18]


@EACH
def test_spatial_partition_has_one_parent_per_joint(body):
    _, inward, outward = spatial(body)
    assert all(inward[parent, child] == 1 for child, parent in body.edges)
    assert inward.sum() == body.count - 1
    np.testing.assert_allclose(np.unique(outward.sum(0)), [0, 1], atol=1e-6)


def test_hop_distances_to_the_center():
    ntu = [2, 1, 1, 2, 1, 2, 3, 4, 1, 2, 3, 4, 3, 4, 5, 6, 3, 4, 5, 6, 0, 6, 5, 6, 5]
    assert hops(NTU)[NTU.center].tolist() == ntu
    assert hops(PYSKL)[PYSKL.center].tolist() == [*ntu[:21], 5, 5, 5, 5]
    openpose = [1, 0, 1, 2, 3, 1, 2, 3, 2, 3, 4, 2, 3, 4, 2, 2, 3, 3]
    assert hops(OPENPOSE)[OPENPOSE.center].tolist() == openpose


@EACH
def test_hops_are_a_metric_of_the_tree(body):
    d = hops(body)
    np.testing.assert_array_equal(d, d.T)
    assert ((d == 0) == np.eye(body.count, dtype=bool)).all()
    np.testing.assert_array_equal(d == 1, neighbors(body) > 0)
    assert (d[:, :, None] <= d[:, None, :] + d.T[None, :, :]).all()


@pytest.mark.parametrize(
    ("body", "true", "official"),
    [
        (NTU, [25, 24, 24], [25, 40, 8]),
        (PYSKL, [25, 24, 24], [25, 40, 8]),
        (OPENPOSE, [18, 17, 17], [18, 25, 9]),
    ],
    ids=lambda v: v.name if hasattr(v, "name") else "",
)
def test_stgcn_partition_with_true_and_with_official_distances(body, true, official):
    assert links(stgcn_spatial(body)) == true
    assert links(stgcn_spatial(body, official=True)) == official
    np.testing.assert_allclose(stgcn_spatial(body).sum(0), uniform(body)[0])
    np.testing.assert_allclose(stgcn_spatial(body, official=True).sum(0), uniform(body)[0])


def test_stgcn_partition_puts_nearer_joints_last():
    a = stgcn_spatial(NTU)
    # links (row, column): the wrist is nearer to the center than the hand
    assert a[2][6, 7] > 0 and a[1][7, 6] > 0 and a[2][7, 6] == a[1][6, 7] == 0
    # hand and wrist are both infinitely far for the official code
    official = stgcn_spatial(NTU, official=True)
    assert official[1][6, 7] > 0 and official[1][7, 6] > 0


@pytest.mark.parametrize("max_hop", [1, 2, 3])
@EACH
def test_hop_normalized_partitions_add_up(body, max_hop):
    whole = uniform(body, max_hop)
    assert whole.shape == (1, body.count, body.count)
    np.testing.assert_allclose(whole[0].sum(0), 1, rtol=1e-5)
    by_hop = distance(body, max_hop)
    assert len(by_hop) == max_hop + 1
    np.testing.assert_allclose(by_hop.sum(0), whole[0])
    assert len(stgcn_spatial(body, max_hop)) == 2 * max_hop + 1


def test_k_adjacency_is_the_pairs_k_steps_apart():
    a = neighbors(NTU)
    for k in range(6):
        np.testing.assert_array_equal(k_adjacency(a, k) > 0, hops(NTU) == k)
    np.testing.assert_array_equal(k_adjacency(a, 2, self_factor=1), k_adjacency(a, 2) + np.eye(25))
    assert k_adjacency(a, 0).tolist() == np.eye(25).tolist()
    with pytest.raises(InputError, match="k: joints cannot be -1 steps apart"):
        k_adjacency(a, -1)


def test_k_hop_matrices_lose_links_as_k_grows():
    nonzero = [int(((np.eye(25) - k_hop(NTU, k)) != 0).sum()) for k in (1, 2, 3, 6, 7, 8)]
    assert nonzero == [24, 22, 17, 4, 2, 0]
    a = k_hop(NTU, 7)
    assert a[21, 20 - 19] == -1 and a[21, 21] == 1


def test_both_conventions_of_aggregation():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 25))
    inward = spatial(NTU)[1].astype(float)
    columns, rows = aggregate(x, inward), aggregate(x, inward, "rows")
    np.testing.assert_allclose(columns, np.einsum("nctv,vw->nctw", x, inward))
    np.testing.assert_allclose(rows, np.einsum("uv,nctv->nctu", inward, x))
    np.testing.assert_allclose(rows, aggregate(x, inward.T))
    # what a joint gets through the inward matrix: its parent's value, or the sum of its children's
    np.testing.assert_allclose(columns[..., 5], x[..., 4])
    np.testing.assert_allclose(rows[..., 20], x[..., [1, 2, 4, 8]].sum(-1))
    np.testing.assert_allclose(columns[..., 20], 0)
    torch.testing.assert_close(aggregate(torch.from_numpy(x), torch.from_numpy(inward), "rows"), torch.from_numpy(rows))
