"""How fast `.skeleton` files of NTU RGB+D are parsed, against reading them line by line.

Both readers get the same generated files in one run, turn by turn, and must return the same coordinates; of every file
the fastest turn counts, in processor time. The plain
reader does what the preparation scripts of 2s-AGCN and CTR-GCN do: it reads a line, splits it, converts the values of
each joint and puts x, y, z into an array.

    python benchmarks/ntu_parsing.py
"""

import json
import platform
import tempfile
import time
from pathlib import Path

import numpy as np

from acteme.recordings.skeleton.readers.ntu_file import parse

RESULT = Path(__file__).parent / "results" / "ntu_parsing.json"
FILES = 24
ROUNDS = 8


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


def read_plainly(path: Path) -> np.ndarray:
    """(bodies, 25, 3), a line at a time."""
    joints = []
    with path.open() as file:
        for _ in range(int(file.readline())):
            for _ in range(int(file.readline())):
                file.readline()
                body = np.zeros((int(file.readline()), 3), np.float32)
                for joint in range(len(body)):
                    values = [float(value) for value in file.readline().split()]
                    body[joint] = values[:3]
                joints.append(body)
    return np.stack(joints)


def main() -> None:
    rng = np.random.default_rng(0)
    seconds = np.full((2, ROUNDS, FILES), np.inf)
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"S001C001P001R001A{n + 1:03d}.skeleton" for n in range(FILES)]
        for n, file in enumerate(files):
            write_clip(file, frames=int(rng.integers(60, 150)), bodies=1 + n % 2, rng=rng)
        size = sum(file.stat().st_size for file in files)
        for turn in range(ROUNDS):
            found = []
            for reader, read in enumerate((read_plainly, lambda file: parse(file).joints)):
                for n, file in enumerate(files):
                    start = time.process_time()
                    found.append(read(file))
                    seconds[reader, turn, n] = time.process_time() - start
            assert all(map(np.array_equal, found[:FILES], found[FILES:]))
    plain, ours = seconds.min(1).sum(-1)
    result = {
        "what": "parsing NTU .skeleton files: line by line / acteme, processor time, best of each file",
        "files": FILES,
        "megabytes": round(size / 1e6, 2),
        "plain_seconds": round(plain, 4),
        "acteme_seconds": round(ours, 4),
        "ratio": round(plain / ours, 1),
        "same_result": True,
        "machine": f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}",
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))
    print(f"{result['ratio']} times as fast as line by line ({size / 1e6 / ours:.0f} MB/s)")


if __name__ == "__main__":
    main()
