import json
from pathlib import Path

import pytest

from acteme.errors import InputError
from acteme.recordings.documents.predictions import read_predictions

ROLES = (("die", "evt089arg01killer"), ("die", "evt089arg02victim"), ("rain", "place"))
NAMES, KINDS = ("a", "b", "ü"), ("die", "die", "rain")


def test_predictions_are_read(tmp_path: Path) -> None:
    path = tmp_path / "test_predictions_span.jsonlines"
    lines = (
        {"doc_key": "ü", "predictions": [[[1, 1], [3, 3, "place"]]]},
        {"doc_key": "b", "predictions": [[[2, 2]]]},
        {"doc_key": "a", "predictions": [[[4, 5], [0, 1, "killer", 1], [6, 8, "victim", 0.25]]]},
    )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = read_predictions(path, NAMES, ROLES, KINDS)
    assert found.document.tolist() == [2, 0, 0] and found.role.tolist() == [2, 0, 1]
    assert found.span.tolist() == [[3, 3], [0, 1], [6, 8]] and found.trigger.tolist() == [[1, 1], [4, 5], [4, 5]]
    assert found.score.tolist() == [1.0, 1.0, 0.25]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"doc_key": "x", "predictions": []}, "there is no document 'x'"),
        ({"doc_key": "a", "predictions": [[[4, 5], [0, 1, "place", 1.0]]]}, "'place' is no role of die"),
        ({"doc_key": "a", "predictions": [[[4, 5], [0, "1", "killer", 1.0]]]}, "'1' is not a whole number"),
        ({"doc_key": "a", "predictions": [[[4, 5], [2, 1, "killer"]]]}, "a span goes from word 2 to 1"),
        ({"doc_key": "a", "predictions": [[[4, 5], [-1, 1, "killer"]]]}, "a span goes from word -1 to 1"),
        ({"doc_key": "a", "predictions": [[[4, 5], [0, 10**30, "killer"]]]}, "a span goes from word 0 to 1"),
        ({"doc_key": "a", "predictions": [[[4, 5], [0, 1, "killer", "high"]]]}, "a score is 'high'"),
        ({"doc_key": "a", "predictions": [[[4, 5], [0, 1, "killer", float("nan")]]]}, "a score is nan"),
        ({"doc_key": "a"}, "has no 'predictions'"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, line: object, message: str) -> None:
    (tmp_path / "p.jsonlines").write_text(json.dumps(line))
    with pytest.raises(InputError, match=message) as error:
        read_predictions(tmp_path / "p.jsonlines", NAMES, ROLES, KINDS)
    assert "p.jsonlines, line 1" in str(error.value)
