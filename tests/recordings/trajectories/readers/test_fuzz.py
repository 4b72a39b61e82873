"""Damaged files: only InputError may come out of a reader, never another exception, never a hang."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.corpus import Corpus
from tests.recordings.damage import damaged, replaced
from tests.recordings.trajectories.readers.cases import CASES


def tried(one, folder):
    """Reads everything and lays it end to end; a message must be one line that names the place."""
    try:
        found = one.read(folder)
        Corpus.of(found, one.list(folder).spec)
    except InputError as error:
        assert str(folder) in str(error) and "\n" not in str(error), error


@pytest.fixture(scope="module", params=sorted(CASES))
def case(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    one = CASES[request.param]
    one.files(folder)
    return one, folder, (folder / one.victim).read_bytes()


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damage_gives_a_clear_error_or_data(case, data):
    one, folder, whole = case
    (folder / one.victim).write_bytes(data.draw(damaged(whole)))
    tried(one, folder)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
@pytest.mark.parametrize("name", [n for n, one in CASES.items() if one.victim.endswith(".json")])
def test_strange_values_give_a_clear_error_or_data(tmp_path_factory, name, data):
    one, folder = CASES[name], tmp_path_factory.mktemp("strange")
    one.files(folder)
    victim = folder / one.victim
    tree = data.draw(st.composite(replaced)(json.loads(victim.read_text()), True))
    victim.write_text(json.dumps(tree))
    tried(one, folder)
