"""Odd events among others."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import nn

from acteme.engine.evaluate import evaluate
from acteme.engine.measures import Asked, anomalies, usual
from acteme.errors import InputError
from acteme.recordings.annotations import Oddities
from acteme.recordings.events.swaps import swapped
from tests.engine.logs import host, table, trained


class Teller(nn.Module):
    """How odd a program in a folder is: 1 where their numbers differ."""

    def __init__(self, names):
        super().__init__()
        self.names = names

    def predict(self, batch):
        assert "outcome" not in batch
        f = batch["field"]
        said = [[self.names["program", int(p)] != self.names["folder", int(q)] for p, q in zip(a, b, strict=True)]
                for a, b in zip(f[..., 0], f[..., 2], strict=True)]  # fmt: skip
        return Oddities(torch.tensor(said).float())


def names(corpus):
    """The number that each value ends with."""
    return {(v["field"], v["number"]): v["value"][-1] for v in corpus.values.to_pylist()} | {
        (f, 0): "-" for f in corpus.spec.fields
    }


def asked(module, corpus, protocol, split="test"):
    run, _ = trained("anomalies")
    return Asked(run, module, "learn", corpus.select(split), lambda: corpus.select("train"), protocol)


def test_labels_say_which_events_are_anomalies(tmp_path):
    corpus = table(tmp_path, host(labels=True))
    out = anomalies.measure(asked(Teller(names(corpus)), corpus, "labels"))
    truth = corpus.select("test")[0].arrays["outcome"]
    assert out.metrics["auc"] == 1 and out.metrics["average_precision"] == 1
    assert out.metrics[f"precision@{int(truth.sum())}"] == 1
    assert out.metrics["auc_strangeness"] > 0.9 > out.metrics["auc_rarity"]
    assert out.metrics["auc_condition"] > 0.9 and out.metrics["average_precision_condition"] > 0.5
    assert usual("anomalies", corpus.select("test"), nn.Module()) == "labels"
    assert usual("anomalies", trained("anomalies")[1], nn.Module()) == "swaps"
    with pytest.raises(InputError, match="does not say which events are anomalies"):
        anomalies.measure(asked(nn.Module(), table(tmp_path, host()), "labels"))


def test_swaps_are_reported_for_each_way_to_make_them(tmp_path):
    corpus = table(tmp_path, host())
    out = anomalies.measure(asked(Teller(names(corpus)), corpus, "swaps"))
    assert {f"{n} exchanged, {draw}" for draw in ("uniform", "marginal") for n in (1, 2, 3)} >= set(out.per_class)
    assert len(out.per_class) >= 4
    for name, row in out.per_class.items():
        n, _, draw = name.split()
        assert row["auc"] == out.metrics[f"auc_{draw}@{n}"] and row["events"] <= 40
        low, high = out.intervals[f"auc_{draw}@{n}"]
        assert low <= row["auc"] <= high
        assert row["auc_strangeness"] > row["auc_rarity"] and row["auc_condition"] > row["auc_rarity"]
    # a swapped program or folder tells at once, a swapped call does not: two of three
    assert out.metrics["auc_marginal@1"] == pytest.approx(0.5 + 0.5 * 2 / 3, abs=0.12)
    assert out.metrics["new_events"] == 0 and "auc_new_marginal@1" not in out.metrics  # all are known combinations


def test_new_events_are_held_against_swaps_as_well(tmp_path):
    rng = np.random.default_rng(1)
    rows = ["timestamp,a,b,c"] + [f"{t},{rng.integers(9)},{rng.integers(9)},{rng.integers(9)}" for t in range(600)]
    corpus = table(tmp_path, "\n".join(rows) + "\n")
    known = {tuple(e) for e in corpus.select("train")[0].arrays["field"].tolist()}
    test = corpus.select("test")[0].arrays["field"]
    new = np.array([tuple(e) not in known for e in test.tolist()])

    class First(nn.Module):
        def predict(self, batch):
            return Oddities(batch["field"][..., 0].float())

    out = anomalies.measure(asked(First(), corpus, "swaps"))
    assert out.metrics["new_events"] == pytest.approx(new.mean()) and 0 < new.mean() < 1
    every = np.concatenate([corpus.select("train")[0].arrays["field"], test])
    made = swapped(test, every, corpus.spec.sizes, 2, "uniform", anomalies.SEED).codes
    for kept, name in ((np.ones(len(test), bool), "auc_uniform@2"), (new, "auc_new_uniform@2")):
        truth = np.repeat([0, 1], [kept.sum(), len(made)])
        score = np.concatenate([test[kept, 0], made[:, 0]])
        assert out.metrics[name] == pytest.approx(roc_auc_score(truth, score))


def test_a_run_that_learned_pairs_finds_swaps():
    run, corpus = trained("anomalies")
    made = evaluate(run, corpus)
    assert made.protocol == "swaps" and made.metrics["auc_marginal@2"] > 0.8
    assert evaluate(*trained("anomalies", "label")).protocol == "labels"


def test_fields_that_never_change_cannot_be_exchanged(tmp_path):
    rows = "timestamp,a,b\n" + "".join(f"{t},x,y\n" for t in range(40))
    with pytest.raises(InputError, match="no field has two values"):
        anomalies.measure(asked(nn.Module(), table(tmp_path, rows), "swaps"))
