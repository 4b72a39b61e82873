from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from acteme.errors import InputError
from acteme.systems.represent.lac import EncoderConfig, Segmenter, SegmenterConfig
from acteme.systems.represent.lac.inputs import people
from tests.systems.represent.lac_cases import BODY, batch, unik_official
from tests.systems.represent.test_lac_contrast import made

TINY = SegmenterConfig(encoder=EncoderConfig(layout="body15", width=8, center="frame"))


def segmenter(**changes) -> Segmenter:
    torch.manual_seed(0)
    return Segmenter(replace(TINY, **changes), BODY)


@pytest.mark.parametrize("frames", [1, 3, 4, 10, 17])
def test_every_frame_has_the_score_of_its_step_of_four(frames):
    stage, data = segmenter().eval(), batch(2, frames)
    scores = stage.predict(data).scores
    assert scores.shape == (2, frames, 3) and not scores.requires_grad
    assert scores.min() >= 0 and scores.max() <= 1
    x = people(data, BODY, "y").positions
    steps = stage.encoder(stage.config.encoder.input(x), data["mask"]).sigmoid().detach()
    for t in range(frames):
        torch.testing.assert_close(scores[:, t], steps[:, t // 4])


def test_padding_counts_neither_in_the_loss_nor_in_the_scores():
    stage, data = segmenter().eval(), batch(2, 20)
    data["mask"][1, 11:] = False
    loss = stage.losses(data)["total"]
    scores = stage.predict(data).scores
    each = F.binary_cross_entropy(scores, data["frame_labels"], reduction="none")
    torch.testing.assert_close(loss, torch.cat([each[0], each[1, :11]]).mean(), atol=1e-3, rtol=1e-3)
    data["skeleton"][1, 11:] = 100.0
    data["frame_labels"][1, 11:] = 1 - data["frame_labels"][1, 11:]
    torch.testing.assert_close(stage.losses(data)["total"], loss)
    short = {n: v[1:, :11] if v.ndim > 1 else v[1:] for n, v in data.items()}
    torch.testing.assert_close(stage.predict(short).scores[0], scores[1, :11], atol=1e-5, rtol=1e-5)
    assert torch.equal(stage.predict(data).mask, data["mask"])


def test_it_starts_from_the_pretrained_encoder_but_for_the_last_layer():
    contrast, stage = made(), segmenter()
    last = stage.encoder.fc.weight.clone()
    stage.inherit({"contrast": contrast})
    ours, theirs = stage.encoder.state_dict(), contrast.encoder_q.state_dict()
    assert all(torch.equal(ours[n], theirs[n]) for n in theirs if not n.startswith("fc"))
    assert torch.equal(stage.encoder.fc.weight, last)
    data = batch(2, 16)
    torch.testing.assert_close(stage.eval().encode(data).tokens, contrast.eval().encode(data).tokens)


def test_a_random_start_ignores_what_came_before():
    stage = segmenter(pretrained=False)
    before = {n: v.clone() for n, v in stage.state_dict().items()}
    stage.inherit({"contrast": made()})
    stage.inherit({})
    assert all(torch.equal(before[n], v) for n, v in stage.state_dict().items())


def test_what_cannot_be_inherited_is_named():
    with pytest.raises(InputError, match=r"train the contrast stage first, or set segment\.pretrained=false"):
        segmenter().inherit({})
    with pytest.raises(InputError, match="another shape"):
        segmenter(encoder=replace(TINY.encoder, width=16)).inherit({"contrast": made()})
    with pytest.raises(InputError, match="no classes"):
        Segmenter(TINY, replace(BODY, classes=()))


def test_the_linear_protocol_trains_the_last_layer_only():
    stage, data = segmenter(frozen=True).train(), batch(3, 16)
    before = {n: v.clone() for n, v in stage.state_dict().items()}
    step = torch.optim.SGD([p for p in stage.parameters() if p.requires_grad], 0.1)
    stage.losses(data)["total"].backward()
    step.step()
    changed = {n for n, v in stage.state_dict().items() if not torch.equal(before[n], v)}
    assert changed == {"encoder.fc.weight", "encoder.fc.bias"}


def test_fine_tuning_trains_everything():
    stage = segmenter().train()
    stage.losses(batch(3, 16))["total"].backward()
    assert all(p.grad is not None for p in stage.parameters())


@pytest.mark.parametrize("prefix", ["model_action.", "module.model_action.", ""])
def test_official_weights_are_read(prefix):
    spec = replace(BODY, persons=2, classes=tuple(map(str, range(51))))
    stage = Segmenter(SegmenterConfig(encoder=EncoderConfig(persons=2)), spec)
    state = {f"{prefix}{n}": v.float() for n, v in unik_official(out=51).items()}
    stage.load_state_dict(Segmenter.official_state_dict(state))
    assert torch.equal(stage.encoder.fc.weight, state[f"{prefix}fc.weight"])
    with pytest.raises(InputError, match=r"'encoder_q\.fc\.weight' is not a tensor of UNIK"):
        Segmenter.official_state_dict({"encoder_q.fc.weight": torch.zeros(1)})


def test_it_learns_what_a_pose_means():
    torch.manual_seed(0)
    stage, data = segmenter().train(), batch(8, 16)
    height = data["skeleton"][:, :, 0, 0, 1] - data["skeleton"][:, :, 0, 8, 1]
    up = (height[:, ::4].repeat_interleave(4, 1) > height.median()).float()
    data["frame_labels"] = torch.stack([up, 1 - up, torch.zeros_like(up)], -1)
    step = torch.optim.AdamW(stage.parameters(), 5e-3)
    for _ in range(40):
        step.zero_grad()
        stage.losses(data)["total"].backward()
        step.step()
    right = (stage.eval().predict(data).scores[..., 0] > 0.5) == (up > 0.5)
    assert right.float().mean() > 0.85
