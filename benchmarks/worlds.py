"""How fast the worlds make recordings, and their forward kinematics against a loop over frames and joints.

Both kinematics get the same joint angles of the `stage` figure in one run, turn by turn, and must give the same
positions. The plain one does what most scripts do: for every clip, frame and joint, it multiplies the 3 x 3 matrix of
the parent with that of the joint and adds the turned offset.

    python benchmarks/worlds.py
"""

from _measure import fastest, row, save  # isort: skip

import numpy as np

from acteme.recordings.skeleton import rotations
from acteme.recordings.skeleton.kinematics import forward
from acteme.recordings.worlds.mocap import mocap
from acteme.recordings.worlds.stage import stage
from acteme.recordings.worlds.stage.rig import RIG

CLIPS, FRAMES, ROUNDS = 16, 64, 15


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


def main() -> None:
    rng = np.random.default_rng(0)
    quaternions = rotations.normalize(rng.standard_normal((CLIPS, FRAMES, len(RIG.moving), 4)))
    root, matrices = rng.standard_normal((CLIPS, FRAMES, 3)), rotations.to_matrix(quaternions)
    expected, found = plain_forward(matrices, root), forward(RIG, quaternions, root)
    assert np.abs(expected - found).max() < 1e-12
    stage(train=10, test=0)  # imports and tables
    frames = mocap(train=64, test=0).frames.sum()
    jobs = {"ours": lambda: forward(RIG, quaternions, root), "plain": lambda: plain_forward(matrices, root)}
    seconds = fastest(jobs, ROUNDS)
    made = fastest({"stage": lambda: stage(train=4000, test=0), "mocap": lambda: mocap(train=64, test=0)}, 3)
    rates = {
        "stage_clips_per_second": round(4000 / made["stage"]),
        "mocap_times_real_time": round(frames / 30 / made["mocap"]),
    }
    save(
        "worlds",
        [row("forward kinematics of the worlds", "a loop over frames and joints", seconds["ours"], seconds["plain"])],
        f"passes over arrays of quaternions; `stage` makes {rates['stage_clips_per_second']:,} clips a second, `mocap` "
        f"{rates['mocap_times_real_time']:,} seconds of recordings in one",
        clips=CLIPS,
        frames=FRAMES,
        **rates,
    )


if __name__ == "__main__":
    main()
