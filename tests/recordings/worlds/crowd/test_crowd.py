"""The world of walkers: what its dials do, and that its camera sees what is there."""

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.batch import check_batch
from acteme.recordings.worlds.crowd import crowd
from acteme.recordings.worlds.crowd.camera import Camera
from acteme.recordings.worlds.crowd.places import build, maps
from acteme.recordings.worlds.crowd.walk import Ways, walk

SMALL = {"scenes": 3, "tracks": 4, "test": 2}
PLACES = {"form": "deploy", "scenes": 2, "tracks": 12, "test": 4}


def test_a_camera_sees_where_it_looks():
    camera = Camera(
        np.array([3.0, 8.0])[:, None], np.array([0.4, 0.8])[:, None], np.array([0.0, 0.2])[:, None], 55.0, (48, 64)
    )
    column, row = np.array([[0.0, 31.5, 63.0, 20.0]]), np.array([[47.0, 23.5, 40.0, 30.0]])
    x, y = camera.ground(column, row)
    np.testing.assert_allclose(camera.pixel(x, y), np.broadcast_to(np.stack([column, row], -1), (2, 4, 2)), atol=1e-9)
    assert y[0, 1] == pytest.approx(3.0 / np.tan(0.4)), "the middle looks down by the pitch"
    far = (
        camera.pixel(np.zeros((2, 1)), np.array([[5.0], [5.0]])),
        camera.pixel(np.zeros((2, 1)), np.array([[20.0], [20.0]])),
    )
    assert (far[1][..., 1] < far[0][..., 1]).all(), "what is farther is higher in the image"
    assert (
        np.isnan(camera.pixel(np.array(0.0), np.array(-90.0))).all() and not camera.visible(np.array([np.nan, 0])).any()
    )
    assert camera.visible(np.array([63.4, -0.4])) and not camera.visible(np.array([63.6, 0]))
    assert np.isnan(camera.ground(np.array(30.0), np.array(-400.0))).any(), "above the horizon"


def test_the_seed_decides_everything():
    one, two, other = (crowd(**SMALL, seed=s) for s in (0, 0, 1))
    assert np.array_equal(one.arrays["position"], two.arrays["position"])
    assert one.arrays["position"].shape != other.arrays["position"].shape
    many, deploy = crowd(**SMALL), crowd(**PLACES)
    assert not set(many.spec.scenes) & set(deploy.spec.scenes)
    assert not np.array_equal(many.arrays["position"][:50], deploy.arrays["position"][:50])


def test_many_scenes_have_as_many_tracks_as_asked_and_others_are_tested():
    c = crowd(**SMALL)
    assert len(c) == 5 * 4 and c.spec.scenes == tuple(f"scene{i:03d}" for i in range(5))
    train, test = c.select("train"), c.select("test")
    assert set(train.column("camera")) == set(c.spec.scenes[:3]) and set(test.column("camera")) == set(
        c.spec.scenes[3:]
    )
    assert np.unique(c.column("camera"), return_counts=True)[1].tolist() == [4] * 5
    assert (c.frames >= 20).all() and c.spec.fps == 2.5 and c.spec.extents == ((0.0, 0.0, 64.0, 48.0),) * 5
    x = c.arrays["position"]
    assert (x >= -0.5).all() and (x < [63.5, 47.5]).all()
    check_batch(c.batch(np.arange(3), np.zeros(3, int), 20))


def test_who_is_adapted_on_comes_before_who_is_tested():
    c = crowd(**PLACES)
    for scene in c.spec.scenes:
        here = c.select(rows=c.column("camera") == scene)
        start, end = here.column("factor:start"), here.column("factor:start") + here.frames / 2.5
        tested = here.column("split") == "test"
        assert tested.sum() == 4 and (~tested).any()
        assert end[~tested].max() <= start[tested].min(), "no test window overlaps the adaptation set in time"
        assert not set(here.column("subject")[tested]) & set(here.column("subject")[~tested])
    few = crowd(**PLACES, human_seconds=20.0).select("train")
    for scene in few.spec.scenes:
        seconds = few.frames[few.column("camera") == scene] / 2.5
        assert seconds.sum() >= 20 and seconds[:-1].sum() < 20


def test_people_walk_as_fast_as_they_wish():
    places = build(np.random.default_rng(0), 6, (480, 640), 550.0, (0, 0), 0.0)
    found = walk(np.random.default_rng(1), places, Ways(0.25, 0.0, (1.35, 0.0), 0.0, 0.0, 0.0), 200.0)
    camera = places.camera
    one = Camera(camera.height[found.scene], camera.pitch[found.scene], camera.pan[found.scene], 550.0, (480, 640))
    each = Camera(*(np.repeat(v, found.frames) for v in (one.height, one.pitch, one.pan)), 550.0, (480, 640))
    x, y = each.ground(found.pixel[:, 0], found.pixel[:, 1])
    same = np.diff(np.repeat(np.arange(len(found.frames)), found.frames)) == 0
    speed = np.hypot(np.diff(x), np.diff(y))[same] * 2.5
    assert np.median(speed) == pytest.approx(1.35, abs=0.02)


def test_discs_are_walked_around_and_slow_ground_slows():
    places = build(np.random.default_rng(0), 4, (48, 64), 55.0, (3, 3), 1.0)
    seen = maps(places)
    assert seen.shape == (4, 48, 64) and set(np.unique(seen)) >= {0, 1, 2}
    c = crowd(**PLACES, surfaces=True, obstacles=(2, 3), slow=1.0)
    batch = c.batch(np.arange(len(c)), np.zeros(len(c), int), 20)
    x = batch["position"].round().long().clamp(min=0)
    on = batch["surface"][np.arange(len(c))[:, None], x[..., 1].clamp(max=47), x[..., 0].clamp(max=63)]
    inside = (on == 1).float().mean().item()
    free = c.batch(np.arange(len(c)), np.zeros(len(c), int), 20)["surface"]
    assert inside < 0.3 * (free == 1).float().mean().item(), "hardly anyone is where a disc is"


def test_interaction_keeps_people_apart():
    places = build(np.random.default_rng(0), 3, (48, 64), 55.0, (0, 0), 0.0)

    def nearest(strength):
        from acteme.recordings.worlds.crowd import walk as module

        seen = []
        apart = module._apart

        def spy(x, there):
            far = np.linalg.norm(x[:, :, None] - x[:, None], axis=-1)
            pair = there[:, :, None] & there[:, None] & ~np.eye(x.shape[1], dtype=bool)
            seen.append(far[pair])
            return apart(x, there) * (strength > 0)

        module._apart = spy
        try:
            walk(np.random.default_rng(1), places, Ways(0.5, max(strength, 1e-9), (1.35, 0.2), 0.3, 0.0, 0.0), 60.0)
        finally:
            module._apart = apart
        return (np.concatenate(seen) < 0.4).mean()

    assert nearest(10.0) < 0.5 * nearest(0.0)


def test_drift_changes_the_later_tracks():
    plain = crowd(**PLACES)
    for dial in ({"camera_drift": 8.0}, {"scene_drift": 1.0}):
        moved = crowd(**PLACES, **dial)
        assert not np.array_equal(moved.arrays["position"][-40:], plain.arrays["position"][-40:])


@pytest.mark.parametrize(
    ("dials", "message"),
    [
        ({"form": "few"}, "form is 'few'; use many or deploy"),
        ({"scenes": 0}, "scenes is 0; it must be at least 1"),
        ({"form": "deploy", "tracks": 5, "test": 5}, "test takes 5 of 5 tracks; leave some for the training"),
        ({"human_seconds": 0.0}, "human_seconds is 0.0; give seconds above 0"),
        ({"rate": 9.0}, "rate is 9.0; give people per second"),
        ({"obstacles": (3, 1)}, r"obstacles is (3, 1); give two numbers in order"),
        ({"camera_drift": 90.0}, "camera_drift is 90.0; give degrees, at most 45"),
        ({"height": 4}, "height is 4; give at least 16"),
    ],
)
def test_dials_out_of_range_are_refused(dials, message):
    with pytest.raises(InputError) as caught:
        crowd(**({"scenes": 2, "tracks": 2, "test": 1} | dials))
    assert message in str(caught.value)
