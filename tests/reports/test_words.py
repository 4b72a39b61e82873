import numpy as np
import pytest

from acteme.reports.words import HEADLINES, title_and_meaning
from acteme.tasks import hierarchy, recognition, segmentation


@pytest.fixture(scope="module")
def names():
    """Every metric that the tasks give."""
    truth = np.eye(6)[np.arange(12) % 6]
    several = segmentation.measure(truth, truth, [12], resamples=2)
    single = segmentation.measure(truth, truth, [12], multilabel=False, resamples=2)
    clips = recognition.measure(truth, truth.argmax(1), trained=np.arange(6) * 40, resamples=2)
    levels = hierarchy.measure(truth, truth.argmax(1), list("abcdef"), list("xxyyzz"), resamples=2)
    return [*several.metrics, *single.metrics, *clips.metrics, *(n for n in levels.metrics if n not in clips.metrics)]


def test_every_metric_has_words_of_its_own(names):
    words = {name: title_and_meaning(name) for name in names}
    assert all(
        title != name and about.endswith(".") and "{" not in title + about for name, (title, about) in words.items()
    )
    assert len({title for title, _ in words.values()}) == len(words)


def test_headlines_are_metrics(names):
    assert {n for headlines in HEADLINES.values() for n in headlines} <= set(names)


def test_an_unknown_metric_keeps_its_name():
    assert title_and_meaning("novel") == ("novel", "")
    assert title_and_meaning("novel@3") == ("novel@3", "")
