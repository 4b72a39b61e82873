"""DARE with data: windows, labels, negatives, gradients, predictions, latents, rows that learn alone."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch

from acteme.engine.loader import Loader
from acteme.engine.optimize import optimizer
from acteme.errors import InputError
from acteme.nn.recipe import Recipe
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.recordings.worlds.shop import shop
from acteme.systems.recommend.dare import RankConfig, Ranker, Widths, negatives
from acteme.systems.recommend.dare.negatives import Negatives
from acteme.systems.recommend.dare.tables import KINDS, Events
from acteme.tasks import curves, decoupling
from tests.engine.logs import table

WINDOWS = Windows(frames=5, stride=1, prefixes=True)
SMALL = RankConfig(width=Widths(4, 4, 4), top=3, hidden=(16, 8), windows=WINDOWS,
                   recipe=Recipe(optimizer="adam", lr=0.01, batch=64))  # fmt: skip


def log(users, outcome=None) -> Corpus:
    """Users as lists of items; an item's category is 1 + item % 3, but in the last event of all."""
    spec = Spec(items=9, fields=("color", "category"), sizes=(2, 6))
    out = []
    for u, items in enumerate(users):
        item = np.array(items)
        field = np.stack([item * 0, 1 + item % 3], 1)
        if u == len(users) - 1:
            field[-1, 1] = 5
        arrays = {"item": item, "when": np.arange(len(item)), "field": field}
        if outcome is not None:
            arrays["outcome"] = np.array(outcome[u], np.float32)
        out.append(Recording(name=str(u), fps=1.0, arrays=arrays))
    return Corpus.of(out, spec)


def calibrated(corpus: Corpus, config: RankConfig = SMALL) -> tuple[Ranker, list]:
    torch.manual_seed(0)
    module = Ranker(config, corpus.spec)
    loader = Loader(corpus, config.windows, 4, 0, "rank", drop_last=False)
    module.calibrate(loader.sweep())
    return module, list(loader.sweep())


LOG = log([[1, 2, 3, 1, 2, 4, 5, 6], [7, 8], [9, 1, 1, 2]])


def test_targets_and_histories():
    module, batches = calibrated(LOG)
    assert not module.negatives.labeled and module.protocol == "negatives"
    seen = module.seen(batches[0])  # windows that end with the 2nd to 5th event of the first user
    assert seen.target.item.tolist() == [[2], [3], [1], [2]] and seen.target.position.tolist() == [[0]] * 4
    assert seen.behavior.item.tolist() == [[1, 0, 0, 0], [1, 2, 0, 0], [1, 2, 3, 0], [1, 2, 3, 1]]
    assert seen.behavior.position.tolist() == [[1, 2, 3, 4], [2, 1, 3, 4], [3, 2, 1, 4], [4, 3, 2, 1]]
    assert seen.behavior.category.tolist() == [[2, 0, 0, 0], [2, 3, 0, 0], [2, 3, 1, 0], [2, 3, 1, 2]]
    assert torch.equal(seen.valid, seen.behavior.item > 0)


def test_positions_count_from_the_target():
    module, _ = calibrated(log([[1, 2, 3, 4, 5]]))
    batch = log([[1, 2, 3, 4, 5]]).batch(np.array([0]), np.array([0]), 5)
    assert module.seen(batch).behavior.position.tolist() == [[4, 3, 2, 1]]


def test_targets_of_training_are_every_fifth_event_before_those_held_out(tmp_path):
    """Of 210 events the 3rd, 8th, .. and 93rd from the end, each after the 200 events before it, where there are."""
    corpus = table(tmp_path, "user,item,timestamp\n" + "".join(f"a,i{k},{k}\n" for k in range(1, 211)))
    train, windows = corpus.select("train"), RankConfig().windows
    index, start = windows.cut(train.frames)
    batch = train.cut(windows, index, start)
    names = corpus.catalog["item"].to_pylist()
    place = torch.tensor([0, *(int(name[1:]) for name in names)])
    seen = Ranker(RankConfig(category=""), corpus.spec).seen(batch)
    assert (211 - place[seen.target.item[:, 0]]).tolist() == list(range(93, 2, -5))
    assert seen.behavior.item.shape == (19, 200) and seen.valid.sum(1).tolist() == [*range(117, 200, 5), 200, 200]
    newest = (seen.behavior.position == 1).long().argmax(1, keepdim=True)
    assert torch.equal(place[seen.behavior.item.gather(1, newest)], place[seen.target.item] - 1)


@pytest.mark.parametrize("stride", [1, 2])
def test_events_are_counted_once(stride):
    windows = replace(WINDOWS, stride=stride, frames=3)
    module, _ = calibrated(LOG, replace(SMALL, windows=windows))
    assert module.negatives.counts.tolist() == [0, 4, 3, 1, 1, 1, 1, 1, 1, 1]
    assert module.negatives.category.tolist() == [0, 2, 5, 1, 2, 3, 1, 2, 3, 1], "where an item was seen last"


def test_negatives_are_drawn_by_frequency_and_never_seen_before():
    some = Negatives(6, None)
    some.counts.copy_(torch.tensor([0, 10, 20, 30, 40, 0]))
    torch.manual_seed(0)
    seen = torch.tensor([[4, 0, 4]]).expand(4000, 3)
    item, category = some.draw(seen, 2)
    share = torch.bincount(item.flatten(), minlength=6) / 8000
    assert torch.allclose(share, torch.tensor([0, 1, 2, 3, 0, 0]) / 6, atol=0.02) and (category == 0).all()
    everything, _ = some.draw(torch.tensor([[1, 2, 3, 4]]), 2)
    assert (everything > 0).all(), "whoever has seen all is given what was drawn last"


def test_negatives_of_nothing_are_refused():
    with pytest.raises(InputError, match="no items were counted"):
        Negatives(6, None).draw(torch.ones(1, 1, dtype=torch.long), 1)


def test_clicks_learn_against_negatives():
    module, batches = calibrated(LOG)
    seen, label = module.rows(batches[0])
    assert label.tolist() == [[1, 0, 0]] * 4 and seen.target.item.shape == (4, 3)
    assert torch.equal(seen.target.item[:, 0], module.seen(batches[0]).target.item[:, 0])
    for row in range(4):
        met = {*seen.behavior.item[row].tolist(), seen.target.item[row, 0].item()}
        assert not met & set(seen.target.item[row, 1:].tolist())
    assert torch.equal(seen.target.category[:, 1:], module.negatives.category[seen.target.item[:, 1:]])
    with pytest.raises(InputError, match="what was clicked, not what was not"):
        calibrated(LOG, replace(SMALL, negatives=0))[0].losses(batches[0])


@pytest.mark.parametrize("official", [False, True])
def test_what_was_met_before_the_window_is_no_negative(official, monkeypatch):
    monkeypatch.setattr(negatives, "TRIES", 500)
    torch.manual_seed(0)
    items = [[1, 2, 3, 4, 5, 5, 5, 5, 5, 6, 7, 1], [8, 9, 3], [2, 2, 9]]
    corpus = log(items)
    module, _ = calibrated(corpus, replace(SMALL, negatives=40, official_negatives=official))
    module.remember(corpus)
    index, last = np.array([0, 0, 0, 1, 2]), np.array([8, 9, 2, 2, 1])
    batch = corpus.batch(index, last - 4, 5)
    seen, _ = module.rows(batch)
    for row, (i, end) in enumerate(zip(index, last, strict=True)):
        met = set(items[i] if official else items[i][: end + 1])
        assert set(seen.target.item[row, 1:].tolist()) == set(range(1, 10)) - met
    copied = deepcopy(module).negatives.met
    assert copied is module.negatives.met, "the log is not copied with the weights"


def test_outcomes_are_labels_and_the_history_is_what_was_clicked():
    corpus = log([[1, 2, 3, 4], [5, 6]], [[1, 0, 1, 0], [1, 1]])
    module, batches = calibrated(corpus)
    assert bool(module.negatives.labeled) and module.protocol == "outcomes"
    seen, label = module.rows(batches[0])
    assert label.tolist() == [[0], [1], [0], [1]]
    assert seen.behavior.item.tolist() == [[1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 3, 0], [5, 0, 0, 0]]
    assert seen.behavior.position[2].tolist() == [3, 2, 1, 4], "what was not clicked was an event nevertheless"
    before = module.eval().predict(batches[0]).value
    batches[0]["outcome"][torch.arange(4), batches[0]["frames"] - 1] = 7.0
    assert torch.equal(module.predict(batches[0]).value, before), "the last outcome is not read"
    for other in ([[5, 3, 1, 4], [2, 5]], [[1, 1, 1, 1], [1, 1]]):
        assert not bool(calibrated(log([[1, 2, 3, 4], [5, 6]], other))[0].negatives.labeled)


def test_latents_and_predictions():
    module, batches = calibrated(LOG)
    module.eval()
    latents, chances = module.encode(batches[1]), module.predict(batches[1])
    assert latents.tokens.shape == (4, 5, 12) and latents.pooled.shape == (4, 12)
    assert (latents.tokens[~latents.mask] == 0).all() and torch.equal(latents.mask, batches[1]["mask"])
    assert module.inputs(batches[1]).shape == (4, 36)
    assert ((chances.value > 0) & (chances.value < 1)).all()
    seen = module.seen(batches[1])
    twice = module.instead(seen, seen.target.item.repeat(1, 2), seen.target.category.repeat(1, 2))
    assert torch.allclose(module.chances(twice), chances.value[:, None].expand(-1, 2), atol=1e-6)


def test_items_without_categories():
    module, batches = calibrated(LOG, replace(SMALL, category=""))
    assert module.losses(batches[0])["total"].isfinite() and not module.seen(batches[0]).behavior.category.any()


@pytest.mark.parametrize("variant", ["twin", "dare", "projection"])
def test_gradients_by_use_add_up(variant):
    module, batches = calibrated(log([[1, 2, 3, 4], [5, 6]], [[1, 0, 1, 0], [1, 1]]), replace(SMALL, variant=variant))
    with torch.no_grad():
        for p in module.model.tables.parameters():
            p.mul_(30)
    found = module.gradients(batches[0])
    module.losses(batches[0])["total"].backward()
    sets = module.model.tables.sets
    if variant == "dare":
        for use in ("attention", "representation"):
            assert torch.allclose(found[use], sets[use]["category"].weight.grad, atol=1e-7)
    else:
        assert torch.allclose(sum(found.values()), sets["shared"]["category"].weight.grad, atol=1e-7)
    assert all(g.abs().max() > 0 for g in found.values())
    with pytest.raises(InputError, match="'four' has no two gradients"):
        calibrated(LOG, replace(SMALL, variant="four"))[0].gradients(batches[0])


def test_sparse_gradients_change_only_rows_that_occur():
    def trained(sparse):
        module, batches = calibrated(LOG, replace(SMALL, sparse=sparse, l2=0.0))
        step = optimizer(SMALL.recipe, module)
        start = module.model.tables.sets["attention"]["item"].weight.detach().clone()
        for batch in batches[:1] * 2:
            torch.manual_seed(0)
            step.zero_grad()
            module.losses(batch)["total"].backward()
            step.step()
        return start, module.model.tables.sets["attention"]["item"].weight.detach(), module, batches

    start, sparse, module, batches = trained(True)
    torch.manual_seed(0)
    seen, _ = module.rows(batches[0])
    occurs = torch.zeros(10, dtype=torch.bool)
    occurs[torch.cat([seen.behavior.item.flatten(), seen.target.item.flatten()])] = True
    moved = (sparse != start).any(1)
    assert moved.any() and not (moved & ~occurs).any()
    assert torch.allclose(sparse, trained(False)[1], atol=1e-6), "the same rows in every step: as dense Adam"


@pytest.fixture(scope="module")
def learned():
    """DARE after two seconds of the world `shop`, and its test windows."""
    corpus = shop(train=400, val=0, test=40, history=30, shown=10, categories=12, items=3, groups=6, offset=0.0,
                  concentration=2.0, seed=5)  # fmt: skip
    config = replace(SMALL, width=Widths(8, 8, 8), top=5, windows=Windows(frames=31, stride=1, prefixes=True, most=10))
    torch.manual_seed(0)
    module, train = Ranker(config, corpus.spec), corpus.select("train")
    loader = Loader(train, config.windows, 128, 0, "rank")
    module.calibrate(loader.sweep())
    step = optimizer(config.recipe, module)
    for epoch in range(4):
        for batch in loader.batches(epoch):
            step.zero_grad()
            module.losses(batch)["total"].backward()
            step.step()
    test = corpus.select("test")
    return module.eval(), corpus, test.cut(config.windows, np.arange(len(test)), test.frames - 31)


def retrieval(module: Ranker, corpus: Corpus, batch, score=None) -> float:
    """NDCG@5 of the search, or of other scores, by what matters in this world."""
    group = np.append(-1, corpus.catalog["group"].to_numpy())
    seen = module.seen(batch)
    same = group[seen.target.item.numpy()] == group[seen.behavior.item.numpy()]
    valid = seen.valid.numpy()
    gain = same * valid * 0.97 ** (seen.behavior.position.numpy() - 1)
    score = module.attention(seen)[:, 0].numpy() if score is None else score
    return float(np.nanmean(decoupling.found(gain, score, valid, 5)))


def test_it_learns_and_shuffled_attention_finds_nothing(learned):
    module, corpus, batch = learned
    label = batch["outcome"].gather(1, batch["frames"][:, None] - 1)[:, 0].numpy() > 0
    assert curves.auc(module.predict(batch).value.numpy(), label) > 0.75
    found = retrieval(module, corpus, batch)
    tables, rng = module.model.tables, np.random.default_rng(0)
    embed, shuffled = tables.embed, []
    for seed in range(8):  # rows of targets and of behaviors apart: else every item would still find itself
        torch.manual_seed(seed)
        rows = {(side, k): torch.randperm(len(t.weight)) for k, t in tables.sets["attention"].items()
                for side in ("target", "behavior")}  # fmt: skip

        def other(w, use, side, events, rows=rows):
            return embed(w, use, side, Events(*(rows[side, k][getattr(events, k)] for k in KINDS)))

        tables.embed = other
        shuffled.append(retrieval(module, corpus, batch))
    tables.embed = embed
    chance = retrieval(module, corpus, batch, rng.random((len(label), 30)))
    assert found > chance + 0.25 and abs(np.mean(shuffled) - chance) < 0.06, (found, np.mean(shuffled), chance)
