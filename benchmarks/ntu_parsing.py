"""How fast `.skeleton` files of NTU RGB+D are parsed, against the usual scripts.

Run from the repository: `python benchmarks/ntu_parsing.py`. All readers get the same generated files in one run,
turn by turn, and must find the same coordinates; of every file the fastest turn counts, in processor time.
Those that read line by line, written from what the scripts do:

- 2s-AGCN: every value of every body and joint by name, in dictionaries; then x, y, z of up to four persons.
- CTR-GCN: x, y, z and the place in the color image, an array per joint, stacked frame by frame for each body ID.
- x, y, z and nothing else: the least that a loop over lines can do. (No script that is in use does just that.)
"""

import tempfile
from functools import partial
from pathlib import Path

from _measure import fastest, row, save  # isort: skip

import numpy as np

from acteme.recordings.skeleton.readers.ntu_file import Bodies, parse

FILES, ROUNDS = 24, 10
BODY = ("id", "clipped", "left confidence", "left state", "right confidence", "right state", "restricted",
        "lean x", "lean y", "state")  # fmt: skip
JOINT = ("x", "y", "z", "depth x", "depth y", "color x", "color y", "w", "turn x", "turn y", "turn z", "state")


def write_clip(path: Path, frames: int, bodies: int, rng: np.random.Generator) -> None:
    """A clip with random values, in the format and to the precision of the data set."""
    lines = [str(frames)]
    for _ in range(frames):
        lines.append(str(bodies))
        for body in range(bodies):
            lines += [f"{72057594037931101 + body} 0 1 1 1 1 0 0.02300 -0.0958 2", "25"]
            xyz = rng.normal([0, 0, 3], 0.5, (25, 3))
            pixels = rng.uniform(100, 400, (25, 4))
            turn = rng.normal(0, 0.5, (25, 4))
            for joint in range(25):
                numbers = [f"{v:.7g}" for v in (*xyz[joint], *pixels[joint], *turn[joint])]
                lines.append(" ".join([*numbers, "2"]))
    path.write_text("\r\n".join(lines) + "\r\n", newline="")


def read_by_name(path: Path) -> np.ndarray:
    """As 2s-AGCN does: (4 persons, frames, 25, 3)."""
    frames = []
    with path.open() as file:
        for _ in range(int(file.readline())):
            bodies = []
            for _ in range(int(file.readline())):
                body = {name: float(v) for name, v in zip(BODY, file.readline().split(), strict=True)}
                joints = [
                    {name: float(v) for name, v in zip(JOINT, file.readline().split(), strict=True)}
                    for _ in range(int(file.readline()))
                ]
                bodies.append((body, joints))
            frames.append(bodies)
    data = np.zeros((4, len(frames), 25, 3))
    for t, bodies in enumerate(frames):
        for person, (_, joints) in enumerate(bodies):
            for j, joint in enumerate(joints):
                if person < 4 and j < 25:
                    data[person, t, j] = [joint["x"], joint["y"], joint["z"]]
    return data


def read_by_body(path: Path) -> dict[str, np.ndarray]:
    """As CTR-GCN does: (frames * 25, 3) of each body."""
    with path.open() as file:
        lines = file.readlines()
    places: dict[str, np.ndarray] = {}
    colors: dict[str, np.ndarray] = {}
    at = 1
    for _ in range(int(lines[0])):
        bodies = int(lines[at])
        at += 1
        for _ in range(bodies):
            name, count = lines[at].split()[0], int(lines[at + 1])
            at += 2
            place, color = np.zeros((25, 3), np.float32), np.zeros((1, 25, 2), np.float32)
            for j in range(count):
                words = lines[at].split()
                place[j] = np.array(words[:3], np.float32)
                color[0, j] = np.array(words[5:7], np.float32)
                at += 1
            places[name] = np.vstack((places[name], place)) if name in places else place
            colors[name] = np.vstack((colors[name], color)) if name in colors else color
    return places


def read_barely(path: Path) -> np.ndarray:
    """x, y, z of all bodies, (bodies, 25, 3)."""
    joints = []
    with path.open() as file:
        for _ in range(int(file.readline())):
            for _ in range(int(file.readline())):
                file.readline()
                count = int(file.readline())
                joints.append([[float(v) for v in file.readline().split(None, 3)[:3]] for _ in range(count)])
    return np.array(joints, np.float32)


def check(path: Path, ours: Bodies) -> None:
    """All readers must find the same."""
    persons = np.zeros((4, ours.frames, 25, 3), np.float32)
    persons[ours.slot, ours.frame] = ours.joints
    assert np.array_equal(persons, read_by_name(path).astype(np.float32))
    for k, joints in enumerate(read_by_body(path).values()):
        assert np.array_equal(ours.joints[ours.track == k].reshape(-1, 3), joints)
    assert np.array_equal(ours.joints, read_barely(path))


def main() -> None:
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"S001C001P001R001A{n + 1:03d}.skeleton" for n in range(FILES)]
        for n, path in enumerate(files):
            write_clip(path, frames=int(rng.integers(60, 150)), bodies=1 + n % 2, rng=rng)
            check(path, parse(path))
        size = sum(path.stat().st_size for path in files)
        readers = (parse, read_by_name, read_by_body, read_barely)
        # one reader after the other, as a data set is read
        seconds = fastest({(f.__name__, path): partial(f, path) for f in readers for path in files}, ROUNDS)
    total = {f.__name__: sum(seconds[f.__name__, path] for path in files) for f in readers}
    ours = total["parse"]
    against = {
        "read_by_name": "line by line as in 2s-AGCN",
        "read_by_body": "line by line as in CTR-GCN",
        "read_barely": "the least loop over lines that gives x, y, z",
    }
    speed = round(size / ours / 1e6)
    save(
        "ntu_parsing",
        [row("parsing NTU `.skeleton` files", text, ours, total[name]) for name, text in against.items()],
        f"finding the ends of all values, which passes over every byte, takes as long as converting the numbers "
        f"themselves; together {speed} MB/s",
        files=FILES,
        megabytes=round(size / 1e6, 2),
        megabytes_per_second=speed,
    )


if __name__ == "__main__":
    main()
