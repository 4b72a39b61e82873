"""Graphs of skeletons as matrices, for graph convolutions.

An adjacency A (V, V) here has A[j, i] = 1 for a link (i, j): column i holds where joint i's edge leads to. With edges
(child, parent) the inward matrix therefore has In[parent, child] = 1. Two families of papers use the same matrices in
transposed ways, see `aggregate`. Partitions are stacks (K, V, V), one convolution weight per subset. They equal
PYSKL's `Graph` on its three layouts to the rounding of float32, the ST-GCN partition with `official=True`.
"""

from collections.abc import Iterable
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from acteme.errors import InputError
from acteme.recordings.skeleton.layouts import Layout

Square = Float[np.ndarray, "V V"]
Stack = Float[np.ndarray, "K V V"]


def matrix(edges: Iterable[tuple[int, int]], count: int) -> Square:
    """A[j, i] = 1 for every link (i, j) ("edge2mat")."""
    a = np.zeros((count, count), np.float32)
    for i, j in edges:
        a[j, i] = 1
    return a


def normalize_columns(a: Float[np.ndarray, "... V V"]) -> Float[np.ndarray, "... V V"]:
    """A D^-1: every column sums to 1, columns of zeros stay."""
    total = a.sum(-2, keepdims=True)
    return a / np.where(total > 0, total, 1)


def spatial(layout: Layout) -> Stack:
    """Self, inward and outward links, the last two with normalized columns (2s-AGCN, CTR-GCN, PSUMNet, PYSKL)."""
    inward = matrix(layout.edges, layout.count)
    return np.stack([np.eye(layout.count, dtype=np.float32), normalize_columns(inward), normalize_columns(inward.T)])


def neighbors(layout: Layout) -> Square:
    """1 where two joints share an edge, in either direction; 0 on the diagonal."""
    a = matrix(layout.edges, layout.count)
    return np.maximum(a, a.T)


def hops(layout: Layout) -> Int[np.ndarray, "V V"]:
    """Number of edges between any two joints."""
    reach = neighbors(layout) + np.eye(layout.count, dtype=np.float32)
    distance = np.full((layout.count, layout.count), layout.count, np.int64)
    power = np.eye(layout.count, dtype=np.float32)
    for hop in range(layout.count):
        distance[(power > 0) & (distance == layout.count)] = hop
        if distance.max() < layout.count:
            break
        power = np.minimum(power @ reach, 1)
    return distance


def uniform(layout: Layout, max_hop: int = 1) -> Stack:
    """ST-GCN's 'uniform' partition: one matrix of all links up to `max_hop` hops, columns normalized. (1, V, V)."""
    return normalize_columns((hops(layout) <= max_hop).astype(np.float32))[None]


def distance(layout: Layout, max_hop: int = 1) -> Stack:
    """ST-GCN's 'distance' partition: the links of `uniform`, one subset per hop distance. (max_hop + 1, V, V)."""
    far, links = hops(layout), uniform(layout, max_hop)[0]
    return np.stack([np.where(far == hop, links, 0) for hop in range(max_hop + 1)])


def stgcn_spatial(layout: Layout, max_hop: int = 1, *, official: bool = False) -> Stack:
    """ST-GCN's 'spatial' partition: the links of `uniform` by hop distance and by direction to the center.

    Subset 0 holds the links of hop 0. Each further hop has two subsets: the links A[j, i] where j is as far from the
    center as i or further, then those where j is nearer.

    Args:
        layout: the skeleton; distances are counted from `layout.center`.
        max_hop: links of up to so many hops.
        official: as the official code (and PYSKL's `stgcn_spatial`) has it, where every joint further than `max_hop`
            from the center is infinitely far, so that all links among those count as "same distance": on NTU RGB+D the
            subsets then have 25, 40 and 8 links instead of 25, 24 and 24.
    """
    far, links = hops(layout), uniform(layout, max_hop)[0]
    depth = far[layout.center].astype(np.float64)
    if official:
        depth[depth > max_hop] = np.inf
    nearer = depth[:, None] < depth[None, :]
    subsets = [np.where(far == 0, links, 0)]
    for hop in range(1, max_hop + 1):
        at_hop = np.where(far == hop, links, 0)
        subsets += [np.where(nearer, 0, at_hop), np.where(nearer, at_hop, 0)]
    return np.stack(subsets)


def k_adjacency(a: Square, k: int, self_factor: float = 0.0) -> Square:
    """Pairs exactly k steps apart: min((A + I)^k, 1) - min((A + I)^(k-1), 1), plus `self_factor` I (MS-G3D).

    For k = 0 the identity. Raises InputError for a negative k.
    """
    if k < 0:
        raise InputError(f"joints cannot be {k} steps apart", "k", "give 0 or more")
    eye = np.eye(len(a), dtype=a.dtype)
    if k == 0:
        return eye
    steps = [np.minimum(np.linalg.matrix_power(a + eye, power), 1) for power in (k, k - 1)]
    return steps[0] - steps[1] + np.asarray(self_factor, a.dtype) * eye


def k_hop(layout: Layout, k: int, root: int = 1) -> Square:
    """I - A^k with A[child, parent] = 1 on the tree hung up at `root` (InfoGCN, GAP).

    Row v is the k-hop bone of joint v; see `streams.k_hop`, which gathers instead of multiplying.
    """
    parents = layout.rooted(root)
    a = np.zeros((layout.count, layout.count), np.float32)
    for child, parent in enumerate(parents):
        a[child, parent] = child != parent
    return np.eye(layout.count, dtype=np.float32) - np.linalg.matrix_power(a, k)


def aggregate(
    x: Float[np.ndarray, "... V"], a: Square, output: Literal["columns", "rows"] = "columns"
) -> Float[np.ndarray, "... V"]:
    """What a graph convolution does with an adjacency, in either convention.

    "columns": y[w] = sum_v x[v] A[v, w] ('nkctv,kvw->nctw': ST-GCN, 2s-AGCN, PYSKL, also PYSKL's own CTR-GCN). With the
    inward matrix a joint gets what its parent holds.
    "rows": y[u] = sum_v A[u, v] x[v] ('ncuv,nctv->nctu': CTR-GCN, PSUMNet, GAP), the same matrix transposed. With the
    inward matrix a joint gets what its children hold; the columns of A are normalized, so that the weights of what
    reaches one joint need not sum to 1.
    """
    return x @ (a if output == "columns" else a.swapaxes(-1, -2))
