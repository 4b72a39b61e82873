"""A tiny text encoder in place of those that are large or far away."""

import pytest

from acteme.nn.text import fresh_model


@pytest.fixture(scope="session")
def distilbert(tmp_path_factory) -> str:
    """A DistilBERT with random weights and states of 768 numbers."""
    return str(fresh_model(tmp_path_factory.mktemp("text") / "wide", "distilbert", width=768, layers=1, heads=2))


@pytest.fixture(scope="session")
def narrow(tmp_path_factory) -> str:
    """A BERT with random weights and states of 32 numbers."""
    return str(fresh_model(tmp_path_factory.mktemp("text") / "narrow", "bert", width=32, layers=1, heads=2, limit=400))
