"""Windows of documents as recordings: what a system for event arguments reads, in numbers and bytes.

A recording is a window with one event; its clock is its words. Its text is sentences on lines and words with a blank
between, so that it can be read by people and goes through batches as any caption does (`recordings.captions`); the two
byte positions of each word say where the words are, whatever stands in them.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from acteme.errors import InputError
from acteme.recordings.documents.document import Document, Mention, Ontology
from acteme.recordings.recording import Recording
from acteme.recordings.spec import Spec

HARD = str.maketrans({" ": "\u00a0", "\n": "\u00a0", "\0": "\ufffd"})
"""What stands for a blank, a new line and a zero within a word."""


def spec(ontology: Ontology) -> Spec:
    """What a system must know of documents with events of an ontology: types are classes, a word is a frame."""
    most = tuple(count for roles in ontology.types.values() for count in roles.values())
    return Spec(classes=tuple(ontology.types), fps=1.0, roles=ontology.pairs, most=most)


def recording(d: Document, ontology: Ontology, where: str = "") -> Recording:
    """A window that has one event as a recording.

    Args:
        d: with one event, see `windows.one_event`.
        ontology: a type that it has not makes a recording without a label.
        where: file and line, for messages.

    Raises:
        InputError: the document has no event or several.
    """
    if len(d.events) != 1:
        raise InputError(f"{d.name} has {len(d.events)} events", where or d.source, "cut it into windows of one event")
    text, word = lay(d.sentences)
    sentence = np.repeat(np.arange(len(d.sentences)), [len(some) for some in d.sentences])
    places = {m.id: m for m in d.mentions}
    several = [some for some in d.clusters if len(some) > 1]
    return Recording(
        name=d.name,
        fps=1.0,
        arrays={"word": word.astype(np.int32), "sentence": sentence.astype(np.int32)},
        label=d.events[0].type if d.events[0].type in ontology.types else "",
        split=d.split,
        subject=d.source,
        text=text,
        where=where,
        event=d.events[0],
        mentions=tuple((places[m].start, places[m].end, n) for n, some in enumerate(several) for m in some),
    )


def document(r: Recording) -> Document:
    """A window again, from its recording. Of its mentions those of entities that have several are there."""
    text, sentence = r.text.encode(), np.asarray(r.arrays["sentence"]).tolist()
    lines: list[list[str]] = [[] for _ in range(r.text.count("\n") + 1)]
    for number, word in zip(sentence, words_in(text, r.arrays["word"]), strict=True):
        lines[number].append(word)
    named = [Mention(f"{n}-{k}", a, b) for k, (a, b, n) in enumerate(r.mentions)]
    clusters: dict[str, list[str]] = {}
    for m in named:
        clusters.setdefault(m.id.partition("-")[0], []).append(m.id)
    events = () if r.event is None else (r.event,)
    return Document(
        r.name, tuple(map(tuple, lines)), events, tuple(named), tuple(map(tuple, clusters.values())), r.split, r.subject
    )


def lay(sentences: Sequence[Sequence[str]]) -> tuple[str, Int[np.ndarray, "t 2"]]:
    """Sentences as a text, and where each word is in its UTF-8 bytes.

    A blank or new line within a word becomes a no-break space, as does a word of nothing: each word has bytes.
    """
    soft = [[word.translate(HARD) or "\u00a0" for word in some] for some in sentences]
    text = "\n".join(map(" ".join, soft))
    long = np.array([len(word.encode()) for some in soft for word in some], np.int64)
    empty = np.cumsum([0] + [not some for some in soft])[:-1]  # a sentence without words is a line of its own
    lines = np.repeat(empty, [len(some) for some in soft])
    start = np.concatenate([[0], np.cumsum(long + 1)])[:-1] + lines
    return text, np.stack([start, start + long], 1)


def words_in(text: bytes, word: Int[np.ndarray, "t 2"]) -> list[str]:
    """The words again, from a text's bytes and the positions in them."""
    return [text[a:b].decode() for a, b in np.asarray(word).tolist()]
