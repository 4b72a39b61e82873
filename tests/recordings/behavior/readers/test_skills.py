"""Your own people and jobs."""

import json

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.check import check
from acteme.recordings.corpus import Corpus
from acteme.recordings.sources import open_data
from tests.recordings.behavior.samples import CONCEPTS, PAIRS, PROFILES, write_skills

WHOLE = "val=0&test=0&known=0"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ACTEME_CACHE", str(tmp_path / "cache"))


def test_the_hand_made_set_is_read_whole(tmp_path):
    corpus = open_data(f"skills:{write_skills(tmp_path / 'own')}?{WHOLE}")
    assert (len(corpus), corpus.spec.items, corpus.spec.classes) == (6, 4, CONCEPTS)
    assert set(corpus.arrays) == {"item", "outcome"}, "no labels of single events"
    catalog = corpus.catalog.to_pydict()
    assert catalog["item"] == ["j1", "j2", "j3", "j4"] and catalog["title"] == ["Programmer", "j2", "j3", "j4"]
    assert catalog["categories"][3] == ["python", "welding"] and catalog["group"] == ["it", "yard", "", "yard"]
    held = {(catalog["item"][i - 1], r.name, int(y)) for r in corpus
            for i, y in zip(r.arrays["item"], r.arrays["outcome"], strict=True) if i}  # fmt: skip
    assert held == set(PAIRS)
    assert [r.text for r in corpus] == [p["text"] for p in PROFILES]
    assert [[s.label for s in r.segments] for r in corpus][3:] == [["python", "welding"], [], ["nursing", "python"]]
    assert corpus[4].arrays["item"].tolist() == [0], "who has no pair has one event of no item"
    assert {s.end for r in corpus for s in r.segments} <= {1.0, 2.0}, "a skill is over the whole recording"


def test_classes_of_recordings_come_in_batches(tmp_path):
    corpus = open_data(f"skills:{write_skills(tmp_path / 'own')}?{WHOLE}")
    batch = corpus.batch(np.array([5, 4, 3]), np.zeros(3, np.int64), 1, classes=True)
    assert batch["classes"].tolist() == [[1, 0, 1], [0, 0, 0], [1, 1, 0]]
    part = corpus.select(rows=np.array([3, 5]))
    assert part.batch(np.array([1]), np.zeros(1, np.int64), classes=True)["classes"].tolist() == [[1, 0, 1]]
    again = Corpus.open(corpus.save(tmp_path / "again") and tmp_path / "again")
    assert np.array_equal(again.held(again.rows), corpus.held(corpus.rows))


def test_pairs_without_a_zero_have_no_outcomes_and_a_heading_is_passed_over(tmp_path):
    pairs = "job_id\tprofile_id\nj1\tp1\nj2\tp2\t1\n"
    corpus = open_data(f"skills:{write_skills(tmp_path / 'own', pairs=pairs)}?{WHOLE}")
    assert set(corpus.arrays) == {"item"} and (np.asarray(corpus.arrays["item"]) > 0).sum() == 2


def test_jobs_are_drawn_into_splits(tmp_path):
    folder = write_skills(tmp_path / "own")
    corpus = open_data(f"skills:{folder}?val=0.25&test=0.25&known=0.5&seed=3")
    of = {s: {int(i) for r in corpus.select(s) for i in r.arrays["item"]} - {0} for s in ("train", "val", "test")}
    assert len(of["val"]) == len(of["test"]) == 1 and not of["train"] & (of["val"] | of["test"])
    known = corpus.select("known")
    assert len(known) and {int(i) for r in known for i in r.arrays["item"]} <= set(range(1, 5)) - of["val"] - of["test"]
    both = [r for r in corpus if r.subject == "p6"]
    assert len({r.split for r in both}) == len(both) and len({r.name for r in corpus}) == len(corpus)
    assert corpus[len(corpus) - 1].text == open_data(f"skills:{folder}?{WHOLE}")[5].text


def test_splits_of_the_file_count(tmp_path):
    pairs = "j1\tp1\t1\ttrain\nj1\tp6\t1\tknown\nj2\tp2\t1\ttest\nj3\tp3\t0\tval\n"
    corpus = open_data(f"skills:{write_skills(tmp_path / 'own', pairs=pairs)}")
    where = {r.name: r.split for r in corpus}
    assert where == {"p1": "train", "p2": "test", "p3": "val", "p4": "train", "p5": "train", "p6": "known"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pairs": None}, "own: has no pairs.tsv; give concepts.txt, jobs.jsonl, profiles.jsonl, pairs.tsv"),
        ({"concepts": "python\n\nnursing\n"}, "concepts.txt, line 2: is empty"),
        ({"concepts": "python\nwelding\npython\n"}, "concepts.txt: names 'python' twice"),
        ({"concepts": ""}, "concepts.txt: names no concepts"),
        ({"concepts": "python\nwelding\n"}, "jobs.jsonl, line 3: skill 'nursing' is not in the list of concepts"),
        ({"jobs": '{"id": "j1"}\n'}, "jobs.jsonl, line 1: has no 'text'"),
        ({"jobs": '{"id": "a", "text": ""}\n{"id": "a", "text": ""}\n'}, "jobs.jsonl: two jobs are called 'a'"),
        ({"profiles": '{"id": "p", "text": "", "skills": [1]}\n'}, "line 1: 'skills' is not a list of texts"),
        ({"profiles": 2 * (json.dumps(PROFILES[0]) + "\n")}, "line 2: a second profile is called 'p1'"),
        ({"pairs": "j1\n"}, "pairs.tsv, line 1: 1 cells; give job, profile, label"),
        ({"pairs": "j9\tp1\t1\n"}, "line 1: there is no job 'j9'"),
        ({"pairs": "j1\tp9\t1\n"}, "line 1: there is no profile 'p9'"),
        ({"pairs": "j1\tp1\tyes\n"}, "line 1: label 'yes'; give 1 or 0"),
        ({"pairs": "j1\tp1\t1\tdev\n"}, "line 1: split 'dev'"),
        ({"pairs": "j1\tp1\t1\nj1\tp1\t0\n"}, "line 2: job 'j1' and profile 'p1' are a second time here"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, changes, message):
    folder = write_skills(tmp_path / "own", **changes)
    with pytest.raises(InputError) as caught:
        open_data(f"skills:{folder}")
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["concepts.txt", "pairs.tsv"])
def test_files_that_are_no_text_are_refused(tmp_path, name):
    folder = write_skills(tmp_path / "own")
    (folder / name).write_bytes(b"python\nd\xe9veloppeur\n")
    with pytest.raises(InputError, match=f"{name}: cannot be read as text; save it as UTF-8"):
        open_data(f"skills:{folder}")


def test_what_is_worth_knowing_is_said(tmp_path):
    folder = write_skills(tmp_path / "own")
    found = check(f"skills:{folder}?known=0")
    assert not found.problems and found.notes == (
        "1 of 6 profiles have no text",
        "1 of 6 profiles are in no pair: they are for training only, where their skills count",
    )
    assert found.warnings == (
        "there is no split into train and test: give more jobs, larger shares val and test, or a column split in the "
        "pairs",
    )
    assert not check(f"skills:{folder}?test=0.25&known=0").warnings


def test_shares_that_leave_nothing_are_refused(tmp_path):
    folder = write_skills(tmp_path / "own")
    with pytest.raises(InputError, match="of 4 jobs none is left"):
        open_data(f"skills:{folder}?val=0.5&test=0.5")
    with pytest.raises(InputError, match="known is 1"):
        open_data(f"skills:{folder}?known=1")
