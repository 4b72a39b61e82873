"""The text of `.skeleton` files: against a plain reader, damage, and what does not matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.skeleton.readers.ntu_file import parse
from tests.recordings.skeleton.readers.cases import HAND_MADE, skeleton_text, walk


def write(folder, text):
    path = folder / "a.skeleton"
    path.write_text(text)
    return path


def plainly(text: str) -> list[list[np.ndarray]]:
    """The bodies of every frame, a line at a time."""
    lines = iter(text.splitlines())
    frames = []
    for _ in range(int(next(lines))):
        bodies = []
        for _ in range(int(next(lines))):
            next(lines)
            rows = [next(lines).split()[:3] for _ in range(int(next(lines)))]
            bodies.append(np.array(rows, np.float64).astype(np.float32))
        frames.append(bodies)
    return frames


@settings(max_examples=25)
@given(counts=st.lists(st.integers(0, 4), min_size=1, max_size=6), ends=st.sampled_from(["\n", "\r\n"]))
def test_equals_a_plain_reader(tmp_path_factory, counts, ends):
    frames = [{str(10**17 + b): walk(1, seed=10 * t + b)[0] for b in range(n)} for t, n in enumerate(counts)]
    text = skeleton_text(frames)
    path = tmp_path_factory.mktemp("ntu") / "a.skeleton"
    path.write_bytes(text.replace("\n", ends).encode())
    bodies, expected = parse(path), plainly(text)
    assert bodies.frames == len(counts)
    assert list(zip(bodies.frame, bodies.slot, strict=True)) == [(t, b) for t, n in enumerate(counts) for b in range(n)]
    np.testing.assert_array_equal(bodies.joints, np.array([b for f in expected for b in f]).reshape(-1, 25, 3))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: "", "is empty"),
        (lambda t: t[: len(t) // 2], "ends within frame 1 of 1"),
        (lambda t: t.rsplit(" ", 1)[0] + "\n", "line 29: has 11 values where a joint has 12"),
        (lambda t: t.replace("0.07 ", "0.07 9 ", 1), "line 12: has 13 values where a joint has 12"),
        (lambda t: "\n\n" + t.replace("0.07 ", "0.0x  ", 1), "line 14: '0.0x' is not a number"),
        (lambda t: "2" + t[1:], "ends within frame 2 of 2"),
        (lambda t: t + "1\n", "line 30: has text after its last frame"),
        (lambda t: t.replace("\n25\n", "\n20\n"), "line 4: has 20 joints where Kinect v2 has 25"),
        (lambda t: t.replace("1\n1\n", "1\nx\n", 1), "line 2: 'x' is not a number of bodies"),
        (lambda t: "-" + t, "line 1: '-1' is not a number of frames"),
        (lambda t: t.replace("0.07 ", "0.0x ", 1), "line 12: '0.0x' is not a number"),
        (lambda t: t.replace("0.07 ", "nan ", 1), "line 12: a coordinate is NaN or infinite"),
        (lambda t: t.replace("0.07 ", "0_7 ", 1), "line 12: '0_7' is not a number"),
        (lambda t: t.replace("0.07 ", "1e39 ", 1), "line 12: a coordinate is NaN or infinite"),
        (lambda t: t.replace(" 7 8 2", " 7\x008 2", 1), "line 5: has 11 values where a joint has 12"),
        (lambda t: t.replace("931101", "\x01931101", 1), "has control characters among its values"),
        (lambda t: "9" * 5000 + t[1:], "line 1: '9999"),
        (lambda t: t.replace("1\n1\n", "1\n" + "9" * 20 + "\n", 1), "line 2: '9999"),
        (
            lambda t: "1\n" + t[4:] + "0\n",
            "line 2: '72057594037931101 0 1 1 1 1 0 0.02 -0.09' is not a number of bodies",
        ),
        (lambda t: t.replace(" -0.09", "", 1), "line 3: has 9 values where a body has 10"),
        (lambda t: t.replace("1\n1\n", "1\n1_0\n", 1), "line 2: '1_0' is not a number of bodies"),
    ],
)
def test_damage_is_named_with_its_place(tmp_path, change, message):
    path = write(tmp_path, change(HAND_MADE))
    with pytest.raises(InputError, match=message) as caught:
        parse(path)
    assert str(path) in str(caught.value)


@settings(max_examples=60)
@given(
    counts=st.lists(st.integers(0, 2), min_size=1, max_size=3),
    data=st.data(),
)
def test_lines_lost_doubled_or_moved_give_an_error_or_what_stands_there(tmp_path_factory, counts, data):
    frames = [{str(b): walk(1, seed=10 * t + b)[0] for b in range(n)} for t, n in enumerate(counts)]
    lines = skeleton_text(frames).splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        taken = data.draw(st.integers(0, len(lines) - 1))
        line = lines[taken] if data.draw(st.booleans()) else lines.pop(taken)
        lines.insert(data.draw(st.integers(0, len(lines))), line)
    path = tmp_path_factory.mktemp("ntu") / "a.skeleton"
    text = "\n".join(lines) + "\n"
    path.write_text(text)
    try:
        bodies = parse(path)
    except InputError:
        return
    found = [[bodies.joints[i] for i in np.flatnonzero(bodies.frame == t)] for t in range(bodies.frames)]
    expected = plainly(text)
    assert [len(f) for f in found] == [len(f) for f in expected]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_joints_that_one_body_has_too_many_and_the_next_too_few(tmp_path):
    """Of the right number of lines and of lines of each kind."""
    a, b = walk(1)[0], walk(1, seed=1)[0]
    lines = skeleton_text([{"1": a, "2": b}]).splitlines()
    early = [*lines[:5], lines[5], *lines[5:-1]]
    with pytest.raises(InputError, match="line 30: has 12 values where a body has 10"):
        parse(write(tmp_path, "\n".join(early) + "\n"))
    lines = skeleton_text([{"1": a}, {"2": b}]).splitlines()
    late = lines[:28] + lines[29:] + lines[-1:]
    with pytest.raises(InputError, match="line 29: has 1 values where a joint has 12"):
        parse(write(tmp_path, "\n".join(late) + "\n"))


def test_counts_of_bodies_that_only_add_up(tmp_path):
    a = walk(1)[0]
    lines = skeleton_text([{"1": a, "2": a}, {"1": a}]).splitlines()
    lines[1] = "1"
    lines[56] = "2"
    with pytest.raises(InputError, match=r"line 30: '2 0 1 1 1 1 0 0\.02 -0\.09 2' is not a number of bodies"):
        parse(write(tmp_path, "\n".join(lines) + "\n"))


def test_tracks_are_numbered_as_they_appear(tmp_path):
    a = walk(1)[0]
    bodies = parse(write(tmp_path, skeleton_text([{}, {"72": a, "7": a}, {"7": a}, {"8": a, "72": a}])))
    assert bodies.track.tolist() == [0, 1, 1, 2, 0]
    assert bodies.slot.tolist() == [0, 1, 0, 0, 1]
    assert bodies.frame.tolist() == [1, 1, 2, 3, 3]


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.replace(" ", "  "),
        lambda t: t.replace("\n", " \n"),
        lambda t: t.replace("\n", "\n\n"),
        lambda t: "\r\n" + t.replace(" ", "\t").replace("\n", "\r\n"),
        lambda t: t.rstrip("\n"),
        lambda t: t + "\n \n",
        lambda t: t.replace("0.07 ", "7e-2 ", 1),
        lambda t: t.replace("0.07 ", "0.07" + "0" * 60 + " ", 1),
    ],
)
def test_blanks_and_spellings_do_not_matter(tmp_path, change):
    expected = parse(write(tmp_path, HAND_MADE)).joints
    np.testing.assert_array_equal(parse(write(tmp_path, change(HAND_MADE))).joints, expected)


def test_a_shorter_file_after_a_longer_one_sees_nothing_of_it(tmp_path):
    frames = [{"1": walk(9)[t]} for t in range(9)]
    long = parse(write(tmp_path, skeleton_text(frames)))
    kept = long.joints.copy()
    assert parse(write(tmp_path, HAND_MADE.rstrip("\n"))).frames == 1
    with pytest.raises(InputError, match="ends within frame 1 of 1"):
        parse(write(tmp_path, HAND_MADE[: len(HAND_MADE) // 2]))
    np.testing.assert_array_equal(long.joints, kept)


def test_a_huge_frame_count_ends_at_once(tmp_path):
    with pytest.raises(InputError, match="ends within frame 2 of 999999999"):
        parse(write(tmp_path, "999999999" + HAND_MADE[1:]))
