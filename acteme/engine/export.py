"""Predictions as files: JSON Lines, CSV, WebVTT (subtitles for video players), ELAN's .eaf (annotation tiers), and the
CSV that the benchmark of MA-52 takes, and the lines that the scorers of RAMS and WikiEvents read."""

import csv
import json
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO
from xml.etree import ElementTree as xml

import numpy as np

from acteme.atomic import fresh_file, write_text
from acteme.engine import tables
from acteme.engine.answers import Answer, Extraction, Prediction
from acteme.errors import InputError

FORMATS = ("jsonl", "csv", "vtt", "eaf", "ma52", "rams")
BEST = 5
"""Classes and groups of a clip that MA-52's benchmark asks for."""

CONSTRAINTS = {
    "Time_Subdivision": "Parts of the parent's interval, without gaps",
    "Symbolic_Subdivision": "Ordered parts of the parent, without times",
    "Symbolic_Association": "One annotation per parent",
    "Included_In": "Parts of the parent's interval, with gaps",
}
"""What an .eaf file declares, whether it uses it or not."""


def stream(predictions: Iterable[Answer], file: TextIO, format: str = "jsonl") -> None:
    """Writes predictions to an open text file, such as standard output, each as soon as it is there.

    Raises:
        InputError: unknown format, or several recordings as vtt or eaf.
    """
    check_format(format, "--format")
    if format in TABLES:
        TABLES[format](predictions, file.write)
        return
    found = list(islice(predictions, 2))
    if len(found) > 1:
        raise InputError(f"{format} holds one recording only", "--format", "name a folder with --to")
    for p in map(_timed, found):
        file.write(vtt(p) if format == "vtt" else eaf(p))


def check_format(format: str, where: str | Path) -> None:
    """Raises InputError where there is no such format."""
    if format not in FORMATS:
        raise InputError(f"there is no format '{format}'", where, "known: " + ", ".join(FORMATS))


def write(predictions: Iterable[Answer], to: Path | str, format: str | None = None) -> list[Path]:
    """Writes predictions; every file appears whole or not at all.

    Args:
        predictions: taken one at a time.
        to: a file. `vtt` and `eaf` hold one recording per file: for several, give a folder, and the files in it are
            named by the recordings.
        format: one of `FORMATS`; the file's suffix unless given.

    Returns:
        The files.

    Raises:
        InputError: unknown format, or several recordings for one vtt or eaf file.
    """
    to = Path(to)
    format = format or to.suffix.lstrip(".").lower()
    check_format(format, to)
    if format in TABLES:
        with fresh_file(to) as work, work.open("w", encoding="utf-8", newline="") as file:
            TABLES[format](predictions, file.write)
        return [to]
    made: list[Path] = []
    for p in map(_timed, predictions):
        single = to.suffix == f".{format}" or (to.exists() and not to.is_dir())
        path = to if single else to / f"{file_name(p.recording)}.{format}"
        if path in made:
            raise InputError("holds one recording only", path, "give a folder, and recordings of different names")
        write_text(path, vtt(p) if format == "vtt" else eaf(p))
        made.append(path)
    return made


def _timed(answer: Answer) -> Prediction:
    """What can be shown over time; InputError where an answer has no segments."""
    if not isinstance(answer, Prediction):
        raise InputError("the run's answers are no segments with times", "--format", "use jsonl or csv")
    return answer


def _jsonl(predictions: Iterable[Answer], put: Callable[[str], object]) -> None:
    for p in predictions:
        if not isinstance(p, Prediction):
            put(json.dumps(tables.told(p), ensure_ascii=False) + "\n")
            continue
        if p.futures is not None:
            futures = [[[round(float(c), 4) for c in step] for step in path] for path in p.futures]
            row = {"recording": p.recording, "duration": _time(p.duration), "fps": p.fps, "futures": futures}
            put(json.dumps(row, ensure_ascii=False) + "\n")
            continue
        segments = [{"start": _time(s.start), "end": _time(s.end), "label": s.label, "score": round(s.score, 4)}
                    for s in p.segments]  # fmt: skip
        row = {"recording": p.recording, "duration": _time(p.duration), "segments": segments}
        put(json.dumps(row, ensure_ascii=False) + "\n")


def _csv(predictions: Iterable[Answer], put: Callable[[str], object]) -> None:
    table = _table(put)
    found = iter(predictions)
    first = next(found, None)
    every = [] if first is None else chain([first], found)
    if first is not None and not isinstance(first, Prediction):
        table.writerow(tables.header(first))
        for answer in every:
            table.writerows(tables.rows(answer))
        return
    if first is not None and first.futures is not None:
        _futures_csv(map(_timed, every), table)
        return
    table.writerow(["recording", "start", "end", "label", "score"])
    for p in map(_timed, every):
        table.writerows([p.recording, _time(s.start), _time(s.end), s.label, round(s.score, 4)] for s in p.segments)


def _ma52(predictions: Iterable[Answer], put: Callable[[str], object]) -> None:
    """A row per clip: its file, then the numbers of the five classes and of the five groups that score highest."""
    table = _table(put)
    table.writerow(["vid", *(f"{level}_pred_{n}" for level in ("action", "body") for n in range(1, BEST + 1))])
    for p in map(_timed, predictions):
        if p.scores is None or p.groups is None:
            raise InputError("the run predicts no groups of classes", "--format", "use jsonl or csv")
        levels = [np.argsort(-scores.mean(0), kind="stable")[:BEST].tolist() for scores in (p.scores, p.groups)]
        if min(map(len, levels)) < BEST:
            raise InputError(f"the run has fewer than {BEST} classes or groups", "--format", "use jsonl or csv")
        table.writerow([f"{p.recording.removesuffix('.mp4')}.mp4", *levels[0], *levels[1]])


def _table(put: Callable[[str], object]) -> Any:
    """A writer of CSV lines to `put`."""

    class Line:
        write = staticmethod(put)

    return csv.writer(Line)  # type: ignore[arg-type]


def _futures_csv(predictions: Iterable[Prediction], table: Any) -> None:
    """A row per recording, alternative and step; `time` counts from the recording's beginning, as its frames do."""
    table.writerow(["recording", "alternative", "time", "x", "y"])
    for p in predictions:
        for k, path in enumerate(p.futures if p.futures is not None else ()):
            for step, (x, y) in enumerate(path):
                time = p.duration + step / p.fps
                table.writerow([p.recording, k, _time(time), round(float(x), 4), round(float(y), 4)])


def _rams(predictions: Iterable[Answer], put: Callable[[str], object]) -> None:
    """A line per document, as the official scorers of RAMS and WikiEvents read it."""
    for p in predictions:
        if not isinstance(p, Extraction):
            raise InputError("the run finds no arguments of events", "--format", "use jsonl or csv")
        put(json.dumps(tables.scored(p), ensure_ascii=False) + "\n")


TABLES = {"jsonl": _jsonl, "csv": _csv, "ma52": _ma52, "rams": _rams}
"""Formats of which one file holds all recordings."""


def vtt(prediction: Prediction) -> str:
    """WebVTT: a cue per segment, by start; overlapping cues are shown together."""
    lines = ["WEBVTT", ""]
    for s in prediction.segments:
        first, last = _milliseconds(s.start, s.end)
        text = re.sub(r"\s+", " ", s.label).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        lines += [f"{_clock(first)} --> {_clock(last)}", f"{text} ({s.score:.2f})", ""]
    return "\n".join(lines)


def eaf(prediction: Prediction) -> str:
    """An ELAN document: a tier per class, as annotations of one tier may not overlap; values are label and score."""
    root = xml.Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": "Acteme",
            "DATE": datetime.now().astimezone().isoformat(timespec="seconds"),
            "FORMAT": "3.0",
            "VERSION": "3.0",
            "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
            "xsi:noNamespaceSchemaLocation": "http://www.mpi.nl/tools/elan/EAFv3.0.xsd",
        },
    )
    header = xml.SubElement(root, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    xml.SubElement(header, "PROPERTY", NAME="lastUsedAnnotationId").text = str(len(prediction.segments))
    times = [_milliseconds(s.start, s.end) for s in prediction.segments]
    slots = {t: f"ts{n}" for n, t in enumerate(sorted({t for pair in times for t in pair}), 1)}
    order = xml.SubElement(root, "TIME_ORDER")
    for time, name in slots.items():
        xml.SubElement(order, "TIME_SLOT", TIME_SLOT_ID=name, TIME_VALUE=str(time))
    tiers: dict[str, xml.Element] = {}
    for n, (s, (first, last)) in enumerate(zip(prediction.segments, times, strict=True), 1):
        label = _printable(s.label)
        if label not in tiers:
            tiers[label] = xml.SubElement(root, "TIER", LINGUISTIC_TYPE_REF="default-lt", TIER_ID=label)
        held = xml.SubElement(xml.SubElement(tiers[label], "ANNOTATION"), "ALIGNABLE_ANNOTATION")
        held.attrib |= {"ANNOTATION_ID": f"a{n}", "TIME_SLOT_REF1": slots[first], "TIME_SLOT_REF2": slots[last]}
        xml.SubElement(held, "ANNOTATION_VALUE").text = f"{label} ({s.score:.2f})"
    xml.SubElement(root, "LINGUISTIC_TYPE", GRAPHIC_REFERENCES="false", LINGUISTIC_TYPE_ID="default-lt",
                   TIME_ALIGNABLE="true")  # fmt: skip
    for name, meaning in CONSTRAINTS.items():
        xml.SubElement(root, "CONSTRAINT", DESCRIPTION=meaning, STEREOTYPE=name)
    xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + xml.tostring(root, encoding="unicode") + "\n"


def file_name(recording: str) -> str:
    """A recording's name as a file name."""
    return re.sub(r"[^\w.\- ]", "_", recording).strip(". ") or "recording"


def _printable(text: str) -> str:
    """Without the characters that XML forbids."""
    return "".join(c for c in text if c in "\t\n\r" or 0x20 <= ord(c) <= 0xD7FF or 0xE000 <= ord(c) <= 0xFFFD
                   or ord(c) > 0xFFFF) or "unnamed"  # fmt: skip


def _time(seconds: float) -> float:
    return round(seconds, 3)


def _milliseconds(start: float, end: float) -> tuple[int, int]:
    """Whole milliseconds; a segment never becomes empty."""
    first = round(start * 1000)
    return first, max(round(end * 1000), first + 1)


def _clock(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"
