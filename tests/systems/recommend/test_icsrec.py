"""ICSRec: the numbers of the official code, what each loss may see, training and resumption."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from acteme.engine.fit import Job, fit
from acteme.engine.keeper import Keeper
from acteme.engine.settings import Settings
from acteme.errors import InputError
from acteme.nn.recipe import Recipe
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.recommend.icsrec import Config, RecommendConfig, Recommender
from acteme.tasks import places, ranking
from acteme.tasks.places import Lists
from tests.nn.sequence.rule import fill, s3rec_shapes
from tests.systems.recommend.logs import chains, log

HISTORY = torch.tensor([[1, 2, 0, 0], [3, 1, 2, 5]])
TINY = RecommendConfig(
    width=16, intents=5, dropout=0.1, windows=Windows(frames=7, stride=1, prefixes=True),
    recipe=Recipe(optimizer="adam", lr=5e-3, epochs=2, batch=64, drop_last=False),
)  # fmt: skip


def history(item: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"item": item, "mask": item > 0}


def made(seed: int = 0, items: int = 24, **changes) -> Recommender:
    torch.manual_seed(seed)
    return Recommender(replace(TINY, **changes), Spec(items=items))


def ready(users=None, **changes) -> tuple[Recommender, dict[str, torch.Tensor]]:
    """A module that knows the log and has found its intents, and a batch."""
    corpus = log(users or chains())
    module = made(items=corpus.spec.items, **changes)
    module.remember(corpus)
    module.before_epoch(0)
    index, start = module.config.windows.cut(corpus.frames)
    some = np.random.default_rng(0).permutation(len(index))[:64]
    return module, corpus.cut(module.config.windows, index[some], start[some])


def official(kind: str, rows: int = 6) -> dict[str, torch.Tensor]:
    if kind == "sasrec":
        return fill(s3rec_shapes(rows, 4, 4))
    return fill(
        {"item_embeddings.weight": (rows, 4), "gru_layers.weight_ih_l0": (24, 4), "gru_layers.weight_hh_l0": (24, 8),
         "dense.weight": (4, 8), "dense.bias": (4,)}
    )  # fmt: skip


def loaded(kind: str) -> Recommender:
    config = RecommendConfig(encoder=kind, width=4, windows=Windows(frames=5, stride=1, prefixes=True), intents=3)
    module = Recommender(config, Spec(items=4)).double().eval()
    module.load_state_dict(Recommender.official_state_dict(official(kind), 3))
    return module


# --- the official numbers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "wanted", "moved"),
    [
        ("sasrec", [[-0.315976, -1.440107, 0.650918, 1.373216], [2.064248, 0.448632, -0.570417, -1.515779]], 0.0),
        ("gru", [[-0.232444, -0.314117, -0.248359, -0.066148], [-0.220097, -0.288653, -0.221209, -0.049499]], 0.0915),
    ],
)
def test_users_of_the_official_code(kind, wanted, moved):
    """Row 0 of the table is loaded as it is: the GRU reads it as padding, attention does not."""
    module = loaded(kind)
    query = module.predict(history(HISTORY)).query
    torch.testing.assert_close(query, torch.tensor(wanted).double(), atol=1e-6, rtol=0)
    with torch.no_grad():
        module.encoder.items.weight[0] += 5
    after = module.predict(history(HISTORY)).query
    assert (after[0] - query[0]).abs().max().item() == pytest.approx(moved, abs=5e-5)
    assert torch.equal(after[1], query[1])


def test_the_loss_of_the_next_item_is_over_all_rows():
    module = loaded("sasrec")
    module.config = replace(module.config, coarse=0.0, fine=0.0)
    item = torch.tensor([[1, 2, 3, 0, 0], [3, 1, 2, 5, 4]])
    losses = module.losses(history(item))
    assert losses.keys() == {"total", "next_item"}
    assert losses["total"].item() == pytest.approx(2.859543, abs=1e-6)
    losses["total"].backward()
    first = torch.tensor([0.043458, -0.123826, 0.042760, 0.078985]).double()
    torch.testing.assert_close(module.encoder.items.weight.grad[0], first, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("items", "kind", "count"), [(12_101, "sasrec", 877_888), (11_924, "gru", 64 * 11_926 + 81_984)]
)
def test_numbers_of_parameters(items, kind, count):
    with torch.device("meta"):
        module = Recommender(RecommendConfig(encoder=kind), Spec(items=items))
    assert sum(p.numel() for p in module.parameters()) == count


def intents(mask: bool = True) -> tuple[Recommender, torch.Tensor, torch.Tensor]:
    config = RecommendConfig(width=2, heads=1, intents=2, mask_false_negatives=mask)
    module = Recommender(config, Spec(items=4)).double()
    module.centers.copy_(torch.tensor([[2.0, 0.0], [0.3, 0.3]]))
    one = torch.tensor([[1.5, 0.2], [0.2, 0.4], [0.6, -0.1]], dtype=torch.float64, requires_grad=True)
    two = torch.tensor([[0.1, 0.3], [1.8, 0.0], [0.5, 0.5]], dtype=torch.float64, requires_grad=True)
    return module, one, two


def test_the_fine_contrast_of_the_official_code():
    module, one, two = intents()
    loss = module.fine_loss(one, two)
    assert loss.item() == pytest.approx(2.414166, abs=1e-6)
    (gradient,) = torch.autograd.grad(loss, one)
    wanted = [[0.021474, 0.186905], [0.010283, -0.151950], [0.045326, -0.161718]]
    torch.testing.assert_close(gradient, torch.tensor(wanted).double(), atol=1e-6, rtol=0)
    assert not module.centers.requires_grad
    assert intents(False)[0].fine_loss(one, two).item() == pytest.approx(3.032695, abs=1e-6)


def test_the_coarse_contrast_of_the_official_code():
    target = torch.tensor([7, 7, 8])
    for mask, value in ((True, 1.500008), (False, 2.092860)):
        module, one, two = intents(mask)
        assert module.coarse_loss(one, two, target).item() == pytest.approx(value, abs=1e-6)


def test_a_foreign_state_is_refused():
    with pytest.raises(InputError, match=r"is no checkpoint of ICSRec; give a state with item_embeddings\.weight"):
        Recommender.official_state_dict({"weight": torch.zeros(1)})


# --- what the losses see ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoder", ["sasrec", "published", "gru"])
@pytest.mark.parametrize(("objective", "positions"), [("softmax", "last"), ("softmax", "all"), ("bce", "all")])
def test_every_kind_trains(encoder, objective, positions):
    module, batch = ready(encoder=encoder, objective=objective, positions=positions)
    losses = module.train().losses(batch)
    weights = {"next_item": 1.0, "coarse": 0.3, "fine": 0.1}
    assert losses["total"].item() == pytest.approx(sum(w * losses[n].item() for n, w in weights.items()), rel=1e-5)
    losses["total"].backward()
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in module.parameters())


def test_weights_weigh_and_what_weighs_nothing_is_not_computed():
    module, batch = ready(next_item=2.0, coarse=0.0, fine=0.5)
    losses = module.eval().losses(batch)
    assert losses.keys() == {"total", "next_item", "fine"}
    assert losses["total"].item() == pytest.approx(2 * losses["next_item"].item() + 0.5 * losses["fine"].item())
    plain = made(coarse=0.0, fine=0.0)
    plain.remember(log(chains()))
    plain.before_epoch(0)
    assert plain.known is None and plain.losses(batch).keys() == {"total", "next_item"}


@pytest.mark.parametrize("encoder", ["sasrec", "published", "gru"])
def test_the_target_is_not_read(encoder):
    module, batch = ready(encoder=encoder)
    own, target = module._split(batch)
    last = batch["mask"].sum(1) - 1
    assert target.tolist() == [row[n] for row, n in zip(batch["item"].tolist(), last.tolist(), strict=True)]
    rows = [[i for i in row if i] for row in own.tolist()]
    assert rows == [row[:n][-6:] for row, n in zip(batch["item"].tolist(), last.tolist(), strict=True)]


@pytest.mark.parametrize("encoder", ["sasrec", "published", "gru"])
def test_no_slot_sees_what_comes_later(encoder):
    module = made(encoder=encoder).double().eval()
    x = torch.randint(1, 25, (3, 6))
    before = module.encoder(x)
    for t in range(6):
        changed = x.clone()
        changed[:, t] = changed[:, t] % 24 + 1
        after = module.encoder(changed)
        torch.testing.assert_close(after[:, :t], before[:, :t], atol=1e-12, rtol=0)
        assert (after[:, t] - before[:, t]).abs().amax(-1).min() > 1e-9


@pytest.mark.parametrize("encoder", ["sasrec", "published", "gru"])
def test_the_last_slot_alone_is_that_of_all(encoder):
    module = made(encoder=encoder).double().eval()
    x = torch.tensor([[0, 0, 0, 0, 4, 2], [0, 0, 0, 1, 9, 3], [0, 0, 0, 0, 0, 0]])
    torch.testing.assert_close(module.encoder.last(x), module.encoder(x)[:, -1])


def test_published_sasrec_ignores_padding():
    module = made(encoder="published").double().eval()
    x = torch.tensor([[0, 0, 0, 3, 4, 2]])
    before = module.encoder(x)[:, -1]
    with torch.no_grad():
        module.encoder.items.weight[0] += 5
        module.encoder.places.weight[:3] += 5
    torch.testing.assert_close(module.encoder(x)[:, -1], before, atol=0, rtol=0)


def test_negatives_are_items_that_the_subsequence_lacks(monkeypatch):
    module, batch = ready(objective="bce", positions="all", coarse=0.0, fine=0.0)
    own, target = module._split(batch)
    drawn = []
    embedding = F.embedding
    monkeypatch.setattr(F, "embedding", lambda x, *rest, **more: drawn.append(x) or embedding(x, *rest, **more))
    module.losses(batch)
    follows, wrong = drawn[-2:]
    real = own > 0
    rows = torch.nonzero(real)[:, 0]
    assert follows.shape == wrong.shape == rows.shape
    has = torch.cat([own, target[:, None]], 1)[rows]
    assert not (has == wrong[:, None]).any() and wrong.min() >= 1 and wrong.max() == 24
    assert follows.tolist() == torch.cat([own[:, 1:], target[:, None]], 1)[real].tolist()


# --- the contrasts ----------------------------------------------------------------------------------------------------


def test_what_shares_the_target_is_no_negative_of_the_coarse_contrast():
    """The labels that the losses hand over are the targets, not the users, the last items or none."""
    module, batch = ready(dropout=0.0, fine=0.0)
    own, target = module._split(batch)
    torch.manual_seed(3)
    found = module.losses(batch)["coarse"].item()
    torch.manual_seed(3)
    one, two = module.encoder.last(torch.cat([own, module._partners(batch)])).chunk(2)
    assert found == pytest.approx(module.coarse_loss(one, two, target).item(), rel=1e-6)
    assert len(target.unique()) < len(target)
    for wrong in (target.roll(1), own[:, -1], batch["index"], torch.arange(len(target)), target * 0):
        assert module.coarse_loss(one, two, wrong).item() != pytest.approx(found, rel=1e-4)


def test_partners_share_the_target_unless_they_are_random():
    module, batch = ready()
    own, target = module._split(batch)
    known = module.known
    seen = {(tuple(h), int(known.item[e])) for h, e in
            zip(known.histories(np.arange(len(known)), 6).tolist(), known.end, strict=True)}  # fmt: skip
    partners = module._partners(batch)
    assert all((tuple(p), t) in seen for p, t in zip(partners.tolist(), target.tolist(), strict=True))
    assert (partners != own).any(1).float().mean() > 0.9
    module.config = replace(module.config, partner="random")
    torch.manual_seed(0)
    strangers = module._partners(batch)
    assert sum((tuple(p), t) in seen for p, t in zip(strangers.tolist(), target.tolist(), strict=True)) < 20


def test_intents_are_those_of_encodings_without_dropout():
    module, _ = ready(dropout=0.5)
    module.train()
    module.before_epoch(1)
    assert module.training
    known, first = module.known, module.centers.clone()
    h = module.eval().encoder.last(known.histories(np.arange(len(known)), 6))
    near = torch.cdist(h, first).min(1).values.square().sum()
    assert near < 0.8 * (h - h.mean(0)).square().sum()
    module.before_epoch(2)
    assert torch.equal(module.centers, first), "weights are the same, and so are the clusters"


def test_intents_of_a_sample_where_there_are_many_subsequences(monkeypatch):
    monkeypatch.setattr("acteme.systems.recommend.icsrec.recommend.SAMPLE", 4)
    module, _ = ready()
    assert module.centers.isfinite().all() and module.centers.any()


def test_permuted_intents_are_those_of_others():
    module, batch = ready(permuted=True, mask_false_negatives=False)
    h = module.eval().encoder.last(module._split(batch)[0])
    torch.manual_seed(0)
    wrong = module.fine_loss(h, h).item()
    module.config = replace(module.config, permuted=False)
    assert wrong > module.fine_loss(h, h).item()


def test_gradients_reach_both_views_of_both_contrasts():
    for weights in ({"fine": 0.0}, {"coarse": 0.0}):
        module, batch = ready(**weights)
        halves = []
        last = module.encoder.last

        def kept(x, halves=halves, last=last):
            halves.append(last(x))
            halves[-1].retain_grad()
            return halves[-1]

        module.encoder.last = kept
        module.losses(batch)["total"].backward()
        assert len(halves) == 1, "one pass for both views"
        one, two = halves[0].grad.chunk(2)
        assert one.abs().sum(1).min() > 0 and two.abs().sum(1).min() > 0


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (lambda: made(items=0), "icsrec: the data has no items; give a log with a column item"),
        (lambda: made(windows=Windows(frames=7)), "windows: windows must end with what came next; set prefixes"),
        (
            lambda: made(intents=22).remember(log(chains(2))),
            "recommend.intents: 22 subsequences for 22 intents; set fewer",
        ),
        (lambda: made().losses(history(torch.tensor([[1, 2]]))), "the contrast needs all subsequences; call remember"),
        (lambda: made(heads=3), "3 heads do not divide a width of 16"),
    ],
)
def test_what_cannot_be_is_refused(what, message):
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        what()


# --- predictions ------------------------------------------------------------------------------------------------------


def test_preferences_are_over_the_items_alone():
    module = made().eval()
    told = module.predict(history(HISTORY))
    assert told.query.shape == (2, 16) and told.table.shape == (24, 16) and told.bias is None
    assert torch.equal(told.table, module.encoder.table[1:25]) and len(module.encoder.table) == 26


def test_longer_histories_are_known_by_their_latest_items():
    module = made().eval()
    long = torch.randint(1, 25, (2, 11))
    torch.testing.assert_close(module.predict(history(long)).query, module.predict(history(long[:, -6:])).query)


def test_ranks_stay_when_all_scores_fall():
    """Seen items are no candidates, rather than items of score 0, which negative scores would fall behind."""
    module = made().eval()
    told = module.predict(history(HISTORY))
    scores = F.pad(told.query @ told.table.T, (1, 0)).detach()
    seen, target = Lists.of([[1, 2], [1, 2, 3, 5]]), Lists.one(np.array([7, 9]))
    high, low = (ranking.by_user(places.count(s, target, seen)) for s in (scores, scores - 100))
    assert all(np.array_equal(high[name], low[name]) for name in high)


def test_latents_are_padded_on_the_right():
    module = made().eval()
    item = torch.tensor([[3, 4, 0, 0], [5, 6, 7, 8]])
    latents = module.encode(history(item))
    assert torch.equal(latents.mask, item > 0) and latents.tokens.shape == (2, 4, 16)
    assert not latents.tokens[0, 2:].any()
    torch.testing.assert_close(latents.pooled, module.predict(history(item)).query)
    torch.testing.assert_close(latents.tokens[0, 1], latents.pooled[0])
    torch.testing.assert_close(latents.tokens[1, 3], latents.pooled[1])
    long = torch.randint(1, 25, (1, 9))
    latents = module.encode(history(long))
    assert latents.tokens.shape == (1, 6, 16) and latents.mask.all()
    torch.testing.assert_close(latents.tokens[:, -1], latents.pooled)


# --- training ---------------------------------------------------------------------------------------------------------


def trained(folder, checkpoint=600, **changes):
    corpus = log(chains())
    module = made(items=corpus.spec.items, **changes)
    job = Job("recommend", module, module.config.recipe, module.config.windows, corpus, folder, "test")
    return fit(job, Settings(progress=False, accelerator="cpu", checkpoint=checkpoint, prefetch=0))


def test_what_was_stopped_goes_on_to_the_same_weights(tmp_path, monkeypatch):
    (tmp_path / "whole").mkdir()
    (tmp_path / "halves").mkdir()
    whole = trained(tmp_path / "whole", 0)
    save = Keeper.save

    def dying(self, module, at):
        save(self, module, at)
        if module.step == 14:  # in the middle of the second epoch
            raise RuntimeError("stopped")

    monkeypatch.setattr(Keeper, "save", dying)
    with pytest.raises(RuntimeError, match="stopped"):
        trained(tmp_path / "halves", 0)
    monkeypatch.setattr(Keeper, "save", save)
    resumed = trained(tmp_path / "halves", 0)
    assert whole.keys() == resumed.keys() and all(torch.equal(whole[n], resumed[n]) for n in whole)
    assert "centers" in whole and not any("known" in name for name in whole)


def test_it_learns_what_follows_what(tmp_path):
    """Two steps around the ring: among 24 items, the next one is known nine times in ten."""
    users = chains(users=60)
    recipe = replace(TINY.recipe, epochs=12, lr=1e-2)
    state = trained(tmp_path, recipe=recipe)
    module = made(recipe=recipe).eval()
    module.load_state_dict(state)
    told = module.predict(history(torch.tensor([user[:-1] for user in users])))
    best = (told.query @ told.table.T).argmax(1) + 1
    assert (best == torch.tensor([user[-1] for user in users])).float().mean() > 0.75


def test_settings_of_the_papers():
    assert Config.toys().recommend.intents == 1024 and Config.movielens().recommend.dropout == 0.1
    plain = Config.published_sasrec().recommend
    assert (plain.objective, plain.positions, plain.coarse, plain.fine, plain.windows.most) == ("bce", "all", 0, 0, 1)
    assert Recommender(plain, Spec(items=9)).encoder.table.shape == (11, 50)
