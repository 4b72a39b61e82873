"""A small model of each family, written once."""

import pytest

from acteme.nn.text import fresh_model

FAMILIES = ("bert", "distilbert", "clip", "t5")


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("text")
    return {family: str(fresh_model(place / family, family, limit=48)) for family in FAMILIES}
