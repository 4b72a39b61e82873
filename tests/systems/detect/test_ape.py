"""APE: scores, losses, checkpoints, and what it learns."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from acteme.errors import InputError
from acteme.recordings.sources import list_data
from acteme.recordings.spec import Spec
from acteme.systems.detect.ape import Config, DetectConfig, Detector, Noise
from acteme.systems.detect.ape.noise import draw
from tests.systems.detect.ape_cases import EVENT, ROWS, batch, detector, filled, loop, noise_of, spec


def test_the_score_of_a_pair_is_a_weighted_product() -> None:
    event = batch([[0, 0, 0]])
    plain = filled(detector((1, 1, 1)), [[1.0, 0], [1, 1], [0, 2]], (1, 1, 1))
    assert plain.parts(plain.rows(event)).tolist() == [[[1, 0, 2]]]
    assert plain.predict(event).scores.item() == -3
    weighed = filled(plain, [[1.0, 0], [1, 1], [0, 2]], (1, 2, 0.5))
    assert weighed.predict(event).scores.item() == -2 and weighed.predict(event).pairs.tolist() == [[[0, 2]]]


def test_scores_equal_a_loop_over_pairs_and_no_part_of_the_diagonal() -> None:
    module = detector((3, 4, 2, 5), width=3, weights="free", start="normal")
    events = torch.stack([torch.randint(size, (20,)) for size in module.sizes], 1)
    found = module.predict(batch(events)).scores[0]
    assert torch.allclose(found, -torch.tensor([loop(module, e) for e in events]), atol=1e-5)
    assert not module.matrix().diagonal().any() and torch.equal(module.matrix(), module.matrix().T)


def test_scores_of_the_pytorch_version() -> None:
    module = filled(detector())
    found = module.predict(batch([[0, 0, 0], [1, 1, 2], [2, 0, 3]])).scores
    assert (module.constant - found).tolist() == [[2.25, 0.25, 2.25]]


def test_the_loss_of_the_pytorch_version() -> None:
    rule = Noise(kind="uniform", negatives=1, fields="all", stated=1)
    module = noise_of(filled(detector(noise=rule, rule="mean")), [(0.5, 0.25, 0.25), (0.6, 0.4), (0.4, 0.3, 0.2, 0.1)])
    drawn = torch.tensor([[[1]], [[4]], [[6]]])
    found = module.contrast(EVENT, torch.arange(3)[:, None], drawn)
    assert found["total"].item() == pytest.approx(3.964012, abs=1e-6)
    assert found["events"].item() + found["noise"].item() == pytest.approx(found["total"].item())
    false = [loop(module, torch.tensor(e)) + 0.25 for e in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
    assert false == pytest.approx([6.25, 2.25, 3.75])


@pytest.mark.parametrize("weights", ["positive", "none"])
def test_the_loss_of_the_demonstration(weights: str) -> None:
    module = filled(detector(noise=Noise(stated=10, negatives=2), weights=weights), weight=None)
    noise_of(module, [(0.5, 0.25, 0.25), (0.6, 0.4), (0.4, 0.3, 0.2, 0.1)])
    found = module.contrast(EVENT, torch.tensor([[0]]), torch.tensor([[[1, 2]]]))
    z = [1.640562, 4.333709, 5.333709]
    assert found["total"].item() == pytest.approx(9.862468, abs=1e-5)
    assert found["events"].item() == pytest.approx(math.log1p(math.exp(-z[0])), abs=1e-6)
    assert found["noise"].item() == pytest.approx(sum(math.log1p(math.exp(v)) for v in z[1:]), abs=1e-5)


def test_a_true_event_costs_softplus_of_minus_its_margin() -> None:
    module = noise_of(filled(detector((1, 1, 1)), [[1.0, 0], [1, 1], [0, 2]], (1, 1, 1), 0.0), [(0.2,), (1.0,), (1.0,)])
    found = module.contrast(torch.tensor([[0, 1, 2]]), torch.tensor([[0]]), torch.zeros(1, 1, 5, dtype=torch.long))
    assert found["events"].item() == pytest.approx(0.0486, abs=5e-5)  # z = 3 - log(5 * 0.2) = 3


def test_the_number_of_draws_goes_into_the_constant() -> None:
    event, place, drawn = EVENT, torch.tensor([[1]]), torch.tensor([[[3, 4]]])
    one = filled(detector(noise=Noise(stated=2))).contrast(event, place, drawn)
    two = filled(detector(noise=Noise(stated=6)), constant=0.25 + math.log(3)).contrast(event, place, drawn)
    assert one["total"].item() == pytest.approx(two["total"].item(), abs=1e-6)


def test_all_fields_at_once_are_the_mean_over_single_ones() -> None:
    drawn = torch.tensor([[[1, 2], [0, 0]], [[4, 4], [3, 4]], [[6, 8], [5, 7]]])
    events = torch.tensor([[0, 3, 5], [2, 4, 8]])
    module = filled(detector(noise=Noise(negatives=2)))
    single = [module.contrast(events, torch.full((1, 2), f), drawn[f : f + 1])["total"].item() for f in range(3)]
    every = filled(detector(noise=Noise(negatives=2, fields="all")))
    found = every.contrast(events, torch.arange(3)[:, None].expand(3, 2), drawn)["total"].item()
    assert found == pytest.approx(np.mean(single), rel=1e-6)


def test_gradients_equal_those_of_whole_false_events() -> None:
    """The score of a false event from that of the true one is the score of the false event."""
    module = filled(detector(noise=Noise(negatives=3), weights="free")).double()
    events = torch.tensor([[0, 3, 5], [2, 4, 8]])
    replaced, drawn = torch.tensor([[2, 0]]), torch.tensor([[[6, 7, 8], [0, 1, 1]]])
    module.contrast(events, replaced, drawn)["total"].backward()
    found = [p.grad.clone() for p in module.parameters()]
    module.zero_grad()
    total = 0.0
    for event, field, new in zip(events, replaced[0], drawn[0], strict=True):
        for k, value in enumerate([int(event[field]), *new.tolist()]):
            whole = event.clone()
            whole[field] = value
            z = module.parts(whole).sum() + module.constant - module.log_noise[value] - math.log(3)
            total = total + torch.nn.functional.softplus(-z if k == 0 else z) / 2
    total.backward()
    for one, p in zip(found, module.parameters(), strict=True):
        assert torch.allclose(one, p.grad, atol=1e-12)


def test_weights_stay_above_0() -> None:
    module = filled(detector(), weight=(1e-4, 1e-4, 1e-4))
    optimizer = torch.optim.SGD(module.parameters(), 0.01)
    for _ in range(5):
        optimizer.zero_grad()
        module.losses(batch(torch.stack([torch.randint(s, (30,)) for s in module.sizes], 1)))["total"].backward()
        optimizer.step()
        module.after_step()
        assert (module.weight >= 0).all()
    assert (module.weight == 0).any(), "none was clipped: the test shows nothing"


@pytest.mark.parametrize("weights, extra", [("none", 1), ("positive", 4), ("free", 4)])
def test_parameters(weights: str, extra: int) -> None:
    assert sum(p.numel() for p in detector(weights=weights, width=7).parameters()) == 9 * 7 + extra


def test_what_was_never_seen_is_the_unknown_value() -> None:
    module = filled(detector())
    found = module.predict(batch([[0, 0, 0], [-1, 2, 4], [99, 0, 0]])).scores
    assert found[0, 1] == found[0, 0] == found[0, 2]
    with pytest.raises(InputError, match=r"^data: events have 1 fields; give two or more"):
        Detector(DetectConfig(), spec((3,)))
    with pytest.raises(InputError, match="events have 0 fields"):
        Detector(DetectConfig(), Spec())


def test_padding_is_no_event() -> None:
    module = detector(noise=Noise(negatives=2))
    events = torch.tensor([[[1, 1, 3], [2, 0, 1]], [[0, 1, 2], [0, 0, 0]]])
    padded = batch(events) | {"mask": torch.tensor([[True, True], [True, False]])}
    module.calibrate([padded])
    assert module.counts.tolist() == [1, 1, 1, 1, 2, 0, 1, 1, 1]
    latents = module.encode(padded)
    assert latents.tokens.shape == (2, 2, 6) and not latents.tokens[1, 1].any()
    assert torch.equal(latents.pooled[1], latents.tokens[1, 0])
    torch.manual_seed(1)
    one = module.losses(padded)["total"]
    torch.manual_seed(1)
    flat = batch(torch.stack([events[0, 0], events[0, 1], events[1, 0]])[:, None])
    assert one == module.losses(flat)["total"]


@pytest.mark.parametrize("config", [DetectConfig(), DetectConfig.demo(), DetectConfig.pytorch()])
def test_what_is_loaded_is_whole(config: DetectConfig) -> None:
    config = replace(config, width=3)
    torch.manual_seed(0)
    module, other = Detector(config, spec()), Detector(config, spec())
    module.calibrate([batch([[1, 1, 3], [2, 0, 1], [2, 1, 3]])])
    other.load_state_dict(module.state_dict())
    assert torch.equal(other.cumulative, module.cumulative) and torch.equal(other.log_noise, module.log_noise)
    torch.manual_seed(5)
    one = module.losses(batch([[1, 1, 3]]))["total"]
    torch.manual_seed(5)
    assert one == other.losses(batch([[1, 1, 3]]))["total"]


def test_values_of_a_table_are_rows_in_the_order_of_its_columns(tmp_path: Path) -> None:
    """Six rows, three columns: a stretch of rows for each, which begins with the unknown value."""
    path = tmp_path / "log.csv"
    path.write_text("c,a,b\n1,x,p\n2,x,q\n1,y,q\n3,x,q\n1,y,p\n1,x,p\n")
    corpus = list_data(f"events:{path}?val=0&test=0")
    module = Detector(DetectConfig(), corpus.spec)  # type: ignore[arg-type]
    assert corpus.spec.fields == ("c", "a", "b") and module.offsets == [0, 4, 7, 10]
    rows = module.rows({"field": torch.from_numpy(corpus[0].arrays["field"])[None].long()})[0]
    assert rows.tolist()[0] == [1, 5, 8] and [len(set(column)) for column in rows.T.tolist()] == [3, 2, 2]
    assert not set(rows.flatten().tolist()) & {0, 4, 7}, "nothing is unknown"


def test_checkpoints_of_others() -> None:
    rows = torch.tensor(ROWS)
    state = {"weights": torch.tensor([1.0, 2, 0.5]), "c": torch.tensor([0.25])}
    state |= {f"embeddings.{f}.weight": part for f, part in enumerate(rows.split([3, 2, 4]))}
    ours = filled(detector()).state_dict()
    for name, value in Detector.official_state_dict(state).items():
        assert torch.equal(value, ours[name]), name
    square = np.full((3, 3), 9.0)
    square[0, 1], square[0, 2], square[1, 2] = 1, 2, 0.5
    keras = Detector.official_state_dict([rows.numpy(), square.reshape(9, 1), np.array([0.25])])
    assert keras["weight"].tolist() == [1, 2, 0.5] and keras["constant"].tolist() == [0.25]
    module = detector()
    module.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in keras.items()})
    assert torch.allclose(module.log_noise[:3], torch.tensor(1 / 3).log())
    assert "weight" not in Detector.official_state_dict([rows, torch.zeros(1)])
    for wrong, message in (({"a": 1}, "has a tensor 'a'"), ({"c": 1}, "has no weights"), ([1], "has 1 arrays"),
                           ([rows, np.ones(8), 0], "has 8 weights")):  # fmt: skip
        with pytest.raises(InputError, match=message):
            Detector.official_state_dict(wrong)


def test_settings_of_others() -> None:
    assert Config.demo().detect.noise == Noise("unigram", 0.75, 5, "batch", 0.0, "official", 10)
    torch_ = Config.pytorch().detect
    assert (torch_.width, torch_.weights, torch_.recipe.batch, torch_.noise.negatives) == (128, "free", 128, 3)
    assert torch_.noise.unknown == 0, "even draws are even in fields of more than 100 values, too"
    assert (Config().detect.width, Config().detect.recipe.lr, Config().detect.recipe.batch) == (10, 0.01, 512)


def trained(table: list[list[float]], one: bool = False, **noise: object) -> torch.Tensor:
    """What a detector of 2 x 2 values makes of a log in the proportions of the table; (2, 2) scores."""
    torch.manual_seed(0)
    rule = Noise(negatives=5, unknown=0.0, **noise)  # type: ignore[arg-type]
    module = Detector(DetectConfig(width=2, start="normal", noise=rule), spec((2, 2)))
    counts = (torch.tensor(table) * 1000).round().long().flatten()
    cells = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]])
    log = batch(cells.repeat_interleave(counts, 0))
    module.calibrate([log])
    optimizer = torch.optim.Adam(module.parameters(), 0.05)
    place = torch.zeros(1, 1000, dtype=torch.long)
    for step in range(250):
        optimizer.param_groups[0]["lr"] = 0.05 * (1 - step / 250)
        optimizer.zero_grad()
        own = (module.rows(log)[0], place, draw(module.cumulative, place, 5))
        (module.contrast(*own) if one else module.losses(log))["total"].backward()
        optimizer.step()
        module.after_step()
    return (module.constant - module.predict(batch(cells)).scores[0]).detach().view(2, 2)


def ratio(score: torch.Tensor) -> float:
    return float(score[0, 0] + score[1, 1] - score[0, 1] - score[1, 0])


def test_it_learns_how_much_more_often_values_meet() -> None:
    assert ratio(trained([[0.4, 0.1], [0.1, 0.4]])) == pytest.approx(math.log(16), abs=0.1)
    assert ratio(trained([[0.25, 0.25], [0.25, 0.25]])) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("noise", [{"power": 1.0}, {"power": 0.5}, {"kind": "uniform"}])
def test_one_field_is_learned_given_the_other(noise: dict[str, object]) -> None:
    """Where only the first field is replaced, scores are logarithms of its probability, whatever the noise."""
    score = trained([[0.56, 0.14], [0.24, 0.06]], one=True, **noise)
    assert torch.allclose(score.exp(), torch.tensor([[0.7, 0.7], [0.3, 0.3]]), atol=0.06)


def test_a_correction_that_is_not_the_noises_is_a_bias() -> None:
    score = trained([[0.72, 0.08], [0.18, 0.02]], one=True, power=0.5, correction="official")
    assert (score[0] - score[1]).tolist() == pytest.approx([1.5 * math.log(4)] * 2, abs=0.25)


def test_sparse_gradients_are_those_of_the_rows_that_are_looked_up() -> None:
    whole, rows = (filled(detector(noise=Noise(negatives=2), sparse=sparse)) for sparse in (False, True))
    place, drawn = torch.tensor([[1]]), torch.tensor([[[3, 4]]])
    for module in (whole, rows):
        module.contrast(EVENT, place, drawn)["total"].backward()
    found = rows.table.weight.grad
    assert found is not None and found.is_sparse and set(found._indices()[0].tolist()) == {0, 3, 4, 5}
    assert torch.allclose(found.to_dense(), whole.table.weight.grad)


def test_a_field_that_says_nothing_loses_its_weight() -> None:
    """Three copies of one value, of which one is shuffled: pairs with it matter less than the pair of the others."""
    torch.manual_seed(0)
    value = torch.randint(1, 6, (2000,))
    log = torch.stack([value, value, value[torch.randperm(2000)]], 1)
    module = detector((6, 6, 6), width=4)
    events = batch(log)
    module.calibrate([events])
    optimizer = torch.optim.Adam(module.parameters(), 0.03)
    for _ in range(150):
        optimizer.zero_grad()
        module.losses(events)["total"].backward()
        optimizer.step()
        module.after_step()
    kept, *lost = module.weight.tolist()
    assert np.mean(lost) < 0.7 * kept, module.weight
    every = torch.cartesian_prod(*[torch.arange(1, 6)] * 3)
    kept, *lost = module.parts(module.rows(batch(every)))[0].std(0).tolist()
    assert max(lost) < 0.4 * kept
