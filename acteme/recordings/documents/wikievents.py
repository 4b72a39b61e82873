"""WikiEvents: whole documents with several events, mentions of entities, and which of them are the same.

A line of train/dev/test.jsonl: `{"doc_id", "tokens", "sentences": [[[[token, start, end], ...], text]],
"entity_mentions": [{"id", "start", "end", "entity_type", "mention_type", ...}], "event_mentions": [{"id",
"event_type", "trigger": {"start", "end", ...}, "arguments": [{"entity_id", "role", ...}]}]}`; `end` is one past the
last token. A line of coref/SPLIT.jsonlines: `{"doc_key", "clusters": [[entity id]]}`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from acteme.errors import InputError
from acteme.recordings.documents.document import Argument, Document, Event, Mention, check_span
from acteme.recordings.documents.lines import AGAIN, get, read_each, words_of
from acteme.recordings.documents.rams import split_of

Clusters = tuple[tuple[str, ...], ...]


def read_wikievents(
    path: Path, clusters: Mapping[str, Clusters] | None = None, problems: list[InputError] | None = None
) -> Iterator[Document]:
    """The documents of a file, whole, with all their events; `windows.one_event` cuts them.

    Args:
        path: a .jsonl file.
        clusters: of each document by name (see `read_clusters`).
        problems: with a list, bad lines are left out and what is wrong with them is appended to it.

    Raises:
        InputError: a line is no such document, and `problems` is None; names the file and the line.
    """
    split = split_of(path)
    return read_each(path, lambda line, where: _document(line, clusters or {}, split, where), problems)


def read_clusters(path: Path) -> dict[str, Clusters]:
    """Identifiers of the mentions of each entity, by document, from a file of the folder `coref`."""

    def make(line: dict[str, Any], where: str) -> tuple[str, Clusters]:
        listed = get(line, "clusters", list, where)
        if not all(isinstance(some, list) and all(isinstance(m, str) for m in some) for some in listed):
            raise InputError("its clusters are not lists of identifiers", where, AGAIN)
        return get(line, "doc_key", str, where), tuple(tuple(dict.fromkeys(some)) for some in listed)

    return dict(read_each(path, make))


def _document(line: dict[str, Any], clusters: Mapping[str, Clusters], split: str, where: str) -> Document:
    name = get(line, "doc_id", str, where)
    found = [get(some, 0, list, where) for some in get(line, "sentences", list, where)]
    sentences = words_of([[get(token, 0, str, where) for token in some] for some in found], where)
    count = sum(map(len, sentences))
    if count != len(tokens := get(line, "tokens", list, where)):
        raise InputError(f"its sentences have {count} words, its tokens are {len(tokens)}", where, AGAIN)
    mentions: dict[str, Mention] = {}
    for value in get(line, "entity_mentions", list, where):
        key = get(value, "id", str, where)
        if key in mentions:
            raise InputError(f"two mentions are called '{key}'", where, AGAIN)
        span = check_span(value.get("start"), value.get("end"), count, f"mention '{key}'", where)
        kinds = (get(value, k, str, where, "") for k in ("entity_type", "mention_type"))
        mentions[key] = Mention(key, *span, *kinds)
    events = tuple(_event(value, mentions, count, where) for value in get(line, "event_mentions", list, where))
    same = clusters.get(name, ())
    if lost := [m for some in same for m in some if m not in mentions]:
        raise InputError(
            f"the file of clusters names a mention '{lost[0]}' of {name}", where, "take files of one release"
        )
    return Document(name, sentences, events, tuple(mentions.values()), same, split, name)


def _event(value: Any, mentions: Mapping[str, Mention], count: int, where: str) -> Event:
    trigger = get(value, "trigger", dict, where)
    start, end = check_span(trigger.get("start"), trigger.get("end"), count, "a trigger", where)
    arguments = []
    for argument in get(value, "arguments", list, where, []):
        key = get(argument, "entity_id", str, where)
        if key not in mentions:
            raise InputError(f"an argument is the mention '{key}', which there is not", where, AGAIN)
        m = mentions[key]
        arguments.append(Argument(m.start, m.end, get(argument, "role", str, where), mention=key))
    return Event(start, end, get(value, "event_type", str, where), tuple(arguments))
