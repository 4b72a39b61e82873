from dataclasses import replace

import pytest
import torch

from acteme.errors import InputError
from acteme.recordings.spec import Spec
from acteme.systems.represent.halp import Classifier, ClassifyConfig, Pretrain, PretrainConfig
from acteme.systems.represent.halp.encoder import EncoderConfig

SPEC = Spec("ntu25", 25, 2, 3, ("a", "b", "c"))
ENCODER = EncoderConfig(hidden=4, layers=3)
TINY = PretrainConfig(encoder=ENCODER, dim=6, queue=32, prototypes=5, recent=16, distill_top=9)


def branch(prefix: str, mlp: bool, out: int = 6) -> dict[str, torch.Tensor]:
    """An encoder with its head by its official names, after the card: hidden 4, 3 layers."""
    state = {}
    for layer in range(3):
        for way in ("", "_reverse"):
            shapes = {"weight_ih": (12, 8 if layer else 150), "weight_hh": (12, 4), "bias_ih": (12,), "bias_hh": (12,)}
            state |= {f"encoder.gru.{kind}_l{layer}{way}": torch.randn(s) for kind, s in shapes.items()}
    state |= {f"input_norm.{n}": torch.rand(150) for n in ("weight", "bias", "running_mean", "running_var")}
    state["input_norm.num_batches_tracked"] = torch.tensor(7)
    if mlp:
        state |= {"fc.0.weight": torch.randn(8, 8), "fc.0.bias": torch.randn(8)}
    last = "fc.2" if mlp else "fc"
    state |= {f"{last}.weight": torch.randn(out, 8), f"{last}.bias": torch.randn(out)}
    return {f"{prefix}.{name}": value for name, value in state.items()}


def checkpoint(mlp: bool, suffixes: tuple[str, ...]) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    state = {}
    for suffix in suffixes:
        state |= branch(f"encoder_q{suffix}", mlp) | branch(f"encoder_k{suffix}", mlp)
        state[f"queue{suffix}"] = torch.randn(6, 32)
        state[f"queue_ptr{suffix}"] = torch.tensor([9])
        name = "prototypes" if len(suffixes) == 1 else f"prototypes_{ {'': 'j', '_motion': 'm', '_bone': 'b'}[suffix] }"
        state[name] = torch.randn(5, 6)
    return state


@pytest.mark.parametrize("mlp", [True, False])
@pytest.mark.parametrize("several", [True, False])
def test_every_tensor_of_a_pretraining_finds_its_place(mlp, several):
    suffixes = ("", "_motion", "_bone") if several else ("",)
    state = checkpoint(mlp, suffixes)
    modalities = ("joint", "motion", "bone")[: len(suffixes)]
    config = replace(TINY, head="mlp" if mlp else "linear", modalities=modalities)
    module = Pretrain(config, SPEC)
    module.load_state_dict(Pretrain.official_state_dict({"epoch": 451, "state_dict": state, "optimizer": {}}))
    for suffix, m in zip(suffixes, modalities, strict=True):
        part = module.parts[m]
        assert torch.equal(part.queue.keys, state[f"queue{suffix}"].T) and part.queue.pointer == 9
        gru = part.key.encoder.gru
        assert torch.equal(gru.weight_hh_l2_reverse, state[f"encoder_k{suffix}.encoder.gru.weight_hh_l2_reverse"])
        assert torch.equal(part.query.head[-1].weight, state[f"encoder_q{suffix}.fc{'.2' * mlp}.weight"])
        assert torch.equal(part.query.encoder.norm.running_var, state[f"encoder_q{suffix}.input_norm.running_var"])
        assert part.prototypes.ready
    assert torch.equal(
        module.parts[modalities[-1]].prototypes.points, state["prototypes_b" if several else "prototypes"]
    )
    assert module.due()


def test_a_checkpoint_of_plain_contrast_has_its_warm_up_before_it():
    state = checkpoint(True, ("",))
    state["prototypes"] = torch.zeros(5, 6)
    module = Pretrain(TINY, SPEC)
    module.load_state_dict(Pretrain.official_state_dict(state))
    assert not module.parts["joint"].prototypes.ready and not module.due()


@pytest.mark.parametrize("suffixes", [("",), ("", "_motion", "_bone")])
def test_published_baselines_have_no_prototypes_at_all(suffixes):
    # Plain momentum contrast and CMD: their modules lack the buffer.
    state = {n: v for n, v in checkpoint(True, suffixes).items() if not n.startswith("prototypes")}
    modalities = ("joint", "motion", "bone")[: len(suffixes)]
    module = Pretrain(replace(TINY, prototypes=20, recent=32, modalities=modalities), SPEC)
    module.load_state_dict(Pretrain.official_state_dict({"state_dict": state}))
    assert torch.equal(module.parts[modalities[-1]].queue.keys, state[f"queue{suffixes[-1]}"].T)
    assert not any(part.prototypes.ready or part.prototypes.points.any() for part in module.parts.values())
    assert not module.due()


def test_names_of_parallel_training_are_accepted():
    state = checkpoint(True, ("",))
    plain = Pretrain.official_state_dict(state)
    parallel = Pretrain.official_state_dict({f"module.{n}": v for n, v in state.items()})
    assert plain.keys() == parallel.keys()


def test_a_linear_probe_finds_its_place():
    torch.manual_seed(0)
    state = {}
    for suffix in ("", "_motion", "_bone"):
        state |= branch(f"encoder_q{suffix}", False, 3)
    module = Classifier(ClassifyConfig(encoder=ENCODER, modalities=("joint", "motion", "bone")), SPEC)
    module.load_state_dict(Classifier.official_state_dict({"state_dict": state, "best_acc1": 1.0}))
    assert torch.equal(module.linear["motion"].bias, state["encoder_q_motion.fc.bias"])
    assert torch.equal(module.encoders["bone"].gru.bias_ih_l1, state["encoder_q_bone.encoder.gru.bias_ih_l1"])


@pytest.mark.parametrize("mlp", [True, False])
@pytest.mark.parametrize("suffixes", [("",), ("", "_motion", "_bone")])
def test_a_probe_takes_the_query_encoders_of_a_pretraining_and_no_head(mlp, suffixes):
    state, modalities = checkpoint(mlp, suffixes), ("joint", "motion", "bone")[: len(suffixes)]
    source = Pretrain(replace(TINY, head="mlp" if mlp else "linear", modalities=modalities), SPEC)
    source.load_state_dict(Pretrain.official_state_dict(state))
    made = [Classifier(ClassifyConfig(encoder=ENCODER, modalities=modalities), SPEC) for _ in range(2)]
    before = made[1].linear["joint"].weight.clone()
    made[0].inherit({"pretrain": source})
    missing, unexpected = made[1].load_state_dict(Classifier.official_state_dict({"state_dict": state}), strict=False)
    assert not unexpected and set(missing) == {f"linear.{m}.{n}" for m in modalities for n in ("weight", "bias")}
    assert torch.equal(made[1].linear["joint"].weight, before)
    mine = made[1].encoders.state_dict()
    assert all(torch.equal(v, mine[n]) for n, v in made[0].encoders.state_dict().items())


def test_bare_encoders_are_taken_as_they_are():
    state = {n: v for n, v in branch("encoder_q", True).items() if ".fc." not in n}
    with_head = Classifier.official_state_dict(branch("encoder_q", True))
    assert set(with_head) == set(Classifier.official_state_dict(state)) and len(state) == len(with_head)
    assert all(name.startswith("encoders.joint.") for name in with_head)


def test_foreign_checkpoints_are_refused():
    with pytest.raises(InputError, match=r"'layer1.weight' is not a tensor of a HaLP checkpoint"):
        Pretrain.official_state_dict({"layer1.weight": torch.zeros(1)})
    with pytest.raises(InputError, match="no queue"):
        Pretrain.official_state_dict(branch("encoder_q", False))
    with pytest.raises(InputError, match="is not a tensor of a HaLP classifier"):
        Classifier.official_state_dict(branch("encoder_q", False) | {"layer1.weight": torch.zeros(1)})
