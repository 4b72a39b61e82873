"""What features are worth without training a network on them: nearest neighbors; and subsets of labels."""

import numpy as np
import torch
from jaxtyping import Float, Int

from acteme.errors import InputError


def knn(
    train: Float[np.ndarray, "n d"],
    label: Int[np.ndarray, " n"],
    test: Float[np.ndarray, "m d"],
    classes: int,
    k: int = 1,
    temperature: float | None = None,
    chunk: int = 4096,
) -> Float[np.ndarray, "m k"]:
    """Votes of the k nearest training features by cosine similarity (1-NN by default).

    Args:
        train: training features.
        label: their classes.
        test: features to classify.
        classes: number of classes.
        k: neighbors; all where there are fewer.
        temperature: a vote weighs exp(similarity / temperature), relative to the nearest neighbor; None: one each.
        chunk: test features compared at a time.
    """
    train, label, test = _checked(train, label, test, classes)
    if k < 1 or (temperature is not None and temperature <= 0):
        raise InputError(f"k-NN with k = {k}, temperature {temperature}", mend="both must be positive")
    base, queries = (torch.from_numpy(_unit(x)) for x in (train, test))
    votes = torch.nn.functional.one_hot(torch.from_numpy(label), classes).float()
    k = min(k, len(base))
    scores = []
    for part in queries.split(chunk):
        similarity, at = (part @ base.T).topk(k, dim=1)
        weight = torch.ones_like(similarity)
        if temperature is not None:
            weight = ((similarity - similarity[:, :1]) / temperature).exp()
        scores.append((weight[..., None] * votes[at]).sum(dim=1))
    return torch.cat(scores).numpy()


def label_subset(label: Int[np.ndarray, " n"], fraction: float, seed: int = 0) -> Int[np.ndarray, " m"]:
    """Rows of a stratified share of the labeled samples: of each class round(fraction * count), at least one.

    The same for the same labels, fraction and seed; for one seed a smaller fraction's rows are among a larger one's.
    Samples without a class (-1) are never taken.
    """
    if not 0 < fraction <= 1:
        raise InputError(f"a share of labels of {fraction}", mend="give a fraction above 0 and at most 1")
    label = np.asarray(label)
    draw = np.random.default_rng(seed).permutation(len(label))
    order = draw[np.argsort(label[draw], kind="stable")]
    order = order[label[order] >= 0]
    _, first, count = np.unique(label[order], return_index=True, return_counts=True)
    place = np.arange(len(order)) - np.repeat(first, count)
    take = np.maximum(np.rint(fraction * count), 1)
    return np.sort(order[place < np.repeat(take, count)])


def _checked(
    train: Float[np.ndarray, "n d"], label: Int[np.ndarray, " n"], test: Float[np.ndarray, "m d"], classes: int
) -> tuple[Float[np.ndarray, "n d"], Int[np.ndarray, " n"], Float[np.ndarray, "m d"]]:
    """Labeled training features, their labels and the test features as arrays; InputError where they do not match."""
    train, test = (np.ascontiguousarray(x, np.float32) for x in (train, test))
    label = np.asarray(label)
    if train.ndim != 2 or test.ndim != 2 or train.shape[1] != test.shape[1]:
        raise InputError(f"training features of shape {train.shape} do not match test features of shape {test.shape}")
    if label.shape != train.shape[:1]:
        raise InputError(f"{len(train)} training features but labels of shape {label.shape}")
    known = label >= 0
    if not known.any():
        raise InputError("no training feature has a class", mend="a probe needs labeled training recordings")
    if label.max() >= classes:
        raise InputError(f"label {label.max()} is out of range for {classes} classes")
    for name, x in (("training", train), ("test", test)):
        if not np.isfinite(x).all():
            raise InputError(f"{name} feature {int(np.argwhere(~np.isfinite(x))[0][0])} is not finite")
    return train[known], label[known].astype(np.int64), test


def _unit(x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
