from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from acteme.errors import InputError
from acteme.recordings.skeleton.sample import crop_resize
from acteme.recordings.spec import Spec
from acteme.systems.represent.halp import Pretrain, PretrainConfig
from acteme.systems.represent.halp.encoder import EncoderConfig, sequence

SPEC = Spec("ntu25", 25, 2, 3)
TINY = PretrainConfig(
    encoder=EncoderConfig(hidden=4, layers=1), dim=8, queue=32, prototypes=4, recent=16, refresh=3, count=6, size=8,
    shortest=4, warmup=16, distill_top=10,
)  # fmt: skip


def stage(spec: Spec = SPEC, **changes) -> Pretrain:
    torch.manual_seed(0)
    return Pretrain(replace(TINY, **changes), spec).train()


def clips(n: int = 8, frames: int = 12, spec: Spec = SPEC, seed: int = 0) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, frames + 1, (n,), generator=g)
    x = torch.randn(n, frames, spec.persons, spec.joints, spec.channels, generator=g)
    mask = torch.arange(frames) < lengths[:, None]
    return {"skeleton": x * mask[:, :, None, None, None], "frames": lengths, "mask": mask}


def step(module: Pretrain, seed: int = 0) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    losses = module.losses(clips(seed=seed))
    losses["total"].backward()
    module.after_step()
    return losses


def test_the_official_encoder_has_the_official_number_of_parameters():
    with torch.device("meta"):
        mlp, linear = (Pretrain(PretrainConfig(head=h), SPEC) for h in ("mlp", "linear"))
    count = [sum(p.numel() for p in m.parameters() if p.requires_grad) for m in (mlp, linear)]
    assert count == [49_457_580, 45_261_228]
    assert sum(p.numel() for p in mlp.parameters()) == 2 * 49_457_580
    assert sum(p.numel() for p in linear.parts["joint"].query.encoder.gru.parameters()) == 44_998_656


def test_reference_losses_of_one_step():
    module = stage(dim=3, queue=8, prototypes=2, recent=4, count=1, hardness="edge", warmup=0)
    part = module.parts["joint"]
    e = torch.eye(3)
    part.queue.keys.copy_(e[[0, 1, 2, 0, 1, 2, 0, 1]])
    part.queue.seen.fill_(100)
    part.prototypes.points.copy_(e[:2])
    part.prototypes.fits.fill_(1)
    q = F.normalize(torch.tensor([[3.0, 1, 0], [0, 2, 1]]), dim=1)
    k = F.normalize(torch.tensor([[2.0, 1, 0], [0, 3, 0.5]]), dim=1)
    module.iteration.fill_(1)  # no new clusters in this step
    losses = module.contrast({"joint": q}, {"joint": k})
    module.after_step()
    assert (q * k).sum(1).tolist() == pytest.approx([0.9899, 0.9558], abs=6e-5)
    assert losses["moco"].item() == pytest.approx(0.895415, abs=2e-6)
    assert 2 * losses["positives"].item() == pytest.approx(-22.717621, abs=3e-5)
    assert losses["total"].item() == pytest.approx(0.895415 - 22.717621, abs=3e-5)
    assert losses["kept"] == 1
    assert torch.allclose(part.queue.keys[:2], k) and torch.equal(part.queue.keys[2:], e[[2, 0, 1, 2, 0, 1]])
    assert int(part.queue.pointer) == 2


def test_gradients_reach_the_query_and_nothing_else():
    module = stage()
    for i in range(3):
        losses = step(module, i)
    part = module.parts["joint"]
    assert losses["positives"].item() != 0
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in part.query.parameters())
    assert all(p.grad is None and not p.requires_grad for p in part.key.parameters())
    assert not any(b.requires_grad for b in module.buffers())


def test_the_key_encoder_follows_the_query_and_its_batch_statistics_are_its_own():
    module = stage(momentum=0.75)
    part = module.parts["joint"]
    before = part.key.head[0].weight.clone()
    assert torch.equal(before, part.query.head[0].weight)
    with torch.no_grad():
        part.query.head[0].weight += 1
    step(module)
    assert torch.allclose(part.key.head[0].weight, before + 0.25, atol=1e-6)
    assert part.key.encoder.norm.num_batches_tracked == 1
    assert not torch.allclose(part.key.encoder.norm.running_mean, part.query.encoder.norm.running_mean)


def test_hallucination_starts_when_enough_clips_were_seen_and_fits_before_that_step():
    module = stage(warmup=17)
    seen = [(step(module, i)["positives"].item() != 0, int(module.parts["joint"].prototypes.fits)) for i in range(5)]
    # 8 clips a step: 17 have been seen before the fourth. Steps 0, 3, ... end with a refresh.
    assert [s for s, _ in seen] == [False, False, False, True, True]
    assert [f for _, f in seen] == [0, 0, 0, 2, 2]


def test_the_official_warm_up_is_two_queues_and_one_clip():
    module = stage(warmup=None, queue=16)
    started = [step(module, i)["positives"].item() != 0 for i in range(6)]
    assert started == [False] * 5 + [True]  # 40 >= 33 before the sixth


def test_warm_up_may_last_some_epochs():
    module = stage(warmup=0, warmup_epochs=2)
    for epoch in range(3):
        module.before_epoch(epoch)
        losses = [step(module, i) for i in range(3)]
        assert (losses[-1]["positives"] != 0) == (epoch == 2)


def test_prototypes_are_refreshed_at_steps_counted_within_the_epoch():
    module = stage(warmup=16)
    fits = []
    for epoch in range(2):
        module.before_epoch(epoch)
        for i in range(5):
            step(module, i)
            fits.append(int(module.parts["joint"].prototypes.fits))
    # First fit before step 2 of epoch 0, then after the steps 3 of it, 0 and 3 of the next.
    assert fits == [0, 0, 1, 2, 2, 3, 3, 3, 4, 4]


def test_a_refresh_uses_the_keys_of_its_own_step_and_just_the_recent_ones(monkeypatch):
    module = stage(queue=20, warmup=16)
    part, used = module.parts["joint"], []
    monkeypatch.setattr(part.prototypes, "fit", lambda x: used.append(x.clone()))
    part.prototypes.fits.fill_(1)
    sent = []
    for i in range(7):
        torch.manual_seed(i)
        module.losses(clips(seed=i))
        sent += list(part.fresh[0])
        module.after_step()
        if i % 3 == 0 and i > 0:
            assert torch.equal(used[-1], torch.stack(sent[-16:]))  # the ring has wrapped around
    assert len(used) == 3


def test_checkpoints_keep_the_warm_up_and_the_place_in_the_epoch():
    module = stage()
    module.before_epoch(3)
    for i in range(4):
        step(module, i)
    other = stage()
    other.load_state_dict(module.state_dict())
    for i in range(4, 8):
        a, b = step(module, i), step(other, i)
        assert a["positives"] != 0 and all(torch.equal(a[n], b[n]) for n in a)
    assert torch.equal(module.parts["joint"].prototypes.points, other.parts["joint"].prototypes.points)


def test_evaluation_changes_nothing():
    module = stage()
    for i in range(3):
        step(module, i)
    state = {n: v.clone() for n, v in module.state_dict().items()}
    module.eval()
    module.losses(clips())
    module.encode(clips())
    assert not module.parts["joint"].fresh
    assert all(torch.equal(v, state[n]) for n, v in module.state_dict().items())


def test_accumulated_batches_are_enqueued_together_and_in_order():
    module = stage()
    sent = []
    for i in range(2):
        module.losses(clips(seed=i))
        sent.append(module.parts["joint"].fresh[-1])
    module.after_step()
    assert torch.equal(module.parts["joint"].queue.recent(16), torch.cat(sent))
    assert int(module.parts["joint"].queue.seen) == 16


@pytest.mark.parametrize("source", ["hallucinate", "mixup", "repeat", "none"])
def test_all_arms_see_the_same_views_and_contrast(source):
    losses = []
    for positives in (source, "hallucinate"):
        module = stage(positives=positives)
        losses.append([step(module, i) for i in range(3)])
    same = [a["moco"].item() == b["moco"].item() for a, b in zip(*losses, strict=True)]
    assert all(same[:2])  # the weights of all arms are equal up to here: no optimizer runs
    last = losses[0][-1]
    assert (last["positives"] == 0) == (source == "none")
    if source == "none":
        assert last["total"] == last["moco"]
    elif source != "hallucinate":
        assert last["kept"] == 1


def test_parts_add_up_in_three_modalities():
    module = stage(modalities=("joint", "motion", "bone"), mu=3.0, distill=0.5)
    for i in range(4):
        losses = step(module, i)
    assert losses["distill"] > 0 and losses["positives"] < 0
    total = losses["moco"] + 3 * losses["positives"] + 0.5 * losses["distill"]
    assert losses["total"].item() == pytest.approx(total.item(), rel=1e-6)
    assert len({float(p.prototypes.points.sum()) for p in module.parts.values()}) == 3
    assert all(p.grad is not None for part in module.parts.values() for p in part.query.parameters())


def test_features_are_ordered_by_joint_then_coordinate_then_person():
    module = stage()
    x = torch.arange(2.0 * 3 * 2 * 25 * 3).view(2, 3, 2, 25, 3)
    flat = sequence(x, "joint", module.layout)
    assert flat.shape == (2, 3, 150)
    for v, c, m in ((0, 0, 0), (0, 0, 1), (0, 1, 0), (24, 2, 1), (7, 1, 1)):
        assert torch.equal(flat[:, :, (v * 3 + c) * 2 + m], x[:, :, m, v, c])


def test_motion_and_bone_are_formed_from_the_view():
    module = stage()
    x = torch.randn(1, 4, 2, 25, 3)
    motion = sequence(x, "motion", module.layout).view(1, 4, 25, 3, 2)
    assert torch.allclose(motion[0, 1, :, :, 1], x[0, 2, 1] - x[0, 1, 1]) and (motion[0, -1] == 0).all()
    bone = sequence(x, "bone", module.layout).view(1, 4, 25, 3, 2)
    assert torch.allclose(bone[0, 2, 7, :, 0], x[0, 2, 0, 7] - x[0, 2, 0, 6])
    assert torch.allclose(bone[0, 2, 0, :, 0], x[0, 2, 0, 0] - x[0, 2, 0, 1])
    assert (bone[0, :, 20] == 0).all()


@pytest.mark.parametrize("spec", [Spec("coco17", 17, 1, 2), Spec("smpl22", 22, 3, 3)])
def test_any_layout_and_number_of_persons(spec):
    module = stage(spec)
    assert torch.isfinite(module.losses(clips(spec=spec))["total"])
    assert module.encode(clips(spec=spec)).pooled.shape == (8, 8)


def test_views_differ_and_clips_of_one_frame_are_fine():
    module = stage()
    a, b = module.views(clips())
    assert a.shape == (8, 8, 2, 25, 3) and not torch.equal(a, b)
    one = {"skeleton": torch.randn(2, 1, 2, 25, 3), "frames": torch.tensor([1, 1])}
    assert torch.isfinite(module.losses(one)["total"])


def test_a_crop_of_a_steady_movement_is_steady_away_from_its_ends():
    ramp = torch.arange(90.0)[None, :, None, None, None].expand(1, 90, 2, 25, 3)
    for size, length in ((64, 90), (16, 90), (64, 40)):
        view = crop_resize(ramp, torch.tensor([length]), size, (0.5, 1.0), 20)[0, :, 0, 0, 0]
        inner = view.diff()[2:-2]
        assert inner.min() > 0 and inner.max() - inner.min() < 1e-4


def test_padding_does_not_change_latents():
    module, batch = stage().eval(), clips()
    longer = {
        "skeleton": F.pad(batch["skeleton"], (0, 0, 0, 0, 0, 0, 0, 5)),
        "frames": batch["frames"],
    }
    assert torch.equal(module.encode(batch).pooled, module.encode(longer).pooled)


def test_latents_are_the_last_token_of_the_first_modality_or_the_mean_of_all():
    batch = clips()
    module = stage(modalities=("joint", "bone")).eval()
    latents = module.encode(batch)
    assert latents.tokens.shape == (8, 8, 8) and latents.mask.shape == (8, 8) and latents.mask.all()
    assert torch.equal(latents.pooled, latents.tokens[:, -1])
    both = stage(modalities=("joint", "bone"), encode_with="all").eval()
    alone = stage(modalities=("bone",)).eval()
    alone.parts["bone"].load_state_dict(module.parts["bone"].state_dict())
    both.load_state_dict(module.state_dict())
    assert torch.allclose(both.encode(batch).pooled, (latents.pooled + alone.encode(batch).pooled) / 2, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hardness": 1.2}, "hardness 1.2 is out of its range"),
        ({"prototypes": 20}, "20 prototypes of 16 keys"),
        ({"recent": 40}, "16 keys|40 keys of a queue of 32"),
        ({"skip": 4}, "skipping 4 of 4 prototypes"),
        ({"prototypes": 1}, "skipping 1 of 1 prototypes"),
        ({"pool": 0}, "pool: 0 is too small; give 1 or more"),
        ({"refresh": 0}, "refresh: 0 is too small"),
        ({"count": 0}, "count: 0 is too small"),
        ({"temperature": 0.0}, "temperature 0.0 is out of its range"),
        ({"momentum": 1.5}, "momentum 1.5"),
        ({"modalities": ()}, "nothing is no set of modalities"),
        ({"modalities": ("joint", "joint")}, "no set of modalities"),
        ({"modalities": ("joint", "bone"), "distill_top": 33}, "33 of 32 queue entries"),
    ],
)
def test_contradictions_are_named(changes, message):
    with pytest.raises(InputError, match=message):
        stage(**changes)


def test_data_without_a_skeleton_is_refused():
    with pytest.raises(InputError, match="no skeleton layout"):
        stage(Spec())
