"""Logs: recordings whose frames are events. What is known of a user up to a moment, and what is to be foretold."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
from jaxtyping import Int

from acteme.recordings.batch import Batch
from acteme.recordings.corpus import Corpus
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.tasks.places import Lists

EVENTS = 1 << 13
"""Events that a module is given at a time at least, where it takes windows of few: what a processor's cache holds of a
few numbers for each."""
USERS, MET = 1 << 14, 1 << 23
"""Users, and events of theirs, that are worked on at a time."""


def is_log(spec: Spec) -> bool:
    """Whether frames are events."""
    return bool(spec.items or spec.fields)


def is_document(spec: Spec) -> bool:
    """Whether frames are words."""
    return bool(spec.roles)


def untimed(spec: Spec) -> bool:
    """Whether frames are no moments of a clock, but events of a log or words of a document."""
    return is_log(spec) or is_document(spec)


def has_users(corpus: Corpus) -> bool:
    """Whether each recording is what is known of a user; else it is a stretch of a log whose events stand for
    themselves."""
    return bool((corpus.column("subject") != "").any())


def newest(corpus: Corpus) -> Corpus:
    """Of each user the recording that has most events; all recordings where there are no users."""
    if not has_users(corpus):
        return corpus
    subject = np.unique(corpus.column("subject"), return_inverse=True)[1]
    order = np.lexsort((corpus.frames, subject))
    last = np.append(np.diff(subject[order]) != 0, True)
    return corpus.select(rows=np.sort(order[last]))


def reach(windows: Windows) -> int:
    """Events that a stage looks back at, without the one to be foretold where its windows end with it."""
    return length_of(windows) - windows.prefixes


def held_out(corpus: Corpus, least: int = 1) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Recording and number of the events that are to be foretold: the last of each recording of a user, and every one
    where there are no users; of recordings with at least `least` events."""
    index = np.flatnonzero(corpus.frames >= least)
    if has_users(corpus):
        return index, corpus.frames[index] - 1
    return every(corpus.select(rows=index), index)


def foretold(corpus: Corpus, windows: Windows) -> tuple[Corpus, Windows]:
    """The same with windows of nothing but the events that are to be foretold (see `held_out`), for the recordings of a
    split other than `train` begin with what training has seen."""
    if not is_log(corpus.spec) or not has_users(corpus):
        return corpus, windows
    if windows.prefixes:
        return corpus, replace(windows, most=1)
    offset, frames = corpus.table["offset"], corpus.table["frames"]
    last = {"offset": offset + np.maximum(frames - 1, 0), "frames": np.minimum(frames, 1)}
    return replace(corpus, table=corpus.table | last), windows


def every(
    corpus: Corpus, index: Int[np.ndarray, " r"] | None = None
) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Recording (named by `index`, if given) and number of all events."""
    frames = corpus.frames
    number = np.arange(frames.sum()) - np.repeat(np.cumsum(frames) - frames, frames)
    return np.repeat(np.arange(len(corpus)) if index is None else index, frames), number


def ending(
    corpus: Corpus,
    index: Int[np.ndarray, " n"],
    last: Int[np.ndarray, " n"],
    windows: Windows,
    frames: int | None = None,
) -> Batch:
    """Windows of at most so many events (`frames` of the windows) that end with the events `last` of recordings;
    padded at the end."""
    length = length_of(windows) if frames is None else frames
    return corpus.batch(index, last + 1 - length, length, windows.captions, windows.classes)


def length_of(windows: Windows) -> int:
    """Events of a window."""
    return windows.frames or windows.limit


def positions(
    corpus: Corpus, index: Int[np.ndarray, " n"], count: Int[np.ndarray, " n"] | None = None
) -> Int[np.ndarray, " e"]:
    """Where the first `count` (all) events of recordings stand in the arrays, recording behind recording."""
    count = corpus.frames[index] if count is None else count
    return np.repeat(corpus.column("offset")[index] - np.cumsum(count) + count, count) + np.arange(count.sum())


def met(corpus: Corpus, index: Int[np.ndarray, " n"], count: Int[np.ndarray, " n"]) -> Lists:
    """Items of the first `count` events of recordings."""
    item = corpus.arrays["item"][positions(corpus, index, count)]
    return Lists(np.append(0, np.cumsum(count)), item.astype(np.int64))


def blocks(count: Int[np.ndarray, " n"], users: int = USERS, events: int = MET) -> Iterator[slice]:
    """Pieces of at most so many users with about so many events, given the events of each."""
    key = np.cumsum(count) // events + np.arange(len(count)) // users
    edges = [0, *(np.flatnonzero(np.diff(key)) + 1).tolist(), len(count)]
    return (slice(a, b) for a, b in pairwise(edges) if b > a)


def at_once(batch: int, frames: int) -> int:
    """Windows that a module is given at a time: more of few events."""
    return max(batch, EVENTS // frames)
