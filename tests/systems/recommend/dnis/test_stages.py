"""Warm start, search and pruning: who moves what, exact numbers of a step, resumption, and what is stored."""

import copy
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from acteme.engine.run import load
from acteme.engine.train import create, train_stage
from acteme.errors import InputError
from acteme.nn.recipe import Recipe
from acteme.recordings.spec import Spec
from acteme.systems.recommend import dnis
from acteme.systems.recommend.dnis import NetworkConfig, PruneConfig, Pruned, Search, SearchConfig, Warm, WarmConfig
from acteme.systems.recommend.dnis.space import block_sizes, full
from acteme.systems.recommend.dnis.tables import kept
from tests.engine.test_fit import stop_after
from tests.systems.recommend.dnis.data import ENTRY, QUIET, ratings, small
from tests.systems.recommend.dnis.official import ruled, shapes
from tests.systems.recommend.dnis.test_hosts import HAND, IDS, close

TWO = Spec(fps=1.0, fields=("user", "item"), sizes=(2, 2))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return ratings(tmp_path_factory.mktemp("log"))


def learn(corpus, folder, config, stages=("warm", "search", "prune"), settings=QUIET):
    """Trains stages as `train` does; goes on where there is a run."""
    made = load(folder, ENTRY) if folder.exists() else create(ENTRY, corpus, None, folder, config, False, settings)
    for stage in stages:
        if not made.done(stage):
            train_stage(made, corpus.select("train"), stage, settings, corpus.select("val"))
    return made


def events(ids, outcome, start=(0, 2)):
    """A batch whose features have these numbers."""
    field = (torch.as_tensor(ids) - torch.tensor(start[: len(ids[0])]))[:, None]
    outcome = torch.as_tensor(outcome)[:, None]
    return {"field": field, "outcome": outcome, "frames": torch.ones(len(ids), dtype=torch.int64),
            "mask": torch.ones(len(ids), 1, dtype=torch.bool)}  # fmt: skip


def by_hand(**config):
    network = NetworkConfig("fm", 2, blocks=(0.5, 0.5), outcome="rating")
    made = Search(SearchConfig(network, **config), TWO).double()
    state = Search.official_state_dict(HAND | {"alpha": torch.tensor([[1, 0.5], [0.25, 0]], dtype=torch.float64)})
    made.load_state_dict(state, strict=False)
    return made


RATED = events(IDS.tolist(), torch.tensor([1.0, 0.0, 2.0], dtype=torch.float64))


# --- one step ---------------------------------------------------------------------------------------------------------


def test_a_step_of_alpha_is_the_official_one():
    made = by_hand()
    gradient, loss = made.gradient(RATED, made.table.alpha.clone().requires_grad_())
    close(loss, 1.677569)
    close(gradient, [[2.271364, -0.399990], [4.285427, 0.435417]])
    told = made.respond(RATED)
    close(told["selection"], 1.677569)
    close(made.table.alpha, [[0.982995, 0.502995], [0.231845, 0]])
    close(told["selected"], (0.982995 + 0.502995 + 0.231845) / 4)


def test_without_normalization_the_step_is_the_gradient():
    made = by_hand(normalize=False)
    made.respond(RATED)
    close(made.table.alpha, [[1 - 0.02271364, 0.5 + 0.00399990], [0.25 - 0.04285427, 0]])
    made = by_hand(normalize=False, sparsity=0.0)
    gradient, _ = made.gradient(RATED, made.table.alpha.clone().requires_grad_())
    close(gradient, [[2.271364 - 1e-5, -0.399990 - 1e-5], [4.285427 - 1e-5, 0.435417]], 2e-6)


def test_alpha_stays_between_zero_and_one():
    made = by_hand(rate=10.0)
    made.respond(RATED)
    assert made.table.alpha.tolist() == [[0, 1], [0, 0]]


def test_a_step_of_one_kind_moves_nothing_of_the_other():
    made = by_hand()
    optimizer = torch.optim.Adam(made.parameters(), 0.1)
    alpha, weights = made.table.alpha.clone(), copy.deepcopy(list(made.parameters()))
    made.losses(RATED)["total"].backward()
    assert made.table.alpha.grad is None and not any(p is made.table.alpha for p in made.parameters())
    slopes = [p.grad.clone() for p in made.parameters()]
    made.respond(RATED)
    assert not torch.equal(made.table.alpha, alpha)
    assert all(torch.equal(p, w) for p, w in zip(made.parameters(), weights, strict=True))
    assert all(torch.equal(p.grad, g) for p, g in zip(made.parameters(), slopes, strict=True))
    alpha = made.table.alpha.clone()
    optimizer.step()
    assert torch.equal(made.table.alpha, alpha) and not torch.equal(made.network.table.weight, weights[0])


def test_all_selected_is_the_base_model(corpus):
    config = small()
    warm, search = Warm(config.warm, corpus.spec), Search(config.search, corpus.spec)
    search.inherit({"warm": warm})
    batch = corpus.batch(torch.zeros(5, dtype=int).numpy(), torch.arange(5).numpy(), 1)
    network = warm.network
    ids = network.features(batch)
    base = network.host(network.table.weight[ids], ids, None)
    assert torch.equal(network.scores(ids), base) and torch.equal(search.network.scores(ids), base)


def test_the_second_order_gradient_by_finite_differences():
    made = by_hand(xi=0.05)
    trained = events([[0, 2], [1, 2], [1, 3]], torch.tensor([2.0, -1.0, 0.5], dtype=torch.float64))
    made.losses(trained)
    alpha = torch.tensor([[0.9, 0.5], [0.25, 0.3]], dtype=torch.float64)
    found, _ = made.gradient(RATED, alpha.clone().requires_grad_())

    def after(alpha):
        moved = copy.deepcopy(made.network)
        own = list(moved.parameters())
        slopes = torch.autograd.grad(moved(trained, alpha), own)
        with torch.no_grad():
            for p, g in zip(own, slopes, strict=True):
                p -= 0.05 * g
        return moved(RATED, alpha).item() + 1e-5 * alpha.abs().sum().item()

    h = 1e-6
    expected = torch.zeros_like(alpha)
    for i in range(2):
        for k in range(2):
            step = torch.zeros_like(alpha)
            step[i, k] = h
            expected[i, k] = (after(alpha + step) - after(alpha - step)) / (2 * h)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    first, _ = by_hand().gradient(RATED, alpha.clone().requires_grad_())
    assert (found - first).abs().max() > 1e-3, "it is not the first order"


def test_processes_agree_on_the_gradient(monkeypatch):
    alone, several = by_hand(), by_hand()
    alone.respond(RATED)
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 4)
    seen = []
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda g: (seen.append(g.clone()), g.mul_(4)))
    several.respond(RATED)
    torch.testing.assert_close(several.table.alpha, alone.table.alpha)
    close(seen[0], [[2.271364, -0.399990], [4.285427, 0.435417]])


def test_official_states_load_and_predict():
    config = NetworkConfig("deepfm", 4, blocks=(0.5, 0.5), hidden=(400,) * 3, outcome="click")
    spec = Spec(fps=1.0, fields=("a", "b"), sizes=(5, 5))
    made = Search(SearchConfig(config), spec).double()
    state = ruled((2, 4), 10, 4, shapes("deepfm", 10, 2, 4))
    missing = made.load_state_dict(Search.official_state_dict(state), strict=False)
    assert missing.missing_keys == ["network.features.kind"] and not missing.unexpected_keys
    found = made.predict(events([[0, 5], [3, 9]], [0.0, 0.0], (0, 5))).value
    assert ((found > 0) & (found < 1)).all()
    torch.testing.assert_close(found.logit(), made.network.scores(torch.tensor([[0, 5], [3, 9]])).detach())


# --- stages in turn ---------------------------------------------------------------------------------------------------


def test_three_stages_through_the_engine(corpus, tmp_path):
    run = learn(corpus, tmp_path / "r", small(4))
    warm, search, pruned = (run.module(name) for name in run.stages)
    assert (warm.network.table.alpha == 1).all() and (search.network.table.alpha < 1).any()
    assert torch.equal(warm.network.features.number, search.network.features.number)
    history = run.history("search")
    assert {"selection", "selected"} <= set(history) and history["selected"][-1] < 1
    losses = run.history("warm")["total"]
    assert losses[-5:].mean() < 0.8 * losses[:5].mean()
    batch = corpus.select("test").batch(torch.zeros(40, dtype=int).numpy(), torch.arange(40).numpy(), 1)
    dense = search.network.table.dense()
    mask, _ = kept(dense, 0.5)
    assert torch.equal(pruned.network.table.dense(), dense * mask)
    search.network.table.weight.data.copy_(dense * mask)
    search.network.table.alpha.fill_(1)
    torch.testing.assert_close(pruned.predict(batch).value, search.predict(batch).value)
    assert pruned.footprint()["table_values"] == int(mask.sum())
    stored = load_file(run.weights("prune"))
    values = stored["network.table.values"]
    assert len(values) == int(mask.sum()) and stored["network.table.column"].dtype == torch.uint8
    hidden = batch | {"outcome": batch["outcome"] + 1}
    assert torch.equal(pruned.predict(hidden).value, pruned.predict(batch).value), "outcomes are not looked at"
    latents = pruned.encode(batch)
    assert latents.tokens.shape == (40, 1, 8) and torch.equal(latents.pooled, latents.tokens[:, 0])
    assert torch.equal(latents.pooled.view(40, 2, 4), pruned.network.table(pruned.network.features(batch)))


@pytest.mark.parametrize("xi", [0.0, 0.01])
@pytest.mark.parametrize("steps", [1, 5, 7])
def test_a_killed_search_goes_on_to_the_same_bytes(corpus, tmp_path, monkeypatch, xi, steps):
    config = small(2, xi=xi)
    whole = learn(corpus, tmp_path / "whole", config, ("search",))
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        stop_after(patch, steps)
        learn(corpus, tmp_path / "cut", config, ("search",))
    cut = learn(corpus, tmp_path / "cut", config, ("search",), replace(QUIET, prefetch=2))
    for name in ("weights.safetensors", "metrics.csv"):
        assert (whole.folder / "search" / name).read_bytes() == (cut.folder / "search" / name).read_bytes()


def test_a_rate_of_zero_is_training_without_a_search_bit_for_bit(corpus, tmp_path, monkeypatch):
    still = learn(corpus, tmp_path / "still", small(rate=0.0), ("search",))
    monkeypatch.setattr(Search, "respond", lambda self, batch: {})
    plain = learn(corpus, tmp_path / "plain", small(), ("search",))
    assert still.weights("search").read_bytes() == plain.weights("search").read_bytes()
    assert (still.module("search").network.table.alpha == 1).all()


def test_alpha_may_learn_from_training_batches(corpus, tmp_path):
    train = corpus.select("train")
    run = create(ENTRY, corpus, None, tmp_path / "r", small(second="train"), False, QUIET)
    train_stage(run, train, "search", QUIET)
    a = run.module("search").network.table.alpha
    b = learn(corpus, tmp_path / "s", small(), ("search",)).module("search").network.table.alpha
    assert (a < 1).any() and not torch.equal(a, b)


def test_embeddings_alone_may_be_searched(corpus, tmp_path):
    config = small(weights="embeddings")
    host = replace(config.warm.network, host="deepfm", hidden=(6, 6))
    config = dnis.Config(replace(config.warm, network=host), config.search, config.prune)
    run = learn(corpus, tmp_path / "r", config, ("warm", "search"))
    warm, search = (dict(run.module(name).named_parameters()) for name in ("warm", "search"))
    moved = {name for name in warm if not torch.equal(warm[name], search[name])}
    assert moved == {"network.table.weight", "network.host.biases.weight"}


@pytest.mark.parametrize("space", ["embedding_block", "feature_block"])
def test_other_spaces_move_from_their_start(corpus, tmp_path, space):
    config = small(rate=0.05)
    network = replace(config.warm.network, space=space)
    config = dnis.Config(replace(config.warm, network=network), config.search, config.prune)
    run = learn(corpus, tmp_path / "r", config, ("search",))
    table = run.module("search").network.table
    assert table.alpha.shape == ((2,) if space == "embedding_block" else (4,))
    start = full(space, 2, 4)
    assert (table.alpha < start - 0.1).any() and (table.alpha <= start).all()


def test_the_search_begins_where_it_is_told(corpus):
    config = small(start="kept")
    warm = Warm(config.warm, corpus.spec)
    warm.network.table.alpha.copy_(torch.rand(2, 4))
    kept_, full_ = Search(config.search, corpus.spec), Search(small().search, corpus.spec)
    for made in (kept_, full_):
        made.inherit({"warm": warm})
        assert torch.equal(made.network.table.weight, warm.network.table.weight)
    assert torch.equal(kept_.table.alpha, warm.network.table.alpha) and (full_.table.alpha == 1).all()


def test_dimensions_by_popularity_are_a_selection(corpus, tmp_path):
    config = small()
    mde = replace(config.warm, popularity=0.5, base=2)
    run = learn(corpus, tmp_path / "r", replace(config, warm=mde), ("warm",))
    network = run.module("warm").network
    left = network.table.alpha
    assert left.sum(1)[0] > left.sum(1)[1] and torch.equal(left, left.sort(1, descending=True).values)
    dims = torch.tensor([int(left[0].sum())] * network.table.sizes[0] + [int(left[1].sum())] * network.table.sizes[1])
    seen = network.features.sorted_count > 0
    assert network.footprint()["table_values"] == int(dims[seen].sum())
    with pytest.raises(InputError, match="dimensions by popularity are of no search space"):
        Warm(WarmConfig(NetworkConfig(space="feature_block"), popularity=0.3), corpus.spec)


def test_what_was_pruned_stays_pruned_when_the_rest_is_trained(corpus, tmp_path, monkeypatch):
    config = small()
    config = replace(config, prune=replace(config.prune, keep=0.25, recipe=replace(config.warm.recipe, epochs=2)))
    learn(corpus, tmp_path / "a", config, ("search",))
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        stop_after(patch, 3)
        learn(corpus, tmp_path / "a", config, ("prune",))
    cut = learn(corpus, tmp_path / "a", config, ("prune",))
    whole = learn(corpus, tmp_path / "b", config, ("search", "prune"))
    assert cut.weights("prune").read_bytes() == whole.weights("prune").read_bytes()
    before = whole.module("search").network.table.dense()
    mask, _ = kept(before, 0.25)
    after = whole.module("prune").network.table.dense()
    assert (after[~mask] == 0).all() and not torch.equal(after[mask], before[mask])


def test_clicks_and_choices_are_learned_too(tmp_path):
    for outcome, foretold in (("click", "click"), ("", "ranking")):
        corpus = ratings(tmp_path, outcome)
        run = learn(corpus, tmp_path / f"run-{foretold}", small(1))
        pruned = run.module("prune")
        assert pruned.network.features.foretells == foretold
        batch = corpus.select("test").batch(torch.zeros(9, dtype=int).numpy(), torch.arange(9).numpy(), 1)
        value = pruned.predict(batch).value
        assert ((value > 0) & (value < 1)).all() and value.std() > 0


def test_nothing_to_prune_is_said(corpus):
    for keep in (0.0, 1.5):
        with pytest.raises(InputError, match="of the table is to stay"):
            PruneConfig(keep=keep)
    config = small()
    made = Pruned(replace(config.prune, threshold=1e9), corpus.spec)
    with pytest.raises(InputError, match="there is no table to prune"):
        made.inherit({})
    with pytest.raises(InputError, match="no entry is as large"):
        made.inherit({"warm": Warm(config.warm, corpus.spec)})
    with pytest.raises(InputError, match="entries from -1 on are to stay"):
        PruneConfig(threshold=-1.0)
    with pytest.raises(InputError, match="rate, sparsity or xi is negative"):
        SearchConfig(rate=-1.0)


def test_settings_of_all_stages_are_of_one_network():
    network = NetworkConfig("mf", 6)
    config = dnis.Config(WarmConfig(network), SearchConfig(), PruneConfig())
    assert config.search.network == config.prune.network == network
    assert dnis.Config().search.recipe == Recipe("adam", 1e-3, epochs=50, batch=4096, schedule="plateau", patience=1,
                                                 floor=1e-6, drop_last=False)  # fmt: skip


def test_official_settings():
    plain, criteo = dnis.Config(), dnis.Config.criteo()
    assert plain.warm.network == NetworkConfig(host="fm", width=64, groups=None, blocks=(0.1,) * 10, space="free")
    assert (plain.search.rate, plain.search.sparsity, plain.search.xi, plain.search.normalize) == (0.01, 1e-5, 0, True)
    assert plain.warm.recipe == replace(plain.search.recipe, epochs=20, patience=0)
    assert criteo.warm.network == criteo.search.network == criteo.prune.network
    blocks = (51, 126, 1763, 17057, 91265, 0)
    assert criteo.warm.network == NetworkConfig(host="deepfm", width=64, blocks=blocks, space="free")
    assert (criteo.search.rate, criteo.search.sparsity) == (0.01, 1e-5)
    assert criteo.warm.recipe == plain.warm.recipe and criteo.search.recipe == plain.search.recipe
    assert block_sizes(120_000, blocks) == [51, 126, 1763, 17057, 91265, 120_000 - 110_262]
