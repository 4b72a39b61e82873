"""RAMS 1.0, and the form of it in which other data sets are passed on: a document with one event on each line.

`{"doc_key", "sentences": [[word]], "evt_triggers": [[b, e, [[type, 1.0]]]], "ent_spans": [[b, e, [[role, 1.0]]]],
"gold_evt_links": [[[trigger b, e], [argument b, e], role]], ...}`; b and e count words over the whole document, and
include the last one. A role is a name, or in RAMS `evt089arg02place`.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from acteme.atomic import write_text
from acteme.errors import InputError
from acteme.recordings.documents.document import (
    Argument,
    Document,
    Event,
    Mention,
    Ontology,
    check_span,
    role_name,
)
from acteme.recordings.documents.lines import AGAIN, get, read_each, words_of

SPLITS = {"train": "train", "dev": "val", "val": "val", "test": "test"}
"""Name of a file to the name of a split."""
FORM = 'a line of event_role_multiplicities.txt is: "type role count role count ..."'


def read_rams(path: Path, split: str | None = None, problems: list[InputError] | None = None) -> Iterator[Document]:
    """The documents of a file, one event each.

    Args:
        path: a .jsonlines file.
        split: their split; None takes it from each line or, where that says nothing, from the file's name.
        problems: with a list, bad lines are left out and what is wrong with them is appended to it.

    Raises:
        InputError: a line is no such document, and `problems` is None; names the file and the line.
    """
    named = split_of(path)

    def make(line: dict[str, Any], where: str) -> Document:
        own = SPLITS.get(str(line.get("split", "")), named)
        return _document(line, own if split is None else split, where)

    return read_each(path, make, problems)


def split_of(path: Path) -> str:
    """The split that the name of a file ends with, as train.jsonlines or transfer-dev.jsonl; empty for another."""
    return SPLITS.get(path.stem.replace("_", "-").rpartition("-")[2], "")


def _document(line: dict[str, Any], split: str, where: str) -> Document:
    name = get(line, "doc_key", str, where)
    sentences = words_of(get(line, "sentences", list, where), where)
    count = sum(map(len, sentences))
    triggers = get(line, "evt_triggers", list, where)
    if len(triggers) != 1:
        raise InputError(f"has {len(triggers)} triggers", where, "give each event a line of its own")
    first, last = get(triggers[0], 0, int, where), get(triggers[0], 1, int, where)
    start, end = check_span(first, last + 1, count, "the trigger", where)
    kind = get(get(get(triggers[0], 2, list, where), 0, list, where), 0, str, where)
    arguments = []
    for link in get(line, "gold_evt_links", list, where, []):
        of = get(link, 0, list, where)
        if of[:2] != [start, end - 1]:
            raise InputError(
                f"an argument belongs to a trigger at {of}, the event's is at {[start, end - 1]}", where, AGAIN
            )
        span = get(link, 1, list, where)
        a, b = get(span, 0, int, where), get(span, 1, int, where) + 1
        if b <= a:
            raise InputError(f"an argument ends at word {b - 1}, before its start {a}", where, "correct the span")
        role = get(link, 2, str, where)
        arguments.append(Argument(a, b, role_name(role), role if role_name(role) != role else ""))
    mentions, clusters = _mentions(line, count, where)
    event = Event(start, end, kind, tuple(arguments))
    source = get(line, "source_url", str, where, "")
    return Document(name, sentences, (event,), mentions, clusters, split, source)


def _mentions(line: dict[str, Any], count: int, where: str) -> tuple[tuple[Mention, ...], tuple[tuple[str, ...], ...]]:
    """Mentions from `ent_spans` and `coref`, where there are any; a span is one mention, named by its words."""
    found: dict[tuple[int, int], Mention] = {}

    def add(span: Sequence[Any]) -> str:
        first, last = get(span, 0, int, where), get(span, 1, int, where)
        a, b = check_span(first, last + 1, count, "a mention", where)
        return found.setdefault((a, b), Mention(f"{a}-{b}", a, b)).id

    for span in get(line, "ent_spans", list, where, []):
        add(span)
    clusters = [tuple(dict.fromkeys(add(span) for span in some)) for some in get(line, "coref", list, where, [])]
    return tuple(found.values()), tuple(some for some in clusters if some)


def write_unified(documents: Iterable[Document], path: Path) -> None:
    """Writes documents in the form that `read_rams` reads, an event a line, the file whole or not at all.

    Of the mentions the clusters stay; an event of a document with several is named NAME-0, NAME-1, ...
    """
    names = {"val": "dev"}
    out = []
    for d in documents:
        spans = {m.id: [m.start, m.end - 1] for m in d.mentions}
        for n, event in enumerate(d.events):
            trigger = [event.start, event.end - 1]
            line = {
                "doc_key": d.name if len(d.events) == 1 else f"{d.name}-{n}",
                "sentences": d.sentences,
                "evt_triggers": [[*trigger, [[event.type, 1.0]]]],
                "gold_evt_links": [[trigger, [a.start, a.end - 1], a.slot or a.role] for a in event.arguments],
                "ent_spans": [[*span, [["", 1.0]]] for span in spans.values()],
                "coref": [[spans[m] for m in some] for some in d.clusters],
                "split": names.get(d.split, d.split),
                "source_url": d.source,
            }
            out.append(json.dumps(line, ensure_ascii=False) + "\n")
    write_text(path, "".join(out))


def read_multiplicities(path: Path) -> Ontology:
    """The ontology of RAMS, `event_role_multiplicities.txt`: type, then role and count in turn.

    Raises:
        InputError: a line is none of these, or names a type or a role twice.
    """
    types: dict[str, dict[str, int]] = {}
    for number, line in enumerate(_text(path).splitlines(), 1):
        where = f"{path}, line {number}"
        kind, *rest = line.split() or [""]
        if not kind:
            continue
        roles = rest[::2]
        if len(rest) % 2 or not all(count.isdecimal() and int(count) for count in rest[1::2]):
            raise InputError("has a role without a count above 0", where, FORM)
        if kind in types or len(set(roles)) < len(roles):
            raise InputError(f"names '{kind}' or one of its roles a second time", where, "keep one")
        types[kind] = dict(zip(roles, map(int, rest[1::2]), strict=True))
    if not types:
        raise InputError("names no type of event", path, FORM)
    return Ontology(types)


def read_meta(path: Path) -> Ontology:
    """An ontology as `meta.json` of TSAR and SCPRG has it: a list of [type, [role, ...]]; any number of arguments."""
    try:
        listed = json.loads(_text(path))
        types = {kind: dict.fromkeys(roles, 0) for kind, roles in listed}
        if not types or not all(isinstance(name, str) for kind, roles in types.items() for name in (kind, *roles)):
            raise TypeError
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError("is not a list of [type, [role, ...]]", path, "download it again") from error
    return Ontology(types)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", path, "correct its name or its access rights") from error
    except UnicodeDecodeError as error:
        raise InputError("is not UTF-8 text", path, "save it as UTF-8") from error
