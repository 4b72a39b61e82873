"""What the variants search and attend to: padding, lengths, places, and each rule against its definition."""

import math

import pytest
import torch

from acteme.systems.recommend.dare import DESIGNS
from acteme.systems.recommend.dare.attention import LOWEST, WIDE, Network, best, parted, scaled, weights
from acteme.systems.recommend.dare.model import Seen
from acteme.systems.recommend.dare.search import alike, bits, buckets, clusters
from acteme.systems.recommend.dare.tables import Events
from tests.systems.recommend.dare_cases import drawn, ranker

every = pytest.mark.parametrize("variant", DESIGNS)


def eager(variant, **settings):
    """A model in evaluation mode whose tables are large enough to matter, and no probability near 0 or 1."""
    torch.manual_seed(1)
    module = ranker(variant, **{"width": 4, "top": 3} | settings).eval()
    with torch.no_grad():
        for name, p in module.model.named_parameters():
            p.normal_(0, 0.1 if name.startswith(("main", "auxiliary")) else 0.7)
        for part in (module.model.main[0], *(() if module.model.auxiliary is None else [module.model.auxiliary[0]])):
            part.weight.fill_(1.0)
    return module


def later(seen: Seen, count: int) -> Seen:
    """The same histories with so many more empty slots before them."""

    def wide(x, before):
        return torch.cat([before.expand(len(x), count), x], 1)

    b, none = seen.behavior, torch.zeros(1, count, dtype=torch.long)
    older = torch.arange(b.item.shape[1] + count, b.item.shape[1], -1)[None]
    behavior = Events(wide(b.item, none), wide(b.category, none), wide(b.position, older))
    return Seen(seen.target, behavior, wide(seen.valid, none.bool()))


@every
def test_padding_changes_nothing(variant):
    module, seen = eager(variant, top=20), drawn(padding=7)
    before = module.chances(seen)
    assert torch.allclose(module.chances(later(seen, 9)), before, atol=1e-12)
    with torch.no_grad():
        for tables in module.model.tables.sets.values():
            tables["item"].weight[0].normal_(0, 9)
            tables["category"].weight[0].normal_(0, 9)
    assert torch.equal(module.chances(seen), before)


@every
def test_a_user_without_a_history(variant):
    module = eager(variant, average=variant != "sdim")
    seen = drawn(padding=12)
    read = module.model.read(seen, True)
    assert (read.interest == 0).all() and module.chances(seen).isfinite().all()


@every
def test_targets_of_one_history_do_not_see_each_other(variant):
    module, seen = eager(variant), drawn(targets=3)
    alone = [module.chances(Seen(Events(*(getattr(seen.target, n)[:, [c]] for n in ("item", "category", "position"))),
                                 seen.behavior, seen.valid)) for c in range(3)]  # fmt: skip
    assert torch.allclose(torch.cat(alone, 1), module.chances(seen), atol=1e-12)


@pytest.mark.parametrize("variant", ["dare", "twin", "din", "three", "four", "projection", "eta", "twinv2"])
def test_a_search_that_keeps_all_is_full_attention(variant):
    seen = drawn(padding=2)
    few, many, more = (eager(variant, top=top, auxiliary=True) for top in (2, 10, 40))
    assert torch.allclose(many.chances(seen), more.chances(seen), atol=1e-12)
    assert not torch.allclose(few.chances(seen), more.chances(seen))
    if more.model.has_auxiliary:
        read = more.model.read(seen, True)
        assert torch.allclose(read.interest, read.whole, atol=1e-12)


@every
def test_rows_of_what_was_found_are_all_that_is_read(variant):
    """With and without the whole history at hand, the interest is the same."""
    module, seen = eager(variant), drawn(padding=3)
    a, b = module.model.read(seen, True), module.model.read(seen, False)
    assert torch.allclose(a.interest, b.interest, atol=1e-12)


def test_a_search_keeps_the_best():
    module, seen = eager("dare"), drawn(padding=2)
    score = module.attention(seen)
    read = module.model.read(seen)
    w, value = torch.zeros_like(score), module.model.tables
    for b in range(4):
        for c in range(3):
            best = sorted(range(12), key=lambda t: -score[b, c, t].item())[:3]
            total = sum(math.exp(score[b, c, t]) for t in best)
            for t in best:
                w[b, c, t] = math.exp(score[b, c, t]) / total
    rows = value.embed(value.weights(), "representation", "behavior", seen.behavior)
    assert torch.allclose(read.interest, w @ rows, atol=1e-12)


def test_din_s_score_is_its_network_s():
    network = Network(4).double()
    q, k = torch.randn(2, 3, 4).double(), torch.randn(2, 5, 4).double()
    pair = torch.broadcast_tensors(q[:, :, None], k[:, None])
    whole = torch.cat([*pair, pair[0] - pair[1], pair[0] * pair[1]], -1)
    assert torch.allclose(network(q, k), network.layers(whole).squeeze(-1) / 4, atol=1e-12)


def test_hard_search_keeps_the_newest_of_the_category():
    module, seen = eager("sim_hard", top=3), drawn(padding=2)
    for official in (False, True):
        module = eager("sim_hard", top=3, official_hard=official)
        q, k, score = module.model.scores(module.model.tables.weights(), seen)
        found, _, there = module.model.find(seen, q, k, score, seen.valid)
        for b in range(4):
            for c in range(3):
                same = [t for t in range(11, 1, -1) if seen.behavior.category[b, t] == seen.target.category[b, c]]
                rest = [t for t in range(11, -1, -1) if t not in same] if official else []
                kept = found[b, c][there[b, c].gather(0, found[b, c])].tolist()
                assert sorted(kept) == sorted((same + rest)[:3])


def test_soft_search_learns_by_the_auxiliary_loss_alone():
    label = torch.ones(4, 3, dtype=torch.long)
    module = eager("sim_soft")
    losses = module.loss(drawn(), label)
    own = list(module.model.search.parameters())
    assert all(g is None for g in torch.autograd.grad(losses["click"], own, retain_graph=True, allow_unused=True))
    assert all(g.abs().max() > 0 for g in torch.autograd.grad(losses["auxiliary"], own))


def test_hashes():
    planes = torch.randn(4, 12, generator=torch.Generator().manual_seed(0))
    q, k = torch.randn(2, 3, 4), torch.randn(2, 6, 4)
    k[:, 2] = k[:, 4] = q[:, 0]
    position = torch.arange(6, 0, -1).expand(2, 6)
    code_q, code_k = bits(q, planes), bits(k, planes)
    assert torch.equal(code_q, (q @ planes) > 0) and torch.equal(bits(3 * q, planes), code_q)
    rank = alike(code_q, code_k, position)
    agree = (code_q[:, :, None] == code_k[:, None]).sum(-1)
    assert torch.equal(((rank + 12) / 2).ceil().long(), agree), "the newest first among equals, nothing else"
    assert (rank[:, 0].topk(2).indices == torch.tensor([4, 2])).all()


def test_buckets():
    q = torch.tensor([[[True, True, False, True]]])
    k = torch.tensor([[[True, True, False, False], [True, True, False, True], [False, True, False, True]]])
    share = buckets(q, k, torch.tensor([[[True, True, True]]]), 2)
    assert torch.allclose(share, torch.tensor([[[1 / 4, 1 / 4 + 1 / 4, 1 / 4]]]))
    share = buckets(q, k, torch.tensor([[[True, False, False]]]), 2)
    assert torch.allclose(share, torch.tensor([[[1 / 2, 0.0, 0.0]]])), "a round without anyone gives nothing"


def test_clusters():
    category, valid = torch.tensor([[7, 1, 2, 1, 2, 1]]), torch.tensor([[False, True, True, True, True, True]])
    mean, stands, size = clusters(category, valid)
    assert stands.tolist() == [[False, False, False, False, True, True]]
    assert torch.allclose(mean[0, 5], torch.tensor([0, 1, 0, 1, 0, 1]) / 3)
    assert torch.allclose(mean[0, 4], torch.tensor([0, 0, 1, 0, 1, 0]) / 2)
    assert torch.allclose(size[0, 4:].exp(), torch.tensor([2.0, 3.0]))


def test_clusters_of_one_are_behaviors():
    seen = drawn(slots=3)
    seen.behavior.category.copy_(torch.tensor([[1, 2, 3]]))
    assert torch.allclose(eager("twinv2").chances(seen), eager("twin").chances(seen), atol=1e-12)


def test_a_cluster_weighs_as_much_as_its_members_together():
    """With equal members, attention to the cluster is attention to all of them."""
    seen = drawn(slots=4)
    seen.behavior.item.copy_(torch.tensor([[1, 1, 1, 2]]))
    seen.behavior.category.copy_(torch.tensor([[1, 1, 1, 2]]))
    same = Seen(seen.target, Events(seen.behavior.item, seen.behavior.category, torch.ones(4, 4).long()), seen.valid)
    assert torch.allclose(eager("twinv2", top=4).chances(same), eager("twin", top=4).chances(same), atol=1e-12)


@pytest.mark.parametrize("shape", [(3, 2, 40), (2, 1, 1), (4, 3, 5), (0, 1, 6), (2, 2, 0)])
def test_the_best_are_found_whatever_their_signs(shape):
    rank = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    rank[..., ::3] *= 1e30
    rank[..., 1::4] = LOWEST
    rank[..., 2::5] = 0.0
    for top in (1, 3, 90):
        count = min(top, shape[-1])
        for found in (parted(rank, count), best(rank, top), best(rank.double(), top)):
            assert found.shape == (*shape[:2], count) and found.dtype == torch.long
            assert torch.equal(rank.gather(-1, found).sort(-1).values, rank.topk(count).values.flip(-1))
            assert (found.sort(-1).values.diff(dim=-1) > 0).all(), "each slot once"


def test_of_equal_slots_the_later_are_kept():
    found = parted(torch.tensor([[[0.0, 2.0, 1.0, 1.0, 1.0]]]), 3)
    assert sorted(found[0, 0].tolist()) == [1, 3, 4]


@pytest.mark.parametrize("width", [6, WIDE + 6])
def test_a_product_with_one_target_is_that_with_many(width):
    q, k = torch.randn(2, 3, width).double(), torch.randn(2, 7, width).double()
    one = torch.cat([scaled(q[:, [c]], k, width - 2) for c in range(3)], 1)
    assert one.shape == (2, 3, 7) and torch.allclose(one, scaled(q, k, width - 2), atol=1e-12)


def test_weights_of_nothing_are_nothing():
    there = torch.tensor([[[True, False], [False, False]]])
    assert weights(torch.zeros(1, 2, 2), there).tolist() == [[[1.0, 0.0], [0.0, 0.0]]]
