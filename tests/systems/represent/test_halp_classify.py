from dataclasses import replace

import pytest
import torch

from acteme.errors import InputError
from acteme.recordings.skeleton.sample import center_resize
from acteme.recordings.spec import Spec
from acteme.systems.represent.halp import Classifier, ClassifyConfig, Pretrain, PretrainConfig
from acteme.systems.represent.halp.encoder import EncoderConfig, sequence

SPEC = Spec("ntu25", 25, 2, 3, ("wave", "kick", "sit"))
ENCODER = EncoderConfig(hidden=4, layers=1)
TINY = ClassifyConfig(encoder=ENCODER, size=8, shortest=4)
PRETRAIN = PretrainConfig(encoder=ENCODER, dim=8, queue=32, prototypes=4, recent=16, distill_top=9)


def probe(**changes) -> Classifier:
    torch.manual_seed(0)
    return Classifier(replace(TINY, **changes), SPEC).train()


def clips(n: int = 6, frames: int = 20) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    return {
        "skeleton": torch.randn(n, frames, 2, 25, 3, generator=g),
        "frames": torch.full((n,), frames),
        "label": torch.arange(n) % 3,
    }


def test_the_linear_layer_starts_small_with_no_bias():
    torch.manual_seed(0)
    module = Classifier(replace(TINY, encoder=EncoderConfig(hidden=256, layers=1)), SPEC)
    linear = module.linear["joint"]
    assert linear.weight.std().item() == pytest.approx(0.01, rel=0.1) and linear.weight.mean().abs() < 1e-3
    assert (linear.bias == 0).all()


def test_a_probe_trains_the_linear_layer_only_and_leaves_batch_statistics():
    module = probe()
    before = {n: v.clone() for n, v in module.encoders.state_dict().items()}
    module.losses(clips())["total"].backward()
    assert [n for n, p in module.named_parameters() if p.requires_grad] == ["linear.joint.weight", "linear.joint.bias"]
    assert all(p.grad is None for p in module.encoders.parameters())
    assert not module.encoders.training and module.linear.training
    assert all(torch.equal(v, before[n]) for n, v in module.encoders.state_dict().items())


def test_fine_tuning_trains_everything():
    module = probe(frozen=False)
    module.losses(clips())["total"].backward()
    assert module.encoders.training and module.encoders["joint"].norm.num_batches_tracked == 1
    assert all(p.grad is not None for p in module.parameters())


def test_encoders_that_a_protocol_sets_free_are_tuned_with_their_batch_statistics():
    # Fine-tuning by a protocol makes the encoders of a frozen probe trainable.
    module = probe().requires_grad_(True).train()
    module.encode(clips()).pooled.sum().backward()
    encoder = module.encoders["joint"]
    assert encoder.training and encoder.norm.num_batches_tracked == 1
    assert all(p.grad is not None for p in encoder.parameters())


def test_a_probe_learns_separable_clips():
    module, batch = probe(), clips(30)
    batch["skeleton"] = batch["skeleton"] * 0.1 + (batch["label"].float() - 1)[:, None, None, None, None]
    optimizer = torch.optim.Adam((p for p in module.parameters() if p.requires_grad), 0.1)
    for _ in range(60):
        optimizer.zero_grad()
        module.losses(batch)["total"].backward()
        optimizer.step()
    assert (module.eval().predict(batch).scores.argmax(1) == batch["label"]).all()


def test_it_inherits_the_query_encoders_with_their_statistics():
    torch.manual_seed(1)
    source = Pretrain(replace(PRETRAIN, modalities=("joint", "bone")), SPEC).train()
    source.losses(clips())["total"].backward()
    source.after_step()
    with torch.no_grad():
        source.parts["bone"].query.encoder.norm.weight += 1
    module = probe(modalities=("bone",))
    module.inherit({"pretrain": source})
    theirs = source.parts["bone"].query.encoder.state_dict()
    ours = module.encoders["bone"].state_dict()
    assert theirs.keys() == ours.keys() and all(torch.equal(v, theirs[n]) for n, v in ours.items())
    assert ours["norm.num_batches_tracked"] == 1
    theirs["norm.weight"] += 1
    assert not torch.equal(module.encoders["bone"].norm.weight, theirs["norm.weight"])


def test_without_pretraining_it_keeps_its_own_weights():
    module = probe()
    before = module.encoders["joint"].norm.weight.clone()
    module.inherit({})
    assert torch.equal(module.encoders["joint"].norm.weight, before)


def test_what_does_not_fit_the_pretraining_is_named():
    source = Pretrain(PRETRAIN, SPEC)
    with pytest.raises(InputError, match=r"classify.encoder: differs from pretrain.encoder"):
        probe(encoder=EncoderConfig(hidden=5, layers=1)).inherit({"pretrain": source})
    with pytest.raises(InputError, match="'bone' was not pre-trained"):
        probe(modalities=("bone",)).inherit({"pretrain": source})


def test_evaluation_shows_the_middle_and_training_a_random_crop():
    module, batch = probe(size=64), clips(frames=60)
    torch.manual_seed(0)
    assert not torch.equal(module.logits(batch), module.logits(batch))
    module.eval()
    scores = module.predict(batch).scores
    assert torch.equal(scores, module.predict(batch).scores)
    assert torch.allclose(scores.sum(1), torch.ones(6))
    # int(.05 * 60 / 2) = 1 frame is dropped at each end, and only those.
    changed = dict(batch, skeleton=batch["skeleton"].clone())
    changed["skeleton"][:, [0, -1]] += 9
    assert torch.equal(module.predict(changed).scores, scores)
    changed["skeleton"][:, -2] += 9
    assert not torch.equal(module.predict(changed).scores, scores)
    x = center_resize(batch["skeleton"], batch["frames"], 64)
    latent = module.encoders["joint"](sequence(x, "joint", module.layout))[1]
    assert torch.equal(module.encode(batch).pooled, latent)
    assert torch.allclose(module.linear["joint"](latent).softmax(1), scores)


def test_logits_of_several_modalities_are_averaged():
    batch, both = clips(), probe(modalities=("joint", "motion")).eval()
    one = {m: probe(modalities=(m,)).eval() for m in ("joint", "motion")}
    for m, module in one.items():
        module.encoders[m].load_state_dict(both.encoders[m].state_dict())
        module.linear[m].load_state_dict(both.linear[m].state_dict())
    mean = (one["joint"].logits(batch) + one["motion"].logits(batch)) / 2
    assert torch.allclose(both.logits(batch), mean, atol=1e-6)


def test_clips_without_a_label_do_not_count():
    module, batch = probe().eval(), clips()
    part = {n: v[:3] for n, v in batch.items()}
    batch["label"][3:] = -1
    assert torch.allclose(module.losses(batch)["total"], module.losses(part)["total"])
    batch["label"][:] = -1
    nothing = module.losses(batch)
    assert nothing["total"] == 0 and nothing["accuracy"] == 0


def test_data_without_classes_is_refused():
    with pytest.raises(InputError, match="names no classes"):
        Classifier(TINY, Spec("ntu25", 25, 2, 3))


def test_one_class_gives_certainty():
    module = Classifier(TINY, Spec("ntu25", 25, 2, 3, ("only",))).eval()
    assert (module.predict(clips()).scores == 1).all()
