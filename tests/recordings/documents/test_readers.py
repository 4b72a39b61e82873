from pathlib import Path

import pytest

from acteme.errors import InputError
from acteme.recordings.documents.rams import write_unified
from acteme.recordings.documents.readers import documents, rams, wikievents
from acteme.recordings.documents.wikievents import read_wikievents
from acteme.recordings.documents.windows import one_event
from acteme.recordings.sources import open_data
from tests.recordings.documents.samples import RAMS, write
from tests.recordings.documents.samples import wikievents as sample

SECOND = {**RAMS, "doc_key": "nw_2", "gold_evt_links": []}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTEME_CACHE", str(tmp_path / "cache"))


def test_rams_as_it_is_published(tmp_path: Path) -> None:
    folder = tmp_path / "RAMS"
    train = {**RAMS, "split": "train"}
    write(folder / "data" / "dev.jsonlines", SECOND)
    write(folder / "data" / "train.jsonlines", train)
    write(folder / "scorer" / "event_role_multiplicities.txt",
          "life.die.n/a evt089arg01killer 1 evt089arg02victim 2 evt089arg03target 1")  # fmt: skip
    corpus = open_data(f"rams:{folder}")
    assert corpus.column("name").tolist() == ["nw_1", "nw_2"] and corpus.column("split").tolist() == ["train", "val"]
    assert corpus.spec.classes == ("life.die.n/a",) and corpus.spec.most == (1, 2, 1)
    assert corpus.told().role.tolist() == [0, 1, 1, 2] and corpus.column("subject").tolist() == ["paper/1"] * 2
    assert open_data(f"rams:{folder}").told().span.tolist() == corpus.told().span.tolist()  # from the cache


def test_without_an_ontology_roles_are_those_of_the_training(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonlines", {**RAMS, "split": "train", "gold_evt_links": RAMS["gold_evt_links"][:1]})
    write(tmp_path / "test.jsonlines", {**RAMS, "split": "test", "doc_key": "t"})
    listing = rams(tmp_path)
    assert [role for _, role in listing.spec.roles] == ["evt089arg01killer"]
    assert listing.notes[0] == "the roles are those of the training documents"
    assert listing.notes[1].startswith("3 arguments have a role that the ontology has not, as evt089arg0")
    assert open_data(f"rams:{tmp_path}").told().role.tolist() == [0, 0, -1, -1, -1]


def test_wikievents_is_cut_around_its_events(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", sample())
    write(tmp_path / "coref" / "train.jsonlines", {"doc_key": "w", "clusters": [["T2", "T4"], ["T1"]]})
    corpus = open_data(f"wikievents:{tmp_path}?limit=11")
    assert corpus.column("name").tolist() == ["w-0", "w-1", "w-2"] and set(corpus.column("subject")) == {"w"}
    assert corpus.coreferent()[:, 3].tolist() == [0, 0, 1, 1, 2, 2]  # other numbers in each window
    listing = wikievents(tmp_path, limit=3)
    assert any("lie outside of their windows" in note for note in listing.notes)
    assert len(listing.files) == 2


def test_the_form_in_which_windows_are_passed_on(tmp_path: Path) -> None:
    raw = write(tmp_path / "raw" / "train.jsonl", sample())
    write_unified([w for d in read_wikievents(raw) for w in one_event(d)], tmp_path / "transfer-train.jsonl")
    write(tmp_path / "meta.json", '[["Life.Die", ["Killer", "Victim"]], ["Move.Come", ["Who", "Seen"]], ["Rain", []]]')
    corpus = open_data(f"documents:{tmp_path}")
    whole = open_data(f"wikievents:{tmp_path / 'raw'}?ontology={tmp_path / 'meta.json'}")
    assert corpus.spec == whole.spec and corpus.told().span.tolist() == whole.told().span.tolist()
    assert corpus.told().role.tolist() == whole.told().role.tolist() == [0, 1, 2, 3]


def test_bad_lines_are_left_out_or_named(tmp_path: Path) -> None:
    path = write(tmp_path / "train.jsonlines", RAMS, '{"doc_key": ', {**SECOND, "evt_triggers": []})
    with pytest.raises(InputError, match=r"train.jsonlines, line 2: is not JSON"):
        open_data(f"documents:{path}")
    corpus = open_data(f"documents:{path}", skip_bad=True)
    assert len(corpus) == 1 and len(corpus.left_out) == 2 and "line 3: has 0 triggers" in corpus.left_out[1]


def test_overlapping_spans_and_arguments_outside_are_kept(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", {**RAMS, "gold_evt_links": [*RAMS["gold_evt_links"], [[4, 4], [20, 21], "place"]]})
    listing = documents(tmp_path, limit=6)
    assert listing.notes[1].startswith("2 arguments lie outside")
    assert open_data(f"documents:{tmp_path}").told().span.tolist() == [[0, 0], [5, 7], [6, 7], [5, 7], [-1, -1]]


def test_a_folder_without_documents(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no documents; put train, dev and test"):
        documents(tmp_path)
    with pytest.raises(InputError, match="a second recording is called 'nw_1'"):
        open_data(f"documents:{write(tmp_path / 'train.jsonl', RAMS, RAMS)}")
