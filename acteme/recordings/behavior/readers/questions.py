"""Questions about items, beside a log and a catalog of these: tasks of ELM, a JSON object a line, and OpenP5's prompts.

They come with the catalog, in its column `examples`: JSON texts with `task`, `prompt`, `items` (numbers of items),
`answer` and `split`, at the first of their items; prompts about users have no items, the split `seen` or `unseen`, and
stand at the first item of all.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from acteme.errors import InputError
from acteme.recordings.behavior.readers.events import DELIMITERS, events
from acteme.recordings.behavior.readers.histories import histories
from acteme.recordings.behavior.streams import lines
from acteme.recordings.corpus import Corpus

TASKS, LOG, CATALOG = "tasks.jsonl", "events", "catalog"
SEQUENCES, PROMPTS = "user_sequence.txt", "prompt.txt"
SLOT = "{item}"
TABLES = (*DELIMITERS, ".parquet")


def elm(path: Path, core: int = 0, test: float = 0.1, seed: int = 0) -> Corpus:
    """Questions about items in the form of ELM: a folder with tasks.jsonl, a log (events.csv, .tsv or .parquet, as
    `events` reads it) and a catalog.

    A line of tasks.jsonl is an object with `task`, `prompt` (with `{item}` for each item), `items` (names of these),
    `answer` and perhaps `split` (train, val or test).

    Args:
        path: the folder.
        core: drop users and items of the log with fewer events, again and again until none has; 0 keeps all.
        test: share of the questions without a `split` that are for the test.
        seed: of who they are.

    Raises:
        InputError: a file is missing, or a line is no such object, or names an item that the log has not.
    """
    corpus = events(_table(path, LOG, True), core=core, catalog=_table(path, CATALOG))  # type: ignore[arg-type]
    assert corpus.catalog is not None
    numbers = {name: k for k, name in enumerate(corpus.catalog["item"].to_pylist(), 1)}
    file = path / TASKS
    found = [_question(line, numbers, f"{file} line {number}") for number, line in _lines(file)]
    drawn = np.random.default_rng(seed).random(len(found)) < test
    for question, held in zip(found, drawn.tolist(), strict=True):
        question.setdefault("split", "test" if held else "train")
    return _with(corpus, found, file)


def openp5(path: Path, core: int = 0) -> Corpus:
    """OpenP5: a folder with user_sequence.txt, a line `user item item ...` per user, and prompt.txt, rows of `task;
    seen or unseen; input; output` with {user_id}, {history} and {target} in them; perhaps with a catalog (.csv, .tsv or
    .parquet), whose titles stand for targets.

    Args:
        path: the folder.
        core: drop users and items with fewer events, again and again until none has; 0 keeps all.

    Raises:
        InputError: a file is missing, or a row is broken.
    """
    corpus = histories(_file(path, SEQUENCES), core, _table(path, CATALOG))
    file = _file(path, PROMPTS)
    found = [_prompt(line, f"{file} line {number}") for number, line in _lines(file)]
    return _with(corpus, [p for p in found if p is not None], file)


def _question(line: str, numbers: dict[str, int], where: str) -> dict[str, Any]:
    try:
        read = json.loads(line)
    except ValueError as error:
        raise InputError("is no JSON", where, "write an object with task, prompt, items and answer") from error
    kinds = {"task": str, "prompt": str, "items": list, "answer": str}
    bad = [name for name, kind in kinds.items() if not isinstance(read, dict) or not isinstance(read.get(name), kind)]
    if bad:
        raise InputError(f"has no {bad[0]}", where, "write an object with task, prompt, items and answer")
    names = [str(name) for name in read["items"]]
    if strange := [name for name in names if name not in numbers]:
        raise InputError(
            f"names item '{strange[0]}', which the log has not", where, "leave the line out, or add events"
        )
    slots = read["prompt"].count(SLOT)
    if slots != len(names) or not slots:
        raise InputError(f"has {slots} slots {SLOT} for {len(names)} items", where, "write a slot for each item")
    if not read["answer"].strip():
        raise InputError("has an empty answer", where, "leave the line out")
    made = {name: read[name] for name in ("task", "prompt", "answer")} | {"items": [numbers[name] for name in names]}
    if "split" in read:
        if read["split"] not in ("train", "val", "test"):
            raise InputError(f"has split '{read['split']}'", where, "use train, val or test")
        made["split"] = read["split"]
    return made


def _prompt(line: str, where: str) -> dict[str, Any] | None:
    """A row of OpenP5 in our words; None for a heading."""
    cells = [cell.strip() for cell in line.split(";")]
    if len(cells) != 4 or cells[1].lower() not in ("seen", "unseen"):
        if cells[0].lower() == "task":
            return None
        raise InputError("is no row of task; seen or unseen; input; output", where, "write the four cells")
    asked = cells[2].replace("{user_id}", "{user}").replace("{dataset}", "")
    strange = set(re.findall(r"\{\w+\}", asked)) - {"{user}", "{history}"}
    if strange or "{target}" not in cells[3]:
        what = f"has a slot {strange.pop()}" if strange else "has no slot {target} in its output"
        raise InputError(what, where, "use {user_id}, {history} and {dataset}, and {target} in the output")
    answer = re.sub(r"\{(?!target)\w+\}", "", cells[3])
    return {"task": cells[0], "prompt": " ".join(asked.split()), "items": [], "answer": " ".join(answer.split()),
            "split": cells[1].lower()}  # fmt: skip


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    if not file.is_file():
        raise InputError("does not exist", file, "see docs/data.md for the files of the folder")
    return ((number, line.strip()) for number, line in lines(file) if line.strip())


def _file(path: Path, name: str) -> Path:
    file = path / name
    if not file.is_file():
        raise InputError(f"has no {name}", path, "see docs/data.md for the files of the folder")
    return file


def _table(path: Path, name: str, needed: bool = False) -> Path | None:
    """A table by its name, with any of the endings."""
    found = [path / f"{name}{end}" for end in TABLES if (path / f"{name}{end}").is_file()]
    if not found and needed:
        raise InputError(f"has no {name}.csv, .tsv or .parquet", path, "see docs/data.md for the files of the folder")
    return found[0] if found else None


def _with(corpus: Corpus, questions: list[dict[str, Any]], file: Path) -> Corpus:
    """The corpus with questions in its catalog."""
    if not questions:
        raise InputError("has no questions", file, "write one a line")
    assert corpus.catalog is not None
    rows: list[list[str]] = [[] for _ in range(len(corpus.catalog))]
    for question in questions:
        at = question["items"][0] - 1 if question["items"] else 0
        rows[at].append(json.dumps(question, ensure_ascii=False))
    catalog = corpus.catalog.append_column("examples", pa.array(rows, pa.list_(pa.string())))
    return replace(corpus, catalog=catalog, files=(*corpus.files, file))
