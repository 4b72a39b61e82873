"""Events of captions, written for a whole data set: by rules, or by a language model from a prompt of ours.

Files are those of ChronAccRet, `NAME_i.json` with {"events": [...]} for caption i of recording NAME, which the readers
`humanml3d`, `kitml` and `tmr` find in a data set's folder `event_texts`. Files that are there already are kept, so that
an interrupted command goes on where it was.
"""

import json
import re
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

from acteme.atomic import write_text
from acteme.engine.export import file_name
from acteme.engine.inputs import Input, parts
from acteme.engine.language import LanguageModel
from acteme.errors import InputError
from acteme.recordings.clauses import decompose

AT_ONCE = 16
"""Captions that a language model takes apart at a time."""
MOST = 12
"""Events from which on an answer is taken for a model's rambling."""


def write_events(data: Input | Sequence[Input], to: Path | str, model: LanguageModel | None = None) -> int:
    """Writes the events of every caption; returns how many captions were taken apart.

    Args:
        data: captioned recordings: files, folders or DATA strings.
        to: the folder; made where it is missing.
        model: takes captions apart; rules do, unless given.

    Raises:
        InputError: there is no caption, `to` is a file, or the model cannot be asked.
    """
    to = Path(to)
    if to.is_file():
        raise InputError("is a file", to, "name a folder")
    seen, written = False, 0
    waiting: dict[Path, str] = {}
    for path, text in _captions(data, to):
        seen = True
        if path.exists():
            continue
        waiting[path] = text
        if len(waiting) >= AT_ONCE:
            written += _write(waiting, model)
            waiting = {}
    if not seen:
        raise InputError("no recording has a caption", "data", "give captioned recordings")
    return written + _write(waiting, model)


def taken_apart(texts: Sequence[str], model: LanguageModel | None = None) -> list[tuple[str, ...]]:
    """The events of captions, by a model or by rules; by rules, too, where a model's answer is none."""
    if model is None:
        return [decompose(text) for text in texts]
    asked = [prompt().replace("{caption}", " ".join(text.split())) for text in texts]
    answers = model.generate(asked, max_tokens=192, stop=("\n\n", "Caption:"))
    return [parsed(answer) or decompose(text) for answer, text in zip(answers, texts, strict=True)]


def prompt() -> str:
    """What a model is asked; {caption} stands for the caption."""
    return (files("acteme.engine") / "prompts" / "events.txt").read_text(encoding="utf-8")


def parsed(answer: str) -> tuple[str, ...]:
    """The events of a model's answer, a line each, without numbers and marks; nothing where it is no such list."""
    lines = [re.sub(r"^\s*(?:\d+\s*[.):]|[-*•])?\s*", "", line).strip(" .\"'") for line in answer.strip().splitlines()]
    events = tuple(line for line in lines if line)
    good = 0 < len(events) <= MOST and all(len(e.split()) <= 30 and not e.endswith(":") for e in events)
    return events if good else ()


def _captions(data: Input | Sequence[Input], to: Path) -> Iterator[tuple[Path, str]]:
    """Every caption with its file; numbers count the captions of a recording."""
    for part in parts(data):
        for recording in part.read():
            said = [s.text for s in recording.segments if s.text] or ([recording.text] if recording.text else [])
            for i, text in enumerate(said):
                yield to / f"{file_name(recording.name)}_{i}.json", text


def _write(waiting: dict[Path, str], model: LanguageModel | None) -> int:
    for path, events in zip(waiting, taken_apart(list(waiting.values()), model), strict=True):
        write_text(path, json.dumps({"events": list(events)}, ensure_ascii=False) + "\n")
    return len(waiting)
