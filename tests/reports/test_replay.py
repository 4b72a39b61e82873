import base64
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acteme.recordings.annotations import Segment
from acteme.recordings.skeleton.layouts import LAYOUTS, layout
from acteme.reports.content import Replay
from acteme.reports.replay import ABSENT, figure, kept_frames, pack, upright, upward
from tests.reports.pages import replay, walker


def unpack(packed):
    q = np.frombuffer(base64.b64decode(packed["frames"]), "<i2").reshape(packed["shape"])
    return np.where(q == ABSENT, np.nan, packed["offset"] + packed["scale"] * q.astype(float))


@pytest.mark.parametrize("name", list(LAYOUTS))
def test_every_layout_can_be_drawn(name):
    one = layout(name)
    drawn = figure(one, np.zeros((1, 1, one.count, 3)))
    assert len(drawn.side) == one.count and all(0 <= v < one.count for bone in drawn.bones for v in bone)
    assert all(drawn.side[one.flip[v]] == -drawn.side[v] for v in range(one.count))
    assert drawn.trails and max(drawn.trails) < one.count and -1 <= drawn.head < one.count


def test_up_is_where_the_upper_body_is():
    x = walker(30)
    turns = {2: x, 3: x[..., [0, 2, 1]] * [1, -1, 1], -2: x * [1, -1, -1], 1: x[..., [1, 0, 2]], -1: -x[..., [1, 0, 2]]}
    for up, turned in turns.items():
        assert upward(layout("body15"), turned) == up
        straight = upright(turned, up)
        assert (straight[:, 0, 0, 1] > straight[:, 0, 11, 1]).all()
    assert upward(layout("body15"), (x * [100, -100, 0])[..., :2]) == -2
    assert upward(layout("hand21"), np.ones((2, 1, 21, 3))) == 2
    assert upward(layout("body15"), np.zeros((2, 1, 15, 3))) == 2


@pytest.mark.parametrize("up", [1, -1, 2, -2, 3, -3])
def test_turning_upright_is_a_rotation_not_a_mirror(up):
    axes = upright(np.eye(3, dtype=np.float32)[:, None, None], up)[:, 0, 0]
    assert np.linalg.det(axes) == pytest.approx(1)
    assert axes[abs(up) - 1].tolist() == [0, np.sign(up), 0]


@given(
    st.integers(1, 5000),
    st.sampled_from([12.5, 25.0, 30.0, 60.0, 120.0]),
    st.integers(15, 300),
    st.integers(100, 10**6),
)
def test_kept_frames_fit_the_budget(frames, fps, numbers, budget):
    step, count = kept_frames(frames, fps, numbers, budget)
    assert 1 <= count <= -(-frames // step)
    assert count <= 2 or 2 * numbers * count * 4 / 3 <= budget + 4
    assert fps / step >= 10 or step == 1
    if 2 * numbers * frames * 4 / 3 <= budget:
        assert count == -(-frames // step) and step == max(1, round(fps / 30))


def test_coordinates_come_back_within_a_thousandth_of_the_range():
    one = replay(persons=2)
    drawn = figure(layout("body15"), one.skeleton)
    packed = pack(one, drawn, 10**6)
    back = unpack(packed)
    there = one.skeleton.any(axis=(2, 3))
    assert np.isnan(back[~there]).all() and not np.isnan(back[there]).any()
    np.testing.assert_allclose(back[there], one.skeleton[there], atol=1e-4)
    assert packed["fps"] == 30 and packed["seconds"] == 4.0 and packed["cut"] == 0


def test_a_joint_at_the_origin_is_not_an_absent_person():
    x = walker(5)
    x[:, 0, 8] = 0
    packed = pack(Replay("r", 30.0, x, 5 / 30), figure(layout("body15"), x), 10**6)
    np.testing.assert_allclose(unpack(packed)[:, 0, 8], 0, atol=1e-4)


def test_what_does_not_fit_is_thinned_then_cut_and_says_so():
    long = replay(frames=3000)
    long = replace(long, duration=100.0, truth=(Segment(0, 99, "walk"), Segment(60, 70, "wave")))
    packed = pack(long, figure(layout("body15"), long.skeleton), 60_000)
    assert packed["fps"] == 10 and len(packed["frames"]) <= 60_000
    assert packed["cut"] == pytest.approx(100 - packed["seconds"], abs=0.1) and packed["cut"] > 0
    assert packed["truth"] == [[0, packed["seconds"], "walk", 1.0]]
    half = pack(long, figure(layout("body15"), long.skeleton), 190_000)
    assert half["cut"] == 0 and half["fps"] == 15


def test_scores_are_bytes_and_long_ones_are_averaged():
    one = replay()
    drawn = figure(layout("body15"), one.skeleton)
    packed = pack(one, drawn, 10**6)
    table = np.frombuffer(base64.b64decode(packed["scores"]), np.uint8).reshape(packed["columns"], 3)
    np.testing.assert_allclose(table / 255, one.scores, atol=0.002)
    ramp = np.repeat(np.linspace(0, 1, 6000)[:, None], 3, axis=1)
    packed = pack(replace(one, scores=ramp), drawn, 10**6)
    table = np.frombuffer(base64.b64decode(packed["scores"]), np.uint8).reshape(packed["columns"], 3)
    assert len(table) == 1500
    np.testing.assert_allclose(table[:, 0] / 255, np.linspace(0, 1, 1500), atol=0.003)
    assert pack(replace(one, scores=None), drawn, 10**6)["scores"] is None
