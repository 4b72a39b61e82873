"""A small page from plain data: a walking figure, made-up scores, no engine."""

import numpy as np

from acteme.recordings.annotations import Segment
from acteme.recordings.skeleton.layouts import layout
from acteme.reports.content import ClassRow, Curve, LatentMap, Metric, Page, Replay, Stage
from acteme.reports.replay import figure

CLASSES = ("walk", "wave", "</script><b>sit")


def walker(frames=120, axes=3, persons=1, fps=30.0):
    """A figure of 15 joints that walks along x and swings its arms; y is up."""
    t = np.arange(frames) / fps
    x = np.zeros((frames, 15, 3), np.float32)
    height = [1.6, 1.45, 1.4, 1.15, 0.9, 1.4, 1.15, 0.9, 0.9, 0.9, 0.5, 0.05, 0.9, 0.5, 0.05]
    aside = [0, 0, 0.2, 0.22, 0.25, -0.2, -0.22, -0.25, 0, 0.1, 0.1, 0.1, -0.1, -0.1, -0.1]
    swing = [0, 0, 0, 0.1, 0.25, 0, -0.1, -0.25, 0, 0, -0.15, -0.3, 0, 0.15, 0.3]
    x[..., 1], x[..., 2] = height, aside
    x[..., 0] = 0.8 * t[:, None] + np.sin(4 * t)[:, None] * swing
    people = np.stack([x + np.array([0, 0, 0.9 * m]) for m in range(persons)], axis=1)
    if persons > 1:
        people[: frames // 2, 1] = 0
    return people[..., :axes].astype(np.float32)


def replay(name="first", frames=120, **how):
    skeleton = walker(frames, **how)
    rng = np.random.default_rng(0)
    return Replay(
        name=name,
        fps=30.0,
        skeleton=skeleton,
        duration=frames / 30,
        truth=(Segment(0, 2, "walk"), Segment(1.5, 3, "wave")),
        predicted=(Segment(0, 2, "walk", 0.9), Segment(1.5, 2.5, "wave", 0.8), Segment(3.4, 3.8, CLASSES[2], 0.6)),
        scores=rng.random((frames, 3)).astype(np.float32),
    )


def page(**changes):
    rng = np.random.default_rng(0)
    step = np.arange(1, 400)
    replays = (replay(), replay("second", 60))
    values = {
        "title": "A System & Co",
        "paper": "Someone, 2024",
        "link": "https://example.org/paper",
        "claim": "It works.",
        "facts": (("Data", "walkers <made>"), ("Seed", "0")),
        "classes": CLASSES,
        "evaluated": "Measured on the test split.",
        "metrics": (
            Metric("top1", "Top-1 accuracy", "Share of right ones.", 0.7125, 0.65, 0.774, headline=True),
            Metric("edit", "Edit score", "Order of actions.", float("nan")),
        ),
        "class_title": "Accuracy of each class, %",
        "class_rows": (ClassRow("walk", 0.8, "8 clips"), ClassRow("wave", float("nan"), "0 clips")),
        "confusion": np.array([[8, 2, 0], [0, 0, 0], [1, 3, 6]]),
        "stages": (Stage("train", "Learns.", 399, 4, "41 s", 1234, (Curve("total", step, 4 / step + 0.1),)),),
        "latents": LatentMap(
            {"t-SNE": rng.normal(size=(20, 2)), "PCA": rng.normal(size=(20, 2))},
            rng.integers(-1, 3, 20),
            tuple("second" if i == 7 else "elsewhere" for i in range(20)),
            np.full(20, 0.5),
            np.full(20, 1.5),
        ),
        "latents_about": "Windows.",
        "figure": figure(layout("body15"), replays[0].skeleton),
        "replays": replays,
        "settings": {"System": '{"lr": 0.1}'},
        "notes": ("Something is missing.",),
        "version": "9.9",
    }
    return Page(**(values | changes))
