"""Captions in batches."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from acteme.recordings.annotations import Segment
from acteme.recordings.batch import check_batch
from acteme.recordings.captions import gather, to_bytes, to_texts
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording
from acteme.recordings.spec import Spec

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1)
SPEC = Spec("ntu25", 25, classes=("motion",))


@given(st.lists(st.lists(TEXT, max_size=3), max_size=4))
def test_texts_come_back(rows):
    assert to_texts(torch.from_numpy(to_bytes(rows))) == rows


def test_nothing_said_keeps_one_place():
    assert to_bytes([[], []]).shape == (2, 1, 1) and to_bytes([]).shape == (0, 1, 1)


def recording(name, *segments, text=""):
    return Recording(name, 10.0, {"skeleton": np.ones((20, 1, 25, 3), np.float32)}, segments=segments, text=text)


def captioned():
    walk = Segment(0.0, 1.0, "motion", text="er geht, dann springt er hoch", events=("er geht", "er springt hoch"))
    sit = Segment(0.5, 2.0, "motion", text="sits")
    return Corpus.of([recording("a", walk, sit), recording("b", text="waves"), recording("c")], SPEC)


def test_a_batch_brings_captions_events_and_spans(tmp_path):
    for corpus in (captioned(), captioned().save(tmp_path / "corpus"), Corpus.of(captioned(), SPEC)):
        batch = corpus.batch(np.array([1, 0, 2]), np.zeros(3, int), captions=True)
        check_batch(batch)
        assert to_texts(batch["text"]) == [["waves"], ["er geht, dann springt er hoch", "sits"], []]
        assert to_texts(batch["events"])[1] == ["er geht\ner springt hoch"]
        assert batch["span"][1].tolist() == [[0, 1], [0.5, 2]] and batch["span"][0, 0].tolist() == [0, 2]
        assert "text" not in corpus.batch(np.array([0]), np.zeros(1, int))


def test_a_caption_that_is_not_taken_apart_keeps_its_place():
    entries = gather([[Segment(0, 1, "", text="a b"), Segment(1, 2, "", text="c", events=("c",))], []])
    assert entries["events"].shape == (2, 2, 1) and not entries["events"][0, 0].any() and entries["events"][0, 1].any()
