"""How events turn out, against what was foretold."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import nn

from acteme.engine import items
from acteme.engine.evaluate import evaluate
from acteme.engine.measures import Asked, clicks, usual
from acteme.engine.train import train
from acteme.errors import InputError
from acteme.recordings.annotations import Chances
from acteme.recordings.windows import Windows
from tests.engine.logs import QUIET, Config, Stage, host, shop, table, toy, trained


class Reader(nn.Module):
    """A number for each last item; keeps what it was shown."""

    def __init__(self, value):
        super().__init__()
        self.value, self.shown = torch.as_tensor(value).float(), []

    def predict(self, batch):
        self.shown.append(batch)
        return Chances(self.value[batch["item"][torch.arange(len(batch["frames"])), batch["frames"] - 1]])


def asked(module, corpus, protocol, split="test", windows=None):
    run, _ = trained("clicks", "click")
    if windows is not None:
        object.__setattr__(run, "config", Config(Stage(windows)))
    return Asked(run, module, "learn", corpus.select(split), lambda: corpus.select("train"), protocol)


def test_the_outcome_of_the_measured_event_is_hidden():
    _, corpus = trained("clicks", "click")
    module = Reader(np.linspace(0.1, 0.9, 13))
    out = clicks.measure(asked(module, corpus, "outcomes"))
    test = corpus.select("test")
    item = np.array([r.arrays["item"][-1] for r in test])
    truth = np.array([r.arrays["outcome"][-1] for r in test])
    assert out.metrics["auc"] == pytest.approx(roc_auc_score(truth, module.value.numpy()[item]))
    batch = module.shown[0]
    rows = torch.arange(len(batch["frames"]))
    assert (batch["outcome"][rows, batch["frames"] - 1] == 0).all() and batch["outcome"].sum() > 0
    assert batch["item"].shape[1] == 6 and batch["frames"].tolist() == np.minimum(test.frames, 6).tolist()


def test_the_data_decide_the_protocol(tmp_path):
    _, corpus = trained("clicks", "click")
    assert usual("clicks", corpus, nn.Module()) == "outcomes"
    assert usual("clicks", table(tmp_path, shop(outcome="rating")), nn.Module()) == "ratings"
    assert usual("clicks", table(tmp_path, shop()), nn.Module()) == "negatives"
    said = nn.Module()
    said.protocol = "negatives"
    assert usual("clicks", corpus, said) == "negatives"


def test_ratings_are_measured_by_their_errors(tmp_path):
    corpus = table(tmp_path, shop(outcome="rating"))
    out = clicks.measure(asked(Reader(np.full(13, 3.0)), corpus, "ratings"))
    truth = np.array([r.arrays["outcome"][-1] for r in corpus.select("test")])
    assert out.metrics["mse"] == pytest.approx(((truth - 3) ** 2).mean())
    assert out.metrics["rmse"] == pytest.approx(out.metrics["mse"] ** 0.5)
    assert out.metrics["mae"] == pytest.approx(np.abs(truth - 3).mean())
    low, high = out.intervals["rmse"]
    assert low < out.metrics["rmse"] < high


def test_negatives_differ_by_the_item_and_what_belongs_to_it(tmp_path):
    corpus = table(tmp_path, shop(outcome="click"))
    module = Reader(np.linspace(0.1, 0.9, 13))
    out = clicks.measure(asked(module, corpus, "negatives"))
    assert out.metrics["click_rate"] == pytest.approx(1 / 3) and "gauc_size" in out.metrics
    kind = dict(zip(corpus.arrays["item"].tolist(), corpus.arrays["field"][:, 0].tolist(), strict=True))
    batch, test = module.shown[0], corpus.select("test")
    rows, last = torch.arange(len(batch["frames"])), batch["frames"] - 1
    item, field = batch["item"][rows, last].reshape(-1, 3), batch["field"][rows, last].reshape(-1, 3, 2)
    assert item[:, 0].tolist() == [int(r.arrays["item"][-1]) for r in test]
    for i, recording in enumerate(test):
        drawn = item[i, 1:].tolist()
        assert not set(drawn) & set(recording.arrays["item"].tolist()) and len(set(drawn)) == 2
        assert [kind[k] for k in drawn] == field[i, 1:, 0].tolist()  # its own category
        assert (field[i, :, 1] == int(recording.arrays["field"][-1, 1])).all()  # the event's own channel
        own = batch["item"].reshape(-1, 3, 6)[i]
        assert (own[:, : len(recording.arrays["item"]) - 1] == own[0, : len(recording.arrays["item"]) - 1]).all()
    assert (batch["outcome"][rows, last] == 0).all()
    again = clicks.measure(asked(Reader(np.linspace(0.1, 0.9, 13)), corpus, "negatives"))
    assert again.metrics == out.metrics
    more = clicks.measure(asked(Reader(np.linspace(0.1, 0.9, 13)), corpus, "negatives-4"))
    assert more.metrics["click_rate"] == pytest.approx(1 / 5)


def test_negatives_are_drawn_as_often_as_items_occur(tmp_path):
    # x is chosen three times as often as y in training; z never occurs there, so that it is never drawn
    rows = ["user,item,timestamp"] + [f"a{k},{'y' if k % 4 else 'x'},{t}" for k in range(200) for t in range(2)]
    rows += [f"b{k},w,{t}" for k in range(400) for t in range(3)] + ["c,w,1", "c,w,2", "c,z,3"]
    corpus = table(tmp_path, "\n".join(rows) + "\n")
    names = corpus.catalog["item"].to_pylist()
    module = Reader(np.full(5, 0.5))
    out = clicks.measure(asked(module, corpus, "negatives-1"))
    assert out.metrics["auc"] == 0.5
    item = torch.cat([b["item"][torch.arange(len(b["frames"])), b["frames"] - 1] for b in module.shown])
    drawn = [names[k - 1] for k in item.reshape(-1, 2)[:, 1].tolist()]
    assert set(drawn) == {"x", "y"} and drawn.count("y") / drawn.count("x") == pytest.approx(3, rel=0.3)


def test_what_belongs_to_an_item_is_what_was_last_seen_with_it(tmp_path):
    rows = ["user,item,timestamp,cat,day"] + [
        f"u{u},{i},{u},{i}{'new' * (u > 8)},{u % 3}" for u in range(10) for i in "xy"
    ]
    corpus = table(tmp_path, "\n".join(rows) + "\n")
    known = items.belongings(corpus)
    names = {(v["field"], v["number"]): v["value"] for v in corpus.values.to_pylist()}
    assert [names["cat", int(n)] for n in known.value[:, 0]] == ["xnew", "ynew"]
    assert known.events.tolist() == [10, 10] and known.fixed.tolist() == [False, False]  # new in 1 of 9 is too often
    steady = items.belongings(corpus.select(rows=np.arange(9)))
    assert steady.fixed.tolist() == [True, False]
    assert items.categories(corpus, steady).tolist() == steady.value[:, 0].tolist()


def test_logs_without_users_are_measured_event_by_event(tmp_path):
    corpus = table(tmp_path, host(labels=True))
    one = Windows(frames=1, stride=1)
    run = train(toy("clicks"), table(tmp_path, shop(outcome="click")), tmp_path / "run", settings=QUIET)

    class Program(nn.Module):
        def predict(self, batch):
            assert batch["field"].shape[1:] == (1, 3)
            return Chances(batch["field"][:, 0, 0] / 10)

    object.__setattr__(run, "config", Config(Stage(one)))
    module = Program()
    out = clicks.measure(Asked(run, module, "learn", corpus.select("test"), lambda: corpus.select("train"), "outcomes"))
    test = corpus.select("test")[0].arrays
    assert out.metrics["auc"] == pytest.approx(roc_auc_score(test["outcome"], test["field"][:, 0] / 10))
    assert "gauc_size" not in out.metrics
    with pytest.raises(InputError, match="no users and items"):
        clicks.measure(Asked(run, module, "learn", corpus.select("test"), lambda: corpus, "negatives"))


def place(score, target, seen):
    """By the definition, for scores that all differ."""
    others = [k for k in range(len(score)) if k != target and k not in seen]
    return 1 + sum(score[k] > score[target] for k in others)


def test_all_items_are_held_against_the_last_one(tmp_path):
    corpus = table(tmp_path, shop(outcome="click"))
    kind = dict(zip(corpus.arrays["item"].tolist(), corpus.arrays["field"][:, 0].tolist(), strict=True))

    class Both(Reader):
        """Prefers by the item and its category, so that the wrong category would show."""

        def predict(self, batch):
            self.shown.append(batch)
            at = torch.arange(len(batch["frames"])), batch["frames"] - 1
            return Chances(self.value[batch["item"][at]] + batch["field"][at][:, 0])

    value = np.random.default_rng(0).permutation(13) / 13
    module, test = Both(value), corpus.select("test")
    out = clicks.measure(asked(module, corpus, "full"))
    places = []
    for r in test:
        score = [value[k] + kind.get(k, 0) for k in range(1, 13)]
        seen = {int(k) - 1 for k in r.arrays["item"][:-1]}
        places.append(place(score, int(r.arrays["item"][-1]) - 1, seen))
    places = np.array(places)
    assert out.metrics["hr@5"] == pytest.approx((places <= 5).mean())
    assert out.metrics["mrr"] == pytest.approx((1 / places).mean())
    assert out.metrics["ndcg@10"] == pytest.approx(np.where(places <= 10, 1 / np.log2(places + 1), 0).mean())
    assert sum(len(b["frames"]) for b in module.shown) == 12 * len(test)


def test_all_items_are_held_against_those_of_a_log_without_users(tmp_path):
    rng, lines = np.random.default_rng(1), ["user,item,genre,timestamp"]
    lines += [f"u{rng.integers(5)},i{(i := rng.integers(9))},g{i % 3},{t}" for t in range(60)]
    corpus = table(tmp_path, "\n".join(lines) + "\n", "?fields=user,item,genre")
    run = train(toy("clicks"), table(tmp_path, shop(outcome="click")), tmp_path / "run", settings=QUIET)
    object.__setattr__(run, "config", Config(Stage(Windows(frames=1, stride=1))))
    assert "item" not in corpus.arrays and corpus.spec.fields == ("user", "item", "genre")
    value = torch.from_numpy(rng.permutation(10) / 10).float()

    class Film(nn.Module):
        def predict(self, batch):
            user, item, genre = batch["field"][:, 0].unbind(-1)
            return Chances(value[item] + genre + user)

    training, test = corpus.select("train"), corpus.select("test")[0].arrays["field"]
    old = np.concatenate([r.arrays["field"] for r in training])
    genre = dict(old[:, 1:3].tolist())
    places = []
    for user, item, own in test.tolist():
        if item:
            score = [float(value[k]) + (own if k == item else genre[k]) for k in range(1, 10) if k in genre]
            seen = {k - 1 for u, k in old[:, :2].tolist() if u == user}
            places.append(place(score, item - 1, seen))
    out = clicks.measure(Asked(run, Film(), "learn", corpus.select("test"), lambda: training, "full"))
    assert len(genre) == 9 and out.metrics["mrr"] == pytest.approx((1 / np.array(places)).mean())
    assert out.metrics["hr@5"] == pytest.approx((np.array(places) <= 5).mean())
    plain = table(tmp_path, host(labels=True))
    with pytest.raises(InputError, match="who chose what"):
        clicks.measure(Asked(run, Film(), "learn", plain.select("test"), lambda: plain.select("train"), "full"))


def test_a_run_is_measured_by_what_the_data_say():
    run, corpus = trained("clicks", "click")
    assert evaluate(run, corpus).protocol == "outcomes"
    assert evaluate(run, corpus, protocol="negatives-3").metrics["click_rate"] == pytest.approx(1 / 4)
    plain, corpus = trained("clicks")
    assert evaluate(plain, corpus).protocol == "negatives"
    with pytest.raises(InputError, match="no outcomes"):
        evaluate(plain, corpus, protocol="outcomes")
