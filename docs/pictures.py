"""Draws the pictures of docs/worlds.md: `python docs/pictures.py` (a minute on one core)."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from acteme.recordings.corpus import Corpus
from acteme.recordings.skeleton import kinematics
from acteme.recordings.skeleton.layouts import layout
from acteme.recordings.skeleton.readers import pybullet
from acteme.recordings.worlds.mocap import mocap
from acteme.recordings.worlds.mocap.figure import PROPORTIONS
from acteme.recordings.worlds.stage import stage
from acteme.recordings.worlds.stage.people import Subjects
from acteme.recordings.worlds.stage.performance import Course, perform
from acteme.recordings.worlds.stage.primitives import PRIMITIVES
from acteme.recordings.worlds.stage.rig import JOINTS, PARTS
from acteme.recordings.worlds.stage.script import Script

FOLDER = Path(__file__).parent / "pictures"
RIGHT, LEFT, TRUNK, SOFT = "#d55e00", "#0072b2", "#333333", "#9aa0a6"
COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f6d5f", "#8a63d2"]

plt.rcParams.update(
    {
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "savefig.dpi": 110,
        "savefig.facecolor": "white",
    }
)


def figure(axes: Axes, joints: np.ndarray, name: str, at: float = 0.0, alpha: float = 1.0, width: float = 1.8) -> None:
    """Draws a skeleton (V, 3) with its right side orange and its left blue, as its camera sees it."""
    kind = layout(name)
    found = (joints != 0).any(-1)
    pairs = [(c, p) for c, p in kind.bones if found[c] and found[p]]
    # Seen from the camera, which looks along z with x to its left.
    flat = np.stack([at - joints[:, 0], joints[:, 1]], -1)
    colors = [RIGHT if "right" in kind.joints[c] else LEFT if "left" in kind.joints[c] else TRUNK for c, _ in pairs]
    lines = LineCollection([flat[[c, p]] for c, p in pairs], colors=colors, linewidths=width, alpha=alpha)
    lines.set_capstyle("round")
    lines.set_clip_on(False)
    axes.add_collection(lines)
    head = kind.joints.index("nose" if "nose" in kind.joints else "head") if {"nose", "head"} & set(kind.joints) else -1
    if head >= 0 and found[head]:
        axes.plot(*flat[head], "o", color=TRUNK, markersize=3.2 * width, alpha=alpha, markeredgewidth=0)


def empty(axes: Axes, width: tuple[float, float], height: tuple[float, float]) -> None:
    axes.set(xlim=width, ylim=height, aspect="equal", xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)


def save(canvas: plt.Figure, name: str) -> None:
    canvas.savefig(FOLDER / f"{name}.png", bbox_inches="tight", pad_inches=0.08)
    plt.close(canvas)


def strip(
    axes: Axes, skeleton: np.ndarray, frames: np.ndarray, name: str, gap: float = 1.1, height=(-0.1, 2.1)
) -> None:
    """Frames of a recording (T, V, 3) side by side, the pelvis of each over its place in the row."""
    middle = skeleton[:, kinematics.pelvis(name)]
    for i, t in enumerate(frames):
        joints = skeleton[t] - middle[t] * [1, 0, 1]
        figure(axes, joints, name, at=i * gap)
    empty(axes, (-gap * 0.75, (len(frames) - 0.25) * gap), height)


def timeline(axes: Axes, corpus: Corpus, names: list[str], seconds: float, unit: float = 1.0) -> None:
    """Segments of the first recording as bars, a row per class."""
    truth = corpus.truth()
    mine = truth.select((truth.recording == 0) & (truth.start < seconds))
    for start, end, label in zip(mine.start, mine.end, mine.label, strict=True):
        row = names.index(corpus.spec.classes[label])
        axes.barh(
            row, (min(end, seconds) - start) * unit, left=start * unit, height=0.7, color=COLORS[row % len(COLORS)]
        )
    axes.set_yticks(range(len(names)), names)
    axes.set(xlim=(0, seconds * unit), ylim=(len(names) - 0.4, -0.6))
    axes.tick_params(left=False)
    axes.spines["left"].set_visible(False)


def mocap_recording() -> None:
    corpus = mocap(train=1, test=0, layout="ntu25", noise=0.0, views=1, seed=5)
    seconds, truth = 12.0, corpus.truth()
    names = list(dict.fromkeys(corpus.spec.classes[k] for k in truth.label[truth.start < seconds]))
    canvas, (top, bottom) = plt.subplots(2, 1, figsize=(10, 3.6), height_ratios=[1, 1.05])
    frames = (np.arange(14) + 0.5) * seconds / 14 * 30
    strip(top, corpus[0].arrays["skeleton"][:, 0], frames.astype(int), "ntu25", gap=1.2, height=(-0.05, 2.1))
    top.set_xlim(-0.6, 13.5 * 1.2)
    timeline(bottom, corpus, names, seconds)
    bottom.set_xlabel("seconds")
    canvas.subplots_adjust(hspace=0.02)
    save(canvas, "mocap_recording")


def mocap_splice() -> None:
    names = ("punch", "walk")
    clips = [pybullet.clip(n) for n in names]
    time = np.linspace(0.15, 1.2, 6)
    upper, lower = (c.at(time) for c in clips)
    both = replace(lower, rotation=kinematics.splice(pybullet.RIG, upper.rotation, lower.rotation, pybullet.UPPER))
    points = pybullet.points("ntu25")
    canvas, rows = plt.subplots(3, 1, figsize=(7, 5.6))
    titles = ("clip A: punch", "clip B: walk", "spliced: chest, neck, arms of A;\nroot and legs of B")
    for axes, motion, title in zip(rows, (upper, lower, both), titles, strict=True):
        x = motion.positions()[:, points]
        # The clips face x: a quarter turn and a little more shows them half from the front.
        a = np.deg2rad(130)
        turned = np.stack([x[..., 0] * np.cos(a) + x[..., 2] * np.sin(a), x[..., 1],
                           x[..., 2] * np.cos(a) - x[..., 0] * np.sin(a)], -1)  # fmt: skip
        strip(axes, turned, np.arange(6), "ntu25", gap=1.2, height=(-0.05, 1.75))
        axes.set_ylabel(title, rotation=0, ha="right", va="center", labelpad=4)
    canvas.subplots_adjust(hspace=0.05)
    save(canvas, "mocap_splice")


def mocap_dials() -> None:
    clip, points = pybullet.clip("run"), pybullet.points("ntu25")
    pose = clip.at(np.array([0.3]))
    canvas, (top, bottom) = plt.subplots(2, 1, figsize=(8, 3.6))
    factors = np.concatenate([np.ones((1, 8)), PROPORTIONS.draw(np.random.default_rng(5), 7, 0.3)])
    offsets = PROPORTIONS.offsets(pybullet.RIG.offsets, factors)
    for axes, bodies, angles, title in (
        (top, offsets, np.full(8, 125.0), "bodies"),
        (bottom, np.repeat(offsets[:1], 8, 0), np.arange(8) * 45.0, "views"),
    ):
        x = kinematics.forward(pybullet.RIG, pose.rotation[None], pose.root[None] * [0, 1, 0], bodies)[:, 0, points]
        a = np.deg2rad(angles)[:, None]
        turned = np.stack([x[..., 0] * np.cos(a) + x[..., 2] * np.sin(a), x[..., 1],
                           x[..., 2] * np.cos(a) - x[..., 0] * np.sin(a)], -1)  # fmt: skip
        strip(axes, turned, np.arange(8), "ntu25", gap=1.15, height=(0.0, 2.0))
        axes.set_ylabel(title, rotation=0, ha="right", va="center")
    canvas.subplots_adjust(hspace=0.05)
    save(canvas, "mocap_dials")


def one_primitive(part: str, primitive: str, time: np.ndarray) -> np.ndarray:
    """A standard figure of which one part plays one primitive at 1 Hz: (T, 25, 3)."""
    beat = np.zeros((1, 1, len(PARTS)))
    number = np.where(np.array(PARTS) == part, PRIMITIVES.index(primitive), 0)[None, None]
    script = Script(number, beat - 9, beat + 99, beat + 1, beat + 1, beat, beat)
    actor = Subjects.draw(np.random.default_rng(0), 1, 0.0, 0.0, 0.0).actor(np.zeros(1, int))
    still = np.zeros((1, len(time)), np.float32)
    course = Course(np.zeros((2, 1, len(time)), np.float32), still + np.float32(0.8), time[None].astype(np.float32))
    return np.moveaxis(perform(script, actor, course, time)[JOINTS][:, :, 0], -1, 0)


def stage_primitives() -> None:
    parts, moves = ("right_arm", "right_leg", "head", "torso"), PRIMITIVES[1:]
    canvas, grid = plt.subplots(len(parts), len(moves), figsize=(9, 6.4))
    time = np.linspace(-0.25, 0.25, 7)
    for row, part in enumerate(parts):
        for column, move in enumerate(moves):
            axes = grid[row, column]
            poses = one_primitive(part, move, time)
            for i, joints in enumerate(poses):
                last = i == len(poses) - 1
                figure(axes, joints, "ntu25", alpha=1.0 if last else 0.1 + 0.06 * i, width=1.8 if last else 1.2)
            empty(axes, (-0.85, 0.85), (-0.02, 1.98))
            if not row:
                axes.set_title(move, fontsize=10)
            if not column:
                axes.set_ylabel(part.replace("_", " "), rotation=0, ha="right", va="center")
    canvas.subplots_adjust(hspace=0.02, wspace=0.02)
    save(canvas, "stage_primitives")


def stage_clips() -> None:
    corpus = stage(train=3, test=0, classes=3, camera_height=(1.2, 1.6), noise=(0, 0), dropout=0.0, seed=11,
                   frames=(64, 64))  # fmt: skip
    canvas, rows = plt.subplots(3, 1, figsize=(10, 6.6))
    for i, axes in enumerate(rows):
        recording = corpus[i]
        x = recording.arrays["skeleton"][:, 0]
        strip(axes, x, np.linspace(8, 56, 10).astype(int), "ntu25", gap=1.2, height=(-1.05, 1.05))
        axes.set_title(f"{recording.label}\n", fontsize=9, loc="left", color=COLORS[i], fontweight="bold")
        axes.text(0, 1.02, recording.text, transform=axes.transAxes, fontsize=8, color="#555555")
    canvas.subplots_adjust(hspace=0.3)
    save(canvas, "stage_clips")


def stage_dials() -> None:
    base = partial(stage, train=1, test=0, classes=1, style=0.0, distance=(3.0, 3.0), path=0.0, rest=0.6,
                   seed=4)  # fmt: skip
    plain = {"noise": (0.0, 0.0), "camera_height": (0.9, 0.9), "proportions": 0.0, "dropout": 0.0}
    dials: dict[str, dict] = {
        "no dial turned": {},
        "noise 20 mm": {"noise": (0.02, 0.02)},
        "dropout .2": {"dropout": 0.2},
        "missing limb": {"missing": 1.0},
        "camera at 2.5 m": {"camera_height": (2.5, 2.5)},
        "left-handed": {"left_handed": 1.0},
        "proportions .4": {"proportions": 0.4},
        "second person": {"second": 1.0},
    }
    canvas, rows = plt.subplots(2, 4, figsize=(9, 4.6))
    for axes, (title, dial) in zip(rows.ravel(), dials.items(), strict=True):
        x = base(**(plain | dial))[0].arrays["skeleton"][30]
        for person in x:
            if person.any():
                figure(axes, person, "ntu25")
        empty(axes, (-0.9, 1.5), (-1.0, 0.95))
        axes.set_title(title, fontsize=9)
    canvas.subplots_adjust(hspace=0.15, wspace=0.02)
    save(canvas, "stage_dials")


def stage_script() -> None:
    corpus = stage(form="untrimmed", labels="part", train=1, test=0, seconds=(20.0, 20.0), noise=(0, 0), dropout=0.0,
                   camera_height=(1.0, 1.0), seed=2)  # fmt: skip
    canvas, (top, bottom) = plt.subplots(2, 1, figsize=(10, 3.6), height_ratios=[1, 1.05])
    seconds = 12.0
    frames = ((np.arange(14) + 0.5) * seconds / 14 * 30).astype(int)
    strip(top, corpus[0].arrays["skeleton"][:, 0], frames, "ntu25", gap=1.2, height=(-1.05, 1.1))
    top.set_xlim(-0.6, 13.5 * 1.2)
    truth = corpus.truth()
    for start, end, label in zip(truth.start, truth.end, truth.label, strict=True):
        if start >= seconds:
            continue
        part, move = corpus.spec.classes[label].split(":")
        row, end = PARTS.index(part), min(end, seconds)
        bottom.barh(row, end - start - 0.03, left=start, height=0.75, color=COLORS[PRIMITIVES.index(move) - 1])
        if end - start > 0.5:
            bottom.text((start + end) / 2, row, move, ha="center", va="center", color="white", fontsize=8)
    bottom.set_yticks(range(len(PARTS)), [p.replace("_", " ") for p in PARTS])
    bottom.set(xlim=(0, seconds), ylim=(len(PARTS) - 0.4, -0.6), xlabel="seconds")
    bottom.tick_params(left=False)
    bottom.spines["left"].set_visible(False)
    canvas.subplots_adjust(hspace=0.02)
    save(canvas, "stage_script")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for draw in (mocap_recording, mocap_splice, mocap_dials, stage_primitives, stage_clips, stage_dials, stage_script):
        draw()
