"""Numbers of features by frequency, outcomes, and what was not chosen."""

import pytest
import torch

from acteme.engine.loader import Loader
from acteme.errors import InputError
from acteme.recordings.sources import open_data
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.recommend.dnis.features import Features, loss, preference
from acteme.systems.recommend.dnis.network import Network, NetworkConfig

ROWS = """user,movie,rating,split
a,x,5,train
a,y,3,train
a,z,4,train
b,x,1,train
b,y,2,train
b,w,2,train
a,w,4,train
c,x,5,train
b,x,3,train
a,x,5,train
c,z,2,val
c,y,4,test
"""
WINDOWS = Windows(frames=1, stride=1, jitter=False)


@pytest.fixture
def log(tmp_path):
    (tmp_path / "ratings.csv").write_text(ROWS.replace("user", "who"))
    return open_data(f"events:{tmp_path / 'ratings.csv'}")


def batches(corpus, size=4):
    return Loader(corpus, WINDOWS, size, 0, "x", drop_last=False).sweep()


def test_features_are_numbered_by_frequency_over_all_fields(log):
    features = Features(log.spec, "", "movie")
    mean = features.calibrate(batches(log.select("train")))
    assert mean == pytest.approx(3.4) and features.foretells == "rating" and features.counted
    names = {(row["field"], row["number"]): row["value"] for row in log.values.to_pylist()}
    start = dict(zip(features.names, features.start.tolist(), strict=True))
    told = {v: (int(features.number[start[f] + n]), int(features.count[start[f] + n])) for (f, n), v in names.items()}
    # a, x 5; b 4; y, z, w 2, 1, 2; c 1
    assert {told["a"][0], told["x"][0]} == {0, 1} and told["b"] == (2, 4)
    assert {told["y"][0], told["w"][0]} == {3, 4} and {told["z"][0], told["c"][0]} == {5, 6}
    assert features.sorted_count.tolist() == [5, 5, 4, 2, 2, 1, 1, 0, 0], "then the unknown value of each field"
    assert sorted(features.number.tolist()) == list(range(9))


def test_events_become_the_numbers_of_their_fields(log):
    features = Features(log.spec, "rating", "movie")
    features.calibrate(batches(log.select("train")))
    batch = next(batches(log.select("test")))
    who, movie = batch["field"][0, 0].tolist()
    expected = features.number[[who, log.spec.sizes[0] + movie]]
    assert torch.equal(features(batch), expected[None]) and features.outcome(batch).tolist() == [4.0]


def test_the_last_event_of_a_longer_window_counts():
    features = Features(Spec(fields=("f",), sizes=(5,), items=3), "", "item")
    assert features.names == ("item", "f") and features.sizes == (4, 5)
    batch = {
        "item": torch.tensor([[1, 2, 0], [1, 2, 3]]),
        "field": torch.tensor([[[1], [2], [0]], [[1], [2], [4]]]),
        "outcome": torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        "frames": torch.tensor([2, 3]),
    }
    assert features(batch).tolist() == [[2, 6], [3, 8]] and features.outcome(batch).tolist() == [1.0, 1.0]


def test_what_training_never_saw_has_no_embedding_and_no_bias(log):
    network = Network(NetworkConfig("deepfm", 4, blocks=(1.0,), hidden=(3,), centered=True), log.spec)
    network.calibrate(batches(log.select("train")))
    never = network.features.sorted_count == 0
    assert never.sum() == 2 and (network.table.weight[never] == 0).all()
    assert (network.host.biases.weight[never] == 0).all() and (network.host.biases.weight[~never] != 0).all()
    assert network.host.level.item() == pytest.approx(3.4)
    before = {n: v.clone() for n, v in network.state_dict().items()}
    network.table.weight.data[never] = 1
    network.calibrate(batches(log.select("train")))
    assert (network.table.weight[never] == 1).all(), "once counted, it is left alone"
    assert torch.equal(before["features.count"], network.features.count)


def test_what_is_foretold_is_seen_from_the_outcomes(log, tmp_path):
    train = log.select("train")
    for kind, message in (("click", "outcomes are not all 0 or 1"), ("rating", None)):
        features = Features(log.spec, kind, "movie")
        if message is None:
            features.calibrate(batches(train))
        else:
            with pytest.raises(InputError, match=message):
                features.calibrate(batches(train))
    lines = ROWS.replace("user", "who").splitlines()
    plain = [",".join(c for i, c in enumerate(line.split(",")) if i != 2) for line in lines]
    (tmp_path / "plain.csv").write_text("\n".join(plain) + "\n")
    silent = open_data(f"events:{tmp_path / 'plain.csv'}")
    features = Features(silent.spec, "", "movie")
    features.calibrate(batches(silent))
    assert features.foretells == "ranking"
    with pytest.raises(InputError, match="no field 'item' that could have been chosen otherwise"):
        Features(silent.spec, "", "item").calibrate(batches(silent))
    with pytest.raises(InputError, match="the data has no outcomes"):
        Features(silent.spec, "click", "movie").calibrate(batches(silent))
    with pytest.raises(InputError, match="events have no fields"):
        Features(Spec(), "", "item")


def test_other_items_are_drawn_by_their_frequency(log):
    features = Features(log.spec, "ranking", "movie")
    features.calibrate(batches(log.select("train")))
    batch = next(batches(log.select("train"), 10))
    many = {n: v.repeat_interleave(400, 0) for n, v in batch.items()}
    torch.manual_seed(0)
    drawn = features.unchosen(many)
    assert torch.equal(drawn[:, 0], features(many)[:, 0]), "the rest of the event is the same"
    seen = torch.bincount(drawn[:, 1], minlength=9) / len(drawn)
    start = features.start[1]
    for raw in range(int(start), len(features)):
        assert seen[features.number[raw]].item() == pytest.approx(features.count[raw].item() / 10, abs=0.03)


def test_losses():
    scores, outcome = torch.tensor([0.5, -1.0]), torch.tensor([1.0, 0.0])
    assert loss("rating", scores, outcome).item() == pytest.approx((0.25 + 1) / 2)
    p = scores.sigmoid()
    assert loss("click", scores, outcome).item() == pytest.approx(-(p[0].log() + (1 - p[1]).log()).item() / 2)
    chosen = preference(scores, torch.tensor([0.0, 0.0]))
    assert chosen.item() == pytest.approx(-(p[0].log() + p[1].log()).item() / 2)
