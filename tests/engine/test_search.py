"""Search: nearest places by cosine, without overlaps and without the query itself."""

from dataclasses import replace

import numpy as np
import pytest

from acteme.engine.encode import encode
from acteme.engine.search import search
from acteme.errors import InputError
from tests.engine.toys import SPEC, trimmed
from tests.engine.trained import segmenting


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    run, corpus = segmenting()
    return encode(run, corpus, tmp_path_factory.mktemp("table") / "t")


def everything(table):
    rows = table.open().to_arrow().to_pylist()
    vectors = np.array([r["vector"] for r in rows])
    return rows, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_a_row_finds_its_nearest_places(table):
    rows, unit = everything(table)
    hits = search(table, 4, count=5)
    order = np.argsort(-(unit @ unit[4]))
    expected = []
    for i in order:
        places = [*expected, rows[4]]
        r = rows[i]
        same = [p for p in places if p["recording"] == r["recording"]]
        if not any(p["start"] < r["end"] and r["start"] < p["end"] for p in same):
            expected.append(r)
    got = [(h.recording, h.start, h.end, h.label) for h in hits]
    assert got == [(r["recording"], r["start"], r["end"], r["label"]) for r in expected[:5]]
    assert [h.similarity for h in hits] == sorted((h.similarity for h in hits), reverse=True)
    np.testing.assert_allclose(hits[0].similarity, (unit @ unit[4])[rows.index(expected[0])], atol=1e-5)


def test_an_example_finds_its_like(table):
    run, corpus = segmenting()
    high = corpus[0].segments[1]
    hits = search(table.folder, corpus[0], start=high.start, end=high.end, count=3, run=run)
    assert {h.label for h in hits} == {"high"}
    hits = search(table, trimmed(2)[1], count=3, run=run, split="test")
    assert {h.split for h in hits} == {"test"} and hits[0].label == "high"


def test_as_many_places_as_there_are(table):
    hits = search(table, 0, count=1000)
    for h in hits:
        others = [o for o in hits if o is not h and o.recording == h.recording]
        assert not any(o.start < h.end and h.start < o.end for o in others)
    assert 6 * 3 <= len(hits) < table.rows
    assert not search(table, 0, split="it's") and len(search(table, 0, count=1)) == 1


def test_an_example_of_another_frame_rate(table):
    run, corpus = segmenting()
    r = corpus[1]
    slow = replace(r, fps=5.0, arrays={"skeleton": r.arrays["skeleton"][::2]})
    high = r.segments[1]
    assert search(table, slow, start=high.start, end=high.end, count=1, run=run)[0].label == "high"


def test_what_is_refused(table):
    run, corpus = segmenting()
    with pytest.raises(InputError, match="has no row 54; rows are 0 to 53"):
        search(table, 54)
    with pytest.raises(InputError, match="a row has its own times"):
        search(table, 0, start=1.0)
    with pytest.raises(InputError, match=r"the example from 9.0 s to 4.0 s has no frames; it lasts 4.00 s"):
        search(table, corpus[0], start=9.0, run=run)
    with pytest.raises(InputError, match="2 recordings; give an example of one"):
        search(table, [corpus[0], corpus[1]], run=run)
    with pytest.raises(InputError, match="the run that made the table is not at"):
        search(replace(table, run="../gone"), corpus[0])
    assert run.spec == SPEC
