"""What a log holds, in lines for who looks at it."""

from collections.abc import Iterator

import numpy as np

from acteme.recordings.corpus import Corpus

A_YEAR = 31_536_000
"""Times from this on are seconds since 1970; lower ones count something else."""


def facts(corpus: Corpus) -> Iterator[tuple[str, str]]:
    """What a log holds, in the words of logs."""
    spec, arrays, split = corpus.spec, corpus.arrays, corpus.column("split")
    yield "events", f"{max(map(len, arrays.values())):,}"
    who = corpus.column("subject")
    alone = len(corpus) == len(set(split.tolist())) and not (who != "").any()
    whose = "recordings"
    if alone:
        yield "users", "none: every event stands for itself"
    else:
        whose, most = ("users", _most(who, corpus.frames)) if (who != "").all() else (whose, corpus.frames)
        some = f"{most.min():,} to {most.max():,} events (median {np.median(most):,g})"
        yield whose, f"{len(most):,}, with {some if most.min() < most.max() else f'{most[0]:,} each'}"
    if spec.items:
        known = corpus.catalog
        titled = known["title"] if known is not None and "title" in known.column_names else None
        more = "" if titled is None else f", {len(titled) - titled.null_count:,} with a title"
        yield "items", f"{spec.items:,}{more}"
    if spec.fields:
        sizes = (f"{name} ({n - 1:,} value{'s' * (n != 2)})" for name, n in zip(spec.fields, spec.sizes, strict=True))
        yield "fields", ", ".join(sizes)
    if "when" in arrays and (first := int(arrays["when"].min())) > A_YEAR:
        last = int(arrays["when"].max())
        yield "time", " to ".join(str(np.datetime64(t, "s").astype("datetime64[D]")) for t in (first, last))
    if "outcome" in arrays:
        least, most_of = float(arrays["outcome"].min()), float(arrays["outcome"].max())
        mean = float(np.mean(arrays["outcome"], dtype=np.float64))
        yield "outcome", f"{least:g} to {most_of:g}, {mean:.3g} on average"
    names = {"train": "for training", "val": "for validation", "test": "for the test"}
    parts = sorted(set(split.tolist()), key=lambda name: [*names, name].index(name))
    much = [int(corpus.frames[split == n].sum() if alone else (split == n).sum()) for n in parts]
    unit = "events" if alone else whose
    told = (f"{size:,} {unit} {names.get(n, n or 'in none')}" for size, n in zip(much, parts, strict=True))
    yield "splits", ", ".join(told)


def _most(who: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Frames of the longest recording of each subject."""
    names, number = np.unique(who, return_inverse=True)
    most = np.zeros(len(names), np.int64)
    np.maximum.at(most, number, frames)
    return most
