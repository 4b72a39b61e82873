import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.documents.document import Argument, Document, Event, Mention
from acteme.recordings.documents.windows import one_event, outside


def paper(lengths: list[int], trigger: int, width: int = 1) -> Document:
    words = iter(range(sum(lengths)))
    sentences = tuple(tuple(f"w{next(words)}" for _ in range(n)) for n in lengths)
    spans = [(0, 1), (sum(lengths) - 1, sum(lengths))]
    mentions = tuple(Mention(f"m{k}", *span) for k, span in enumerate(spans))
    event = Event(trigger, trigger + width, "t", tuple(Argument(*span, "r") for span in spans))
    return Document("d", sentences, (event,), mentions, (("m0", "m1"),))


def sizes(d: Document, limit: int, official: bool = False) -> list[int]:
    return [len(some) for some in next(one_event(d, limit, official)).sentences]


def test_sentences_come_from_both_sides_in_turns() -> None:
    d = paper([1, 2, 3, 4, 5, 6, 7], 6)  # the trigger is in the sentence of 4
    assert sizes(d, 4) == [4]
    assert sizes(d, 11) == [1, 2, 3, 4]  # the right one does not fit
    assert sizes(d, 12) == [3, 4, 5]
    assert sizes(d, 14) == [2, 3, 4, 5]
    assert sizes(d, 100) == [1, 2, 3, 4, 5, 6, 7]


def test_the_shipped_loop_stops_where_one_side_ends() -> None:
    first, second = paper([3, 3, 3, 3], 0), paper([3, 3, 3, 3], 3)
    assert sizes(first, 100, official=True) == [3] and sizes(first, 100) == [3, 3, 3, 3]
    assert sizes(second, 100, official=True) == [3, 3, 3]
    assert sizes(second, 8, official=True) == [3, 3]


def test_what_is_outside_keeps_its_place() -> None:
    (d,) = one_event(paper([3, 3, 3], 4), 4)
    event = d.events[0]
    assert d.name == "d-0" and d.words == ("w3", "w4", "w5") and d.words[event.start : event.end] == ("w4",)
    assert [(a.start, a.end) for a in event.arguments] == [(-3, -2), (5, 6)] and len(outside(d)) == 2
    assert d.mentions == () and d.clusters == ()


def test_a_sentence_longer_than_the_window_is_cut_around_the_trigger() -> None:
    for at, first in ((0, 0), (10, 8), (19, 15)):
        (d,) = one_event(paper([20], at), 5)
        assert d.words == tuple(f"w{k}" for k in range(first, first + 5))
        assert d.words[d.events[0].start] == f"w{at}"
    with pytest.raises(InputError, match="the trigger of d has 6 words"):
        list(one_event(paper([20], 3, 6), 5))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.data(), st.booleans())
def test_a_window_is_a_stretch_of_the_document(lengths: list[int], data: st.DataObject, official: bool) -> None:
    if not sum(lengths):
        lengths[0] = 1
    at = data.draw(st.integers(0, sum(lengths) - 1))
    limit = data.draw(st.integers(1, 40))
    d = paper(lengths, at)
    (w,) = one_event(d, limit, official)
    assert 1 <= len(w.words) <= limit
    first = int(w.words[0][1:])
    assert w.words == d.words[first : first + len(w.words)]
    assert w.words[w.events[0].start] == f"w{at}"
    for whole, cut in zip(d.events[0].arguments, w.events[0].arguments, strict=True):
        assert cut.start + first == whole.start and cut.end + first == whole.end
        assert w.inside(cut) == (first <= whole.start < first + len(w.words))
    if not official and len(w.words) < len(d.words) and len(lengths) > 1:
        left, right = d.sentence(first), d.sentence(first + len(w.words) - 1)
        room = limit - len(w.words)
        around = (lengths[left - 1] if left else 0, lengths[right + 1] if right + 1 < len(lengths) else 0)
        assert all(n == 0 or n > room for n in around)
