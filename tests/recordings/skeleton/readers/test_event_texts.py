"""Files of events: one per caption, by its number."""

import pytest

from acteme.errors import InputError
from acteme.recordings.skeleton.readers.event_texts import event_file, event_files, read_events, unlike_names
from acteme.recordings.skeleton.readers.humanml3d import humanml3d
from tests.recordings.skeleton.readers.cases import CASES


def test_events_and_unlike_recordings_of_humanml3d(tmp_path):
    CASES["humanml3d events"].files(tmp_path)
    listing = humanml3d(tmp_path)
    r = listing.items[0].read()
    assert [s.events for s in r.segments] == [("a man bends", "a man waves"), ("he",)] and r.factors == {"nsim": 1.0}
    assert set(event_files(tmp_path)) <= set(listing.files), "new events make the cache stale"


def test_a_caption_that_lies_behind_the_motion_keeps_its_number(tmp_path):
    CASES["humanml3d events"].files(tmp_path)
    text = tmp_path / "texts" / "000001.txt"
    first, second = text.read_text().splitlines()
    text.write_text(first.replace("#0.0#0.0", "#7.0#9.0") + "\n" + second + "\n")
    r = humanml3d(tmp_path).items[0].read()
    assert [(s.start, s.events) for s in r.segments] == [(7.0, ("a man bends", "a man waves")), (0.05, ("he",))]


@pytest.mark.parametrize("held", ["[]", '{"events": "a"}', '{"events": [1]}', '{"clauses": []}', "{"])
def test_what_is_no_list_of_events(tmp_path, held):
    (tmp_path / "a_0.json").write_text(held)
    with pytest.raises(InputError, match=r"a_0\.json"):
        read_events(tmp_path / "a_0.json")


def test_no_file_is_no_events_and_space_is_trimmed(tmp_path):
    assert read_events(event_file(tmp_path, "a", 0)) == () and unlike_names(tmp_path / "none.txt") == set()
    (tmp_path / "a_0.json").write_text('{"events": [" a  b ", ""]}')
    assert read_events(tmp_path / "a_0.json") == ("a b",)
