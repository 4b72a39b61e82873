"""Windows of documents as columns and batches: what a system for event arguments reads, in numbers and bytes.

A recording is a window with one event; its clock is its words. Its text is sentences on lines and words with a blank
between, so that it can be read by people and goes through batches as any caption does (`recordings.captions`); the two
byte positions of each word say where the words are, whatever stands in them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from acteme.errors import InputError
from acteme.recordings.captions import to_bytes
from acteme.recordings.documents.document import Document, Ontology

HARD = str.maketrans({" ": "\u00a0", "\n": "\u00a0", "\0": "\ufffd"})
"""What stands for a blank, a new line and a zero within a word."""


@dataclass(frozen=True)
class Pages:
    """Windows with one event each, laid end to end."""

    ontology: Ontology
    names: tuple[str, ...]
    texts: tuple[str, ...]
    """Of each window: a line a sentence, a blank between words."""
    offset: Int[np.ndarray, " n"]
    """First word of each window in `word` and `sentence`."""
    frames: Int[np.ndarray, " n"]
    """Words of each window."""
    word: Int[np.ndarray, "t 2"]
    """First byte of each word in the window's text in UTF-8, and one past its last."""
    sentence: Int[np.ndarray, " t"]
    """Number of the word's sentence within its window."""
    label: Int[np.ndarray, " n"]
    """Number of the event's type, -1 where the ontology has it not."""
    trigger: Int[np.ndarray, "n 2"]
    """First word of the trigger, and one past its last."""
    argument_offset: Int[np.ndarray, " n+1"]
    """Where the arguments of each window begin, and the end."""
    argument: Int[np.ndarray, "a 3"]
    """First word, one past the last, and global role number (-1: not in the ontology) of each argument. The words are
    outside of the window, maybe negative, where the argument is."""

    def __len__(self) -> int:
        return len(self.offset)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Name of each type number."""
        return tuple(self.ontology.types)

    def open_roles(self) -> np.ndarray:
        """(types, roles) bool: which global roles each type of event has, known without any document."""
        own = [kind for kind, _ in self.ontology.pairs]
        return np.array([[kind == other for other in own] for kind in self.kinds], bool).reshape(len(self.kinds), -1)

    def batch(self, index: Sequence[int]) -> dict[str, np.ndarray]:
        """Windows as arrays, padded with zeros, arguments with -1.

        Returns:
            `text` (B, 1, L) uint8; `word` (B, T, 2) and `sentence` (B, T) int64; `mask` (B, T) bool; `frames` (B,),
            `label` (B,) and `index` (B,) int64; `trigger` (B, 2) int64; `argument` (B, A, 3) int64.
        """
        rows = np.asarray(index, np.int64)
        frames = self.frames[rows]
        mask = np.arange(frames.max(initial=0)) < frames[:, None]
        at = (self.offset[rows, None] + np.arange(mask.shape[1]))[mask]
        word, sentence = np.zeros((*mask.shape, 2), np.int64), np.zeros(mask.shape, np.int64)
        word[mask], sentence[mask] = self.word[at], self.sentence[at]
        first, last = self.argument_offset[rows], self.argument_offset[rows + 1]
        held = np.arange((last - first).max(initial=0)) < (last - first)[:, None]
        argument = np.full((*held.shape, 3), -1, np.int64)
        argument[held] = self.argument[(first[:, None] + np.arange(held.shape[1]))[held]]
        return {
            "text": to_bytes([[self.texts[k]] for k in rows]),
            "word": word,
            "sentence": sentence,
            "mask": mask,
            "frames": frames.astype(np.int64),
            "label": self.label[rows].astype(np.int64),
            "trigger": self.trigger[rows].astype(np.int64),
            "argument": argument,
            "index": rows,
        }


def pages(documents: Iterable[Document], ontology: Ontology) -> Pages:
    """The columns of windows that have one event each.

    Raises:
        InputError: a document has no event or several (see `windows.one_event`), or there is none.
    """
    names, texts, word, sentence, label, trigger, argument, counts = [], [], [], [], [], [], [], []
    types = {kind: k for k, kind in enumerate(ontology.types)}
    for d in documents:
        if len(d.events) != 1:
            raise InputError(
                f"{d.name} has {len(d.events)} events", d.source or None, "cut it into windows of one event"
            )
        event = d.events[0]
        text, ends = lay(d.sentences)
        names.append(d.name)
        texts.append(text)
        word.append(ends)
        sentence.append(np.repeat(np.arange(len(d.sentences)), [len(some) for some in d.sentences]))
        label.append(types.get(event.type, -1))
        trigger.append((event.start, event.end))
        counts.append(len(event.arguments))
        argument += [(a.start, a.end, ontology.number(event.type, a)) for a in event.arguments]
    if not names:
        raise InputError("there are no events", mend="give documents with events")
    frames = np.array([len(some) for some in word], np.int64)
    return Pages(
        ontology, tuple(names), tuple(texts), np.cumsum(frames) - frames, frames,
        np.concatenate(word).astype(np.int32), np.concatenate(sentence).astype(np.int32),
        np.array(label, np.int32), np.array(trigger, np.int32), np.cumsum([0, *counts], dtype=np.int64),
        np.array(argument, np.int32).reshape(-1, 3),
    )  # fmt: skip


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
