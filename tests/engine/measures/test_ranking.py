"""The last item of each user among all others."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from acteme.engine.evaluate import evaluate
from acteme.engine.measures import Asked, ranking, usual
from acteme.engine.train import train
from acteme.errors import InputError
from acteme.recordings.annotations import Preferences
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording
from acteme.recordings.sources import open_data
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.tasks import ranking as metrics
from tests.engine.logs import QUIET, Config, table, toy, trained


class Table(nn.Module):
    """Scores from a table by the last item that was seen; keeps what it was shown."""

    def __init__(self, scores, bias=None):
        super().__init__()
        self.scores, self.bias, self.shown = scores, bias, []

    def predict(self, batch):
        last = batch["item"][torch.arange(len(batch["frames"])), batch["frames"] - 1]
        self.shown.append(batch)
        return Preferences(torch.nn.functional.one_hot(last, len(self.scores) + 1).float()[:, 1:], self.scores,
                           self.bias)  # fmt: skip


def asked(module, corpus, protocol="full", split="test", batch=2):
    run, _ = trained("ranking")
    return Asked(run, module, "learn", corpus.select(split), lambda: corpus.select("train"), protocol, batch=batch)


ROWS = """user,item,timestamp
a,x,1
a,y,2
a,z,3
a,x,4
b,y,1
b,y,2
b,w,3
c,v,1
"""
# items: x 1, y 2, z 3, w 4, v 5


def test_history_is_all_but_the_target_and_at_most_the_window(tmp_path):
    corpus = table(tmp_path, ROWS)
    module = Table(torch.eye(5))
    ranking.found(asked(module, corpus))
    assert [b["item"].tolist() for b in module.shown] == [[[1, 2, 3, 0, 0], [2, 2, 0, 0, 0]]]
    assert module.shown[0]["frames"].tolist() == [3, 2]
    long = "user,item,timestamp\n" + "".join(f"a,i{k},{k}\n" for k in range(9))
    module = Table(torch.eye(9))
    ranking.found(asked(module, table(tmp_path, long)))
    assert module.shown[0]["item"].tolist() == [[4, 5, 6, 7, 8]]  # item 9 is the target


def test_seen_items_are_no_candidates_but_the_target_is(tmp_path):
    corpus = table(tmp_path, ROWS)
    # scores by the last item seen (a: z, b: y) of x, y, z, w, v
    scores = torch.tensor([[0, 0, 1, 0, 0], [0, 9, 8, 0, 0], [0, 9, 9, 0, 0], [0, 2, 5, 0, 0], [0, 7, 0, 0, 0.0]])
    found = ranking.found(asked(Table(scores), corpus))
    # a has met x, y, z and looks for x (1): of w 5 and v 0, w is above. b has met y, looks for w (2): x 0, z 9, v 7
    assert found.above.tolist() == [1, 2] and found.equal.tolist() == [0, 0]
    again = ranking.found(asked(Table(scores), corpus, "repeats"))
    assert again.above.tolist() == [3, 3]  # a: y 8, z 9, w 5; b: y 9, z 9, v 7
    shifted = ranking.found(asked(Table(scores - 100), corpus))
    assert shifted.above.tolist() == found.above.tolist()


def test_items_met_beyond_the_window_are_no_candidates_either(tmp_path):
    text = "user,item,timestamp\n" + "".join(f"a,i{k},{k}\n" for k in range(9)) + "b,i9,0\nb,i0,1\nb,i1,2\n"
    corpus = table(tmp_path, text)
    scores = torch.zeros(10, 10)
    scores[0] = 5  # item 1, which is 8 events back, and the window holds 5
    found = ranking.found(asked(Table(scores), corpus))
    assert found.above[0] == 0 and found.equal[0] == 1  # only the tenth item is a candidate, too


def test_a_bias_adds_to_the_scores(tmp_path):
    corpus = table(tmp_path, ROWS)
    found = ranking.found(asked(Table(torch.zeros(5, 5), torch.tensor([0.0, 0, 0, 1, 2])), corpus))
    assert found.above.tolist() == [2, 1]  # a looks for x (0), b for w (1)


def test_a_constant_earns_what_chance_gives():
    corpus = open_data("ml-100k").select(rows=np.arange(0, 2829, 40))
    constant = asked(Table(torch.zeros(1682, 1682)), corpus)
    assert ranking.measure(constant).metrics["hr@10"] == 0  # the mean rank is in the middle
    chance = metrics.by_user(ranking.found(constant), (10,), "expected")["hr@10"].mean()
    assert 10 / 1682 < chance < 10 / 900


class Popularity(nn.Module):
    """Counts of items, the same for everybody."""

    def __init__(self, count):
        super().__init__()
        self.count = torch.from_numpy(count)[:, None].float()

    def predict(self, batch):
        return Preferences(torch.ones(len(batch["item"]), 1), self.count)


def test_popularity_on_movielens_has_the_known_values():
    corpus = open_data("ml-100k")
    item = np.asarray(corpus.arrays["item"])
    held = {s: corpus.select(s).column("offset") + corpus.select(s).frames - 1 for s in ("val", "test")}
    every = np.bincount(item - 1, minlength=1682)
    known = every - np.bincount(item[held["test"]] - 1, minlength=1682)
    metric = ranking.measure(asked(Popularity(known), corpus, batch=256)).metrics
    assert round(metric["hr@10"], 4) == 0.0859 and round(metric["ndcg@10"], 4) == 0.0443
    train = known - np.bincount(item[held["val"]] - 1, minlength=1682)
    metric = ranking.measure(asked(Popularity(train), corpus, batch=256)).metrics
    assert round(metric["hr@10"], 4) == 0.0838 and round(metric["ndcg@10"], 4) == 0.0436


def test_blocks_of_users_change_nothing(tmp_path, monkeypatch):
    run, corpus = trained("ranking")
    one = ranking.found(asked(run.module(), corpus))
    monkeypatch.setattr(ranking, "blocks", lambda last: (slice(a, a + 3) for a in range(0, len(last), 3)))
    many = ranking.found(asked(run.module(), corpus, batch=3))
    assert one.above.tolist() == many.above.tolist() and one.users == many.users == 30


def test_sampled_items_are_new_and_the_same_for_every_run(tmp_path):
    run, corpus = trained("ranking")
    four = [ranking.measure(asked(run.module(), corpus, "sampled-4")).metrics for _ in range(2)]
    assert four[0] == four[1]
    few = ranking.found(asked(Table(torch.ones(12, 12)), corpus, "sampled-4"))
    assert (few.equal == 4).all() and (few.above == 0).all()
    with pytest.raises(InputError, match="use full, or sampled-N with a lower N"):
        ranking.found(asked(run.module(), corpus, "sampled"))


def test_a_run_learns_and_is_measured(tmp_path):
    run, corpus = trained("ranking")
    made = evaluate(run, corpus)
    assert made.protocol == "full" and set(made.metrics) >= {"hr@5", "hr@10", "ndcg@10", "ndcg@50", "mrr"}
    low, high = made.intervals["ndcg@5"]
    assert low <= made.metrics["ndcg@5"] <= high
    assert made.metrics["hr@5"] > 5 / 12
    assert evaluate(run, corpus, split="val", protocol="sampled-3").protocol == "sampled-3"
    with pytest.raises(InputError, match="no protocol 'sampled-0'"):
        evaluate(run, corpus, protocol="sampled-0")


def test_users_with_one_event_give_nothing(tmp_path):
    one = table(tmp_path, "user,item,timestamp,split\na,x,1,test\nb,y,2,test\nc,x,1,train\nc,y,2,train\n")
    with pytest.raises(InputError, match="no user has two events"):
        ranking.found(asked(Table(torch.eye(2)), one))


def test_a_table_of_the_wrong_size_is_refused(tmp_path):
    corpus = table(tmp_path, ROWS)
    with pytest.raises(InputError, match="a table of 4 items where the catalog has 5"):
        ranking.found(asked(Table(torch.zeros(4, 5)), corpus))


def test_the_best_epoch_is_chosen_by_a_ranking_metric(tmp_path):
    _, corpus = trained("ranking")
    run = train(toy("ranking"), corpus, tmp_path / "run", config=Config(), settings=replace(QUIET, best="ndcg@10"))
    assert len(json.loads((run.stage_folder("learn") / "validation.json").read_text())["scores"]) == 2


class Teller(nn.Module):
    """Wants what the first letter of a text says."""

    def predict(self, batch):
        assert not batch["item"].any() and not batch["mask"].any()
        return Preferences(batch["text"][:, 0, :1].float() - 96, torch.arange(1.0, 4)[:, None])


def people():
    spec = Spec(fps=1.0, items=3)
    found = [Recording(n, 1.0, {"item": np.array(items, np.int32), "outcome": np.array(good, np.float32)}, text=text,
                       split="test", subject=n)
             for n, items, good, text in (("ann", [1, 3], [1, 1], "a"), ("bob", [2, 3], [1, 0], "b"),
                                          ("cid", [0], [0], "c"))]  # fmt: skip
    return Corpus.of(found, spec)


def test_profiles_tell_what_is_wanted():
    corpus, module = people(), Teller()
    run, _ = trained("ranking")
    config = Config(replace(run.config.learn, windows=Windows(frames=None, captions=True)))
    made = Asked(replace(run, config=config), module, "learn", corpus, lambda: corpus, "profiles")
    found = ranking.found(made)
    # item 3 is best, then 2: ann looks for 1 and 3, bob for 2, cid for nothing
    assert found.user.tolist() == [0, 0, 1] and found.above.tolist() == [2, 0, 1] and found.users == 3
    assert usual("ranking", corpus, module) == "profiles" and usual("ranking", trained("ranking")[1], module) == "full"
