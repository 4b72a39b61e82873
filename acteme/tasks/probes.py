"""What features are worth: classifiers trained on frozen features, and label subsets for semi-supervised protocols.

Every protocol takes training features with labels and test features, and gives scores (n, classes) for the test
features, to be measured by `recognition.measure`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from sklearn.linear_model import LogisticRegression

from acteme.errors import InputError

FRACTIONS = (0.01, 0.05, 0.1)
"""Shares of labels in the semi-supervised protocol."""


@dataclass(frozen=True)
class LinearProbe:
    """Settings of the linear protocol; defaults as HaLP uses on NTU (on PKU-MMD II it lowers `lr` to 0.001)."""

    lr: float = 0.005
    """Learning rate of SGD."""
    momentum: float = 0.9
    """Momentum of SGD."""
    epochs: int = 80
    """Passes over the training features."""
    milestones: tuple[int, ...] = (50, 70)
    """Epochs at which the learning rate falls to a tenth."""
    weight_decay: float = 0.0
    """L2 penalty."""
    batch: int = 64
    """Features per step."""
    deviation: float = 0.01
    """Standard deviation of the initial weights; biases start at zero."""
    seed: int = 0
    """Of the initial weights and the order of the features."""


def linear(
    train: Float[np.ndarray, "n d"],
    label: Int[np.ndarray, " n"],
    test: Float[np.ndarray, "m d"],
    classes: int,
    config: LinearProbe | None = None,
    after_epoch: Callable[[int, Float[np.ndarray, "m k"]], None] | None = None,
) -> Float[np.ndarray, "m k"]:
    """Scores of a linear layer trained with SGD and cross-entropy: those after the last epoch.

    Published tables often report the best test accuracy over epochs, which chooses by the test labels. `after_epoch`
    (epoch, test scores) sees every epoch for whoever wants that number too.
    """
    train, label, test = _checked(train, label, test, classes)
    c = config or LinearProbe()
    rng = torch.Generator().manual_seed(c.seed)
    x, y, queries = torch.from_numpy(train), torch.from_numpy(label), torch.from_numpy(test)
    weight = (torch.randn(classes, x.shape[1], generator=rng) * c.deviation).requires_grad_()
    bias = torch.zeros(classes, requires_grad=True)
    optimizer = torch.optim.SGD([weight, bias], lr=c.lr, momentum=c.momentum, weight_decay=c.weight_decay)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, list(c.milestones))
    for epoch in range(c.epochs):
        for rows in torch.randperm(len(x), generator=rng).split(c.batch):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(x[rows] @ weight.T + bias, y[rows]).backward()
            optimizer.step()
        schedule.step()
        if after_epoch is not None:
            after_epoch(epoch, _affine(queries, weight, bias))
    return _affine(queries, weight, bias)


def _affine(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> Float[np.ndarray, "m k"]:
    with torch.no_grad():
        return (x @ weight.T + bias).numpy()


def ridge(
    train: Float[np.ndarray, "n d"],
    label: Int[np.ndarray, " n"],
    test: Float[np.ndarray, "m d"],
    classes: int,
    penalty: float = 1.0,
) -> Float[np.ndarray, "m k"]:
    """Scores of the closed-form ridge regression of one-hot labels on standardized features, intercept not penalized.

    Solved in the smaller of the feature and the sample space: no epochs, no learning rate, the same answer every time.
    """
    train, label, test = _checked(train, label, test, classes)
    x, queries = (v.astype(np.float64) for v in _standardized(train, test))
    target = np.eye(classes)[label]
    center = target.mean(axis=0)
    target = target - center
    if x.shape[1] <= len(x):
        weight = np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ target)
    else:
        weight = x.T @ np.linalg.solve(x @ x.T + penalty * np.eye(len(x)), target)
    return queries @ weight + center


def logistic(
    train: Float[np.ndarray, "n d"],
    label: Int[np.ndarray, " n"],
    test: Float[np.ndarray, "m d"],
    classes: int,
    penalty: float = 1.0,
) -> Float[np.ndarray, "m k"]:
    """Class probabilities of a multinomial logistic regression (L2, L-BFGS) on standardized features.

    Classes without a training sample get probability 0.
    """
    train, label, test = _checked(train, label, test, classes)
    x, queries = _standardized(train, test)
    scores = np.zeros((len(test), classes))
    present = np.unique(label)
    if len(present) == 1:
        scores[:, present] = 1.0
        return scores
    model = LogisticRegression(C=1 / penalty, max_iter=1000).fit(x, label)
    scores[:, present] = model.predict_proba(queries)
    return scores


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


Protocol = Callable[
    [Float[np.ndarray, "n d"], Int[np.ndarray, " n"], Float[np.ndarray, "m d"], int], Float[np.ndarray, "m k"]
]

PROTOCOLS: dict[str, Protocol] = {
    "linear": linear,
    "ridge": ridge,
    "logistic": logistic,
    "1nn": knn,
    "knn": lambda train, label, test, classes: knn(train, label, test, classes, k=20, temperature=0.07),
}
"""Name to protocol: `linear` (SGD), `ridge`, `logistic`, `1nn`, and `knn` (20 neighbors, weighted votes)."""


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


def _standardized(
    train: Float[np.ndarray, "n d"], test: Float[np.ndarray, "m d"]
) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, "m d"]]:
    """Zero mean and unit deviation over the training features; a constant feature becomes zero in training."""
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    deviation = np.where(deviation > 1e-8, deviation, 1.0)
    return (train - mean) / deviation, (test - mean) / deviation


def _unit(x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
