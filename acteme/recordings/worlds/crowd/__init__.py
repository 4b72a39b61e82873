"""The world `crowd`: people who walk through scenes that a fixed camera looks at, as tracks in the image.

A scene has gates between which people walk, discs that they walk around and, in half of the scenes, a disc on which
they are slow; none of it is seen in the tracks' data but by where people walk. What is common to all scenes is how
people move and that a camera makes them small at a distance; what is a scene's own can only be learned there.

Positions are pixels (x, y) of the image. A recording is one track; `camera` is its scene, `factor:start` its beginning
in seconds since the scene was first watched.
"""

from functools import partial
from typing import Literal

import numpy as np

from acteme.errors import InputError
from acteme.recordings.annotations import Segments
from acteme.recordings.corpus import Corpus
from acteme.recordings.spec import Spec
from acteme.recordings.worlds.bodies import check_counts, generator
from acteme.recordings.worlds.crowd.places import Places, build, maps
from acteme.recordings.worlds.crowd.walk import FPS, Tracks, Ways, watch

SURFACES = ("ground", "obstacle", "slow ground", "out of reach")
"""Classes of the maps."""


def crowd(
    *,
    form: Literal["many", "deploy"] = "many",
    scenes: int | None = None,
    tracks: int | None = None,
    test: int | None = None,
    human_seconds: float | None = None,
    interaction: float = 0.0,
    camera_drift: float = 0.0,
    scene_drift: float = 0.0,
    obstacles: tuple[int, int] = (1, 3),
    slow: float = 0.5,
    rate: float = 0.25,
    speed: tuple[float, float] = (1.35, 0.2),
    noise: float = 0.3,
    height: int = 48,
    width: int = 64,
    focal: float = 55.0,
    surfaces: bool = False,
    seed: int = 0,
) -> Corpus:
    """Tracks of people in scenes of fixed cameras.

    Args:
        form: "many" scenes with a few tracks each, to train a predictor and test it on other scenes; or "deploy", other
            scenes with many tracks each, the first of which are for training (adaptation), the last for the test.
        scenes: number of scenes; None makes 200 of many, or 10 to deploy in.
        tracks: tracks of each scene; None makes 20 of many, or 250 to deploy in.
        test: many: further scenes for the test (None: 20); deploy: the last tracks of each scene (None: 100).
        human_seconds: deploy: the first tracks that together last so long are the training split; none takes all that
            end before the test begins. Tracks in between are left out.
        interaction: push between people, m/s^2 when they touch; 0 lets them walk through each other.
        camera_drift: degrees that the camera turns, right and down, over the whole time.
        scene_drift: share of the routes between gates that are other ones at the end of the time.
        obstacles: least and greatest number of discs that people walk around.
        slow: share of the scenes with a disc on which people are slow.
        rate: people who arrive per second.
        speed: mean and standard deviation of the desired speed, m/s.
        noise: standard deviation of a correlated noise on the acceleration, m/s^2.
        height: rows of the image.
        width: columns of the image.
        focal: focal length, pixels.
        surfaces: bring maps of the scenes along, with obstacles and slow ground.
        seed: everything follows from it.

    Raises:
        InputError: a dial out of its range.
    """
    deploy = form == "deploy"
    if form not in ("many", "deploy"):
        raise InputError(f"form is '{form}'", "crowd", "use many or deploy")
    count, each, last = (
        standard if given is None else given
        for given, standard in zip((scenes, tracks, test), (10, 250, 100) if deploy else (200, 20, 20), strict=True)
    )
    check_counts(1, scenes=count, tracks=each, height=height, width=width)
    check_counts(0, test=last)
    if deploy and not 0 < last < each:
        raise InputError(f"test takes {last} of {each} tracks", "crowd", "leave some for the training")
    for name, value, good, mend in (
        ("interaction", interaction, interaction >= 0, "give m/s^2"),
        ("camera_drift", camera_drift, abs(camera_drift) <= 45, "give degrees, at most 45"),
        ("scene_drift", scene_drift, 0 <= scene_drift <= 1, "give a share"),
        ("slow", slow, 0 <= slow <= 1, "give a share"),
        ("obstacles", obstacles, 0 <= obstacles[0] <= obstacles[1] <= 20, "give two numbers in order, at most 20"),
        ("rate", rate, 0.01 <= rate <= 2, "give people per second, from 0.01 to 2"),
        ("speed", speed, 0 < speed[0] <= 5 and 0 <= speed[1] <= 2, "give m/s"),
        ("noise", noise, 0 <= noise <= 5, "give m/s^2"),
        ("focal", focal, focal > 0, "give pixels"),
        ("height", height, height >= 16 and width >= 16, "give at least 16 rows and columns"),
        ("human_seconds", human_seconds, human_seconds is None or human_seconds > 0, "give seconds above 0"),
    ):
        if not good:
            raise InputError(f"{name} is {value}", "crowd", mend)
    total = count if deploy else count + last
    ways = Ways(rate, interaction, speed, noise, camera_drift, scene_drift)

    def draw(attempt: int, number: int) -> Places:
        rng = generator(seed, int(deploy), 0, attempt)
        return build(rng, number, (height, width), focal, obstacles, slow)

    places, found = watch(draw, partial(generator, seed, int(deploy), 1), total, ways, each)
    names = np.array([f"{'place' if deploy else 'scene'}{i:03d}" for i in range(total)])
    order = np.arange(len(found.frames)) - np.searchsorted(found.scene, found.scene)
    kept = order < each
    if deploy:
        split = _splits(found, kept, last, human_seconds)
    else:
        split = np.where(found.scene < count, "train", "test")
    kept &= split != ""
    spec = Spec(channels=2, fps=FPS, scenes=tuple(names.tolist()), extents=((0.0, 0.0, width, height),) * total)
    return _corpus(found, kept, split, names, spec, maps(places) if surfaces else None)


def _splits(found: Tracks, kept: np.ndarray, last: int, human_seconds: float | None) -> np.ndarray:
    """The split of each track: the last ones of each scene are the test, the first ones that end before it training."""
    split = np.full(len(found.frames), "", dtype="<U5")
    for scene in np.unique(found.scene):
        rows = np.flatnonzero(kept & (found.scene == scene))
        tested = rows[-last:]
        split[tested] = "test"
        before = rows[: len(rows) - len(tested)]
        before = before[found.start[before] + found.frames[before] / FPS <= found.start[tested].min()]
        before = before[~np.isin(found.walker[before], found.walker[tested])]
        if human_seconds is not None:
            spent = np.cumsum(found.frames[before]) / FPS
            before = before[: int(np.searchsorted(spent, human_seconds)) + 1]
        split[before] = "train"
    return split


def _corpus(
    found: Tracks, kept: np.ndarray, split: np.ndarray, names: np.ndarray, spec: Spec, surfaces: np.ndarray | None
) -> Corpus:
    """The tracks that are kept as a corpus."""
    frames = found.frames[kept].astype(np.int64)
    position = found.pixel[np.repeat(kept, found.frames)]
    scene = names[found.scene[kept]]
    number = (np.arange(len(scene)) - np.searchsorted(found.scene[kept], found.scene[kept])).astype(str)
    walker = np.char.add("p", found.walker[kept].astype(str))
    text = np.full(len(scene), "")
    table = {
        "name": np.char.add(np.char.add(scene, "_"), np.char.zfill(number, 4)),
        "offset": np.cumsum(frames) - frames,
        "frames": frames,
        "fps": np.full(len(frames), spec.fps),
        "label": np.full(len(frames), -1),
        "split": split[kept],
        "subject": np.char.add(np.char.add(scene, "_"), walker),
        "camera": scene,
        "text": text,
        "factor:start": found.start[kept],
    }
    none = np.zeros(0)
    segments = Segments(none.astype(np.int64), none, none, none.astype(np.int64))
    return Corpus(spec, {"position": position}, table, segments, surfaces=surfaces)
