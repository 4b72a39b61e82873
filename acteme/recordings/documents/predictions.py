"""Predicted arguments in the form that the scorers of RAMS and of WikiEvents (as TSAR and SCPRG score it) read.

A line is an object for each document, those without predictions too: `{"doc_key", "predictions": [[[trigger b, e],
[argument b, e, role, score], ...]]}`; words are counted over the document and the last one is included. `acteme predict
RUN DATA --format rams` writes it.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from acteme.errors import InputError
from acteme.recordings.annotations import Arguments
from acteme.recordings.documents.document import role_name
from acteme.recordings.documents.lines import AGAIN, get, read_each


def read_predictions(
    path: Path, names: Sequence[str], roles: Sequence[tuple[str, str]], kinds: Sequence[str]
) -> Arguments:
    """Predictions of any system in that form, for instance to measure them by `acteme.tasks.arguments`.

    Args:
        path: a .jsonlines file.
        names: of the documents, in order.
        roles: type and role of each role number.
        kinds: type of each document's event.

    Raises:
        InputError: a line is none, or names a document or a role that there is not; names the file and the line.
    """
    places = {name: k for k, name in enumerate(names)}
    numbers = {(kind, role_name(role)): n for n, (kind, role) in reversed(list(enumerate(roles)))}
    rows: list[tuple[int, ...]] = []
    scores: list[float] = []

    def make(line: dict, where: str) -> None:
        name = get(line, "doc_key", str, where)
        if name not in places:
            raise InputError(f"there is no document '{name}'", where, "give the predictions of these documents")
        for event in get(line, "predictions", list, where):
            trigger = get(event, 0, list, where)
            for argument in event[1:]:
                role = get(argument, 2, str, where)
                if (kinds[places[name]], role) not in numbers:
                    raise InputError(f"'{role}' is no role of {kinds[places[name]]}", where, "give roles of the data")
                spans = _span(trigger, where), _span(argument, where)
                rows.append((places[name], *spans[0], *spans[1], numbers[kinds[places[name]], role]))
                scores.append(_score(argument, where))

    for _ in read_each(path, make):
        pass
    table = np.array(rows, np.int64).reshape(-1, 6)
    return Arguments(table[:, 0], table[:, 1:3], table[:, 3:5], table[:, 5], np.array(scores, float))


def _span(value: list[Any], where: str) -> tuple[int, int]:
    """First and last word."""
    first, last = get(value, 0, int, where), get(value, 1, int, where)
    if not 0 <= first <= last < 1 << 31:
        raise InputError(f"a span goes from word {first} to {last}", where, AGAIN)
    return first, last


def _score(argument: list[Any], where: str) -> float:
    """The score of an argument, 1 where none is given."""
    score = argument[3] if len(argument) > 3 else 1.0
    if isinstance(score, bool) or not isinstance(score, int | float) or math.isnan(score):
        raise InputError(f"a score is {score!r}, which is no number", where, AGAIN)
    return float(score)
