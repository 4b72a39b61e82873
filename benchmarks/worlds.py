"""How fast the worlds make recordings, and their forward kinematics against a loop over frames and joints.

Both kinematics get the same joint angles of the `stage` figure in one run, turn by turn, and must give the same
positions. The plain one does what most scripts do: for every clip, frame and joint, it multiplies the 3 x 3 matrix of
the parent with that of the joint and adds the turned offset.

    python benchmarks/worlds.py
"""

import json
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from acteme.recordings.skeleton import rotations
from acteme.recordings.skeleton.kinematics import forward
from acteme.recordings.worlds.mocap import mocap
from acteme.recordings.worlds.stage import stage
from acteme.recordings.worlds.stage.rig import RIG

RESULT = Path(__file__).parent / "results" / "worlds.json"
CLIPS, FRAMES, ROUNDS = 16, 64, 5


def plain_forward(local: np.ndarray, root: np.ndarray) -> np.ndarray:
    """Positions (N, T, V, 3) from matrices (N, T, R, 3, 3) of the moving joints, a joint at a time."""
    out = np.empty((*root.shape[:2], len(RIG.joints), 3))
    for n in range(len(root)):
        for t in range(root.shape[1]):
            turn: list[np.ndarray] = []
            for joint, parent in enumerate(RIG.parents):
                mine = local[n, t, RIG.turns[joint]] if joint in RIG.turns else None
                if joint == 0:
                    out[n, t, 0] = root[n, t]
                    turn.append(np.eye(3) if mine is None else mine)
                    continue
                out[n, t, joint] = out[n, t, parent] + turn[parent] @ RIG.offsets[joint]
                turn.append(turn[parent] if mine is None else turn[parent] @ mine)
    return out


def seconds(job: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The least of several times."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        job()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    rng = np.random.default_rng(0)
    quaternions = rotations.normalize(rng.standard_normal((CLIPS, FRAMES, len(RIG.moving), 4)))
    root, matrices = rng.standard_normal((CLIPS, FRAMES, 3)), rotations.to_matrix(quaternions)
    expected, found = plain_forward(matrices, root), forward(RIG, quaternions, root)
    plain = seconds(lambda: plain_forward(matrices, root), 3)
    ours = seconds(lambda: forward(RIG, quaternions, root))
    corpus = stage(train=10, test=0)  # imports and tables
    make_clips = seconds(lambda: stage(train=4000, test=0), 3)
    corpus = mocap(train=64, test=0)
    make_long = seconds(lambda: mocap(train=64, test=0), 3)
    result = {
        "what": "forward kinematics of the figure: loop over frames and joints / acteme",
        "clips": CLIPS,
        "frames": FRAMES,
        "plain_seconds": round(plain, 4),
        "acteme_seconds": round(ours, 4),
        "ratio": round(plain / ours, 1),
        "largest_difference": float(f"{np.abs(expected - found).max():.1e}"),
        "stage_clips_per_second": round(4000 / make_clips),
        "mocap_times_real_time": round(corpus.frames.sum() / 30 / make_long),
        "machine": f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}",
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))
    print(f"forward kinematics {result['ratio']} times as fast as the loop; "
          f"{result['stage_clips_per_second']} stage clips a second; "
          f"mocap {result['mocap_times_real_time']} times real time")  # fmt: skip


if __name__ == "__main__":
    main()
