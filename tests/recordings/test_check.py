"""What `acteme data check` says."""

import io

import numpy as np
import pytest
from rich.console import Console

from acteme.recordings.check import check
from acteme.recordings.corpus import Corpus
from tests.recordings.samples import SPEC, mixed, skeleton, write_folder


def printed(report):
    console = Console(file=io.StringIO(), width=120)
    console.print(report)
    return console.file.getvalue()


def test_a_good_folder(tmp_path):
    table = "file,start,end,label,subject\na.npz,,,walk,P1\nb.npz,0,0.1,sit,P2\nb.npz,0,0.2,wave,P2\nc.npz,,,,P3\n"
    report = check(write_folder(tmp_path, table, a=skeleton(30), b=skeleton(60, 1), c=skeleton(90)))
    assert report.good and report.problems == ()
    assert (report.recordings, report.seconds, report.shortest, report.longest) == (3, 6.0, 30, 90)
    assert report.classes == {"sit": 1, "walk": 1, "wave": 1}
    assert report.persons == {1: 1, 2: 2} and report.rates == {30.0: 3}
    assert (report.subjects, report.unlabeled) == (3, 1)
    assert sorted(report.splits) == ["", "test", "train"]
    text = printed(report)
    for line in (
        "3 (1 without a label)",
        " 6 s, 30 to 90 frames each",
        "ntu25: 25 joints",
        "several at a time",
    ):
        assert line in text
    assert text.rstrip().endswith("no problems")


def test_every_problem_is_listed_with_its_place(tmp_path):
    table = (
        "file,start,end,label\na.npz,0,9,walk\nb.npz,1,1,walk\nc.npz,,,walk\nd.npz,,,walk\n"
        "../e.npz,,,walk\nf.npz,,,walk\nb.npz,2,1,walk\n"
    )
    bad = skeleton(5)
    bad[2, 0, 1] = np.nan
    write_folder(tmp_path, table, a=skeleton(5), b=skeleton(5), c=bad, d=skeleton(5))
    (tmp_path / "f.npz").write_bytes(b"PK")
    report = check(tmp_path)
    assert not report.good and report.recordings == 1
    expected = [
        "annotations.csv line 3: segment from 1 s to 1 s is empty",
        "annotations.csv line 6: '../e.npz' leads out of the folder",
        "annotations.csv line 8: segment from 2 s to 1 s is reversed",
        "f.npz: is damaged or no .npz file",
        "annotations.csv line 2 (a.npz): segment from 0 s to 9 s ends after the recording",
        "c.npz: skeleton is NaN or infinite at frame 2, person 0, joint 1; fill or cut these frames",
    ]
    assert len(report.problems) == len(expected)
    assert all(part in line for part, line in zip(expected, report.problems, strict=True))
    assert "6 problems" in printed(report)


def test_what_cannot_be_listed_is_one_problem(tmp_path):
    report = check(tmp_path / "nowhere")
    assert len(report.problems) == 1 and "no such path" in report.problems[0]
    assert "1 problem" in printed(report) and report.spec is None


def test_what_may_not_be_meant(tmp_path):
    still = np.ones((9, 2, 25, 3), np.float32)
    table = "file,label,subject,split\na.npz,x,P1,train\nb.npz,x,P1,test\nc.npz,x,P2,train\n"
    write_folder(tmp_path, table, a=still, b=skeleton(5), c=still * 0)
    (tmp_path / "acteme.toml").write_text('classes = ["x", "y", "z"]')
    report = check(tmp_path)
    assert report.good
    for part in (
        "2 classes never occur: y, z",
        "1 recordings show nobody",
        "2 recordings do not move at all: a, c",
        "1 subjects are in train and test: P1",
    ):
        assert any(part in warning for warning in report.warnings), part
    assert len(report.warnings) == 4


def test_a_missing_split_is_a_warning(tmp_path):
    report = check(write_folder(tmp_path, "file,label\na.npz,x\n", a=skeleton(5)))
    assert "no split into train and test" in report.warnings[0]


def test_a_corpus():
    report = check(Corpus.of(mixed(), SPEC))
    assert report.good and report.data == "corpus"
    assert report.classes == {"sit": 2, "walk": 1, "wave": 1}
    assert report.splits == {"train": 2, "test": 1, "": 1}
    assert report.seconds == pytest.approx(35 / 30)


def test_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setenv("ACTEME_CACHE", str(tmp_path / "cache"))
    data = write_folder(tmp_path / "data", "file\na.npz\n", a=skeleton(5))
    seen = []
    check(data, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 1)]
    assert {p.name for p in data.iterdir()} == {"a.npz", "annotations.csv"} and not (tmp_path / "cache").exists()
