import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.annotations import Segments
from acteme.recordings.corpus import Corpus
from acteme.recordings.spec import Spec
from acteme.recordings.worlds.pack import Part, corpus

SPEC = Spec("mocap15", 15, 1, 3, ("a", "b"), 10.0)


def part(names: list[str], frames: list[int], **columns: np.ndarray | str) -> Part:
    rng = np.random.default_rng(len(names))
    labels = np.zeros((sum(frames), 2), np.uint8)
    labels[0, 1] = 1
    return Part(
        skeleton=rng.standard_normal((sum(frames), 1, 15, 3)).astype(np.float32),
        frame_labels=labels,
        frames=np.array(frames),
        label=np.full(len(names), -1),
        columns={"name": np.array(names), **columns},
        segments=Segments(np.array([0]), np.array([0.0]), np.array([0.1]), np.array([1])),
        texts=[f"text of {names[0]}"],
    )


def test_parts_in_a_row_are_the_corpus_of_their_recordings() -> None:
    made = corpus(
        [part(["x", "y"], [3, 2], split="train", **{"factor:f": np.array([1.0, 2.0])}), part(["z"], [4])], SPEC
    )
    built = Corpus.of(list(made), SPEC)
    for name in ("skeleton", "frame_labels"):
        np.testing.assert_array_equal(made.arrays[name], built.arrays[name])
    for name, column in built.table.items():
        np.testing.assert_array_equal(made.table[name], column, err_msg=name)
    assert made.table["split"].tolist() == ["train", "train", ""]
    assert made.segments.recording.tolist() == [0, 2] and made.texts == ("text of x", "text of z")
    assert made[2].segments[0].text == "text of z" and made[1].factors == {"f": 2.0} and made[2].factors == {}


def test_no_recordings_is_an_error() -> None:
    with pytest.raises(InputError, match="was asked for no recordings"):
        corpus([], SPEC)
