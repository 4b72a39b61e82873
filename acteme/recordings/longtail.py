"""Long-tailed training splits of any data set: few recordings of some classes, as many as there are of others.

The exponential profile of the long-tailed benchmarks (Cui et al., Class-Balanced Loss, CVPR 2019; of NTU RGB+D: BRL,
2023): class c of C, in the order of the labels, keeps

    n_c = int(n_0 F^(-c / (C - 1)))

recordings, F times as many of the first class as of the last. Which ones: the first n_c of a shuffle of the class by
NumPy's legacy generator of seed 0, class after class, recordings in the order of their names. On NTU RGB+D 120,
cross-setup, these are exactly the published lists of BRL; its other lists were drawn from names in other orders and
are to be had by `longtail=FILE`.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int

from acteme.errors import InputError
from acteme.recordings.corpus import Corpus

SHOWN = 3
"""Names that a message lists."""


def profile(most: int, imbalance: float, classes: int) -> Int[np.ndarray, " k"]:
    """How many recordings each class keeps: `most` of the first, `imbalance` times fewer of the last."""
    share = (1 / imbalance) ** (np.arange(classes) / max(classes - 1, 1))
    return (most * share).astype(np.int64)


def draw(
    name: Sequence[str] | np.ndarray, label: Int[np.ndarray, " n"], keep: Int[np.ndarray, " k"]
) -> Int[np.ndarray, " m"]:
    """Rows of `keep` recordings of each class (all, where it has fewer), class after class."""
    rng, order, kept = np.random.RandomState(0), np.argsort(np.asarray(name), kind="stable"), []
    for k, count in enumerate(keep):
        rows = order[np.asarray(label)[order] == k]
        kept.append(rows[rng.permutation(len(rows))[:count]])
    return np.concatenate([np.zeros(0, np.int64), *kept])


def options(
    imbalance: float | None = None, most: int | None = None, longtail: Path | None = None
) -> Callable[[Corpus], Corpus]:
    """Thins out the training recordings of a data set; for the arguments see `sources.common`.

    Returns:
        What gives of a corpus the part that is asked for.

    Raises:
        InputError: options that contradict each other or are out of their range; of the result: fewer recordings than
            asked for, a class that would have none, a file that cannot be read or names other recordings.
    """
    if imbalance is not None and longtail is not None:
        raise InputError("both an imbalance and a list of names were given", "longtail", "give one of them")
    if most is not None and imbalance is None:
        raise InputError("`most` says nothing without an imbalance", "most", "add imbalance=100")
    if imbalance is not None and imbalance < 1:
        raise InputError(f"an imbalance of {imbalance:g}", "imbalance", "give 1 or more")
    if most is not None and most < 1:
        raise InputError(f"{most} recordings of the first class", "most", "give 1 or more")
    if imbalance is not None:
        return lambda corpus: _thinned(corpus, imbalance, most)
    return lambda corpus: corpus if longtail is None else _listed(corpus, longtail)


def _training(corpus: Corpus) -> np.ndarray:
    """Which recordings are for training: the split `train`, or all where no split is named."""
    split = corpus.column("split")
    return split == "train" if any(split) else np.ones(len(corpus), bool)


def _kept(corpus: Corpus, training: np.ndarray, rows: np.ndarray) -> Corpus:
    """The corpus with `rows` of its training recordings, and all that are not for training, in the order they have."""
    keep = ~training
    keep[rows] = True
    return corpus.select(rows=keep)


def _thinned(corpus: Corpus, imbalance: float, most: int | None) -> Corpus:
    training, label, classes = _training(corpus), corpus.label, corpus.spec.classes
    rows = np.flatnonzero(training & (label >= 0))
    if not len(rows):
        raise InputError("no training recording has a single label", "imbalance", "give trimmed, labeled clips")
    have = np.bincount(label[rows], minlength=len(classes))
    possible = _possible(have, imbalance)
    most = possible if most is None else most
    wanted = profile(most, imbalance, len(classes))
    lacking = np.flatnonzero(have < wanted)
    if len(lacking):
        k = lacking[0]
        enough = profile(possible, imbalance, len(classes)).all()
        mend = f"give most={possible} or less" if enough else "lower the imbalance, or give more recordings of it"
        what = f"class '{classes[k]}' has {have[k]} training recordings of {wanted[k]} that are asked for"
        raise InputError(what + (f", and {len(lacking) - 1} more classes lack some" if len(lacking) > 1 else ""),
                         f"imbalance={imbalance:g}&most={most}", mend)  # fmt: skip
    if not wanted.all():
        k = int(np.argmin(wanted > 0))
        what = f"class '{classes[k]}' would be left with no training recording"
        mend = "lower the imbalance" + (f", or give most={int(np.ceil(imbalance))} or more" if most < possible else "")
        raise InputError(what, f"imbalance={imbalance:g}&most={most}", mend)
    return _kept(corpus, training, rows[draw(corpus.column("name")[rows], label[rows], wanted)])


def _possible(have: Int[np.ndarray, " k"], imbalance: float) -> int:
    """The greatest number of the first class for which every class has enough recordings."""
    most = int(((have + 1) / profile(1 << 40, imbalance, len(have)) * (1 << 40)).min()) + 1
    while most and (profile(most, imbalance, len(have)) > have).any():
        most -= 1
    return most


def _listed(corpus: Corpus, file: Path) -> Corpus:
    training = _training(corpus)
    wanted = _names(file)
    rows = np.flatnonzero(training)
    names = corpus.column("name")[rows]
    lacking = sorted(wanted - set(names.tolist()))
    if len(lacking) > len(corpus.left_out):  # those of bad recordings that were left out may lack
        what = f"{len(lacking)} of {len(wanted)} names are no training recordings of the data: {_some(lacking)}"
        have = f"; the data has {_some(names[:SHOWN].tolist())}, ..." if len(lacking) == len(wanted) else ""
        raise InputError(what + have, file, "give the list that belongs to the data and its protocol")
    return _kept(corpus, training, rows[np.isin(names, sorted(wanted))])


def _names(file: Path) -> set[str]:
    """The names in a file, one a line, each once."""
    try:
        lines = [line.strip() for line in file.expanduser().read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise InputError(f"cannot be read: {problem}", file, "give a text file of names, one a line") from error
    wanted = [line for line in lines if line]
    if not wanted:
        raise InputError("names no recording", file, "write one name a line")
    return set(wanted)


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:SHOWN]) + (f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else "")
