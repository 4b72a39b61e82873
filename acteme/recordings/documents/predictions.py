"""Predicted arguments in the form that the scorers of RAMS and of WikiEvents (as TSAR and SCPRG score it) read."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int

from acteme.atomic import write_text
from acteme.errors import InputError
from acteme.recordings.annotations import Arguments
from acteme.recordings.documents.document import role_name
from acteme.recordings.documents.lines import get, read_each


def lines(
    found: Arguments, names: Sequence[str], trigger: Int[np.ndarray, "n 2"], roles: Sequence[tuple[str, str]]
) -> list[str]:
    """A JSON object for each document, those without predictions too: `{"doc_key", "predictions": [[[trigger b, e],
    [argument b, e, role, score], ...]]}`; words are counted over the document and the last one is included.

    Args:
        found: predictions; `document` is a position in `names`.
        names: of the documents.
        trigger: first word of each document's trigger, and its last.
        roles: type and role of each role number (`Spec.roles`); scorers compare the name in a role's identifier.
    """
    order = np.lexsort((found.role, found.span[:, 1], found.span[:, 0], found.document))
    some = found.select(order)
    ends = np.searchsorted(some.document, np.arange(len(names) + 1))
    rows = [[a, b, role_name(roles[role][1]), round(score, 6)] for (a, b), role, score in
            zip(some.span.tolist(), some.role.tolist(), some.score.tolist(), strict=True)]  # fmt: skip
    return [
        json.dumps({"doc_key": name, "predictions": [[[*map(int, trigger[k])], *rows[ends[k] : ends[k + 1]]]]},
                   ensure_ascii=False)
        for k, name in enumerate(names)
    ]  # fmt: skip


def write_predictions(path: Path, *given: Sequence[str]) -> None:
    """Writes the lines of `lines`, of several lists in turn, whole or not at all."""
    write_text(path, "".join(f"{line}\n" for some in given for line in some))


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
                span = [get(some, k, int, where) for some in (trigger, argument) for k in (0, 1)]
                rows.append((places[name], *span, numbers[kinds[places[name]], role]))
                scores.append(float(argument[3]) if len(argument) > 3 else 1.0)

    for _ in read_each(path, make):
        pass
    table = np.array(rows, np.int64).reshape(-1, 6)
    return Arguments(table[:, 0], table[:, 1:3], table[:, 3:5], table[:, 5], np.array(scores, float))
