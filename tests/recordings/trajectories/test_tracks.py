"""Rows become tracks: cut at gaps, at one rate, in scenes with an extent, with splits by time."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.trajectories.tracks import Manner, Rows, cut, listed


def rows(ways: dict[str, dict[float, tuple[float, float]]], scene="yard", **changes) -> Rows:
    """Rows in no order of who is where when."""
    flat = [(who, t, *xy) for who, way in ways.items() for t, xy in way.items()]
    flat = [flat[i] for i in np.random.default_rng(0).permutation(len(flat))]
    who, time, x, y = zip(*flat, strict=True) if flat else ((),) * 4
    xy = np.stack([np.array(x, float), np.array(y, float)], 1)
    return Rows(scene, Path("file"), np.array(who, str), np.array(time, float), xy, **changes)


def line(begin: float, end: float, step: float) -> dict[float, tuple[float, float]]:
    """Someone who walks (1, 2) per second."""
    return {float(t): (float(t), 2.0 * float(t)) for t in np.arange(begin, end + step / 2, step)}


def recordings(*parts: Rows, manner: Manner | None = None, **more):
    found = listed([lambda part=part: [part] for part in parts], [Path("file")], manner or Manner(), **more)
    return found, [item.read() for item in found.items]


def test_a_track_is_brought_to_one_rate():
    made = cut(rows({"a": line(3.0, 9.0, 0.1), "b": line(0.0, 4.0, 1.0)}), Manner(fps=2.5, gap=1.5))
    assert made.agent.tolist() == ["b", "a"] and made.start.tolist() == [0.0, 3.0] and made.frames.tolist() == [11, 16]
    times = np.concatenate([np.arange(11) * 0.4, 3 + np.arange(16) * 0.4])
    np.testing.assert_allclose(made.xy, np.stack([times, 2 * times], 1), atol=1e-5)


def test_a_missing_row_ends_a_track_unless_gaps_may_be_filled():
    way = {t: xy for t, xy in line(0.0, 8.0, 0.4).items() if not 3.5 < t < 4.2}
    made = cut(rows({"a": way}), Manner())
    assert made.frames.tolist() == [9, 10] and made.start.tolist() == pytest.approx([0.0, 4.4])
    whole = cut(rows({"a": way}), Manner(gap=2.0))
    assert whole.frames.tolist() == [21]
    np.testing.assert_allclose(whole.xy[:, 0], np.arange(21) * 0.4, atol=1e-5)


def test_parts_of_a_way_are_recordings_of_one_person():
    way = {t: xy for t, xy in line(0.0, 8.0, 0.4).items() if not 3.5 < t < 4.2}
    _, made = recordings(rows({"a": way, "b": line(0, 4, 0.4)}))
    assert [r.name for r in made] == ["yard/a", "yard/b", "yard/a#2"]
    assert [r.subject for r in made] == ["yard/a", "yard/b", "yard/a"]
    assert made[2].factors["start"] == pytest.approx(4.4) and made[2].camera == "yard"


def test_who_was_seen_once_is_left_out_and_counted_or_kept_when_asked():
    part = rows({"a": line(0, 4, 0.4), "once": {1.0: (5.0, 5.0)}})
    found, made = recordings(part)
    assert [r.name for r in made] == ["yard/a"]
    assert found.notes == ["1 tracks of fewer than 2 samples are left out (option shortest)"]
    _, made = recordings(part, manner=Manner(shortest=1))
    assert [r.frames for r in made] == [11, 1]


def test_the_extent_is_the_images_or_a_box_with_a_margin():
    found, _ = recordings(rows({"a": line(0, 10, 0.4)}), rows({"a": line(0, 4, 0.4)}, "hall", extent=(0, 0, 9.0, 7.0)))
    assert found.spec.scenes == ("yard", "hall") and found.spec.extents[1] == (0, 0, 9.0, 7.0)
    assert found.spec.extents[0] == pytest.approx((-1, -1, 11, 21))
    still, _ = recordings(rows({"a": dict.fromkeys((0.0, 0.4, 0.8), (3.0, 3.0))}))
    left, top, right, bottom = still.spec.extents[0]
    assert left < 3 < right and top < 3 < bottom


def test_the_end_of_the_time_is_the_test_and_the_beginning_is_counted_in_human_seconds():
    ways = {f"p{i}": line(4.0 * i, 4.0 * i + 6, 0.4) for i in range(20)}
    _, made = recordings(rows(ways), manner=Manner(test=0.5))
    split = {r.name: r.split for r in made}
    border = (82 - 0) / 2
    for r in made:
        begin, end = r.factors["start"], r.factors["start"] + (r.frames - 1) / 2.5
        assert r.split == ("train" if end < border else "test") and (r.split == "train" or begin >= border)
    assert set(split.values()) == {"train", "test"} and len(made) == 18, "who is there at the border is left out"
    found, few = recordings(rows(ways), manner=Manner(test=0.5, human_seconds=15.0))
    early = [r for r in few if r.split == "train"]
    assert len(early) == 3 and sum(r.frames for r in early) / 2.5 >= 15
    assert [r.name for r in early] == ["yard/p0", "yard/p1", "yard/p2"]
    assert any("between training and test" in note for note in found.notes)


def test_nobody_is_in_both_parts():
    ways = {"a": line(0, 4, 0.4) | line(20, 24, 0.4), "b": line(1, 5, 0.4), "c": line(20, 25, 0.4)}
    _, made = recordings(rows(ways), manner=Manner(test=0.5))
    assert {(r.subject, r.split) for r in made} == {("yard/a", "test"), ("yard/b", "train"), ("yard/c", "test")}


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (rows({"a": {0.0: (1, 2), 1.0: (np.nan, 2)}}), "a position or time is NaN or infinite"),
        (rows({"a": {0.0: (1, 2), 1e12: (3, 2)}}), "too large to be true"),
        (rows({"a": {0.0: (1, 2), 9e6: (3, 2)}}), "a track has 22500001 samples at 2.5 per second"),
    ],
)
def test_nonsense_is_refused(part, message):
    with pytest.raises(InputError) as caught:
        cut(part, Manner(gap=1e7))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"fps": 0.0}, "fps is 0.0"), ({"gap": -1.0}, "gap is -1.0"), ({"shortest": 0}, "shortest is 0"),
     ({"test": 1.0}, "test is 1.0; give a share below 1"), ({"human_seconds": 0.0}, "human_seconds is 0.0")],
)  # fmt: skip
def test_options_out_of_range_are_refused(changes, message):
    with pytest.raises(InputError) as caught:
        recordings(rows({"a": line(0, 4, 0.4)}), manner=Manner(**changes))
    assert message in str(caught.value)


def test_without_tracks_there_is_one_clear_line():
    for parts in ([], [rows({})], [rows({"once": {0.0: (1.0, 1.0)}})]):
        with pytest.raises(InputError, match=r"^file: has no tracks of 2 samples at 2\.5 per second; correct the path"):
            recordings(*parts)
    found, _ = recordings(rows({"a": line(0, 4, 0.4)}), rows({}, "empty"))
    assert found.spec.extents[1] == (0.0, 0.0, 1.0, 1.0)


def test_maps_are_read_by_the_names_of_scenes(tmp_path):
    np.save(tmp_path / "yard.npy", np.arange(6).reshape(2, 3))
    part, other = rows({"a": line(0, 4, 0.4)}), rows({"a": line(0, 4, 0.4)}, "a/b")
    found, _ = recordings(part, other, surfaces=tmp_path)
    assert found.surfaces.tolist() == [[[0, 1, 2], [3, 4, 5]], [[255] * 3] * 2]
    assert tmp_path / "yard.npy" in found.files and tmp_path / "a_b.npy" in found.files
    for bad, message in (
        (np.zeros((2, 2, 2), int), "shape"),
        (np.full((2, 2), 300), "class 300"),
        (np.zeros((2, 2)), "float64"),
    ):
        np.save(tmp_path / "yard.npy", bad)
        with pytest.raises(InputError, match=message):
            recordings(part, surfaces=tmp_path)
    (tmp_path / "yard.npy").unlink()
    with pytest.raises(InputError, match=r"no map of any scene, such as yard\.npy; name them SCENE\.npy"):
        recordings(part, surfaces=tmp_path)


def test_large_maps_are_brought_to_a_size(tmp_path):
    np.save(tmp_path / "yard.npy", np.repeat(np.arange(2), 700)[:, None] * np.ones((1, 30), int))
    found, _ = recordings(rows({"a": line(0, 4, 0.4)}), surfaces=tmp_path)
    assert (
        found.surfaces.shape == (1, 512, 30) and found.surfaces[0, 255].max() == 0 and found.surfaces[0, 256].min() == 1
    )


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), min_size=1, max_size=60, unique=True),
       st.sampled_from([1.0, 2.5, 7.0]))  # fmt: skip
def test_every_sample_lies_on_its_track_and_every_row_of_a_track_is_covered(seen, fps):
    part = rows({})
    who, tick = np.array(seen).T
    time = tick * 0.4
    part = Rows("yard", Path("file"), who.astype(str), time, np.stack([time, who + 0.0], 1))
    made = cut(part, Manner(fps=fps, shortest=1, gap=0.5))
    begin = np.repeat(made.start, made.frames)
    step = np.arange(len(made.xy)) - np.repeat(made.offset, made.frames)
    np.testing.assert_allclose(made.xy[:, 0], begin + step / fps, atol=1e-4), "x is the time"
    assert (np.repeat(made.agent, made.frames).astype(float) == made.xy[:, 1]).all(), "y is who"
    runs = sum(1 for k in range(4) for t in set(tick[who == k]) if t - 1 not in set(tick[who == k]))
    assert len(made.frames) == runs and (np.diff(made.start) >= 0).all()
