from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from acteme.errors import InputError
from acteme.recordings.windows import Windows
from acteme.systems.represent.lac import (
    Augmentation,
    Contrast,
    ContrastConfig,
    EncoderConfig,
    Generator,
    GeneratorConfig,
    motion,
)  # fmt: skip
from acteme.systems.represent.lac.contrast import frame_logits, pool
from tests.systems.represent.lac_cases import BODY, batch, unik_official

TINY = replace(
    ContrastConfig(),
    encoder=EncoderConfig(layout="body15", width=8, center="frame"),
    queue=12, dim=16, motion=24, static=8, windows=Windows(frames=16, stride=8),
)  # fmt: skip


def made(config: ContrastConfig = TINY, spec=BODY) -> Contrast:
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig(motion=24, static=8, up="y"), spec)
    contrast = Contrast(config, spec)
    contrast.inherit({"generator": generator})
    return contrast


def test_reference_number_of_the_frame_logit():
    q, k = torch.tensor([[3.0, 1, 0], [4, 0, 2]]).T[None], torch.tensor([[1.0, 1, 1], [0, 1, 1]]).T[None]
    q, k = F.normalize(q, dim=-1), F.normalize(k, dim=-1)  # frame by frame, as the official container does
    logit = frame_logits(q, k, torch.zeros(0, 3, 2), total=True) / 0.07
    assert logit.item() == pytest.approx(28.7744795, abs=1e-5)


def test_frame_logits_are_a_loop_over_frames():
    q, k, keys = torch.randn(3, 5, 4), torch.randn(3, 5, 4), torch.randn(6, 5, 4)
    logits = frame_logits(q, k, keys)
    for i in range(3):
        for j, other in enumerate([k[i], *keys]):
            wanted = sum(float(q[i, t] @ other[t]) for t in range(5)) / 5
            assert logits[i, j].item() == pytest.approx(wanted, abs=1e-5)
    torch.testing.assert_close(frame_logits(q, k, keys, total=True), 5 * logits)
    torch.testing.assert_close(
        frame_logits(q, k, keys[:, 0]), frame_logits(q, k, keys[:, :1].expand(-1, 5, -1)), atol=1e-5, rtol=1e-5
    )


def test_order_matters_in_frame_space_only():
    q, k = F.normalize(torch.randn(3, 5, 4), dim=-1), F.normalize(torch.randn(3, 5, 4), dim=-1)
    shuffled = k[:, [4, 2, 0, 1, 3]]
    none = torch.zeros(0, 5, 4)
    assert (frame_logits(q, k, none) - frame_logits(q, shuffled, none)).abs().max() > 1e-3
    torch.testing.assert_close((pool(q) * pool(k)).sum(1), (pool(q) * pool(shuffled)).sum(1))


def test_losses_are_cross_entropies_against_the_queue():
    contrast = made()
    q, k = F.normalize(torch.randn(3, 4, 16), dim=-1), F.normalize(torch.randn(3, 4, 16), dim=-1)
    losses = contrast.compare(q, k)
    keys = contrast.queue.keys.float()
    frame = torch.cat([(q * k).sum((1, 2))[:, None], torch.einsum("btd,ktd->bk", q, keys)], 1) / 4 / 0.07
    torch.testing.assert_close(losses["frame"], -frame.log_softmax(1)[:, 0].mean())
    video = torch.cat([(pool(q) * pool(k)).sum(1, keepdim=True), pool(q) @ pool(keys).T], 1) / 0.07
    torch.testing.assert_close(losses["video"], -video.log_softmax(1)[:, 0].mean())
    torch.testing.assert_close(losses["total"], losses["frame"] + losses["video"])
    contrast.config = replace(TINY, frame_logit="sum", video=0.0)
    official = contrast.compare(q, k)
    torch.testing.assert_close(official["total"], -(4 * frame).log_softmax(1)[:, 0].mean())


def test_only_the_query_encoder_learns():
    contrast, data = made(), batch(6, 16)
    contrast.train()
    losses = contrast.losses(data)
    kept = contrast.queue.keys.clone()
    losses["total"].backward()
    assert torch.equal(contrast.queue.keys, kept)
    assert all(p.grad is None and not p.requires_grad for p in contrast.encoder_k.parameters())
    assert all(p.grad is None and not p.requires_grad for p in contrast.generator.parameters())
    assert all(p.grad is not None for p in contrast.encoder_q.parameters())


def test_the_key_encoder_follows_and_the_queue_fills():
    contrast, data = made(replace(TINY, momentum=0.9)), batch(6, 16)
    contrast.train()
    name = "blocks.3.temporal.conv.weight"
    before = contrast.encoder_k.state_dict()[name].clone()
    assert torch.equal(before, contrast.encoder_q.state_dict()[name])
    with torch.no_grad():
        for p in contrast.encoder_q.parameters():
            p += 1
    contrast.losses(data)
    assert torch.equal(contrast.encoder_k.state_dict()[name], before)
    contrast.after_step()
    torch.testing.assert_close(contrast.encoder_k.state_dict()[name], before + 0.1)
    assert int(contrast.queue.pointer) == 6 and int(contrast.queue.seen) == 6
    torch.testing.assert_close(contrast.queue.keys[:6].float().norm(dim=-1), torch.ones(6, 4), atol=2e-3, rtol=0)
    contrast.eval().losses(data)
    assert int(contrast.queue.seen) == 6


def test_the_queue_can_hold_means():
    contrast = made(replace(TINY, store="pooled")).train()
    assert contrast.queue.keys.shape == (12, 16) and contrast.queue.keys.dtype == torch.float16
    contrast.losses(batch(6, 16))["total"].backward()
    torch.testing.assert_close(contrast.queue.keys[:6].float().norm(dim=-1), torch.ones(6), atol=2e-3, rtol=0)


def test_composition_takes_body_and_place_of_the_motion_and_a_partner_from_another_clip():
    contrast, data = made().train(), batch(5, 16)
    assert contrast.generator.training is False
    raw = Contrast(replace(TINY, compose=False), BODY).motions(data)[0]
    torch.manual_seed(7)
    mixed = contrast.motions(data)[0]
    net, p = contrast.generator, raw[:, 0]
    start = p[:, :1, [motion.MID_HIP]]
    candidates = torch.stack([net.compose_positions(p, p.roll(s, 0)) + start for s in range(5)])
    error = (candidates - mixed[:, 0]).abs().amax((2, 3, 4))
    assert (error[1:].min(0).values < 1e-5).all() and (error[0] > 1e-4).all()
    alone = made(replace(TINY, partner="self")).motions(data)[0]
    torch.testing.assert_close(alone[:, 0], candidates[0])


def test_who_is_not_seen_throughout_is_left_as_is():
    spec = replace(BODY, persons=2)
    contrast, data = made(TINY, spec), batch(4, 16, persons=2)
    data["skeleton"][0, 4, 1] = 0
    data["skeleton"][1, :, 1] = 0
    raw = Contrast(replace(TINY, compose=False), spec).motions(data)[0]
    mixed = contrast.motions(data)[0]
    assert torch.equal(mixed[:2, 1], raw[:2, 1])
    assert (mixed[:2, 0] - raw[:2, 0]).abs().max() > 1e-3
    data["skeleton"].zero_()
    assert contrast.motions(data)[0].abs().max() == 0


def test_short_clips_hold_their_last_frame():
    data = batch(3, 16)
    data["mask"][1, 10:] = False
    x = Contrast(replace(TINY, compose=False), BODY).motions(data)[0]
    assert torch.equal(x[1, 0, 10:], x[1, 0, 9:10].expand(6, -1, -1))


def test_both_views_are_of_one_composition_unless_cameras_turn():
    contrast, data = made(), batch(3, 16)
    x, y = contrast.motions(data)
    assert x is y
    config = replace(TINY, compose=False, turn=90.0)
    x, y = Contrast(config, BODY).motions(data)
    down = motion.upright(data["skeleton"], "y")[..., 2].transpose(1, 2)
    torch.testing.assert_close(x[..., 1], -down)  # heights stay, the horizontal changes
    torch.testing.assert_close(y[..., 1], -down)
    assert (x[..., 0] - y[..., 0]).flatten(1).abs().amax(1).min() > 1e-2
    x, y = made(replace(TINY, turn=90.0)).motions(data)
    assert (x - y).abs().max() > 1e-2


def test_augmentation_is_one_linear_map_per_clip_and_leaves_absent_persons_out():
    torch.manual_seed(0)
    x = torch.randn(3, 6, 2, 15, 2)
    x[1, :, 1] = 0
    y = Augmentation(shear=0.5, scale=0.2, rotate=20.0)(x)
    for i in range(3):
        a = torch.linalg.lstsq(x[i].reshape(-1, 2), y[i].reshape(-1, 2)).solution
        torch.testing.assert_close(x[i] @ a, y[i], atol=1e-5, rtol=1e-5)
        assert (a - torch.eye(2)).abs().max() > 1e-3
    noisy = Augmentation(shear=0.0, noise=0.1, drop=0.3)(x)
    assert noisy[1, :, 1].abs().max() == 0
    gone = (noisy == 0).all(-1)
    assert torch.equal(gone.any(1), gone.all(1)) and 0.1 < gone[0].float().mean() < 0.6
    assert torch.equal(Augmentation(shear=0.0)(x), x)


def test_the_encoding_is_the_query_encoders():
    contrast, data = made().eval(), batch(2, 18)
    data["mask"][1, 9:] = False
    latents = contrast.encode(data)
    assert latents.tokens.shape == (2, 5, 32) and latents.mask.tolist() == [[True] * 5, [True] * 3 + [False] * 2]
    torch.testing.assert_close(latents.pooled[1], latents.tokens[1, :3].mean(0))


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="windows of one length"):
        Contrast(replace(TINY, windows=Windows(frames=None)), BODY)
    with pytest.raises(InputError, match="composed motions are 2D"):
        Contrast(replace(TINY, encoder=replace(TINY.encoder, channels=3)), BODY)
    with pytest.raises(InputError, match="2D data cannot be turned"):
        Contrast(replace(TINY, turn=10.0), replace(BODY, channels=2))
    with pytest.raises(InputError, match="train the generator stage first"):
        Contrast(TINY, BODY).inherit({})
    with pytest.raises(InputError, match="other numbers of directions"):
        Contrast(TINY, BODY).inherit({"generator": Generator(GeneratorConfig(), BODY)})
    with pytest.raises(InputError, match="clips of 20 frames where the queue holds windows of 16"):
        made().losses(batch(2, 20))
    plain = Contrast(replace(TINY, compose=False, encoder=replace(TINY.encoder, channels=3)), BODY)
    plain.inherit({})
    assert torch.isfinite(plain.losses(batch(4, 16))["total"])


def test_a_hidden_layer_on_request():
    assert len(Contrast(replace(TINY, mlp=True), BODY).encoder_q.fc) == 3


def test_the_official_container_is_read():
    config = replace(ContrastConfig(), compose=False, queue=8, encoder=EncoderConfig(persons=2))
    plain = {n: v.float() for n, v in unik_official().items()}
    state = {f"module.encoder_{w}.{n}": v for w in "qk" for n, v in plain.items()}
    state |= {"module.CoM.mot_encoder.v": torch.eye(160), "module.queue": torch.randn(128, 8, 30)}
    state["module.queue_ptr"] = torch.tensor([4])
    contrast = Contrast(config, replace(BODY, persons=2))
    contrast.load_state_dict(Contrast.official_state_dict(state))
    torch.testing.assert_close(contrast.queue.keys[3, 7].float(), state["module.queue"][:, 3, 7], atol=2e-3, rtol=2e-3)
    assert int(contrast.queue.pointer) == 4
    assert torch.equal(contrast.encoder_k.fc.weight, plain["fc.weight"])
    assert Contrast.official_state_dict({"state_dict": state, "epoch": 1}).keys() == contrast.state_dict().keys()
    with pytest.raises(InputError, match="hold no queue; give a state of the released MoCo"):
        Contrast.official_state_dict(plain)
    with pytest.raises(InputError, match="hold no UNIK"):
        Contrast.official_state_dict({n: v for n, v in state.items() if "encoder_k" not in n})


def test_the_official_container_with_a_hidden_layer_is_read():
    config = replace(ContrastConfig(), compose=False, queue=8, mlp=True, encoder=EncoderConfig(persons=2))
    plain = {n: v.float() for n, v in unik_official().items() if not n.startswith("fc.")}
    plain |= {"fc.0.weight": torch.randn(256, 256), "fc.0.bias": torch.randn(256)}
    plain |= {"fc.2.weight": torch.randn(128, 256), "fc.2.bias": torch.randn(128)}
    state = {f"encoder_{w}.{n}": v for w in "qk" for n, v in plain.items()}
    state |= {"queue": torch.randn(128, 8, 30), "queue_ptr": torch.tensor([0])}
    contrast = Contrast(config, replace(BODY, persons=2))
    contrast.load_state_dict(Contrast.official_state_dict(state))
    assert torch.equal(contrast.encoder_q.fc[2].weight, plain["fc.2.weight"])
