"""A stretch of a document around the trigger of one event, of a bounded number of words."""

from collections.abc import Iterator
from dataclasses import replace

from acteme.errors import InputError
from acteme.recordings.documents.document import Argument, Document, Event

LIMIT = 600
"""Words of a window, as the official conversion of WikiEvents has it."""


def one_event(document: Document, limit: int = LIMIT, official: bool = False) -> Iterator[Document]:
    """A document for each event, named NAME-0, NAME-1, ...: the sentence of its trigger and those around it.

    Sentences come in turns from the left and from the right while the window holds at most `limit` words; a side whose
    next sentence does not fit, or that is at its end, is done (it may have a shorter sentence further on, but a window
    has no gaps). A trigger's sentence of more than `limit` words is cut around the trigger.

    Arguments outside keep their place, relative to the window: they cannot be found and count as missed.

    Args:
        document: with any number of events.
        limit: words of a window.
        official: stop on both sides as soon as one side is at its end, as the shipped conversion of WikiEvents does: an
            event of the first or last sentence keeps that sentence alone.
    """
    for n, event in enumerate(document.events):
        yield _cut(document, n, event, *_around(document, event, limit, official))


def _around(d: Document, event: Event, limit: int, official: bool) -> tuple[int, int]:
    """First word and one past the last word of the window of an event."""
    if event.end - event.start > limit:
        what = f"the trigger of {d.name} has {event.end - event.start} words"
        raise InputError(what, d.source or d.name, f"give a limit of more than {limit} words")
    bounds = d.bounds
    left = d.sentence(event.start)
    right = left + 1
    if bounds[right] < event.end:  # a trigger across sentences
        right = d.sentence(event.end - 1) + 1
    if bounds[right] - bounds[left] > limit:
        room = limit - (event.end - event.start)
        before, after = event.start - bounds[left], bounds[right] - event.end
        take = min(before, max((room + 1) // 2, room - after))
        return event.start - take, event.end + min(after, room - take)
    count, end = bounds[right] - bounds[left], len(d.sentences)
    grown = True
    while grown and not (official and (left == 0 or right == end)):
        grown = False
        if left > 0 and count + bounds[left] - bounds[left - 1] <= limit:
            count += bounds[left] - bounds[left - 1]
            left, grown = left - 1, True
        if right < end and count + bounds[right + 1] - bounds[right] <= limit:
            count += bounds[right + 1] - bounds[right]
            right, grown = right + 1, True
    return bounds[left], bounds[right]


def _cut(d: Document, number: int, event: Event, first: int, last: int) -> Document:
    parts = (some[max(first - a, 0) : max(last - a, 0)] for a, some in zip(d.bounds, d.sentences, strict=False))
    arguments = tuple(replace(a, start=a.start - first, end=a.end - first) for a in event.arguments)
    kept = [m for m in d.mentions if first <= m.start and m.end <= last]
    known = {m.id for m in kept}
    clusters = (tuple(m for m in some if m in known) for some in d.clusters)
    return replace(
        d,
        name=f"{d.name}-{number}",
        sentences=tuple(some for some in parts if some),
        events=(replace(event, start=event.start - first, end=event.end - first, arguments=arguments),),
        mentions=tuple(replace(m, start=m.start - first, end=m.end - first) for m in kept),
        clusters=tuple(some for some in clusters if some),
    )


def outside(document: Document) -> list[Argument]:
    """The arguments that a window does not hold."""
    return [a for event in document.events for a in event.arguments if not document.inside(a)]
