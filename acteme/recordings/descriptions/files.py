"""Files of descriptions, in the form of GAP's: a line per class.

parts.txt     label; head tilts back; hand holds the cup; arm bends; hip stays still; leg stays still; foot stays still
synonyms.txt  label, another name, yet another
origin.csv    label, who wrote it (not read; says which lines deserve a look)
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from acteme.atomic import fresh_folder
from acteme.errors import InputError

FIELDS = ("head", "hand", "arm", "hip", "leg", "foot")
"""Parts of the body, in the order of a line."""
PARTS_FILE, SYNONYMS_FILE, ORIGIN_FILE = "parts.txt", "synonyms.txt", "origin.csv"


@dataclass(frozen=True)
class Description:
    """A class in words."""

    label: str
    synonyms: tuple[str, ...]
    """Names of the class, the label first."""
    fields: tuple[str, ...]
    """What each of `FIELDS` does, as the file has it, with the space before it; empty where it says nothing."""
    origin: str = ""
    """Who wrote it."""


def parse_parts(line: str) -> tuple[str, tuple[str, ...]]:
    """Label and fields of a line of parts.

    A separator too many or at the end does not matter. A line with fewer fields than parts is told by the word that
    each field begins with; a field that begins with none of them takes the next place.

    Raises:
        InputError: parts out of order, or no separator after the label.
    """
    label, *found = (text.rstrip() for text in _split(line, ";"))
    found = [text for text in found if text.strip()]
    if len(found) > len(FIELDS):
        found = [*found[: len(FIELDS) - 1], ",".join(found[len(FIELDS) - 1 :])]
    if len(found) == len(FIELDS):
        return label.strip(), tuple(found)
    out, place = [""] * len(FIELDS), 0
    for text in found:
        named = re.match(r"\s*(?:the )?(?:left |right |both )?(\w+?)s?\b", text.replace("feet", "foot"), re.IGNORECASE)
        if named and named[1].lower() in FIELDS:
            place = FIELDS.index(named[1].lower())
        if place == len(FIELDS):
            raise InputError(f"line '{line[:60]}' has parts out of order", mend="give " + ", ".join(FIELDS))
        out[place] = f"{out[place]},{text}" if out[place] else text
        place += 1
    _check_label(label.strip(), out)
    return label.strip(), tuple(out)


def _check_label(label: str, fields: Sequence[str]) -> None:
    """Raises InputError where a label seems to go on with the first part, as it does after a lost separator.

    A label may well speak of a part (`shake hand`); it is taken for lost where words follow, while the part itself and
    all before it say nothing.
    """
    first = next((i for i, text in enumerate(fields) if text), len(FIELDS))
    words = [_singular(word) for word in re.findall(r"\w+", label.casefold())]
    swallowed = next((part for part in FIELDS[:first] if part in words[1:-1]), None)
    if swallowed is not None:
        mend = f"write label; {swallowed} ...; (or all of {', '.join(FIELDS)}, if it is the label)"
        raise InputError(f"label '{label[:60]}' goes on with the {swallowed}", mend=mend)


def _singular(word: str) -> str:
    return "foot" if word == "feet" else word.removesuffix("s")


def parse_synonyms(line: str) -> tuple[str, ...]:
    """Names of a class, the label first."""
    names = [text.strip() for text in _split(line, ",")]
    return tuple(dict.fromkeys(name for name in names if name))


def read(path: Path) -> list[Description]:
    """Descriptions from a folder, or from a file of parts (then the label is the only name).

    Raises:
        InputError: nothing there, a line without label, or a class twice in a file.
    """
    folder = path.is_dir()
    parts = _lines(path / PARTS_FILE if folder else path)
    if not parts:
        raise InputError("holds no description", path / PARTS_FILE if folder else path, "write a line per class")
    where = path / SYNONYMS_FILE
    names: dict[str, tuple[str, ...]] = {}
    for number, line in _lines(where) if folder and where.exists() else []:
        found = parse_synonyms(line)
        if not found:
            raise InputError("has no label", f"{where}, line {number}", "write label, another name, ...")
        names[found[0]] = found
    out: dict[str, Description] = {}
    for number, line in parts:
        here = f"{path / PARTS_FILE if folder else path}, line {number}"
        try:
            label, fields = parse_parts(line)
        except InputError as error:
            raise InputError(error.what, here, error.mend) from None
        if not label:
            raise InputError("has no label", here, "write label; head ...; hand ...; arm ...; ...")
        if label in out:
            raise InputError(f"describes '{label}' again", here, "keep one line")
        out[label] = Description(label, names.get(label, (label,)), fields)
    return list(out.values())


def write(folder: Path, descriptions: Iterable[Description]) -> None:
    """Writes a folder of descriptions, whole or not at all."""
    texts = {PARTS_FILE: "", SYNONYMS_FILE: "", ORIGIN_FILE: "label,origin\n"}
    for d in descriptions:
        texts[PARTS_FILE] += _join([d.label, *d.fields], ";")
        texts[SYNONYMS_FILE] += _join([d.label, *(s for s in d.synonyms if s != d.label)], ",")
        texts[ORIGIN_FILE] += _join([d.label, d.origin], ",")
    with fresh_folder(folder) as work:
        for name, text in texts.items():
            (work / name).write_text(text, encoding="utf-8")


def _lines(path: Path) -> list[tuple[int, str]]:
    """Lines that say something, with their numbers."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("is not text in UTF-8", path, "save it as UTF-8") from error
    except OSError as error:
        mend = "give a file of parts, or a folder as `acteme describe` writes it"
        raise InputError(f"cannot be read ({error.strerror})", path, mend) from error
    return [(i, line) for i, line in enumerate(text.splitlines(), 1) if line.strip()]


def _split(line: str, separator: str) -> Sequence[str]:
    """The fields of a line; one that holds the separator is in quotes."""
    if '"' not in line:
        return line.split(separator)
    return next(csv.reader([line], delimiter=separator, skipinitialspace=separator == ","))


def _join(fields: Sequence[str], separator: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator="\n").writerow(fields)
    return out.getvalue()
