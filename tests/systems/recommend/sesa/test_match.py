"""Stage B: what it learns from, what it answers and how it explains that."""

import numpy as np
import pytest
import torch

from acteme.errors import InputError
from acteme.systems.recommend.sesa import Matcher
from acteme.tasks import concepts, matching
from tests.systems.recommend.sesa.cases import corpus, everyone, matcher, permuted, stage_a


def test_stage_a_learns_both_sides():
    module, batch = stage_a(), everyone()
    before = {k: v.item() for k, v in module.eval().losses(batch).items()}
    assert before["total"] == pytest.approx(before["skill_job"] + before["skill_profile"])
    optimizer = torch.optim.Adam(module.parameters(), 0.02)
    for _ in range(30):
        optimizer.zero_grad()
        module.losses(batch)["total"].backward()
        optimizer.step()
    after = module.losses(batch)
    assert after["skill_job"] < before["skill_job"] / 3 and after["skill_profile"] < before["skill_profile"] / 3
    assert torch.equal(module.encode(batch).pooled, module.encode(batch).tokens[:, 0])


def test_the_towers_are_inherited_with_what_they_know():
    skills = stage_a(seed=3)
    made = Matcher(matcher().config.__class__(skills.config.network), corpus().spec)
    made.inherit({"skills": skills})
    made.consult(None)
    made.calibrate(iter(()))  # asks for nothing
    assert all(torch.equal(v, made.network.state_dict()[k]) for k, v in skills.network.state_dict().items())
    assert torch.equal(made.scorer.idf, skills.network.idf)
    with pytest.raises(InputError, match="no towers to start from; train the stage skills first"):
        made.inherit({})
    other = Matcher(made.config.__class__(), corpus().spec)
    with pytest.raises(InputError, match=r"the towers of stage A are others; set it as skills\.network"):
        other.inherit({"skills": skills})


def test_labeled_pairs_are_learned_by_their_labels_and_others_against_the_jobs():
    labeled, batch = matcher().eval(), everyone()
    scores = labeled.predict(batch)
    every = scores.query @ scores.table.T + scores.bias
    kept = batch["item"][:, 0] > 0
    chosen = every[kept].gather(1, batch["item"][kept] - 1)[:, 0]
    wanted = torch.nn.functional.binary_cross_entropy_with_logits(chosen, batch["outcome"][kept, 0])
    assert torch.isclose(labeled.losses(batch)["relevance"], wanted, atol=1e-6)
    module, plain = matcher(labels=False).eval(), everyone(labels=False)
    found = module.predict(plain)
    every = found.query @ found.table.T + found.bias
    logs = []
    for row, item, who in zip(every, plain["item"][:, 0].tolist(), plain["index"].tolist(), strict=True):
        own = {int(i) for i, n in zip(plain["item"][:, 0], plain["index"], strict=True) if int(n) == who} - {item}
        if item:
            left = [k for k in range(4) if k + 1 not in own]
            logs.append(torch.logsumexp(row[left], 0) - row[item - 1])
    assert torch.isclose(module.losses(plain)["relevance"], torch.stack(logs).mean(), atol=1e-6)


@pytest.mark.parametrize("relevance", ["softmax", "bce", "hinge"])
@pytest.mark.parametrize("labels", [True, False])
def test_every_loss_learns_who_goes_with_what(relevance, labels):
    module, batch = matcher(labels, relevance=relevance, skill=0.0, negatives=2), everyone(labels)
    optimizer = torch.optim.Adam(module.parameters(), 0.03)

    def apart():
        found = module.eval().predict(batch)
        scores = (found.query @ found.table.T).T  # of people for each job
        goes = batch["item"][:, 0] > 0
        if labels:
            goes &= batch["outcome"][:, 0] > 0
        together = torch.zeros_like(scores, dtype=torch.bool)
        together[batch["item"][goes, 0] - 1, torch.arange(len(goes))[goes]] = True
        people = together.float() @ (batch["index"][:, None] == batch["index"]).float() > 0
        return (scores[people].mean() - scores[~people].mean()).item()

    before = apart()
    for step in range(120 if relevance == "bce" else 40):
        torch.manual_seed(step)
        optimizer.zero_grad()
        losses = module.train().losses(batch)
        losses["total"].backward()
        optimizer.step()
    assert losses["total"] == losses["relevance"] and abs(before) < 0.1 and apart() > 0.2


def test_what_another_batch_has_as_a_positive_is_no_negative(monkeypatch):
    data, got = corpus(labels=False), []
    module, whole = matcher(labels=False), everyone(labels=False)
    names = data.catalog["item"].to_pylist()
    pairs = [(names[k - 1], str(data[i].subject)) for k, i in zip(whole["item"][:, 0], whole["index"], strict=True)]
    some = torch.tensor([pairs.index(("j1", "p1")), pairs.index(("j3", "p6"))])  # and p6 goes with j1, too
    part = {name: value[some] for name, value in whole.items()}
    monkeypatch.setattr(module, "relevance", lambda scores, seen, *_: got.append(seen.together) or scores.sum())
    module.losses(part)
    module.remember(data)
    module.losses(part)
    assert [t.tolist() for t in got] == [[[True, False], [False, True]], [[True, True], [False, True]]]
    labeled = corpus()
    outcome, item = labeled.arrays["outcome"], labeled.arrays["item"]
    assert (outcome == 0).any()
    module.remember(labeled)
    index = np.repeat(np.arange(len(labeled)), labeled.frames)
    at = np.concatenate([np.arange(o, o + n) for o, n in zip(labeled.column("offset"), labeled.frames, strict=True)])
    has = module.known.has(*(torch.from_numpy(x).long() for x in (item[at][:, None], index, index * 0)))
    some = item[at] > 0
    assert has[some, 0].tolist() == (outcome[at] > 0)[some].tolist(), "who does not go with a job may stand against it"


def test_the_total_keeps_the_skills():
    module, batch = matcher(skill=0.5).eval(), everyone()
    losses = module.losses(batch)
    total = losses["relevance"] + 0.5 * (losses["skill_job"] + losses["skill_profile"])
    assert torch.isclose(losses["total"], total)


def test_a_batch_of_people_without_jobs_still_teaches_skills():
    module, batch = matcher(labels=False), everyone(labels=False)
    some = {name: value[batch["item"][:, 0] == 0] for name, value in batch.items()}
    losses = module.losses(some)
    losses["total"].backward()
    assert len(some["item"]) and losses["relevance"] == 0 and losses["skill_job"] == 0
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in module.parameters())


@pytest.mark.parametrize(("score", "merge"), [("weighted", "none"), ("idf", "max"), ("dot", "gate"), ("cosine", "max")])
def test_an_answer_is_the_sum_of_its_reasons(score, merge):
    module, batch = matcher(score=score, merge=merge).eval(), everyone()
    found = module.predict(batch)
    scores = found.query @ found.table.T + found.bias
    items = torch.tensor([[1, 4]] * len(scores))
    parts = module.contributions(batch, items)
    assert (parts.sum(-1) + module.scorer.bias - scores.gather(1, items - 1)).abs().max() < 1e-6
    reasons = module.reasons(batch, items, 2)
    assert reasons.parts.shape == (len(scores), 2, 2) and (reasons.parts[..., 0] >= reasons.parts[..., 1]).all()
    names = module.spec.classes
    best = parts.argmax(-1)
    assert all(reasons.names[b][k][0] == names[best[b, k]] for b in range(len(scores)) for k in range(2))
    whole = module.reasons(batch, items, 99)
    assert torch.allclose(whole.parts.sum(-1) + module.scorer.bias, scores.gather(1, items - 1), atol=1e-6)


def test_a_text_is_explained():
    module = matcher(merge="max").eval()
    told = module.explain(4, "Robots in a steel plant.", ("welding",), most=3)
    row = [r.name for r in corpus()].index("p4")
    batch = corpus().cut(module.config.windows, np.array([row]), np.array([0]))
    batch["classes"] = torch.tensor([[0.0, 1.0, 0.0]])
    whole = module.predict(batch)
    assert sum(x for _, x in told) + module.scorer.bias.item() == pytest.approx(
        (whole.query @ whole.table.T + whole.bias)[0, 3].item(), abs=1e-6
    )
    assert sum(x for _, x in told) + module.scorer.bias.item() == pytest.approx(
        module.score("Programs welding robots.", "Robots in a steel plant.", ("welding",)), abs=1e-6
    ), "a job's text does for a job"
    assert {name for name, _ in told} == set(corpus().spec.classes) and told[0][1] >= told[1][1]
    with pytest.raises(InputError, match="there is no job 5; the catalog has 1 to 4"):
        module.explain(5, "")
    with pytest.raises(InputError, match="there is no concept 'cooking'"):
        module.explain(1, "", ("cooking",))


def test_another_order_of_concepts_gives_the_same_scores():
    module, batch = matcher().eval(), everyone()
    order = np.array([2, 0, 1])
    other = permuted(module, order)
    a, b = module.predict(batch), other.predict(batch)
    assert torch.allclose(a.query @ a.table.T, b.query @ b.table.T, atol=1e-6)
    items = batch["item"].clamp(min=1)
    parts = module.contributions(batch, items), other.contributions(batch, items)
    assert torch.allclose(parts[0][..., order], parts[1], atol=1e-7)


def test_other_names_leave_rankings_and_lose_the_skills():
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    truth = rng.random((40, 60)) < 0.08
    truth[:, 0] |= ~truth.any(1)
    jobs = torch.from_numpy(0.8 * truth + 0.2 * rng.random(truth.shape)).float()
    people, who = jobs.repeat(2, 1), np.arange(80)
    pairs = np.stack([who, who % 40], 1)
    order = rng.permutation(60)
    right, wrong = (matching.measure(people[:, at], jobs[:, at], pairs, resamples=1) for at in (np.arange(60), order))
    assert right.metrics["mrr"] == pytest.approx(wrong.metrics["mrr"])
    assert right.metrics["mrr"] > 0.9
    found = [concepts.measure(jobs[:, at].numpy(), truth, resamples=1).metrics for at in (np.arange(60), order)]
    assert found[0]["concept_ap"] > 0.99 and abs(found[1]["concept_ap"] - found[1]["concept_base"]) < 0.05
    assert found[0]["concept_gap"] > 0.7 and abs(found[1]["concept_gap"]) < 0.05


def test_jobs_are_encoded_again_when_weights_change():
    module = matcher().eval()
    first = module.jobs()
    assert module.jobs() is first and not first.requires_grad
    with torch.no_grad():
        module.network.projectors[0].bias.add_(1.0)
    assert not torch.equal(module.jobs(), first)
    module.load_state_dict(matcher(seed=5).state_dict())
    assert torch.equal(module.jobs(), matcher(seed=5).eval().jobs())


def test_the_index_of_a_stage_scores_its_jobs():
    module, batch = matcher(most=3, least=0.0).eval(), everyone()
    found = module.predict(batch)
    assert torch.allclose(module.index().scores(found.query), found.query @ found.table.T + found.bias, atol=1e-6)


def test_the_free_space_has_as_many_parameters():
    named = matcher()
    free = matcher(network=named.config.network.__class__(**{**vars(named.config.network), "squash": "identity"}))
    count = [sum(p.numel() for p in m.parameters() if p.requires_grad) for m in (named, free)]
    assert count[0] == count[1]


def test_there_are_no_official_weights():
    with pytest.raises(InputError, match="SESA has no official weights"):
        Matcher.official_state_dict({})
    with pytest.raises(InputError, match="negatives and most are at least 1"):
        matcher(negatives=0)
