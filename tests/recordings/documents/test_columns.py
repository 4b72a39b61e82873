from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.batch import check_batch
from acteme.recordings.captions import to_texts
from acteme.recordings.check import check
from acteme.recordings.corpus import Corpus
from acteme.recordings.documents.columns import document, lay, recording, spec, words_in
from acteme.recordings.documents.document import Argument, Document, Event, Mention, Ontology
from acteme.recordings.documents.readers import made
from acteme.recordings.spec import Spec

ONTOLOGY = Ontology({"die": {"killer": 1, "place": 2}, "rain": {"place": 1}})
SHORT = Document("a", (("Es", "regnete", "in"), ("Köln", ".")), (Event(1, 2, "rain", (Argument(3, 4, "place"),)),))
LONG = Document(
    "b",
    (("a",), ("b c", "d"), ("e", "f", "", "日本")),
    (Event(2, 4, "die", (Argument(0, 3, "killer"), Argument(1, 4, "place"), Argument(-4, -2, "place"))),),
    (Mention("x", 0, 1), Mention("y", 2, 3), Mention("z", 5, 6)),
    (("x", "z"), ("y",)),
    "train",
    "paper",
)


@pytest.fixture
def corpus() -> Corpus:
    return made([SHORT, LONG], ONTOLOGY)


def test_a_batch_has_all_that_is_known(corpus: Corpus) -> None:
    batch = corpus.batch(np.array([1, 0]), np.array([0, 0]))
    check_batch(batch)
    assert batch["frames"].tolist() == [7, 5] and batch["mask"].sum(1).tolist() == [7, 5]
    assert batch["label"].tolist() == [0, 1] and batch["trigger"].tolist() == [[2, 4], [1, 2]]
    assert batch["sentence"].tolist() == [[0, 1, 1, 2, 2, 2, 2], [0, 0, 0, 1, 1, 0, 0]]
    assert batch["argument"].tolist() == [[[0, 3, 0], [1, 4, 1], [-4, -2, 1]], [[3, 4, 2], [-1] * 3, [-1] * 3]]
    assert batch["text"].shape[1] == 1 and not batch["word"][1, 5:].any() and "frame_labels" not in batch
    assert to_texts(batch["text"])[1][0] == "Es regnete in\nKöln ."
    for row, d in enumerate((LONG, SHORT)):
        found = words_in(batch["text"][row, 0].numpy().tobytes(), batch["word"][row][batch["mask"][row]].numpy())
        assert [w.replace("\u00a0", " ").strip() for w in found] == [w.strip() for w in d.words]


def test_in_a_window_words_are_counted_from_its_first(corpus: Corpus) -> None:
    batch = corpus.batch(np.array([1]), np.array([2]), 3)
    assert batch["trigger"].tolist() == [[0, 2]] and batch["argument"][0].tolist()[:2] == [[-2, 1, 0], [-1, 2, 1]]
    assert words_in(batch["text"][0, 0].numpy().tobytes(), batch["word"][0].numpy()) == ["d", "e", "f"]


def test_saved_and_opened_it_is_the_same(corpus: Corpus, tmp_path) -> None:
    again = corpus.select(rows=np.array([1, 0])).save(tmp_path / "c")
    assert again.spec == corpus.spec == spec(ONTOLOGY) and corpus.spec.most == (1, 2, 1)
    for a, b in zip(again, (corpus[1], corpus[0]), strict=True):
        assert (a.name, a.event, a.mentions, a.text, a.subject) == (b.name, b.event, b.mentions, b.text, b.subject)
    assert again[0].event == LONG.events[0] and again[0].mentions == ((0, 1, 0), (5, 6, 0))
    assert again[1].event == SHORT.events[0] and again[1].mentions == ()
    back = document(again[0])
    assert back.clusters == (("0-0", "0-1"),) and [len(some) for some in back.sentences] == [1, 2, 4]


def test_what_is_true_and_what_cannot_be_found(corpus: Corpus) -> None:
    told = corpus.told()
    assert told.document.tolist() == [0, 1, 1, 1] and told.trigger.tolist() == [[1, 1], [2, 3], [2, 3], [2, 3]]
    assert told.span.tolist() == [[3, 3], [0, 2], [1, 3], [-1, -1]] and told.role.tolist() == [2, 0, 1, 1]
    assert corpus.coreferent().tolist() == [[1, 0, 0, 0], [1, 5, 5, 0]]
    one = corpus.select(rows=np.array([1]))
    assert one.told().document.tolist() == [0] * 3 and one.coreferent()[:, 0].tolist() == [0, 0]
    plain = Corpus(corpus.spec, corpus.arrays, corpus.table, corpus.segments)
    with pytest.raises(InputError, match="holds no documents"):
        plain.told()


def test_what_the_ontology_does_not_know_is_counted_as_unknown() -> None:
    strange = replace(SHORT, events=(Event(0, 1, "snow", (Argument(1, 2, "depth"),)),))
    corpus = made([strange], ONTOLOGY)
    assert corpus.label.tolist() == [-1] and corpus.told().role.tolist() == [-1]


def test_two_ids_of_one_name_stay_two_roles() -> None:
    ontology = Ontology({"meet": {"evt001arg01participant": 1, "evt001arg02participant": 1}})
    arguments = tuple(Argument(k, k + 1, "participant", f"evt001arg0{k + 1}participant") for k in range(2))
    corpus = made([replace(SHORT, events=(Event(1, 2, "meet", arguments),))], ontology)
    assert corpus.told().role.tolist() == [0, 1] and corpus[0].event.arguments == arguments


def test_one_event_a_window() -> None:
    with pytest.raises(InputError, match="a has 0 events"):
        recording(replace(SHORT, events=()), ONTOLOGY)
    with pytest.raises(InputError, match="no recordings"):
        made([], ONTOLOGY)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"event": None}, "has only part of a document"),
        ({"event": Event(4, 6, "rain")}, "the trigger spans words 4 up to 6, the document has 5"),
        ({"event": Event(1, 2, "rain", (Argument(3, 3, "place"),))}, "an argument ends before"),
        ({"text": "Es"}, "its words are not in order in its text of 2 bytes"),
        ({"mentions": ((3, 9, 0),)}, "a mention spans"),
        ({"label": "snow"}, "unknown class 'snow'"),
    ],
)
def test_recordings_that_contradict_themselves(changes, message) -> None:
    good = recording(SHORT, ONTOLOGY, "paper.jsonl, line 1")
    with pytest.raises(InputError, match=message) as error:
        Corpus.of([replace(good, **changes)], spec(ONTOLOGY))
    assert str(error.value).startswith("paper.jsonl, line 1: ")


def test_sentences_in_order() -> None:
    good = recording(SHORT, ONTOLOGY)
    wrong = {**good.arrays, "sentence": np.array([1, 0, 0, 0, 0], np.int32)}
    with pytest.raises(InputError, match="its sentences are not in order"):
        Corpus.of([replace(good, arrays=wrong)], spec(ONTOLOGY))


def test_a_role_needs_its_type() -> None:
    with pytest.raises(InputError, match="role 'who' is of a type 'b', which there is not"):
        Corpus.of([recording(SHORT, ONTOLOGY)], Spec(classes=("a",), roles=(("b", "who"),)))


@pytest.mark.parametrize("damage", ["arguments", "mentions", "trigger", "role"])
def test_a_damaged_folder_is_named(corpus: Corpus, tmp_path, damage: str) -> None:
    import pyarrow.parquet as pq

    corpus.save(tmp_path / "c")
    if damage in ("arguments", "mentions"):
        (tmp_path / "c" / f"{damage}.parquet").unlink()
    else:
        name, column, value = {"trigger": ("recordings", "trigger_end", 99), "role": ("arguments", "number", 7)}[damage]
        path = tmp_path / "c" / f"{name}.parquet"
        table = pq.read_table(path)
        new = table[column].to_numpy().copy()
        new[0] = value
        at = table.column_names.index(column)
        pq.write_table(table.set_column(at, column, [new]), path)
    with pytest.raises(InputError, match="damaged"):
        Corpus.open(tmp_path / "c")


def test_check_counts_words_and_roles(corpus: Corpus) -> None:
    from rich.console import Console

    report = check(corpus)
    assert report.good and report.longest == 7 and report.classes == {"die": 1, "rain": 1}
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(report)
    said = console.export_text()
    assert "5 to 7 words each" in said and "3, 2 names" in said


@given(st.lists(st.lists(st.text(max_size=4), max_size=4), min_size=1, max_size=5).filter(any))
def test_every_word_is_where_its_bytes_say(sentences: list[list[str]]) -> None:
    text, word = lay(sentences)
    found = words_in(text.encode(), word)
    assert len(found) == sum(map(len, sentences)) and text.count("\n") == len(sentences) - 1
    for given_, again in zip((w for some in sentences for w in some), found, strict=True):
        assert again and again == (
            given_.replace(" ", "\u00a0").replace("\n", "\u00a0").replace("\0", "\ufffd") or "\u00a0"
        )
    assert np.all(np.diff(word[:, 0]) > 0)
