"""Long-tailed training splits."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.corpus import Corpus
from acteme.recordings.longtail import draw, options, profile
from acteme.recordings.options import options_of
from acteme.recordings.sources import SOURCES, list_data, open_data
from tests.recordings.samples import SPEC, clip, skeleton, write_folder
from tests.tiny import command

CLASSES = ("sit", "walk", "wave")


def corpus(train=(6, 6, 6), test=2, unlabeled=0, splits=True):
    """Clips of three classes; names do not stand in the order of their classes."""
    made = [
        clip(f"{i:02d}{k}", 3, label=k, split="train" if splits else "")
        for k, n in zip(CLASSES, train, strict=True)
        for i in range(n)
    ]
    made += [clip(f"t{i}{k}", 3, label=k, split="test" if splits else "") for k in CLASSES for i in range(test)]
    made += [clip(f"u{i}", 3, split="train" if splits else "") for i in range(unlabeled)]
    return Corpus.of(made, SPEC)


def counts(c, split="train"):
    chosen = c.select(split) if split else c
    return np.bincount(chosen.label[chosen.label >= 0], minlength=3).tolist()


@pytest.mark.parametrize(
    ("most", "imbalance", "classes", "total"),
    [
        (600, 100, 60, 7_892), (600, 50, 60, 9_150), (600, 10, 60, 14_142),
        (600, 100, 120, 15_600), (600, 50, 120, 18_137), (600, 10, 120, 28_182),
        (400, 100, 120, 10_378), (400, 50, 120, 12_069), (400, 10, 120, 18_771), (100, 10, 10, 403),
    ],
)  # fmt: skip
def test_profiles_of_the_published_lists(most, imbalance, classes, total):
    assert profile(most, imbalance, classes).sum() == total


def test_the_profile_of_ntu60():
    found = profile(600, 100, 60).tolist()
    assert found[:3] == [600, 554, 513] and found[-3:] == [7, 6, 6]
    assert profile(7, 100, 1).tolist() == [7] and profile(5, 1, 3).tolist() == [5, 5, 5]


def test_which_ones_are_drawn_is_fixed_for_good():
    # 30 names of each of 4 classes; the official generator, run on the names in their order, keeps these
    name = [f"S{i:03d}A{k:03d}" for i in range(30) for k in range(1, 5)]
    label = [k for _ in range(30) for k in range(4)]
    found = [name[i] for i in draw(name, np.array(label), profile(20, 10, 4))]
    assert [n[-4:] for n in found] == ["A001"] * 20 + ["A002"] * 9 + ["A003"] * 4 + ["A004"] * 2
    rng, per = np.random.RandomState(0), {k: [n for n in sorted(name) if n.endswith(f"A{k:03d}")] for k in range(1, 5)}
    wanted = []
    for k, keep in zip(per, (20, 9, 4, 2), strict=True):
        rng.shuffle(per[k])
        wanted += per[k][:keep]
    assert found == wanted
    assert hashlib.sha256(" ".join(found).encode()).hexdigest()[:8] == "cb17bd24"


@given(st.lists(st.integers(1, 30), min_size=3, max_size=3), st.floats(1, 20))
def test_as_many_as_there_are_unless_told(have, imbalance):
    made = corpus(tuple(have))
    try:
        found = counts(options(imbalance)(made))
    except InputError:
        found = None
    best = 0
    while (profile(best + 1, imbalance, 3) <= have).all():
        best += 1
    wanted = profile(best, imbalance, 3)
    assert found == (wanted.tolist() if wanted.all() else None)


def test_only_training_recordings_are_left_out():
    c = corpus(unlabeled=3)
    thin = options(3, 6)(c)
    assert counts(thin) == [6, 3, 2] and counts(thin, "test") == [2, 2, 2]
    assert (thin.label >= 0).all(), "training recordings without a class are left out"
    assert list(np.diff(thin.rows) > 0) == [True] * (len(thin) - 1), "they keep their order"
    assert thin.arrays["skeleton"] is c.arrays["skeleton"], "and share their arrays"
    assert counts(options(3, 6)(corpus(splits=False)), None) == [6, 3, 2], "without splits all are for training"
    assert len(options()(c)) == len(c)


def test_the_order_of_the_recordings_does_not_matter():
    c = corpus((9, 9, 9))
    mixed = c.select(rows=np.random.default_rng(0).permutation(len(c)))
    names = [set(options(3, 8)(x).column("name")) for x in (c, mixed)]
    assert names[0] == names[1] and len(names[0]) == 8 + 4 + 2 + 6


def test_a_list_of_names(tmp_path):
    c, file = corpus(), tmp_path / "names.txt"
    file.write_text("01walk\n\n  03sit \n01walk\n", encoding="utf-8")
    thin = options(longtail=file)(c)
    assert sorted(thin.select("train").column("name")) == ["01walk", "03sit"] and counts(thin, "test") == [2, 2, 2]
    file.write_text("01walk\nt0sit\nx1\nx2\nx3\nx4\n")
    with pytest.raises(InputError, match=r"5 of 6 names are no training recordings of the data: t0sit, x1, x2 and 2"):
        options(longtail=file)(c)
    with pytest.raises(InputError, match=r"1 of 1 names .*: x; the data has 00sit, 01sit, 02sit, \.\.\."):
        file.write_text("x")
        options(longtail=file)(c)
    file.write_text("01walk\nbad\n")
    assert counts(options(longtail=file)(replace(c, left_out=("bad: is broken",)))) == [0, 1, 0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"imbalance": 3.0, "longtail": "x"}, "both an imbalance and a list"),
        ({"most": 3}, "says nothing without an imbalance"),
        ({"imbalance": 0.5}, "an imbalance of 0.5; give 1 or more"),
        ({"imbalance": 2.0, "most": 0}, "0 recordings of the first class"),
        (
            {"imbalance": 1.2, "most": 9},
            "'sit' has 6 training recordings of 9 .*, and 2 more classes .*most=6",
        ),
        ({"imbalance": 50.0}, "'walk' would be left with no training recording; lower the imbalance"),
        ({"imbalance": 5.0, "most": 4}, "'wave' would be left .*, or give most=5 or more"),
    ],
)
def test_what_cannot_be_done_is_said(given, message):
    with pytest.raises(InputError, match=message):
        options(**given)(corpus())


def test_data_that_cannot_be_thinned(tmp_path):
    with pytest.raises(InputError, match=r"class 'walk' has 0 training .* lower the imbalance, or give more"):
        options(2, 4)(corpus((6, 0, 6)))
    with pytest.raises(InputError, match="no training recording has a single label"):
        options(2)(corpus((0, 0, 0), unlabeled=2))
    for name, content, message in (("a", None, "cannot be read: No such file"), ("b", b"\xff", "is not UTF-8 text"),
                                   ("c", b"\n \n", "names no recording; write one name a line")):  # fmt: skip
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=message):
            options(longtail=tmp_path / name)(corpus())


# --- in data strings -------------------------------------------------------------------------------------------------


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("ACTEME_CACHE", str(tmp_path / "cache"))
    rows = [f"{k}{i}.npz,{k},train" for k in CLASSES for i in range(4)] + [f"{k}9.npz,{k},test" for k in CLASSES]
    names = [row.partition(".")[0] for row in rows]
    return write_folder(tmp_path / "data", "file,label,split\n" + "\n".join(rows) + "\n",
                        **{n: skeleton(2, 1) for n in names})  # fmt: skip


def test_any_data_set_takes_them(data, tmp_path):
    found = open_data(f"{data}?imbalance=4&most=4&classes=wave,walk,sit")
    assert counts(found) == [4, 2, 1] and counts(found, "test") == [1, 1, 1] and found.spec.classes[0] == "wave"
    assert counts(open_data(f"{data}?classes=wave,walk,sit")) == [4, 4, 4], "the cache holds the whole"
    assert len(list((tmp_path / "cache/corpora").iterdir())) == 1, "once"
    found.save(tmp_path / "corpus")
    assert counts(open_data(tmp_path / "corpus")) == [4, 2, 1]
    assert counts(open_data(f"{tmp_path / 'corpus'}?imbalance=4")) == [4, 2, 1]
    (tmp_path / "list").write_text("walk2\nsit1\n")
    assert counts(open_data(f"{data}?longtail={tmp_path / 'list'}")) == [1, 1, 0]
    (tmp_path / "list").write_text("walk2\n")
    assert counts(open_data(f"{data}?longtail={tmp_path / 'list'}")) == [0, 1, 0], "a list that changed is read anew"
    world = list_data("stage?classes=3&train=30&test=3&imbalance=5&most=10")
    assert counts(world) == [10, 4, 2] and counts(world, "test") == [1, 1, 1]


def test_mistakes_in_data_strings(data, tmp_path):
    open_data(data).save(tmp_path / "corpus")
    for text, message in (
        (f"{data}?imbalance=many", "option 'imbalance' cannot be 'many'; give a number or none"),
        (f"{data}?imbalanc=3", "unknown option 'imbalanc'; did you mean 'imbalance'?"),
        (f"{tmp_path / 'corpus'}?fps=3&most=2", "a corpus folder has no option 'fps'"),
        (f"{data}?imbalance=4&most=5", "class 'sit' has 4 training recordings of 5 that are asked for; give most=4"),
    ):
        with pytest.raises(InputError) as caught:
            open_data(text)
        assert message in str(caught.value)


def test_no_source_has_an_option_of_these_names():
    for name, source in SOURCES.items():
        assert not options_of(source.function()).keys() & options_of(options).keys(), name


def test_the_command_line_lists_them():
    for words in (("data", "list"), ("data", "list", "stage")):
        said = command(*words)
        assert said.code == 0 and all(f"\n{option} " in said.out for option in ("imbalance", "most", "longtail"))
