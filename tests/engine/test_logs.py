"""Events of logs: which are foretold, from which others."""

import numpy as np

from acteme.engine import logs
from acteme.recordings.windows import Windows
from tests.engine.logs import host, shop, table
from tests.engine.toys import untrimmed

ROWS = "user,item,timestamp\na,x,1\na,y,2\na,z,3\na,x,4\nb,y,1\n"


def test_the_last_event_of_users_is_foretold_and_every_one_of_others(tmp_path):
    corpus = table(tmp_path, ROWS)
    assert [a.tolist() for a in logs.held_out(corpus)] == [[0, 1, 2, 3], [1, 0, 2, 3]]
    assert [a.tolist() for a in logs.held_out(corpus, 2)] == [[0, 2, 3], [1, 2, 3]]
    assert corpus.column("name").tolist() == ["a/train", "b/train", "a/val", "a/test"]
    plain = table(tmp_path, host(20))
    index, number = logs.held_out(plain.select("test"))
    assert index.tolist() == [0, 0] and number.tolist() == [0, 1]


def test_windows_of_what_is_foretold_alone(tmp_path):
    corpus = table(tmp_path, ROWS)
    val = corpus.select("val")
    found, windows = logs.foretold(val, Windows(frames=1, stride=1))
    index, start = windows.cut(found.frames)
    assert found.batch(index, start, 1)["item"].tolist() == [[3]] and val.frames.tolist() == [3]
    found, windows = logs.foretold(corpus, Windows(frames=3, stride=1, prefixes=True))
    index, start = windows.cut(found.frames)
    assert index.tolist() == [0, 2, 3] and (start + 3).tolist() == [2, 3, 4], "with what came before"
    for other in (table(tmp_path, host(20)).select("val"), untrimmed()):
        assert logs.foretold(other, Windows(frames=1, stride=1)) == (other, Windows(frames=1, stride=1))


def test_the_newest_recording_of_each_user_has_all_events(tmp_path):
    corpus = table(tmp_path, ROWS)
    assert logs.newest(corpus).column("name").tolist() == ["b/train", "a/test"]
    plain = table(tmp_path, host(20))
    assert logs.newest(plain) is plain


def test_windows_end_with_an_event(tmp_path):
    corpus = table(tmp_path, ROWS).select("test")
    batch = logs.ending(corpus, np.array([0, 0]), np.array([1, 3]), Windows(frames=3, stride=1))
    assert batch["item"].tolist() == [[1, 2, 0], [2, 3, 1]] and batch["frames"].tolist() == [2, 3]
    assert logs.reach(Windows(frames=6, prefixes=True)) == 5 and logs.reach(Windows(frames=1, stride=1)) == 1


def test_items_met_are_the_first_events_of_each(tmp_path):
    corpus = table(tmp_path, ROWS)
    found = logs.met(corpus, np.array([3, 1]), np.array([3, 1]))
    assert found.offset.tolist() == [0, 3, 4] and found.item.tolist() == [1, 2, 3, 2]


def test_blocks_cover_everything_once():
    count = np.random.default_rng(0).integers(0, 30, 200)
    for users, events in ((7, 1000), (1000, 50), (3, 20), (1000, 10**6)):
        some = list(logs.blocks(count, users, events))
        assert [s.start for s in some[1:]] == [s.stop for s in some[:-1]]
        assert some[0].start == 0 and some[-1].stop == 200 and all(s.stop - s.start <= users for s in some)
        assert all(count[s].sum() <= events + 30 for s in some)
    assert not list(logs.blocks(np.zeros(0, int)))


def test_a_log_is_known_by_its_spec(tmp_path):
    assert logs.is_log(table(tmp_path, shop(4)).spec) and logs.is_log(table(tmp_path, host(20)).spec)
