"""The stage `adapt`: prompts and heads on a frozen base."""

import math
from dataclasses import replace

import pytest
import torch

from acteme.errors import InputError
from acteme.recordings.spec import Spec
from acteme.systems.anticipate.corridors import Config, Prompt
from acteme.systems.anticipate.corridors.prompt import image, shapes, start
from tests.systems.anticipate.corridors_cases import SPEC, adapter, base, batch

ZERO = Prompt(init="zero_v")


def trained(made, steps=10, lr=0.05, one=None, calibrated=False):
    """The adapter after some steps of Adam."""
    one = one or batch(8)
    made.train()
    if calibrated:
        made.calibrate([one])
    opt = torch.optim.Adam([p for p in made.parameters() if p.requires_grad], lr)
    for _ in range(steps):
        loss = made.losses(one)["total"]
        opt.zero_grad()
        loss.backward()
        opt.step()
        made.after_step()
    return made.eval()


@pytest.mark.parametrize("head", ["none", "joint", "scene"])
@pytest.mark.parametrize("form", [{}, {"network": {"form": "ynet"}}, {"kind": "endpoint"}])
def test_without_a_prompt_it_is_the_base_bit_for_bit(form, head):
    of = base(**form).eval()
    made, one = adapter(of, prompt=ZERO, head=head), batch(5)
    torch.manual_seed(0)
    plain = of.predict(one).positions
    torch.manual_seed(0)
    led = made.predict(one).positions
    if head == "none":
        assert torch.equal(plain, led)
    else:
        torch.testing.assert_close(plain, led, atol=1e-3, rtol=1e-4)
    assert torch.equal(made.encode(one).pooled, of.encode(one).pooled)


def test_the_gradients_of_a_start_at_the_base():
    made = adapter(base(), prompt=ZERO, head="none", held=0.0).train()
    made.losses(batch())["total"].backward()
    assert made.own["v"].grad.abs().max() > 0 and not made.own["u"].grad.any()
    both = adapter(base(), prompt=ZERO, head="none", held=0.0).train()
    torch.nn.init.zeros_(both.own["u"])
    both.losses(batch())["total"].backward()
    assert not both.own["u"].grad.any() and not both.own["v"].grad.any(), "the trap of two zeros"


@pytest.mark.parametrize("head", ["none", "scene"])
def test_the_base_stays_as_it_is(head):
    of = base()
    made = adapter(of, prompt=ZERO, head=head)
    before = {n: p.clone() for n, p in made.base.named_parameters()}
    made = trained(made)
    assert not made.base.training
    for name, p in made.base.named_parameters():
        assert p.grad is None and torch.equal(p, before[name])
    moved = {n for n, p in made.own.items() if not torch.equal(p, adapter(of, prompt=ZERO, head=head).own[n])}
    assert moved == ({"u", "v"} if head == "none" else {"u", "v", "goal_last_weight", "goal_last_bias"})


def test_only_the_named_layers_are_tuned():
    last, stage = (adapter(base(), prompt=Prompt("none"), head="scene", layers=layers) for layers in ("last", "stage"))
    assert set(last.own) == {"goal_last_weight", "goal_last_bias"}
    assert {n.rpartition("_")[0] for n in stage.own} == {"goal_one", "goal_two", "goal_last"}
    stage = trained(stage, 3)
    assert all(p.abs().max() > 0 for p in stage.own.values())
    joint = adapter(base(), head="joint")
    assert joint.own["goal_last_weight"].shape[0] == 1 and joint.own["u"].shape[0] == 2


def test_own_heads_of_the_last_stage_are_those_of_each_sample():
    of = base().eval()
    made, one = adapter(of, prompt=Prompt("none"), head="scene", layers="stage"), batch(4)
    for name in made.own:
        torch.nn.init.normal_(getattr(made, f"best_{name}"), std=0.2)
    whole = made.predict(one).positions
    for i in range(4):
        single = {n: v[i : i + 1] for n, v in one.items()}
        torch.testing.assert_close(made.predict(single).positions, whole[i : i + 1], atol=1e-3, rtol=1e-4)
    assert not torch.allclose(whole, of.predict(one).positions)


def test_a_prompt_is_added_to_every_map_of_a_position_and_to_nothing_else():
    of = base(grid={"surfaces": 2}).eval()
    made, one = adapter(of, prompt=Prompt(), head="none"), batch(4)
    one["surface"] = torch.randint(0, 2, (4, 6, 8), dtype=torch.uint8)
    plain, p = of.predictor.see(one), made.prompts(one["scene"])
    led, _, _ = made.lead(one["scene"])(plain, slice(0, 4))
    assert p.shape == (4, 16, 16)
    tiled = plain.heat + p[:, None].expand(4, 8, 16, 16)
    assert torch.equal(led.heat, tiled) and torch.equal(led.surface, plain.surface)
    assert torch.linalg.matrix_rank(p[0]) == 1
    assert torch.linalg.svdvals(p[0])[1] < 1e-6 * torch.linalg.svdvals(p[0])[0]
    assert not torch.equal(p[0], p[1]) and torch.equal(p[0], p[2]), "a prompt per scene"
    full = start(Prompt("low", rank=3), 1, (16, 20))
    assert torch.linalg.matrix_rank(image(full, torch.tensor([0]))[0]) == 3


def test_the_numbers_of_the_prompts():
    def count(prompt, size=(288, 480)):
        return sum(math.prod(shape) for shape in shapes(prompt, size).values())

    weights = 1_641_381
    assert count(Prompt()) == 768 and round(768 / weights, 6) == 0.000468
    assert count(Prompt("full")) == 138_240 and round(138_240 / weights, 4) == 0.0842
    assert count(Prompt("constant")) == 1 and count(Prompt("none")) == 0 and count(Prompt(rank=2)) == 2 * 768


@pytest.mark.parametrize("rank", [1, 4])
def test_kaimings_start(rank):
    torch.manual_seed(0)
    made = image(start(Prompt(rank=rank), 60, (288, 480)), torch.arange(60))
    assert made.std().item() == pytest.approx(math.sqrt(2) * math.sqrt(2 / 480), rel=0.2)


def test_elsewhere_the_base_predicts():
    of = base().eval()
    made, one = adapter(of, prompt=Prompt(), head="scene"), batch(4)
    torch.nn.init.normal_(made.best_goal_last_bias)
    elsewhere = {**one, "scene": torch.tensor([-1, 7, -1, 2])}
    torch.testing.assert_close(made.predict(elsewhere).positions, of.predict(one).positions, atol=1e-3, rtol=1e-4)
    assert not torch.allclose(made.predict(one).positions, of.predict(one).positions, atol=1e-2)
    nowhere = {n: v for n, v in one.items() if n != "scene"}
    torch.testing.assert_close(made.predict(nowhere).positions, of.predict(one).positions, atol=1e-3, rtol=1e-4)
    assert made.train().losses(elsewhere)["total"] == 0


def test_a_constant_and_a_full_prompt():
    of = base().eval()
    constant = adapter(of, prompt=Prompt("constant"), head="none")
    assert torch.equal(constant.predict(batch()).positions, of.predict(batch()).positions)
    p = trained(constant, 3).prompts(torch.tensor([0]))
    assert p.numel() == 1 and p.item() != 0
    full = trained(adapter(of, prompt=Prompt("full", init="zero_v"), head="none"), 3)
    assert torch.linalg.matrix_rank(full.prompts(torch.tensor([0]))[0]) > 1


def test_who_is_held_out_is_not_learned_from():
    """Every fourth of a scene's people, the last of fewer, nobody of one."""
    made = adapter(base(), prompt=ZERO, head="none")
    made.held_people = torch.tensor([9, 3])
    assert made.held(torch.zeros(9, dtype=torch.long), torch.arange(9)).nonzero()[:, 0].tolist() == [3, 7]
    assert made.held(torch.ones(3, dtype=torch.long), torch.arange(3)).tolist() == [False, False, True]
    made.held_people = torch.tensor([1, 0])
    assert not made.held(torch.zeros(1, dtype=torch.long), torch.zeros(1, dtype=torch.long)).any()
    one = {**batch(16), "agent": torch.arange(16) // 2}
    made.calibrate([one])
    assert made.held_people.tolist() == [8, 8]
    held = made.held(one["scene"], one["agent"])
    assert held.sum() == 4 and (made.held_scene >= 0).sum() == 4
    for row in one["position"][held]:
        assert (made.held_position == row).all((1, 2)).any()
    made.train()
    loss = made.losses(one)["total"]
    changed = {**one, "position": torch.where(held[:, None, None], one["position"] + 1.0, one["position"])}
    assert made.losses(changed)["total"] == loss


def test_the_best_weights_for_held_out_people_are_used():
    of, one = base().eval(), {**batch(16), "agent": torch.arange(16) // 2}
    made = adapter(of, prompt=ZERO, head="scene", every=1)
    made.train()
    made.calibrate([one])
    best = made.held_best.clone()
    assert torch.isfinite(best).all()
    for p in made.own.values():
        torch.nn.init.normal_(p, std=5.0)
    made.after_step()
    assert torch.equal(made.held_best, best), "nonsense is no better"
    made.eval()
    torch.testing.assert_close(made.predict(one).positions, of.predict(one).positions, atol=1e-3, rtol=1e-4)
    better = trained(adapter(of, prompt=ZERO, head="scene", every=1), 30, one=one, calibrated=True)
    assert (better.held_best < best).any() and (better.held_best <= best).all()


def test_looking_at_who_is_held_out_draws_nothing():
    """Y-net with several waypoints and paths: what is looked at are means, so that looks can be compared."""
    network = {"form": "ynet", "waypoints": (5, 11), "cws": False, "paths": 2}
    made = adapter(base(network=network), prompt=ZERO).train()
    state = torch.random.get_rng_state()
    made.calibrate([{**batch(16), "agent": torch.arange(16) // 2}])
    best = made.held_best.clone()
    made.held_best.fill_(torch.inf)
    made.look()
    assert torch.isfinite(best).all() and torch.equal(made.held_best, best)
    assert torch.equal(state, torch.random.get_rng_state())


def test_scenes_stop_each_by_itself_and_all_together_where_they_share():
    one = {**batch(16), "agent": torch.arange(16) // 2}
    for head, apart in (("scene", True), ("joint", False)):
        made = adapter(base().eval(), prompt=ZERO, head=head, every=1).train()
        made.calibrate([one])
        own, best = made.own["v"].data.fill_(0.3), made.held_best
        made.look()
        assert (made.held_best[0] == made.held_best[1]) == (not apart)
        best[:] = torch.tensor([0.0, 1e9]) if apart else 1e9
        made.best_v.zero_()
        made.look()
        assert torch.equal(made.best_v, own * torch.tensor([[[1.0 - apart]], [[1.0]]]))


@pytest.mark.parametrize("changes", [{"head": "joint"}, {"everything": True}])
def test_scenes_without_anybody_to_hold_out_do_not_keep_the_others_from_stopping(changes):
    one = {**batch(16), "agent": torch.arange(16), "scene": torch.zeros(16, dtype=torch.long)}
    made = adapter(base(), prompt=ZERO, **changes).train()
    made.calibrate([one])
    assert torch.isfinite(made.held_best).all()
    made.held_best.fill_(1e9)
    name = "best_encoder_first_weight" if "everything" in changes else "best_v"
    before = getattr(made, name).clone()
    with torch.no_grad():
        for p in made.parameters():
            p.add_(0.1 if p.requires_grad else 0.0)
    made.look()
    torch.testing.assert_close(getattr(made, name), before + 0.1)


def test_without_anybody_to_hold_out_the_latest_weights_are_used():
    made = trained(adapter(base(), prompt=ZERO, head="none", held=0.0), 3)
    assert torch.equal(made.best_v, made.own["v"])
    alone = {**batch(4), "agent": torch.zeros(4, dtype=torch.long)}
    made = trained(adapter(base(), prompt=ZERO, head="none"), 3, one=alone, calibrated=True)
    assert torch.equal(made.best_v, made.own["v"]) and made.best_v.any()


def test_all_weights_can_be_tuned_for_comparison():
    of = base().eval()
    made = adapter(of, everything=True)
    one = batch(4)
    assert torch.equal(made.predict(one).positions, of.predict(one).positions)
    assert not made.own and all(p.requires_grad for p in made.base.parameters())
    led = trained(made, 5, lr=1e-3)
    assert not torch.equal(led.predict(one).positions, of.predict(one).positions)
    assert not torch.equal(next(led.base.parameters()), next(of.parameters()))


def test_its_state_is_whole():
    one = {**batch(16), "agent": torch.arange(16) // 2}
    made = trained(adapter(base(), every=2), 5, one=one, calibrated=True)
    again = adapter(base(), every=2)
    again.load_state_dict(made.state_dict())
    assert torch.equal(again.predict(one).positions, made.predict(one).positions)
    for each in (made, again):
        trained(each, 3, one=one)
    assert torch.equal(made.best_v, again.best_v), "training goes on as it would have"


def test_maps_of_scenes_are_kept_for_who_is_held_out():
    of = base(grid={"surfaces": 3}).eval()
    made, one = adapter(of), {**batch(16), "agent": torch.arange(16) // 2}
    one["surface"] = (one["scene"][:, None, None] + torch.zeros(16, 6, 8)).to(torch.uint8)
    made.calibrate([one])
    assert made.held_surface[0].unique().tolist() == [0] and made.held_surface[1].unique().tolist() == [1]
    assert torch.isfinite(made.held_best).all()


def test_windows_that_are_kept_are_dealt_to_the_scenes():
    one = {**batch(40), "agent": torch.arange(40) // 2 % 5}
    one["scene"] = (torch.arange(40) >= 30).long()
    made = adapter(base(), kept=4)
    made.calibrate([one])
    assert sorted(made.held_scene.tolist()) == [0, 0, 1, 1]


def test_what_cannot_be_adapted_is_refused():
    with pytest.raises(InputError, match="names no scenes; name each recording's scene, or train only: base"):
        adapter(base(), Spec(channels=2))
    made = adapter(base())
    with pytest.raises(InputError, match="no trained base"):
        made.inherit({})


def test_the_signs_of_a_prompt_do_not_matter():
    parts = start(Prompt(), 2, (8, 8))
    flipped = {n: -v for n, v in parts.items()}
    scene = torch.tensor([0, 1])
    assert torch.equal(image(parts, scene), image(flipped, scene))
    assert image({}, scene) is None and not image(parts, torch.tensor([-1])).any()


def test_the_small_setting_starts_at_the_base():
    small = Config.small().adapt
    assert small.prompt.init == "zero_v" and Config().adapt.prompt.init == "kaiming"
    assert SPEC.scenes and replace(small, predictor=Config().base.predictor) != small


@pytest.mark.parametrize("changes", [{"head": "scene"}, {"head": "joint", "layers": "stage"}, {"everything": True}])
def test_pieces_of_a_batch_adapt_like_the_whole(changes):
    found = []
    for piece in (1 << 22, 16 * 16 * 4 * 2):
        made = adapter(base(network={"piece": piece}), prompt=ZERO, **changes)
        found.append([p.detach().clone() for p in trained(made, 3, lr=1e-3).parameters() if p.requires_grad])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, atol=2e-5, rtol=1e-3)
