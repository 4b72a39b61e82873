"""Which recordings of your own data are for training and which for testing, where the table does not say."""

import hashlib
from collections.abc import Sequence

TEST = 0.2
"""Share of subjects or files for testing."""


def split(files: Sequence[str], subjects: Sequence[str], labeled: Sequence[bool]) -> list[str]:
    """`train`, `test` or nothing for each recording.

    With at least two subjects, whole subjects go to the test (a recording without one counts as a subject called ""),
    else single files. A fifth of them, at least one, is chosen by the order of the hashes of their names, which is the
    same everywhere and little changed by new ones. A single recording is for training. Recordings without any label are
    in no split, as they can neither be scored nor count as showing no action; if none has a label all are for training.
    """
    if not any(labeled):
        return ["train"] * len(files)
    by_subject = len({s for s, known in zip(subjects, labeled, strict=True) if known}) > 1
    units = subjects if by_subject else files
    ranked = sorted({u for u, known in zip(units, labeled, strict=True) if known}, key=_hash)
    count = max(1, round(TEST * len(ranked))) if len(ranked) > 1 else 0
    test = set(ranked[:count])
    return [("test" if u in test else "train") if known else "" for u, known in zip(units, labeled, strict=True)]


def _hash(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
