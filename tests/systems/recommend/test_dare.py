"""DARE against the reference numbers of its official code, and its parts against their definitions."""

from dataclasses import replace

import pytest
import torch

from acteme.errors import InputError
from acteme.recordings.spec import Spec
from acteme.systems.recommend.dare import DESIGNS, Config, RankConfig, Ranker, Widths
from acteme.systems.recommend.dare.attention import LOWEST, scaled
from acteme.systems.recommend.dare.tables import SETS, Rescale
from tests.systems.recommend.dare_cases import LABEL, SPEC, drawn, filled, given, official_names, ranker


def near(found, wanted, tolerance=1e-6):
    wanted = torch.as_tensor(wanted, dtype=torch.float64)
    assert torch.allclose(torch.as_tensor(found).double().reshape(wanted.shape), wanted, rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("variant", "count"),
    [("dare", 75223), ("twin", 75223), ("three", 75223), ("four", 75223), ("din", 60513), ("projection", 78295),
     ("projection_whole", 84631)],
)  # fmt: skip
def test_parameters_beside_the_tables(variant, count):
    module = Ranker(RankConfig(variant=variant), SPEC)
    names = [(n, p.numel()) for n, p in module.named_parameters()]
    assert sum(size for n, size in names if not n.startswith("model.tables.sets.")) == count
    tables = {"dare": 6, "three": 9, "four": 12, "din": 2}.get(variant, 3)
    assert sum(n.startswith("model.tables.sets.") for n, _ in names) == tables


def test_the_whole_model_of_taobao():
    config = RankConfig()
    with torch.device("meta"):
        module = Ranker(config, Spec(items=4_068_790, fields=("category",), sizes=(9_408,)))
    assert sum(p.numel() for p in module.parameters()) == 130_641_591
    assert (config.top, config.windows.frames, config.recipe.lr, config.recipe.epochs) == (20, 201, 0.01, 2)


def test_scores_of_the_reference():
    found = filled(ranker()).attention(given())[:, 0]
    near(found[0, 1:], (-0.00713290, -0.05499665, -0.00584718), 5e-9)
    assert found[0, 0] == LOWEST == -(2**32) + 1
    near(found[1], (0.10340422, 0.11570168, -0.03686875, -0.06572701), 5e-9)


def test_classifier_input_of_the_reference():
    model = filled(ranker()).model
    found = model.inputs(model.read(given()))[1]
    target = (-0.163206, -0.286991, 0.282219, 0.150306, -0.287677, -0.165206)
    interest = (0.027377, -0.125824, 0.215639, 0.215450, -0.103926, -0.211275)
    product = (-0.004468, 0.036110, 0.060857, 0.032383, 0.029897, 0.034904)
    near(found, (target + interest + product,))


@pytest.mark.parametrize(
    ("variant", "p", "total", "auxiliary"),
    [
        ("dare", (0.199361, 0.196966, 0.198890), 2.639454, 1.954870),
        ("twin", (0.441881, 0.438356, 0.440977), 1.661197, 1.002808),
        ("din", (0.427985, 0.426054, 0.429509), 1.620320, 0.965272),
        ("projection", (0.423860, 0.423156, 0.423719), 1.654119, 1.000887),
    ],
)
def test_evaluation_of_the_reference(variant, p, total, auxiliary):
    module = filled(ranker(variant)).eval()
    losses = module.loss(given(), LABEL)
    near(module.chances(given()), p)
    near(losses["total"] - losses["squares"], total)
    near(losses["auxiliary"], auxiliary)


def test_training_of_the_reference():
    module = filled(ranker()).train()
    losses = module.loss(given(), LABEL)
    near(losses["total"] - losses["squares"], 2.338376)
    near(losses["auxiliary"], 1.658839)
    near(module.chances(given()), (0.203631, 0.197938, 0.202761))
    near(module.model.penalty(), 1107.0211, 5e-5)
    near(losses["squares"], 1107.0211e-6, 1e-9)


def test_gradients_of_the_reference():
    module = filled(ranker(auxiliary=False, l2=0.0)).eval()
    module.loss(given(), LABEL)["total"].backward()
    norms = {n: module.model.tables.sets[n]["item"].weight.grad.norm(dim=1) for n in ("representation", "attention")}
    near(norms["representation"], (0, 0, 0.007573, 0.001772, 0.003092, 0.004177))
    near(norms["attention"], (0, 0, 0.000091, 0.000049, 0.000043, 0.000098))


def test_padding_is_attended_to_as_officially_only_where_asked():
    wide = {"top": 4}
    near(filled(ranker(**wide, official_padding=True)).eval().chances(given()), (0.197907, 0.197134, 0.198365))
    ours = filled(ranker(**wide)).eval()
    before = ours.chances(given())
    with torch.no_grad():
        for tables in ours.model.tables.sets.values():
            tables["item"].weight[0] += 9
            tables["category"].weight[0] -= 9
    assert torch.equal(ours.chances(given()), before)


def test_sets_of_tables_by_what_reads_them():
    sides = {n: [names[use, "target"] == names[use, "behavior"] for use in ("attention", "representation")]
             for n, names in SETS.items()}  # fmt: skip
    assert sides == {1: [True, True], 2: [True, True], 3: [False, True], 4: [False, False]}
    assert [len(set(names.values())) for names in SETS.values()] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("variant", "settings", "main", "auxiliary"),
    [("dare", {}, 144, 144), ("dare", {"interaction": False}, 96, 96), ("din", {}, 96, 96),
     ("din", {"interaction": False}, 64, 64), ("dare", {"average": True}, 240, 144),
     ("dare", {"average": True, "interaction": False}, 144, 96)],
)  # fmt: skip
def test_numbers_that_classifiers_see(variant, settings, main, auxiliary):
    model = Ranker(RankConfig(variant=variant, **settings), SPEC).model
    assert model.main[0].num_features == model.main[1].in_features == main
    assert model.auxiliary[0].num_features == model.auxiliary[1].in_features == auxiliary
    read = model.eval().read(given(), True)
    assert model.inputs(read).shape == (3, 1, main) and model.auxiliary_logits(read).shape == (3, 1, 2)


def test_the_average_is_the_sum_over_one_more_than_the_length():
    module, seen = filled(ranker(average=True)), given()
    model, tables = module.model, module.model.tables
    target, interest, average, product, second = model.inputs(model.read(seen))[:, 0].split(6, 1)
    rows = tables.embed(tables.weights(), "representation", "behavior", seen.behavior)
    near(average, torch.stack([rows[0, 1:].sum(0) / 4, rows[1].sum(0) / 5, rows[2].sum(0) / 5]), 1e-12)
    near(product, target * interest, 1e-12)
    near(second, target * average, 1e-12)
    plain = module.model.inputs(replace(model.read(seen), average=None))[:, 0]
    near(plain, torch.cat([target, interest, product], 1), 1e-12)


@pytest.mark.parametrize("variant", ["dare", "twin", "four", "projection"])
def test_scores_of_category_and_position_alone(variant):
    own = {} if variant in ("twin", "projection") else {"attention": Widths(3, 2, 4)}
    module, seen = filled(ranker(variant, **own)), given()
    tables, found, q = module.model.tables, module.attention(seen, items=False)[:, 0], seen.target
    width = tables.widths["attention"]

    def row(side, kind, at):
        weight = tables.sets[SETS[tables.design.sets]["attention", side]][kind].weight[at]
        return tables.maps[f"attention_{side}"][kind](weight) if variant == "projection" else weight

    for b in range(3):
        for t in range(4):
            c = row("target", "category", q.category[b, 0]) @ row("behavior", "category", seen.behavior.category[b, t])
            p = row("target", "position", 0) @ row("behavior", "position", seen.behavior.position[b, t])
            score = c / (width.item + width.category) ** 0.5 + p / width.position**0.5
            near(found[b, t], score if seen.valid[b, t] else LOWEST, 1e-12)
    assert not torch.allclose(module.attention(seen)[1], found[1])


@pytest.mark.parametrize("variant", ["din", "projection_whole", "sim_soft", "eta"])
def test_scores_that_are_no_sum_over_kinds_need_items(variant):
    with pytest.raises(InputError, match=f"variant '{variant}' has no score of category and position alone"):
        ranker(variant).attention(given(), items=False)


def test_a_score_by_hand():
    q, k = torch.tensor([[[1.0, 0, 0, 1, 1, 1]]]), torch.tensor([[[2.0, 0, 0, 2, 1, 0]]])
    near(scaled(q, k, 4), 2.7071, 5e-5)
    near(scaled(q, k, 4, official_hard=True), 2.7483, 5e-5)


def test_rescaled_gradients_are_of_one_size():
    table = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    a, r = torch.randn(2, 5, 3, dtype=torch.float64)
    attention, representation = Rescale.apply(table)
    assert torch.equal(attention, table) and torch.equal(representation, table)
    (attention * a).sum().add((representation * r).sum()).backward()
    near(table.grad, a * r.norm() / a.norm() + r, 1e-12)
    table.grad = None
    (Rescale.apply(table)[1] * r).sum().backward()
    near(table.grad, r, 1e-12)


def test_the_rescaled_model_takes_the_sum_of_rescaled_gradients():
    plain, rescaled = filled(ranker("twin")), filled(ranker("rescaled"))
    weights = plain.model.tables.weights(apart=True)
    leaves = [weights[use, "target"]["item"] for use in ("attention", "representation")]
    a, r = torch.autograd.grad(plain.loss(given(), LABEL, weights)["total"], leaves)
    rescaled.loss(given(), LABEL)["total"].backward()
    near(rescaled.model.tables.sets["shared"]["item"].weight.grad, a * r.norm() / a.norm() + r, 1e-12)
    plain.loss(given(), LABEL)["total"].backward()
    near(plain.model.tables.sets["shared"]["item"].weight.grad, a + r, 1e-12)


@pytest.mark.parametrize("steps", [0, 3])
def test_tied_tables_are_twin(steps):
    ours, twin = (filled(ranker(v, width=4)).train() for v in ("dare", "twin"))
    ours.model.tables.sets["attention"] = ours.model.tables.sets["representation"]
    ours.load_state_dict({
        n.replace("sets.shared", f"sets.{s}"): v for n, v in twin.state_dict().items()
        for s in ("attention", "representation")
    })  # fmt: skip
    optimizers = [torch.optim.Adam(m.parameters(), 0.01) for m in (ours, twin)]
    label = torch.randint(2, (4, 3), generator=torch.Generator().manual_seed(1))
    for step in range(steps):
        for module, optimizer in zip((ours, twin), optimizers, strict=True):
            optimizer.zero_grad()
            module.loss(drawn(seed=step), label)["total"].backward()
            optimizer.step()
    assert torch.equal(ours.eval().chances(drawn()), twin.eval().chances(drawn()))


def test_each_table_learns_from_its_own_use_alone():
    module = ranker(width=4, top=3, auxiliary=False, l2=0.0).eval()
    with torch.no_grad():
        for p in module.model.tables.parameters():
            p.mul_(60)
    seen = drawn(rows=1, slots=12, targets=1)
    seen.behavior.item.copy_(torch.arange(1, 13).clamp(max=5)[None])
    module.loss(seen, LABEL[:1])["total"].backward()
    found = module.attention(seen)[0, 0].topk(3).indices
    read = {*seen.behavior.item[0, found].tolist(), *seen.target.item[0].tolist()}
    grad = module.model.tables.sets["representation"]["item"].weight.grad
    assert set(torch.nonzero(grad.norm(dim=1)).flatten().tolist()) == read
    attention = [p.grad.clone() for p in module.model.tables.sets["attention"].parameters()]
    assert max(g.abs().max() for g in attention) > 0

    # values that are detached: the search and its scores are all that attention learns from
    model, embed = module.model, module.model.tables.embed

    def detached(w, use, side, events):
        out = embed(w, use, side, events)
        return out.detach() if use == "representation" else out

    model.tables.embed = detached
    module.zero_grad()
    module.loss(seen, LABEL[:1])["total"].backward()
    for p, g in zip(model.tables.sets["attention"].parameters(), attention, strict=True):
        assert torch.equal(p.grad, g)


@pytest.mark.parametrize("variant", ["dare", "twin", "three", "four", "din", "projection", "projection_whole"])
def test_official_checkpoints(variant):
    torch.manual_seed(0)
    module = ranker(variant, width=3)
    with torch.no_grad():
        for p in module.parameters():
            p.normal_()
    found = Ranker.official_state_dict(official_names(module))
    fresh = ranker(variant, width=3)
    fresh.load_state_dict(found)
    assert torch.equal(fresh.eval().chances(drawn()), module.eval().chances(drawn()))


def test_other_checkpoints_are_refused():
    state = official_names(ranker())
    with pytest.raises(InputError, match="has no item_id_embedding"):
        Ranker.official_state_dict({"weight": torch.zeros(2)})
    with pytest.raises(InputError, match=r"does not know what 'mlp_for_time.0.weight' is"):
        Ranker.official_state_dict(state | {"mlp_for_time.0.weight": torch.zeros(2)})
    state = {n: v for n, v in state.items() if not n.startswith("main_mlp.0.")}
    with pytest.raises(InputError, match="was built for batches of one"):
        Ranker.official_state_dict(state)


def test_narrow_attention_has_narrow_tables():
    module = ranker(attention=Widths(1, 1, 1), width=4)
    sets = module.model.tables.sets
    assert sets["attention"]["item"].weight.shape == (6, 1) and sets["representation"]["item"].weight.shape == (6, 4)
    assert module.loss(given(), LABEL)["total"].isfinite()


def test_weights_start_as_they_should():
    torch.manual_seed(0)
    ours, official = (Ranker(RankConfig(official_init=o), Spec(items=99, fields=("category",), sizes=(4,)))
                      for o in (False, True))  # fmt: skip
    assert ours.model.tables.sets["attention"]["item"].weight.std().item() == pytest.approx(0.01, rel=0.1)
    assert ours.model.main[1].weight.std().item() == pytest.approx(0.01, rel=0.1)
    assert (ours.model.main[0].weight == 1).all() and ours.model.main[2].weight.item() == pytest.approx(0.1)
    assert official.model.main[0].weight.std().item() == pytest.approx(0.01, rel=0.3)
    assert abs(official.model.main[2].weight.item()) < 0.05
    soft = ranker("sim_soft", width=16)
    assert soft.model.search[0].weight.std() > 0.03


def test_official_statistics_are_the_batch_s():
    module = filled(ranker(official_statistics=True))
    train = module.train().chances(given())
    running = module.model.main[0].running_mean.clone()
    assert torch.allclose(module.eval().chances(given()), train)
    assert torch.equal(module.model.main[0].running_mean, running)
    assert not torch.allclose(filled(ranker()).eval().chances(given()), train)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"category": "genre"}, r"no field 'genre'; .*fields \(category\), or none: --set rank.category="),
        ({"variant": "twin", "attention": Widths(2, 2, 2)}, "variant 'twin' has no tables for attention alone"),
        ({"positions": 100}, "100 rows for a history of 200; give at least 201"),
        ({"top": 0}, "the search is to keep nothing"),
        ({"variant": "rescaled", "sparse": True}, "norms of whole gradients are wanted"),
        ({"variant": "sdim", "average": True}, "is not there for sdim"),
        ({"variant": "sdim", "bits": 50}, "50 bits are no rounds of 3"),
    ],
)
def test_settings_that_contradict_themselves(settings, message):
    with pytest.raises(InputError, match=message):
        Ranker(RankConfig(**settings), SPEC)


def test_data_without_items():
    with pytest.raises(InputError, match="the data has no items"):
        Ranker(RankConfig(), Spec())


def test_every_variant_has_an_official_setting():
    assert all(Config.of(variant).rank.variant == variant for variant in DESIGNS)
