from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.captions import to_texts
from acteme.recordings.documents.columns import lay, pages, words_in
from acteme.recordings.documents.document import Argument, Document, Event, Ontology

ONTOLOGY = Ontology({"die": {"killer": 1, "place": 1}, "rain": {"place": 1}})
SHORT = Document("a", (("Es", "regnete", "in"), ("Köln", ".")), (Event(1, 2, "rain", (Argument(3, 4, "place"),)),))
LONG = Document(
    "b",
    (("a",), ("b c", "d"), ("e", "f", "", "日本")),
    (Event(2, 4, "die", (Argument(0, 3, "killer"), Argument(1, 4, "place"), Argument(-4, -2, "place"))),),
)


def test_a_batch_has_all_that_is_known() -> None:
    batch = pages([SHORT, LONG], ONTOLOGY).batch([1, 0])
    assert batch["frames"].tolist() == [7, 5] and batch["mask"].sum(1).tolist() == [7, 5]
    assert batch["label"].tolist() == [0, 1] and batch["trigger"].tolist() == [[2, 4], [1, 2]]
    assert batch["sentence"].tolist() == [[0, 1, 1, 2, 2, 2, 2], [0, 0, 0, 1, 1, 0, 0]]
    assert batch["argument"].tolist() == [[[0, 3, 0], [1, 4, 1], [-4, -2, 1]], [[3, 4, 2], [-1] * 3, [-1] * 3]]
    assert batch["text"].shape[1] == 1 and (batch["word"][1, 5:] == 0).all()
    text = to_texts(torch.from_numpy(batch["text"]))[1][0]
    assert text == "Es regnete in\nKöln ."
    for row, d in enumerate((LONG, SHORT)):
        found = words_in(batch["text"][row, 0].tobytes(), batch["word"][row][batch["mask"][row]])
        assert [w.replace("\u00a0", " ").strip() for w in found] == [w.strip() for w in d.words]


def test_roles_are_open_by_the_type_alone() -> None:
    unanswered = replace(SHORT, events=(Event(1, 2, "rain"),))
    made = pages([unanswered], ONTOLOGY)
    assert made.open_roles().tolist() == [[True, True, False], [False, False, True]]
    assert made.batch([0])["argument"].shape == (1, 0, 3)


def test_what_the_ontology_does_not_know_is_counted_as_unknown() -> None:
    strange = replace(SHORT, events=(Event(0, 1, "snow", (Argument(1, 2, "depth"),)),))
    made = pages([strange], ONTOLOGY)
    assert made.label.tolist() == [-1] and made.argument[:, 2].tolist() == [-1]


def test_one_event_a_window() -> None:
    with pytest.raises(InputError, match="a has 0 events"):
        pages([replace(SHORT, events=())], ONTOLOGY)
    with pytest.raises(InputError, match="there are no events"):
        pages([], ONTOLOGY)


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
