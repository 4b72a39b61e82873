import json
from pathlib import Path

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.annotations import Arguments
from acteme.recordings.documents.predictions import lines, read_predictions, write_predictions

ROLES = (("die", "evt089arg01killer"), ("die", "evt089arg02victim"), ("rain", "place"))
FOUND = Arguments(
    np.array([2, 0, 0]), np.array([[1, 1], [4, 5], [4, 5]]), np.array([[3, 3], [6, 8], [0, 1]]), np.array([2, 1, 0]),
    np.array([0.5, 0.25, 1.0]),
)  # fmt: skip
TRIGGERS = np.array([[4, 5], [2, 2], [1, 1]])
NAMES, KINDS = ("a", "b", "ü"), ("die", "die", "rain")


def test_a_line_a_document_in_the_form_of_the_scorers() -> None:
    made = [json.loads(line) for line in lines(FOUND, NAMES, TRIGGERS, ROLES)]
    assert made == [
        {"doc_key": "a", "predictions": [[[4, 5], [0, 1, "killer", 1.0], [6, 8, "victim", 0.25]]]},
        {"doc_key": "b", "predictions": [[[2, 2]]]},
        {"doc_key": "ü", "predictions": [[[1, 1], [3, 3, "place", 0.5]]]},
    ]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "test_predictions_span.jsonlines"
    write_predictions(path, lines(FOUND, NAMES, TRIGGERS, ROLES))
    again = read_predictions(path, NAMES, ROLES, KINDS)
    assert again.document.tolist() == [0, 0, 2] and again.role.tolist() == [0, 1, 2]
    assert again.span.tolist() == [[0, 1], [6, 8], [3, 3]] and again.score.tolist() == [1.0, 0.25, 0.5]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"doc_key": "x", "predictions": []}, "there is no document 'x'"),
        ({"doc_key": "a", "predictions": [[[4, 5], [0, 1, "place", 1.0]]]}, "'place' is no role of die"),
        ({"doc_key": "a", "predictions": [[[4, 5], [0, "1", "killer", 1.0]]]}, "'1' is not a whole number"),
        ({"doc_key": "a"}, "has no 'predictions'"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, line: object, message: str) -> None:
    (tmp_path / "p.jsonlines").write_text(json.dumps(line))
    with pytest.raises(InputError, match=message) as error:
        read_predictions(tmp_path / "p.jsonlines", NAMES, ROLES, KINDS)
    assert "p.jsonlines, line 1" in str(error.value)
