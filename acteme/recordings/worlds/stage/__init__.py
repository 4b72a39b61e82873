"""The world `stage`: a procedural theater. A figure of 25 joints plays primitive movements, part by part.

Each part of the body (head, arms, legs, torso) plays a primitive from a bank (still, wave, circle, poke, kick, lift,
swing) with an amplitude, frequency, phase and easing of its own, in joint angles that forward kinematics turns into
positions. A class is a rule on some parts; all other parts do anything. Everything else that makes recordings differ is
a dial that says nothing about the class: bodies, style, handedness, path, viewpoint, camera height, tempo, crop, noise,
lost joints, missing limbs, a second person.

Positions are meters in the axes of a Kinect: x to the right hand of a figure that faces the camera, y up, z away from
the camera, which stands at the origin. Joints that are lost are zero, as is a second person who is not there.
"""

from typing import Literal

import numpy as np

from acteme.errors import InputError
from acteme.recordings.corpus import Corpus
from acteme.recordings.spec import Spec
from acteme.recordings.worlds import bodies as who
from acteme.recordings.worlds.pack import Part, corpus
from acteme.recordings.worlds.stage import rules as ruling
from acteme.recordings.worlds.stage import script as scripts
from acteme.recordings.worlds.stage import truth, ways, words
from acteme.recordings.worlds.stage.people import Subjects
from acteme.recordings.worlds.stage.performance import perform
from acteme.recordings.worlds.stage.rig import MIRROR, PARTS
from acteme.recordings.worlds.stage.script import Range
from acteme.recordings.worlds.stage.sensor import Sensor

FRAMES = 1 << 14
"""Frames made at a time: as many as stay in a processor's cache."""


def stage(
    *,
    form: Literal["clips", "untrimmed"] = "clips",
    labels: Literal["class", "part"] = "class",
    rule: Literal["primitives", "halves", "rhythm", "micro"] = "primitives",
    siblings: Literal["place", "both"] = "both",
    train: int | None = None,
    test: int | None = None,
    classes: int = 12,
    rule_parts: int = 2,
    bank: int = 6,
    rules: int = 0,
    rest: float = 0.25,
    frames: tuple[int, int] = (48, 64),
    seconds: tuple[float, float] = (20.0, 40.0),
    slot: tuple[float, float] = (1.5, 4.0),
    background: float = 0.2,
    amplitude: tuple[float, float] = (0.7, 1.3),
    frequency: tuple[float, float] = (0.5, 3.0),
    easing: float = 0.5,
    subjects: int = 20,
    test_subjects: int = 10,
    proportions: float = 0.15,
    style: float = 1.0,
    left_handed: float = 0.0,
    views: int = 1,
    camera_height: tuple[float, float] = (0.5, 2.5),
    distance: tuple[float, float] = (2.5, 4.5),
    path: float = 0.3,
    turn: float = 0.3,
    sway: float = 0.0,
    warp: float = 0.2,
    crop: float = 0.25,
    noise: tuple[float, float] = (0.005, 0.02),
    dropout: float = 0.02,
    missing: float = 0.0,
    second: float = 0.0,
    tail: float = 1.0,
    shortcut: float = 0.0,
    fps: float = 30.0,
    seed: int = 0,
) -> Corpus:
    """Recordings of the figure.

    Args:
        form: "clips" of one class each, or "untrimmed" recordings of many slots of time.
        labels: "class", or "part": what every part plays (36 labels, several at a time). In untrimmed recordings the
            slots of "class" are common to all parts; with "part" every part has its own.
        rule: what makes a class: given "primitives" of given parts, what both "halves" of the body do (arms and legs),
            the "rhythm" of a pair of parts, or "micro": the movement of centimeters that a part makes, with the part
            as its group.
        siblings: micro: classes of a group differ by the "place" in which they happen (four), or by "both" place and
            rate (two of each).
        train: number of training recordings; None makes 2000 clips or 64 untrimmed ones.
        test: number of test recordings; None makes 500 clips or 24 untrimmed ones.
        classes: number of classes (halves: at most 24, rhythm and micro: at most 20).
        rule_parts: parts that a rule on primitives is about.
        bank: primitives that rules on primitives choose from: the first of wave, circle, poke, kick, lift, swing. Few
            make classes that share what single parts do.
        rules: which rules on primitives or halves; a seed of its own, so that other seeds have the same classes.
        rest: probability that a part that no rule binds is still.
        frames: clips: least and greatest length.
        seconds: untrimmed: least and greatest length.
        slot: untrimmed: least and greatest length of a slot, seconds.
        background: untrimmed, labels "class": fraction of slots that keep no rule.
        amplitude: range of the amplitudes of movements; 1 is the bank's.
        frequency: range of the frequencies, Hz (a rule on rhythm or small movements sets its own).
        easing: greatest easing, in [0, 0.5].
        subjects: people in training.
        test_subjects: people in the test; none of them is in training.
        proportions: spread of bone lengths, 1 +- this.
        style: how much subjects differ in tempo, vigor and posture; 0: not at all.
        left_handed: fraction of subjects who do everything mirrored. Rules name the side of a right-handed person.
        views: sectors of azimuths, alternately train's and test's; 1 lets both have the whole circle.
        camera_height: range of the camera's height over the floor, meters.
        distance: range of its distance, meters.
        path: how far a figure wanders from its place, meters.
        turn: how far it turns from its azimuth, radians.
        sway: how far every angle drifts back and forth, slower than any movement, radians.
        warp: spread of the tempo within a recording, 1 +- this.
        crop: how much longer than its clip a performance is, of which the clip is a random crop; 0: the same.
        noise: range of the standard deviation of the sensor noise, meters.
        dropout: fraction of joints that are lost, in bursts of 5 frames.
        missing: probability that a limb is missing from a whole recording.
        second: probability that a second person, who keeps no rule, is in the recording. Makes room for two persons.
        tail: how many times as frequent in training the first class is as the last; 1: all alike.
        shortcut: clips, training: probability that a part that the rule does not bind plays a primitive that goes with
            the class (unless it must be redrawn); the test breaks it.
        fps: frames per second.
        seed: everything but the rules follows from it.

    Raises:
        InputError: a dial out of its range.
    """
    clips = form == "clips"
    _check_names(form=form, labels=labels, rule=rule, siblings=siblings)
    _check_ranges(frames=frames, seconds=seconds, slot=slot, amplitude=amplitude, frequency=frequency,
                  camera_height=camera_height, distance=distance, noise=(noise[0] + 1e-9, noise[1] + 1e-9))  # fmt: skip
    _check_fractions(rest=rest, background=background, left_handed=left_handed, warp=warp, dropout=dropout,
                     missing=missing, second=second, shortcut=shortcut, easing=2 * easing)  # fmt: skip
    counts = [s if n is None else n for n, s in zip((train, test), (2000, 500) if clips else (64, 24), strict=True)]
    actors = [subjects, test_subjects]
    who.check_counts(0, train=counts[0], test=counts[1])
    who.check_counts(1, subjects=subjects, test_subjects=test_subjects, views=views)
    if not (5 <= fps <= 240 and tail >= 1 and style >= 0 and path >= 0 and turn >= 0 and sway >= 0 and crop >= 0):
        raise InputError(
            "fps must be in [5, 240], tail at least 1, and style, path, turn, sway and crop not negative",
            "stage",
            "give numbers in these ranges",
        )
    kinds = {
        "primitives": lambda: ruling.on_primitives(classes, rule_parts, rules, bank),
        "halves": lambda: ruling.on_halves(classes, rules),
        "rhythm": lambda: ruling.on_rhythm(classes),
        "micro": lambda: ruling.on_micro(classes, siblings),
    }[rule]()
    names = kinds.names if labels == "class" else truth.PART_CLASSES
    phrases = words.rule_phrases(kinds) if labels == "class" else words.PHRASES[:, 1:].ravel().tolist()
    ranges = Range(amplitude, frequency, (-easing, easing))
    lengths = frames if clips else (round(seconds[0] * fps), round(seconds[1] * fps))
    size = max(FRAMES // lengths[1], 1)
    bait = ruling.bait(kinds, rules)
    parts = []
    for number, split in enumerate(who.SPLITS):
        people = Subjects.draw(who.generator(seed, number, 0), actors[number], proportions, style, left_handed)
        quota = _quota(
            who.generator(seed, number, 1), counts[number], len(kinds.names), tail if split == "train" else 1
        )
        for begun in range(0, counts[number], size):
            count = min(size, counts[number] - begun)
            rng = who.generator(seed, number, 2, begun)
            length = rng.integers(lengths[0], lengths[1] + 1, count)
            if clips:
                start, end = scripts.clips(rng, length, crop, fps)
                label = quota[begun : begun + count, None]
            else:
                start, end = scripts.slots(rng, length, slot, fps, common=labels == "class")
                label = rng.integers(0, len(kinds.names), start.shape[:2])
                label = np.where(rng.random(label.shape) < background, -1, label)
            lured = (rng.random((count, 1, 1)) < shortcut) & clips & (split == "train")
            lure = np.where(lured, bait[label], ruling.FREE)
            script = ruling.compose(rng, kinds if labels == "class" else None, label, start, end, ranges, rest, lure)
            person = rng.integers(0, actors[number], count)
            lefty = people.left_handed[person]
            script = scripts.mirrored(script, lefty, MIRROR)
            azimuth, sector = who.azimuths(rng, count, views, split)
            time = np.arange(length.max()) / fps
            course = ways.courses(rng, azimuth, time, path, turn, warp, sway)
            sensor = Sensor.draw(rng, count, camera_height, distance, noise, missing, dropout)
            everyone, company = np.ones(count, bool), rng.random(count) < second
            persons = [sensor.take(rng, perform(script, people.actor(person), course, time), everyone)]
            if second > 0:
                whole = np.zeros((count, 1, len(PARTS)))
                none, until = np.full((count, 1), -1), whole + length[:, None, None] / fps
                extra = ruling.compose(rng, kinds, none, whole, until, ranges, rest)
                visitor = people.actor(rng.integers(0, actors[number], count))
                persons.append(sensor.take(rng, perform(extra, visitor, ways.beside(rng, course), time), company))
            exists = np.arange(len(time)) < length[:, None]
            if labels == "class":
                about = np.where(label[..., None] >= 0, kinds.parts[label], False)
                about = np.where(lefty[:, None, None], about[..., MIRROR], about)
                frame_labels = truth.class_labels(script, label, about, time, len(names))
            else:
                frame_labels = truth.part_labels(script, time)
            frame_labels[~exists] = 0
            segments = truth.segments(frame_labels, fps)
            columns = {
                "name": np.array([f"{split}{begun + i:06d}" for i in range(count)]),
                "split": split,
                "subject": np.char.add("person", (person + number * subjects).astype(str)),
                "camera": np.char.add("view", sector.astype(str)),
                "factor:subject": person + float(number * subjects),
                "factor:left_handed": lefty.astype(float),
                "factor:tempo": people.tempo[person],
                "factor:vigor": people.vigor[person],
                "factor:azimuth": np.rad2deg(azimuth),
                "factor:camera_height": sensor.height,
                "factor:distance": sensor.distance,
                "factor:noise": sensor.noise,
                "factor:missing": sensor.missing.astype(float),
                "factor:persons": 1.0 + company,
            }
            parts.append(
                Part(
                    skeleton=np.stack(persons, 2)[exists],
                    frame_labels=frame_labels[exists],
                    frames=length,
                    label=label[:, 0] if clips and labels == "class" else np.full(count, -1),
                    columns=columns | (words.columns(script) if clips else {}),
                    segments=segments,
                    texts=[phrases[k] for k in segments.label],
                )
            )
    groups = kinds.groups if labels == "class" else ()
    return corpus(parts, Spec("ntu25", 25, 1 + (second > 0), 3, names, float(fps), labels == "part", groups))


def _quota(rng: np.random.Generator, count: int, classes: int, tail: float) -> np.ndarray:
    """(count,) labels in random order, as near to the wanted shares of the classes as whole numbers allow."""
    share = tail ** (-np.arange(classes) / max(classes - 1, 1))
    edges = np.cumsum(share) / share.sum()
    return rng.permutation(np.minimum(np.searchsorted(edges, (np.arange(count) + 0.5) / max(count, 1)), classes - 1))


def _check_names(**names: str) -> None:
    known = {
        "form": ("clips", "untrimmed"),
        "labels": ("class", "part"),
        "rule": ("primitives", "halves", "rhythm", "micro"),
        "siblings": ("place", "both"),
    }
    for name, value in names.items():
        if value not in known[name]:
            raise InputError(f"{name} is '{value}'", "stage", f"use {' or '.join(known[name])}")


def _check_ranges(**ranges: tuple[float, float]) -> None:
    for name, (low, high) in ranges.items():
        if not 0 < low <= high:
            raise InputError(f"{name} is {low:g},{high:g}", "stage", "give two positive numbers in order")


def _check_fractions(**fractions: float) -> None:
    for name, value in fractions.items():
        if not 0 <= value <= 1:
            raise InputError(
                f"{name} is out of its range",
                "stage",
                "give a number between 0 and " + ("0.5" if name == "easing" else "1"),
            )
