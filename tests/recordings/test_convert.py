"""Any data set in any form, and back."""

import errno
import os
import pickle
import resource
import signal
from dataclasses import replace

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.annotations import Segment
from acteme.recordings.convert import convert
from acteme.recordings.corpus import Corpus
from acteme.recordings.sources import open_data
from tests.recordings.samples import SPEC, clip, mixed


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    monkeypatch.setenv("ACTEME_CACHE", str(tmp_path / "cache"))


def clips():
    spec = replace(SPEC, classes=("drink water", "eat meal", "brush teeth"))
    made = [
        clip(f"clip{i}", 4 + i, label=spec.classes[i % 3], split="train" if i % 4 else "test", subject=f"P{i}")
        for i in range(8)
    ]
    made[3].arrays["skeleton"][:, 1] = 0
    return Corpus.of(made, spec)


def facts(r):
    return r.name, r.fps, r.label, r.segments, r.split, r.subject, r.camera, r.text, dict(r.factors)


def same(a, b):
    return all(np.array_equal(a.arrays[n], b.arrays[n]) for n in a.arrays | b.arrays)


@pytest.mark.parametrize("format", ["folder", "corpus"])
def test_there_and_back_keeps_everything(tmp_path, format):
    corpus = Corpus.of(mixed(), SPEC)
    to = convert(corpus, tmp_path / "out" / "data", format)
    again = open_data(to)
    assert again.spec == replace(SPEC, multilabel=format == "folder")  # the folder sees that actions overlap
    assert same(corpus, again)
    assert [facts(r) for r in again] == [facts(r) for r in corpus]
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["data"]
    several = Corpus.of([clip("a", label="sit")], replace(SPEC, multilabel=True))
    assert open_data(convert(several, tmp_path / "several", format)).spec == several.spec
    twice = open_data(convert(to, tmp_path / "twice", format))
    assert same(corpus, twice) and twice.spec == again.spec


def test_confidence_and_odd_names_survive(tmp_path):
    names = ["ä ö", "a/b", "../up", "a:b?", "A/B", ".", "x" * 300]
    made = [replace(clip(n), name=n, label="sit") for n in names]
    for r in made:
        r.arrays["confidence"] = np.full((8, 2, 25), 0.5, np.float32)
    again = open_data(convert(Corpus.of(made, SPEC), tmp_path / "out"))
    assert [r.name for r in again][:2] == names[:2] and len(again) == len(names)
    assert all(np.array_equal(r.arrays["skeleton"], g.arrays["skeleton"]) for r, g in zip(again, made, strict=True))
    assert (again.arrays["confidence"] == 0.5).all()
    assert [p.name for p in tmp_path.iterdir() if p.name != "cache"] == ["out"]


def test_stored_vectors_stay_in_a_corpus_alone(tmp_path):
    made = [clip("a", label="sit"), clip("b", label="sit")]
    for r in made:
        r.arrays["vector"] = np.random.default_rng(0).normal(size=(8, 299)).astype(np.float32)
    corpus = Corpus.of(made, SPEC)
    assert same(corpus, open_data(convert(corpus, tmp_path / "corpus", "corpus")))
    assert set(open_data(convert(corpus, tmp_path / "folder")).arrays) == {"skeleton", "frame_labels"}


def test_segments_past_the_end_are_cut(tmp_path):
    r = clip("a", 30, segments=(Segment(0.5, 9.0, "sit"), Segment(2.0, 3.0, "walk")))
    corpus = Corpus.of([r], SPEC)
    again = open_data(convert(corpus, tmp_path / "out"))
    assert [(s.start, s.end, s.label) for s in again[0].segments] == [(0.5, 1.0, "sit")]
    assert same(corpus, again)


def test_ctrgcn(tmp_path):
    corpus = clips()
    to = convert(corpus, tmp_path / "NTU.npz", "ctrgcn", frames=12)
    with np.load(to) as archive:
        assert archive["x_train"].shape == (6, 12, 150) and archive["x_test"].shape == (2, 12, 150)
        first = corpus.select("test")[0]
        joint, axis, person = 7, 2, 1
        assert np.array_equal(
            archive["x_test"][0, :4, person * 75 + joint * 3 + axis], first.arrays["skeleton"][:, 1, 7, 2]
        )
        assert not archive["x_test"][0, 4:].any()
        assert archive["y_test"].tolist() == [[1, 0, 0], [0, 1, 0]]
    again = open_data(f"ctrgcn:{to}")
    assert again.label.tolist() == [*corpus.select("train").label, *corpus.select("test").label]
    for part in ("train", "test"):
        for a, b in zip(again.select(part), corpus.select(part), strict=True):
            assert np.array_equal(a.arrays["skeleton"], b.arrays["skeleton"])


def test_agcn(tmp_path):
    corpus = clips()
    again = open_data(f"agcn:{convert(corpus, tmp_path / 'xsub', 'agcn')}")
    for part in ("train", "test"):
        for a, b in zip(again.select(part), corpus.select(part), strict=True):
            assert (a.name, corpus.spec.classes.index(b.label)) == (b.name, again.spec.classes.index(a.label))
            assert np.array_equal(a.arrays["skeleton"], b.arrays["skeleton"])


def test_pyskl(tmp_path):
    corpus = clips()
    to = convert(corpus, tmp_path / "data.pkl", "pyskl")
    raw = pickle.loads(to.read_bytes())
    assert raw["annotations"][3]["keypoint"].shape == (1, 7, 25, 3), "absent persons are not written"
    assert set(raw["split"]) == {"train", "val"}
    again = open_data(f"pyskl:{to}?layout=ntu25")
    for a, b in zip(sorted(again, key=lambda r: r.name), corpus, strict=True):
        assert (a.name, a.split) == (b.name, b.split)
        assert np.array_equal(a.arrays["skeleton"], b.arrays["skeleton"])


@pytest.mark.parametrize(
    ("corpus", "format", "message"),
    [
        (
            Corpus.of(mixed(), SPEC),
            "ctrgcn",
            "b/c: has no single label, as this format needs; use format folder or corpus",
        ),
        (Corpus.of(mixed()[:1], SPEC), "agcn", "no split into train and test"),
        (Corpus.of([clip("a", 301, label="sit")], SPEC), "ctrgcn", "has 301 frames where the format has room for 300"),
        (Corpus.of(mixed(), SPEC), "parquet", "unknown format 'parquet'; use one of folder, corpus"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, corpus, format, message):
    with pytest.raises(InputError) as caught:
        convert(corpus, tmp_path / "out", format)
    assert message in str(caught.value)
    assert not list(tmp_path.glob("*out*"))


@pytest.mark.parametrize("format", ["folder", "corpus", "ctrgcn", "agcn", "pyskl"])
def test_what_is_there_stays(tmp_path, format):
    (tmp_path / "out").write_text("precious")
    with pytest.raises(InputError, match="is there already"):
        convert(clips(), tmp_path / "out", format)
    assert (tmp_path / "out").read_text() == "precious"


@pytest.mark.parametrize("format", ["folder", "corpus", "ctrgcn", "agcn", "pyskl"])
def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch, format):
    def refuse(*arguments, **more):
        raise OSError(errno.ENOSPC, "No space left on device")

    corpus = clips()
    monkeypatch.setattr("acteme.recordings.convert.json.dumps", refuse)
    monkeypatch.setattr("acteme.recordings.corpus.pq.write_table", refuse)
    monkeypatch.setattr("acteme.recordings.convert.np.lib.format.write_array", refuse)
    monkeypatch.setattr("acteme.recordings.convert.np.save", refuse)
    monkeypatch.setattr("acteme.recordings.convert.pickle.dump", refuse)
    with pytest.raises(InputError, match="cannot be written: No space left on device"):
        convert(corpus, tmp_path / "out", format)
    assert not list(tmp_path.glob("*out*")) and not list(tmp_path.glob(".*"))


def child(work):
    """Exit code of a process that does `work`: 2 where it raises an InputError that says why, -9 where it is killed."""
    process = os.fork()
    if not process:
        code = 1
        try:
            work()
            code = 0
        except InputError as error:
            code = 2 if "cannot be written: File too large; free some space" in str(error) else 3
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


@pytest.mark.parametrize("format", ["folder", "corpus", "ctrgcn", "agcn", "pyskl"])
def test_a_disk_that_takes_no_more_leaves_nothing(tmp_path, format):
    """The system itself refuses to write on, in the middle of a file."""
    corpus = clips()

    def work():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))
        convert(corpus, tmp_path / "out", format)

    assert child(work) == 2
    assert not list(tmp_path.iterdir())


def test_agcn_is_not_written_through_a_map(tmp_path, monkeypatch):
    """Where the disk fills up under a mapped file the system ends the process (SIGBUS): no message, leftovers."""
    corpus = clips()
    monkeypatch.setattr(np, "memmap", lambda *_, **__: pytest.fail("a mapped file"))
    convert(corpus, tmp_path / "out", "agcn")
    monkeypatch.undo()
    assert np.load(tmp_path / "out" / "train_data_joint.npy").shape == (6, 3, 300, 25, 2)


STEPS = {
    "folder": "convert.np.savez",
    "corpus": "corpus.pq.write_table",
    "ctrgcn": "convert._clip",
    "agcn": "convert._clip",
    "pyskl": "convert.pickle.dump",
}
"""A step in the middle of writing each format."""


@pytest.mark.parametrize("format", STEPS)
def test_a_killed_process_leaves_nothing_that_stays(tmp_path, monkeypatch, format):
    corpus = clips()
    with monkeypatch.context() as patch:
        patch.setattr(f"acteme.recordings.{STEPS[format]}", lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
        assert child(lambda: convert(corpus, tmp_path / "out", format)) == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    convert(corpus, tmp_path / "out", format)
    assert [p.name for p in tmp_path.iterdir()] == ["out"], "the next one sweeps what was left"
