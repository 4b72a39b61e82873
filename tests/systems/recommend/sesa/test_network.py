"""The towers: shapes, padding, what is kept of the catalog, the skill loss."""

import math
from dataclasses import replace

import pyarrow as pa
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from acteme.errors import InputError
from acteme.recordings.spec import Spec
from acteme.systems.recommend.sesa import NetworkConfig, Skills, SkillsConfig
from acteme.systems.recommend.sesa.network import Encoder, Network, objects, skill_loss, squash
from tests.systems.recommend.sesa.cases import NETWORK, corpus, everyone, stage_a

SPEC = Spec(classes=("a", "b", "c", "d"), items=3)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("pool", ["max", "mean", "last"])
def test_padding_changes_nothing(cell, pool):
    torch.manual_seed(0)
    network = Network(replace(NETWORK, cell=cell, pool=pool), SPEC).eval()
    ids = torch.randint(1, 50, (5, 7))
    ids[1, 3:], ids[4, 1:] = 0, 0
    for side in (0, 1):
        short, long = network.tell(side, ids), network.tell(side, torch.nn.functional.pad(ids, (0, 7)))
        assert short.vector.shape == (5, 4) and (short.vector >= 0).all() and (short.vector <= 1).all()
        assert (short.vector - long.vector).abs().max() < 1e-6
        alone = network.tell(side, ids[1:2, :3]).logits
        assert (short.logits[1:2] - alone).abs().max() < 1e-6, "nor do longer neighbors"
    assert not torch.allclose(network.tell(0, ids).logits, network.tell(1, ids).logits)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_both_directions_are_those_of_packed_sequences(cell):
    torch.manual_seed(0)
    config = replace(NETWORK, cell=cell)
    kind = torch.nn.GRU if cell == "gru" else torch.nn.LSTM
    whole = kind(config.embedding, config.width, batch_first=True, bidirectional=True)
    length, x = torch.tensor([5, 1, 3]), torch.randn(3, 6, config.embedding)
    states, last = whole(pack_padded_sequence(x, length, batch_first=True, enforce_sorted=False))
    states, _ = pad_packed_sequence(states, batch_first=True, total_length=6)
    last = last[0] if cell == "lstm" else last
    exists = torch.arange(6) < length[:, None]
    wanted = {
        "max": torch.stack([s[e].amax(0) for s, e in zip(states, exists, strict=True)]),
        "mean": torch.stack([s[e].mean(0) for s, e in zip(states, exists, strict=True)]),
        "last": torch.cat([last[0], last[1]], -1),
    }
    for pool, expected in wanted.items():
        encoder = Encoder(replace(config, pool=pool)).eval()
        for part, end in ((encoder.onward, ""), (encoder.back, "_reverse")):
            part.load_state_dict({name: getattr(whole, name + end) for name in part.state_dict()})
        assert (encoder(x, length) - expected).abs().max() < 1e-6, pool


def test_a_maximum_below_zero_is_not_that_of_the_padding():
    network = Network(replace(NETWORK, pool="max"), SPEC).eval()
    with torch.no_grad():
        for name, p in network.encoders[0].named_parameters():
            p.fill_(-5.0 if "bias_ih" in name else 0.0)
            if "bias_ih" in name:
                p[: 2 * NETWORK.width] = 0.0  # gates half open, candidates at -1
    found = network.encoders[0](network.embedding(torch.tensor([[2, 3, 0, 0]])), torch.tensor([2]))
    assert (found < -0.1).all()


def test_shared_parts_are_one():
    whole = Network(NETWORK, SPEC)
    one = Network(replace(NETWORK, shared=True, shared_projector=True), SPEC)
    count = [sum(p.numel() for p in n.parameters()) for n in (whole, one)]
    ids = torch.randint(1, 50, (2, 5))
    one.eval()
    assert count[1] < count[0] and torch.equal(one.tell(0, ids).logits, one.tell(1, ids).logits)


def test_what_makes_a_value_of_a_logit():
    x = torch.tensor([[-3.0, 0.0, 3.0]])
    assert squash(x, "identity").tolist() == [[-1.0, 0.0, 1.0]]
    assert squash(x, "relu").tolist() == [[0.0, 0.0, 3.0]]
    assert squash(x, "sigmoid")[0, 1] == 0.5 and squash(x, "softplus")[0, 1].item() == pytest.approx(math.log(2))


def test_the_skill_loss_at_zero_is_ten_logarithms_of_two():
    listed = (torch.rand(5, 30) > 0.7).float()
    listed[:, 0] = 1
    assert skill_loss(torch.zeros(5, 30), listed).item() == pytest.approx(10 * math.log(2), abs=1e-5)
    assert 10 * math.log(2) == pytest.approx(6.931, abs=1e-3)


def test_objects_without_skills_do_not_count():
    logits = torch.randn(4, 3)
    listed = torch.tensor([[1.0, 0, 0], [0, 0, 0], [1, 1, 0], [0, 0, 0]])
    assert torch.isclose(skill_loss(logits, listed), skill_loss(logits[[0, 2]], listed[[0, 2]]))
    none = skill_loss(logits.requires_grad_(), torch.zeros(4, 3))
    none.backward()
    assert none.item() == 0 and logits.grad.abs().max() == 0


def test_weights_of_listed_skills():
    logits, listed = torch.zeros(1, 2), torch.tensor([[1.0, 0.0]])
    assert skill_loss(logits, listed, torch.tensor([3.0, 7.0])).item() == pytest.approx(10 * math.log(2) * 2)
    weight = stage_a().network.weight
    assert weight[0].tolist() == [1.0, 1.0, 3.0], "jobs: 2, 2 and 1 of 4 ask for python, welding, nursing"
    assert torch.allclose(weight[1], torch.tensor([2 / 3, 3 / 2, 3 / 2])), "5 people list skills"


def test_the_catalog_is_kept_as_words_skills_and_groups():
    network = stage_a().network
    table = {n: w for w, n in network.vocabulary.table().items()}
    assert [table[n] for n in network.jobs[2].tolist() if n] == ["cares", "for", "patients", "at", "night"]
    assert network.asks(torch.tensor([4, 1])).tolist() == [[1, 1, 0], [1, 0, 0]]
    group = network.group.tolist()
    assert group[1] == group[3] and len(set(group)) == 3, "who has no group is a group"
    again = Network(NETWORK, corpus().spec)
    again.load_state_dict(network.state_dict())
    said = [n.eval().tell_profiles(["I weld robots"]).vector for n in (network, again)]
    assert torch.equal(*said) and again.vocabulary.table() == network.vocabulary.table()


def test_a_group_that_is_called_as_a_job_is_numbered_is_not_its():
    network = Network(NETWORK, SPEC)
    network.consult(pa.table({"item": list("123"), "text": list("xyz"), "group": ["2", "2", ""]}))
    other = Network(NETWORK, SPEC)
    other.consult(pa.table({"item": list("123"), "text": list("xyz"), "group": ["2", "1", ""]}))
    assert network.group[0] == network.group[1] != network.group[2]
    assert len(other.group.unique()) == 3


def test_training_begins_at_the_base_rates():
    network = stage_a().network
    rates = network.projectors[0].bias.sigmoid()
    assert torch.allclose(rates, torch.tensor([2.5, 2.5, 1.5]) / 5)
    one = Skills(SkillsConfig(replace(NETWORK, shared_projector=True)), corpus().spec)
    one.consult(corpus().catalog)
    one.calibrate([everyone()])
    both = torch.stack([p.bias for p in network.projectors]).mean(0)
    assert torch.allclose(one.network.projectors[0].bias, both)
    free = Skills(SkillsConfig(replace(NETWORK, squash="identity")), corpus().spec)
    free.consult(corpus().catalog)
    free.calibrate([everyone()])
    assert free.network.projectors[0].bias.abs().max() == 0


def test_the_vocabulary_is_of_training_texts_alone():
    data = corpus()
    made = Skills(SkillsConfig(NETWORK), data.spec)
    made.consult(data.catalog)
    batch = {name: value[:1] for name, value in everyone().items()}
    made.calibrate([batch])  # one person and one job
    table = made.network.vocabulary.table()
    assert "software" in table and "patients" not in table


def test_distinct_jobs_and_people_of_a_batch():
    batch = {"item": torch.tensor([[3], [0], [1], [3], [1]]), "index": torch.tensor([7, 9, 7, 2, 7])}
    found = objects(batch)
    assert found.jobs.tolist() == [1, 3] and found.job.tolist() == [1, -1, 0, 1, 0]
    assert batch["index"][found.people].tolist() == [2, 7, 9] and found.people.tolist() == [3, 0, 1]
    assert found.person.tolist() == [1, 2, 1, 0, 1]
    assert objects({"item": torch.zeros(2, 1, dtype=torch.int64), "index": torch.arange(2)}).jobs.shape == (0,)


@pytest.mark.parametrize(
    ("spec", "message"),
    [(Spec(items=3), "the data name no skills"), (Spec(classes=("a",)), "the data have no jobs")],
)
def test_data_without_concepts_or_jobs_are_refused(spec, message):
    with pytest.raises(InputError, match=message):
        Network(NETWORK, spec)


def test_catalogs_that_do_not_serve_are_refused():
    network = Network(NetworkConfig(vocabulary=4, length=3, listed=1), SPEC)
    with pytest.raises(InputError, match="its jobs have no texts"):
        network.consult(pa.table({"item": ["1", "2", "3"]}))
    with pytest.raises(InputError, match="job 2 of the catalog has 2 skills where there is room for 1"):
        network.consult(pa.table({"item": list("123"), "text": list("xyz"), "categories": [["a"], ["a", "b"], []]}))


def test_batches_without_texts_are_refused():
    batch = everyone()
    del batch["text"]
    with pytest.raises(InputError, match="batches bring no texts and skills; set captions=true and classes=true"):
        stage_a().losses(batch)
