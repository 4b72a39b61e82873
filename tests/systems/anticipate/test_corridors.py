"""The stage `base`: Y-net and the predictor of endpoints, and what is refused."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from acteme.errors import InputError
from acteme.recordings.batch import check_batch
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.anticipate.corridors import Base, BaseConfig, Config, Grid, Network, PredictorConfig, predictors
from acteme.systems.anticipate.corridors.maps import softargmax
from acteme.systems.anticipate.corridors.place import turned
from acteme.systems.anticipate.corridors.sample import goals_of
from tests.systems.anticipate.corridors_cases import (
    SPEC,
    adapter,
    base,
    batch,
    distance_template,
    gauss_template,
    official_state,
    plain_decoder,
    plain_encoder,
    template_patch,
    tiny,
)

FORMS = {"unimodal": {}, "ynet": {"network": {"form": "ynet"}}, "endpoint": {"kind": "endpoint"}}


def test_ynet_has_as_many_weights_as_published():
    made = Base(Config.ynet().base, Spec())
    assert sum(p.numel() for p in made.parameters()) == 1_641_381


SDD = ((1424, 1088), (1409, 1916), (1980, 1093), (1630, 1948), (1325, 1973), (1455, 1925), (1417, 2019), (1983, 1088))
"""Usual widths and heights of scenes."""


def test_the_grid_of_ynet_holds_the_scenes_of_sdd_both_ways_round():
    grid = Config.ynet().base.predictor.grid
    Config.ynet().base.predictor.check()
    extent = torch.tensor([[0.0, 0.0, *size] for size in SDD])
    for quarters in range(4):
        where = turned(extent, grid.size, grid.resize, torch.full((len(SDD),), quarters), torch.ones(len(SDD)).long())
        corners = where.to_grid(extent.view(-1, 2, 2))
        assert (corners >= -1.01).all() and (corners <= torch.tensor(grid.size).flip(0) + 0.01).all()
        sides = (corners[:, 1] - corners[:, 0]).abs().sort(1).values
        torch.testing.assert_close(sides, extent[:, 2:].sort(1).values / 4)


def test_ynet_learns_and_predicts_on_scenes_of_sdd():
    """The preset with four channels a stage, on a scene that stands and one that lies."""
    config = Config.ynet().base
    narrow = replace(config.predictor.network, encoder=(4,) * 5, decoder=(4,) * 5, samples=2, draws=20)
    torch.manual_seed(0)
    made = Base(replace(config, predictor=replace(config.predictor, network=narrow)), Spec())
    position = torch.rand(2, 1, 2) * 900 + torch.arange(20.0)[:, None] * 8
    one = {"position": position, "mask": torch.ones(2, 20, dtype=torch.bool), "scene": torch.tensor([0, 1]),
           "extent": torch.tensor([[0.0, 0.0, 1630.0, 1948.0], [0.0, 0.0, 1424.0, 1088.0]]),
           "surface": torch.randint(0, 6, (2, 20, 30), dtype=torch.uint8)}  # fmt: skip
    before = made.predictor.net.encoder.first.weight.detach().clone()
    optimizer = torch.optim.Adam(made.train().parameters(), config.recipe.lr)
    made.losses(one)["total"].backward()
    optimizer.step()
    assert torch.isfinite(made.predictor.net.encoder.first.weight).all()
    assert not torch.equal(made.predictor.net.encoder.first.weight, before)
    found = made.eval().predict(one)
    assert found.positions.shape == (2, 2, 12, 2) and torch.isfinite(found.positions).all()


def test_the_defaults_of_the_recipes():
    base, adapt = Config().base.recipe, Config().adapt.recipe
    assert (base.optimizer, base.lr, base.epochs, base.batch, base.schedule) == ("adam", 1e-4, 300, 8, "constant")
    assert (adapt.optimizer, adapt.lr, adapt.epochs, adapt.batch, adapt.weight_decay) == ("adam", 0.05, 50, 16, 0.0)
    assert Config().adapt.rate == 0.2 and Config().adapt.rate * adapt.lr == pytest.approx(1e-2), "the head's"


ENCODER, DECODER, SURFACES, SIZE = (4, 6, 6), (6, 6, 4), 3, (16, 24)


def official_pair() -> tuple[dict, Base]:
    """Y-net's weights by their official names, and ours."""
    state = official_state(8, 12, SURFACES, ENCODER, DECODER, 1)
    network = Network(form="ynet", encoder=ENCODER, decoder=DECODER)
    grid = Grid(size=SIZE, resize=0.25, surfaces=SURFACES, side=200, augment="none")
    made = Base(BaseConfig(PredictorConfig(grid=grid, network=network)), SPEC)
    made.load_state_dict(Base.official_state_dict(state))
    return state, made


def walkers(count: int = 3) -> tuple[torch.Tensor, dict]:
    """Positions on the grid, and the batch of their originals, four times as large."""
    torch.manual_seed(3)
    xy = torch.rand(count, 20, 2) * torch.tensor([SIZE[1] - 1.0, SIZE[0] - 1.0])
    surface = torch.randint(0, SURFACES, (1, *SIZE), dtype=torch.uint8).expand(count, -1, -1)
    extent = torch.tensor([[0.0, 0.0, SIZE[1] * 4, SIZE[0] * 4]]).expand(count, 4)
    one = {"position": xy * 4, "mask": torch.ones(count, 20, dtype=torch.bool), "extent": extent,
           "scene": torch.zeros(count, dtype=torch.long), "surface": surface}  # fmt: skip
    check_batch(one)
    return xy, one


def official_maps(xy: torch.Tensor, template: torch.Tensor) -> torch.Tensor:
    """Maps of positions cut out of a template, one at a time."""
    rows = [torch.stack([template_patch(template, x, y, SIZE) for x, y in person]) for person in xy.tolist()]
    return torch.stack(rows).float()


def test_losses_and_gradients_are_those_of_ynet():
    state, ours = official_pair()
    xy, one = walkers()
    weights = {n: w.requires_grad_() for n, w in state.items()}
    distance, gauss = distance_template(200), gauss_template(200, 31, 4.0)
    ground = F.one_hot(one["surface"].long(), SURFACES).permute(0, 3, 1, 2).float()
    features = plain_encoder(weights, torch.cat([ground, official_maps(xy[:, :8], distance)], 1), len(ENCODER))
    target = official_maps(xy[:, 8:], gauss)
    goal = 1000 * F.binary_cross_entropy_with_logits(plain_decoder(weights, "goal_decoder", features), target)
    told = official_maps(xy[:, -1:], distance)
    scales = [told, *(F.avg_pool2d(told, 2**i) for i in range(1, len(features)))]
    both = [torch.cat(pair, 1) for pair in zip(features, scales, strict=True)]
    path = 1000 * F.binary_cross_entropy_with_logits(plain_decoder(weights, "traj_decoder", both), target)
    found = ours.eval().losses(one)
    torch.testing.assert_close(found["goal"], goal)
    torch.testing.assert_close(found["path"], path)
    torch.testing.assert_close(found["total"], goal + path)
    (goal + path).backward()
    found["total"].backward()
    wanted = Base.official_state_dict({n: w.grad for n, w in weights.items() if w.grad is not None})
    assert set(wanted) == set(dict(ours.named_parameters()))
    for name, p in ours.named_parameters():
        assert (p.grad - wanted[name]).abs().max() <= 1e-4 * wanted[name].abs().max(), name


@pytest.mark.parametrize("piece", [1 << 22, SIZE[0] * SIZE[1] * DECODER[-1] * 3 * 7])
def test_paths_to_several_goals_are_those_of_each_goal(piece):
    """All goals at once, or seven at a time, on features that are convolved once."""
    _, ours = official_pair()
    _, one = walkers()
    net = ours.predictor.net
    net.network = replace(net.network, piece=piece)
    with torch.no_grad():
        sight = ours.predictor.see(one)
        features = net.features(sight)
        goal = softargmax(net.goal(features))[:, -1]
        found = ours.eval().predict(one)
        assert found.positions.shape == (3, 20, 12, 2) and found.goals.shape == (3, 20, 2)
        torch.testing.assert_close(found.goals[:, 0], goal * 4, atol=1e-3, rtol=1e-4)
        for k in range(20):
            path = softargmax(net.path(features, net.waypoint_maps(found.goals[:, k, None] / 4, SIZE)))
            torch.testing.assert_close(found.positions[:, k], path * 4, atol=1e-3, rtol=1e-4)
    assert not torch.allclose(found.positions[:, 1], found.positions[:, 2], atol=0.1), "goals matter"


def several(**network) -> tuple[Base, torch.Tensor]:
    """Y-net with three waypoints, and the logits of their maps for `batch()`."""
    made = base(network={"form": "ynet", "waypoints": (3, 7, 11), "cws": False, **network}).eval()
    with torch.no_grad():
        net = made.predictor.net
        sight = made.predictor.see(batch())
        return made, net.goal(net.features(sight))[:, [3, 7, 11]]


def drawn(made: Base, samples: int | None = None) -> torch.Tensor:
    """Waypoints (k, b, v, 2) of `batch()`, in grid pixels, as `predict` takes them."""
    found, net = [], made.predictor.net
    waypoints = net.waypoints
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(net, "waypoints", lambda *args: found.append(waypoints(*args)) or found[-1])
        paths = made.predictor.predict(made.predictor.see(batch()), samples=samples)
    assert paths.positions.shape[:2] == (4, len(found[0])) and torch.isfinite(paths.positions).all()
    return found[0]


def test_one_alternative_goes_by_the_mean_of_every_waypoints_own_map():
    """Whatever is configured, a single alternative draws nothing: early stopping looks at it."""
    for network in ({"samples": 1}, {"samples": 3, "paths": 2}):
        made, logits = several(**network)
        state = torch.random.get_rng_state()
        torch.testing.assert_close(drawn(made, 1), softargmax(logits)[None])
        assert torch.equal(state, torch.random.get_rng_state())
    assert (softargmax(logits)[:, 0] - softargmax(logits)[:, 2]).abs().max() > 1e-3, "the maps differ"


def test_waypoints_are_drawn_from_their_own_maps():
    made, _ = several(samples=4, paths=2, ttst=False)
    net = made.predictor.net
    with torch.no_grad():
        net.goal.last.weight.zero_()
        net.goal.last.bias.zero_()
    found = drawn(made)
    assert found.shape == (8, 4, 3, 2) and torch.equal(found, found.round())
    assert torch.equal(found[:4, :, 2], found[4:, :, 2]), "two paths to each of four goals"
    assert not torch.equal(found[:, :, 0], found[:, :, 1])
    cws, _ = several(samples=4, paths=2, cws=True)
    found = drawn(cws)
    assert found.shape == (8, 4, 3, 2) and torch.equal(found[4:, :, :2], found[4:, :, :2].round())
    assert not torch.equal(found[:4, :, :2], found[:4, :, :2].round()), "the first round takes means"


def test_a_temperature_flattens_or_sharpens_what_goals_are_drawn_from(monkeypatch):
    seen = []
    for temperature in (1.0, 1.8):
        made, logits = several(samples=2, temperature=temperature)
        monkeypatch.setattr(predictors, "goals_of", lambda chance, *a: seen.append(chance) or goals_of(chance, *a))
        drawn(made)
        for i, chance in zip((2, 0, 1), seen[-3:], strict=True):
            torch.testing.assert_close(chance, torch.sigmoid(logits[:, i] / temperature))
    assert (seen[0] - 0.5).abs().mean() > (seen[3] - 0.5).abs().mean()


def test_input_maps_can_be_gaussians():
    made = base(grid={"map": "gauss"})
    sight = made.predictor.see(batch())
    xs, ys = torch.arange(16.0), torch.arange(16.0)[:, None]
    x, y = sight.past[2, 5]
    wanted = torch.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * 4.0**2))
    torch.testing.assert_close(sight.heat[2, 5], wanted)
    loss = made.train().losses(batch())["total"]
    loss.backward()
    assert loss > 0 and made.predictor.net.encoder.first.weight.grad.any()
    assert not torch.equal(sight.heat, base().predictor.see(batch()).heat)


@pytest.mark.parametrize("form", FORMS)
def test_all_forms_learn_predict_and_encode(form):
    made = base(**FORMS[form])
    one = batch(6)
    loss = made.train().losses(one)
    loss["total"].backward()
    assert loss["total"] > 0 and all(p.grad is not None and torch.isfinite(p.grad).all() for p in made.parameters())
    k = 3 if form == "ynet" else 1
    found = made.eval().predict(one)
    assert found.positions.shape == (6, k, 12, 2) and found.goals.shape == (6, k, 2)
    assert torch.isfinite(found.positions).all()
    latents = made.encode(one)
    assert latents.pooled.shape[0] == 6 and latents.tokens.shape[:2] == (6, 1) == latents.mask.shape
    other = made.encode({**one, "position": one["position"].clone().index_fill_(1, torch.arange(8, 20), 0.0)})
    torch.testing.assert_close(latents.pooled, other.pooled), "only the observed part counts"


@pytest.mark.parametrize("form", FORMS)
def test_a_step_of_training_lowers_the_loss(form):
    made, one = base(**FORMS[form], grid={"augment": "none"}), batch(8)
    made.train()
    opt = torch.optim.Adam(made.parameters(), 1e-2)
    losses = []
    for _ in range(25):
        torch.manual_seed(0)
        loss = made.losses(one)["total"]
        losses.append(loss.item())
        opt.zero_grad()
        loss.backward()
        opt.step()
    assert losses[-1] < 0.8 * losses[0]


def test_what_is_not_seen_or_off_the_map_has_no_part_in_the_loss():
    made, one = base(), batch(4)
    made.eval()
    cut = {**one, "mask": one["mask"].clone()}
    cut["mask"][:, 15:] = False
    changed = {**cut, "position": cut["position"].clone()}
    changed["position"][:, 15:] = 7.0
    assert made.losses(cut)["total"] == made.losses(changed)["total"] != made.losses(one)["total"]
    away = {**one, "position": one["position"].clone()}
    away["position"][0, 12] = 500.0
    loss = made.losses(away)["total"]
    far = {**away, "position": away["position"].clone()}
    far["position"][0, 12] = -9000.0
    assert torch.isfinite(loss) and loss == made.losses(far)["total"]
    nobody = {**one, "mask": torch.zeros_like(one["mask"])}
    assert made.losses(nobody)["total"] == 0


def test_augmentation_turns_scenes_and_keeps_the_past_with_the_future():
    made, one = base(grid={"augment": "turn"}), batch(64)
    torch.manual_seed(0)
    seen, plain = made.predictor.see(one, True), made.predictor.see(one)
    same = (seen.past - plain.past).abs().amax((1, 2)) < 1e-4
    assert 0 < same.sum() < 32, "one in eight stays as it is"
    for one_sight in (seen, plain):
        way = torch.cat([one_sight.past, one_sight.future], 1)
        step = (way[:, 1:] - way[:, :-1]).norm(dim=-1)
        torch.testing.assert_close(step, step[:, :1].expand_as(step), atol=1e-3, rtol=1e-3)


def test_who_stood_still_for_one_frame_is_predicted():
    one = batch(2)
    one["mask"][:, 1:] = False
    found = base().eval().predict(one)
    assert torch.isfinite(found.positions).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"grid": {"size": (20, 32)}}, "size 20 x 32 is not a multiple of 8; the encoder halves it"),
        ({"network": {"decoder": (4, 4)}}, "encoder and decoder differ"),
        ({"network": {"waypoints": (5, 12)}}, "waypoints are 5, 12; give steps from 0 to 11, in order"),
        ({"network": {"waypoints": ()}}, "waypoints are none"),
        ({"past": 0}, "0 steps are seen and 12 predicted"),
    ],
)
def test_settings_that_do_not_fit_are_refused(changes, message):
    small = PredictorConfig.small()
    parts = {k: replace(getattr(small, k), **v) if isinstance(v, dict) else v for k, v in changes.items()}
    with pytest.raises(InputError) as caught:
        Base(BaseConfig(replace(small, **parts), Windows(20, 4)), SPEC)
    assert message in str(caught.value)


def test_windows_and_data_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="windows of 16 frames for 8 seen and 12 predicted steps; set it to 20"):
        Base(BaseConfig(tiny(), Windows(16, 4)), SPEC)
    with pytest.raises(InputError, match="of no scene"):
        base().predict({k: v for k, v in batch().items() if k != "extent"})
    with pytest.raises(InputError, match="positions have 3 coordinates"):
        base().predict({**batch(), "position": torch.zeros(4, 20, 3)})
    with pytest.raises(InputError, match="a scene has no extent"):
        base().predict({**batch(), "extent": torch.zeros(4, 4)})


def test_nothing_to_learn_from_is_refused():
    """Nobody is seen for longer than what is observed, or all are where the map is not."""
    made, one = base(), batch(4)
    short, away = {**one, "mask": one["mask"].clone()}, {**one, "position": one["position"] + 900.0}
    short["mask"][:, 8:] = False
    for stage in (made, adapter(made)):
        stage.calibrate([short, one, away])
        for nothing in (short, away):
            with pytest.raises(InputError, match="no track goes on, on its scene's map, after 8 samples; give longer"):
                stage.calibrate([nothing, nothing])


def test_the_stages_have_one_predictor():
    config = replace(Config.small(), base=replace(BaseConfig.small(), predictor=tiny()))
    assert config.adapt.predictor == config.base.predictor == tiny()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("bf16", [False, True])
def test_pieces_of_a_batch_are_the_whole_batch(form, bf16):
    """Losses, gradients and predictions, whatever fits into memory at a time."""
    found = []
    for piece in (1 << 22, 16 * 16 * 4 * 2):
        changes = {**FORMS[form]}
        changes["network"] = {**changes.get("network", {}), "piece": piece, "ttst": False, "samples": 1}
        made, one = base(**changes, grid={"augment": "none"}), batch(5)
        one["mask"][3, 14:] = False
        assert len(made.predictor.pieces(made.predictor.see(one))) == (1 if piece > 10_000 else 3)
        torch.manual_seed(0)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            losses = made.train().losses(one)
        (3 * losses["total"]).backward()
        grads = [p.grad for p in made.parameters()]
        found.append(({n: v.item() for n, v in losses.items()}, grads, made.eval().predict(one), made.encode(one)))
    (a, ga, pa, ea), (b, gb, pb, eb) = found
    assert list(a) == list(b)
    if form == "endpoint":  # the latent variable is drawn anew
        return
    assert a == pytest.approx(b, rel=1e-2 if bf16 else 1e-5)
    for x, y in zip(ga, gb, strict=True):
        assert (x - y).abs().max() <= (0.3 if bf16 else 1e-4) * x.abs().max() + 1e-7
    torch.testing.assert_close(pa.positions, pb.positions, atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(ea.pooled, eb.pooled)
