import numpy as np
import pytest
import torch

from acteme.recordings.annotations import Arguments
from acteme.reports.words import COUNTS, HEADLINES, PLAIN, SWAPS, shown, title_and_meaning
from acteme.tasks import (
    anomalies,
    arguments,
    clicks,
    concepts,
    conversation,
    forecasting,
    hierarchy,
    matching,
    places,
    ranking,
    ratings,
    recognition,
    retrieval,
    segmentation,
)


@pytest.fixture(scope="module")
def names():
    """Every metric that the tasks give."""
    truth = np.eye(6)[np.arange(12) % 6]
    several = segmentation.measure(truth, truth, [12], resamples=2)
    single = segmentation.measure(truth, truth, [12], multilabel=False, resamples=2)
    clips = recognition.measure(truth, truth.argmax(1), trained=np.arange(6) * 40, resamples=2)
    levels = hierarchy.measure(truth, truth.argmax(1), list("abcdef"), list("xxyyzz"), resamples=2)
    pairs = retrieval.measure(truth[:6], resamples=2)
    order = [retrieval.chronological(truth[0], truth[1], name, resamples=2) for name in ("car", "car_original")]
    paths, one = np.zeros((4, 2, 3, 2)), np.zeros(4, int)
    future = forecasting.measure(paths, paths[:, 0], one, one, past=paths[:, 0], goals=paths[:, :, 0], frozen=paths,
                                 side=one + 1.0, resamples=2)  # fmt: skip
    ranked = ranking.measure(places.count(np.ones((2, 9)), places.Lists.of([[1, 2], [3]])), resamples=2)
    chance, label = np.array([0.1, 0.9, 0.5, 0.4]), np.array([0, 1, 0, 1])
    clicked = clicks.measure(chance, label, np.zeros(4, int), resamples=2)
    rated, odd = ratings.measure(chance, label, resamples=2), anomalies.measure(chance, label, resamples=2)
    people = torch.rand(4, 3)
    matched = matching.measure(people, people[:2], np.array([[0, 0], [1, 0], [1, 1], [2, 1]]), resamples=2)
    named = concepts.measure(truth, truth > 0, resamples=2).metrics
    of_both = [f"{side}_{n}" for side in ("job", "profile") for n in named]
    counted = [f"{n}_{who}" for n in ("auc", "average_precision") for who in ("rarity", "strangeness", "condition")]
    swaps = [f"{n}@{k}" for n in SWAPS for k in (1, 2, 3)]
    inspected = ["fvu", "dead", "active", "base_ndcg@10"]
    true = Arguments(np.zeros(1, int), np.zeros((1, 2), int), np.ones((1, 2), int), np.zeros(1, int))
    spans = arguments.measure(true, true, 1, ["who"], head=lambda s, d: s[:, 0], mentions=np.ones((1, 4), int),
                              sentence=[np.zeros(3, int)], resamples=2)  # fmt: skip
    told = conversation.measure(np.ones(2), np.ones(2, int), np.ones(2), resamples=2)
    said = [f"{n}_{which}" for n in told.metrics if n in ("nats", "exact") for which in ("new", "catalogue")]
    ruled = ["ruled_head_f1", "ruled_head_identification_f1", *(f"f1_at{d:+d}" for d in (-2, -1, 1, 2))]
    found = (several, single, clips, levels, pairs, *order, future, ranked, clicked, rated, odd, matched, spans, told)
    counted += [*ruled, *said]
    measured = [n for o in found for n in o.metrics]
    more = ["human_seconds", "table_share", *COUNTS, "new_events", "deletion"]
    return list(dict.fromkeys([*more, *of_both, *inspected, *counted, *swaps, *measured]))


def test_every_metric_has_words_of_its_own(names):
    words = {name: title_and_meaning(name) for name in names}
    assert all(
        title != name and about.endswith(".") and "{" not in title + about for name, (title, about) in words.items()
    )
    assert len({title for title, _ in words.values()}) == len(words)


def test_shares_are_shown_in_percent_and_places_as_they_are(names):
    assert set(PLAIN) <= set(names)
    assert (shown("car", 0.5), shown("table_bytes", 1234567.0), shown("table_share", 0.05)) == (
        "50.0",
        "1,234,567",
        "5.0",
    )
    assert (shown("car", 0.5), shown("t2m_median_rank", 1.5), shown("car", float("nan"))) == ("50.0", "place 1.5", "–")  # noqa: RUF001


def test_headlines_are_metrics(names):
    assert {n for headlines in HEADLINES.values() for n in headlines} <= set(names)


def test_an_unknown_metric_keeps_its_name():
    assert title_and_meaning("novel") == ("novel", "")
    assert title_and_meaning("novel@3") == ("novel@3", "")
