"""People who are described by a text and listed skills, and the jobs (or other things) that they go with.

The jobs are the catalog of items: `item` (the name), `title`, `text`, `categories` (skills, null where none are
listed) and `group`. A recording is a person: its `text`, a segment over its whole length for each listed skill, and an
event for each job that goes with it (`item`), or does not (where there are labels: `outcome` 1 or 0).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from acteme.errors import InputError
from acteme.recordings.annotations import Segment
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording
from acteme.recordings.spec import Spec


@dataclass(frozen=True)
class Job:
    """What a person can go with."""

    name: str
    title: str
    text: str
    skills: tuple[str, ...] = ()
    """That it asks for; empty where they are not known."""
    group: str = ""
    """Its kind: negatives may be drawn among its own kind."""
    where: str = ""
    """For messages."""


@dataclass(frozen=True)
class Member:
    """A person."""

    name: str
    text: str
    skills: tuple[str, ...]
    """That the person lists; empty where they are not known."""
    jobs: tuple[int, ...]
    """Numbers of jobs, from 1; none where nothing is known."""
    split: str
    outcome: tuple[int, ...] = ()
    """1 for each job that goes with the person, 0 for each that does not; all go where it is empty."""
    subject: str = ""
    """Who it is, where one person is in several recordings."""
    where: str = ""


def corpus(jobs: Sequence[Job], members: Iterable[Member], concepts: Sequence[str], labels: bool) -> Corpus:
    """The corpus of people and jobs.

    Args:
        jobs: in the order of their numbers.
        members: read one at a time; one without jobs has one event, of no item.
        concepts: all skills; concept c of any vector is `concepts[c]`.
        labels: whether events have an outcome.

    Raises:
        InputError: a skill is none of the concepts; there is nobody.
    """
    known = set(concepts)
    for job in jobs:
        _check(job.skills, known, job.where or job.name)
    columns = {
        "item": pa.array([job.name for job in jobs], pa.string()),
        "title": pa.array([job.title for job in jobs], pa.string()),
        "text": pa.array([job.text for job in jobs], pa.string()),
        "categories": pa.array([list(job.skills) or None for job in jobs], pa.list_(pa.string())),
        "group": pa.array([job.group for job in jobs], pa.string()),
    }
    spec = Spec(classes=tuple(concepts), fps=1.0, multilabel=True, items=len(jobs))
    return Corpus.of((_recording(m, known, labels) for m in members), spec, catalog=pa.table(columns))


def _recording(member: Member, known: set[str], labels: bool) -> Recording:
    _check(member.skills, known, member.where or member.name)
    items = np.array(member.jobs or (0,), np.int32)
    arrays: dict[str, np.ndarray] = {"item": items}
    if labels:
        held = member.outcome or (1,) * len(member.jobs) or (0,)
        arrays["outcome"] = np.array(held, np.float32)
    return Recording(
        name=member.name,
        fps=1.0,
        arrays=arrays,
        segments=tuple(Segment(0.0, float(len(items)), skill) for skill in dict.fromkeys(member.skills)),
        split=member.split,
        subject=member.subject or member.name,
        text=member.text,
        where=member.where,
    )


def _check(skills: Iterable[str], known: set[str], where: str) -> None:
    for skill in skills:
        if skill not in known:
            raise InputError(f"skill '{skill}' is not in the list of concepts", where, "add it there, or correct it")
