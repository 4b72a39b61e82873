"""Reading a log of 2 million events and holding the last two of every user out, against the usual way in pandas.

Run from the repository: `python benchmarks/logs_reading.py` (half a minute; needs pandas). Each side is a process of
its own and reads the same made file, whose events are in no order: ours is the source `events`, without its cache; the
usual way reads the whole table, sorts it by user and time, numbers users and items, counts each user's events from the
end for the splits and shifts the items for the targets. Both must hold out the same items. `own` is memory that a
process holds itself beyond its libraries; ours lays columns into files.
"""

import hashlib
import json
import sys
import tempfile
import time
from pathlib import Path

from _measure import Memory, in_process, row, save

EVENTS, USERS, ITEMS, ROUNDS = 2_000_000, 60_000, 20_000, 3


def write(path: Path, events: int) -> None:
    """A log whose users and items are of very different frequency."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.csv as pacsv

    rng = np.random.default_rng(0)
    columns = {
        "user": (USERS * rng.random(events) ** 2).astype(int),
        "item": (ITEMS * rng.random(events) ** 3).astype(int),
        "timestamp": rng.integers(1_500_000_000, 1_600_000_000, events),
        "rating": rng.integers(1, 6, events),
    }
    pacsv.write_csv(pa.table(columns), path)


def digest(users: list[str], items: list[str]) -> str:
    return hashlib.sha1("\n".join(sorted(map(" ".join, zip(users, items, strict=True)))).encode()).hexdigest()


def ours(path: str) -> tuple[float, str, str]:
    import numpy as np

    from acteme.recordings.sources import list_data

    list_data  # noqa: B018 - imported before the time counts
    begun = time.process_time()
    corpus = list_data(f"events:{path}")
    seconds = time.process_time() - begun
    names = corpus.catalog["item"].to_numpy()
    told = []
    for split in ("val", "test"):
        part = corpus.select(split)
        last = np.asarray(corpus.arrays["item"])[part.column("offset") + part.frames - 1]
        told.append(digest(part.column("subject").tolist(), names[last - 1].tolist()))
    return seconds, *told


def usual(path: str) -> tuple[float, str, str]:
    import pandas as pd

    begun = time.process_time()
    table = pd.read_csv(path)
    table["user_number"], users = pd.factorize(table["user"])
    table["item_number"], items = pd.factorize(table["item"])
    table = table.sort_values(["user_number", "timestamp"], kind="stable").reset_index(drop=True)
    by = table.groupby("user_number")
    table["target"] = by["item_number"].shift(-1)
    left, size = by.cumcount(ascending=False), by["item"].transform("size")
    held = [table[(left == k) & (size >= 3)] for k in (1, 0)]
    train = table[(left > 1) | (size < 3)]
    seconds = time.process_time() - begun
    assert len(train) + sum(map(len, held)) == len(table) and len(users) and len(items)
    return seconds, *(digest(t["user"].astype(str).tolist(), t["item"].astype(str).tolist()) for t in held)


def imports(side: str) -> None:
    if side == "ours":
        import acteme.recordings.behavior.readers.events
        import acteme.recordings.sources  # noqa: F401
    else:
        import pandas  # noqa: F401


def child(task: str, side: str, path: str) -> None:
    """One measurement, in this process."""
    memory = Memory()
    imports(side)
    if task == "libraries":
        time.sleep(0.1)
        print(json.dumps(memory.peak()))
        return
    seconds, *held = {"ours": ours, "usual": usual}[side](path)
    print(json.dumps({"seconds": seconds, "held": held, **memory.peak()}))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.csv"
        write(path, EVENTS)
        size = path.stat().st_size
        best: dict[str, dict] = {}
        for _ in range(ROUNDS):
            for side in ("ours", "usual"):
                now = in_process(__file__, "read", side, path)
                if side not in best or now["seconds"] < best[side]["seconds"]:
                    best[side] = now
        bare = {side: in_process(__file__, "libraries", side, path)["own"] for side in best}
    assert best["ours"]["held"] == best["usual"]["held"], "the sides hold different items out"
    own = {side: best[side]["own"] - bare[side] for side in best}
    what, against = "reading a log of 2 million events, leave-one-out", "read_csv, sort_values, groupby and shift"
    memory = {"what": f"{what}: memory of its own", "against": against,
              "ratio": float(f"{own['usual'] / own['ours']:.3g}"), "unit": "times less"}  # fmt: skip
    save(
        "logs_reading",
        [row(what, against, best["ours"]["seconds"], best["usual"]["seconds"]), memory],
        f"taking the text apart and numbering names; memory, {own['ours']:.0f} MB where the usual way takes "
        f"{own['usual']:.0f}, by the pieces that are worked on at a time, whatever the size of the file",
        megabytes=round(size / 1e6),
        memory_megabytes={side: round(value, 1) for side, value in own.items()},
    )


if __name__ == "__main__":
    child(*sys.argv[1:]) if len(sys.argv) > 1 else main()
