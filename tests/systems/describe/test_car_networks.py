"""Encoders and decoder against the numbers of the official modules, and what they must not see."""

import pytest
import torch

from acteme.errors import InputError
from acteme.systems.describe.car.networks import Network, Ragged, SequenceDecoder, SequenceEncoder, positions
from acteme.systems.describe.car.official import ours
from tests.systems.describe.car_cases import official_state

SMALL = Network(width=16, hidden=32, layers=2, heads=2)


@pytest.fixture(scope="module")
def official() -> dict[str, torch.Tensor]:
    return ours(official_state(), False)


def part(state: dict[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    return {n.removeprefix(name + "."): v for n, v in state.items() if n.startswith(name + ".")}


@pytest.fixture(scope="module")
def motion() -> tuple[torch.Tensor, torch.Tensor]:
    t, c = torch.arange(20.0)[:, None], torch.arange(263.0)
    return torch.sin(0.1 * t + 0.3 * c)[None], (torch.arange(20) < 12)[None]


def test_parameters_are_as_many_as_the_official_ones():
    count = {n: sum(p.numel() for p in m.parameters())
             for n, m in (("motion", SequenceEncoder(263, Network())), ("text", SequenceEncoder(768, Network())),
                          ("decoder", SequenceDecoder(263, Network())))}  # fmt: skip
    unused = 6 * 2 * (256 * 256 + 256)  # queries and keys of the attention to one vector
    assert count == {"motion": 4_806_656, "text": 4_935_936, "decoder": 6_388_231 - unused}


def test_the_encoder_gives_the_reference_numbers(official, motion):
    encoder = SequenceEncoder(263, Network()).eval()
    encoder.load_state_dict(part(official, "motion_encoder"))
    with torch.no_grad():
        mean, log, tokens = encoder(*motion)
    torch.testing.assert_close(mean[0, :3], torch.tensor([0.6401728, -1.5441927, 0.0675003]), atol=1e-5, rtol=0)
    torch.testing.assert_close(log[0, :3], torch.tensor([0.8187311, -1.6961803, 0.1218587]), atol=1e-5, rtol=0)
    assert torch.cat([mean, log]).abs().mean().item() == pytest.approx(0.7883156, abs=1e-6)
    assert tokens.shape == (1, 20, 256)
    x, mask = motion
    with torch.no_grad():
        torch.testing.assert_close(encoder(x[:, :12], mask[:, :12])[0], mean, atol=1e-5, rtol=0)


def test_the_decoder_gives_the_reference_numbers(official, motion):
    decoder = SequenceDecoder(263, Network()).eval()
    decoder.load_state_dict(part(official, "decoder"))
    with torch.no_grad():
        made = decoder(torch.arange(256.0).cos()[None], motion[1])
    torch.testing.assert_close(made[0, 0, :3], torch.tensor([-0.7368335, -0.4774827, -0.2633480]), atol=1e-5, rtol=0)
    torch.testing.assert_close(made[0, 11, :2], torch.tensor([-0.7547698, -0.5210248]), atol=1e-5, rtol=0)
    assert not made[0, 12:].any() and made.mean().item() == pytest.approx(0.0012952, abs=1e-6)


def test_padding_has_no_influence_and_no_gradient():
    torch.manual_seed(0)
    encoder = SequenceEncoder(5, SMALL).eval()
    x, mask = torch.randn(3, 9, 5, requires_grad=True), torch.arange(9) < torch.tensor([[9], [4], [1]])
    mean, log, _ = encoder(x, mask)
    (mean.sum() + log.sum()).backward()
    assert not x.grad[~mask].any() and x.grad[mask].any()
    changed = torch.where(mask[..., None], x.detach(), 7.0)
    torch.testing.assert_close(encoder(changed, mask)[0], mean)


def test_order_matters_and_the_tokens_stand_first():
    torch.manual_seed(0)
    encoder = SequenceEncoder(5, SMALL).eval()
    x, mask = torch.randn(1, 6, 5), torch.ones(1, 6, dtype=torch.bool)
    assert (encoder(x, mask)[0] - encoder(x.flip(1), mask)[0]).abs().max() > 1e-2
    table = positions(4, 6)
    assert table[0].tolist() == [0, 1, 0, 1, 0, 1]
    torch.testing.assert_close(table[3, 2:4], torch.tensor([3 / 10000 ** (1 / 3)]).repeat(2).sin().where(
        torch.tensor([True, False]), torch.tensor(3 / 10000 ** (1 / 3)).cos()))  # fmt: skip


def test_dropout_of_the_look_at_one_vector_is_that_of_attention():
    torch.manual_seed(0)
    decoder = SequenceDecoder(3, Network(width=16, hidden=32, layers=1, heads=2, dropout=0.5)).train()
    glance = decoder.blocks[0].glance
    with torch.no_grad():
        z = torch.randn(1, 16)
        seen = torch.stack([glance(z, Ragged(torch.ones(1, 50).bool())) for _ in range(200)])
        glance.eval()
        torch.testing.assert_close(seen.mean((0, 1)), glance(z, Ragged(torch.ones(1, 1).bool()))[0], atol=0.05, rtol=0)
        assert len(seen.view(-1, 16).unique(dim=0)) == 4, "each of the two heads sees the value, doubled, or nothing"


def test_positions_that_do_not_exist_are_not_computed():
    mask = torch.tensor([[True, True, False], [True, False, False], [True, True, True]])
    ragged, x = Ragged(mask), torch.randn(3, 3, 4)
    rows = ragged.rows(x)
    assert rows.shape == (6, 4) and torch.equal(ragged.sequences(rows), x * mask[..., None])
    z = torch.randn(3, 2)
    assert torch.equal(ragged.sequences(ragged.each(z))[mask], z[:, None].expand(-1, 3, -1)[mask])
    assert torch.equal(ragged.heads(rows, 1).view(3, 4)[ragged.rank], x[:, 0])


@pytest.mark.parametrize("counts", [[7, 7, 7], [9, 8, 7, 7, 3, 2, 1, 1], [1], [5, 5, 4, 0]])
def test_groups_hold_every_sequence_once_and_little_padding(counts):
    mask = torch.arange(max(counts)) < torch.tensor(counts)[:, None]
    groups, rows = Ragged(mask).groups, torch.randn(sum(counts), 3)
    there = sum(c > 0 for c in counts)
    assert [g.sequences.stop for g in groups] == [g.sequences.start for g in groups[1:]] + [there]
    assert torch.equal(torch.cat([g.packed(g.padded(rows)) for g in groups]), rows)
    for g in groups:
        own = counts[g.sequences]
        assert g.shape == (len(own), own[0]) and own[-1] >= 0.75 * own[0]
        assert (g.at is None) == (g.attended is None) == (len(set(own)) == 1), "without padding there is no mask"
    together = [own for g in groups if (own := counts[g.sequences]) and len(own) > 1]
    assert together or len(counts) == 1, "one length, or nearly one, is taken at a time"


def test_a_batch_in_any_order_gives_what_each_sequence_alone_gives():
    torch.manual_seed(0)
    encoder, decoder = SequenceEncoder(5, SMALL).eval(), SequenceDecoder(5, SMALL).eval()
    counts = [3, 9, 8, 1, 9, 4]
    x, mask = torch.randn(6, 9, 5), torch.arange(9) < torch.tensor(counts)[:, None]
    mean, log, tokens = encoder(x, mask)
    made = decoder(mean, mask)
    for i, n in enumerate(counts):
        whole = torch.ones(1, n, dtype=torch.bool)
        own = encoder(x[i : i + 1, :n], whole)
        for one, all_ in ((own[0][0], mean[i]), (own[1][0], log[i]), (own[2][0], tokens[i, :n])):
            torch.testing.assert_close(one, all_)
        torch.testing.assert_close(decoder(own[0], whole)[0], made[i, :n])
        assert not tokens[i, n:].any() and not made[i, n:].any()


def test_the_last_block_computes_the_tokens_as_if_it_computed_all():
    torch.manual_seed(0)
    encoder = SequenceEncoder(5, SMALL).eval()
    mask = torch.arange(6) < torch.tensor([[4], [6]])
    ragged, rows = Ragged(mask), torch.randn(10, 16)
    block = encoder.blocks[-1]
    torch.testing.assert_close(block(rows, ragged, first=2), ragged.heads(block(rows, ragged), 2))


def test_one_frame_is_enough():
    decoder, mask = SequenceDecoder(3, SMALL), torch.ones(2, 1, dtype=torch.bool)
    assert decoder(torch.randn(2, 16), mask).shape == (2, 1, 3)
    assert SequenceEncoder(3, SMALL)(torch.randn(2, 1, 3), mask)[0].shape == (2, 16)


@pytest.mark.parametrize("size", [{"width": 6, "heads": 4}, {"layers": 0}, {"heads": 0}])
def test_sizes_that_do_not_fit(size):
    with pytest.raises(InputError, match="heads cannot share a width"):
        Network(**size)
