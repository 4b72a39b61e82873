"""Models that run here: a tiny one with random weights, and the one that comes along."""

import gguf
import pytest
import torch

from acteme.engine.language import Local, Message, language_model
from acteme.engine.language.model import cut
from acteme.errors import InputError, MissingError
from acteme.nn.text import fresh_model

TEMPLATE = (
    "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}:{% endif %}"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A language model over bytes."""
    from transformers import LlamaConfig, LlamaForCausalLM

    place = fresh_model(tmp_path_factory.mktemp("language") / "model")
    words = {"vocab_size": 260, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    config = LlamaConfig(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
                         max_position_embeddings=96, **words)  # fmt: skip
    torch.manual_seed(5)
    LlamaForCausalLM(config).save_pretrained(place)
    return place


def test_prompts_side_by_side_are_answered_as_alone(folder):
    model = Local(str(folder))
    prompts = ["a", "some longer prompt", "öüß"]
    together = model.generate(prompts, max_tokens=6)
    assert together == [model.generate([p], max_tokens=6)[0] for p in prompts]
    assert len(set(together)) > 1 and model.generate([]) == []


def test_draws_follow_the_seed_and_leave_no_trace(folder):
    model = Local(str(folder))
    torch.manual_seed(0)
    before = torch.get_rng_state()
    a, b, c = (model.generate(["x"] * 3, max_tokens=12, temperature=1.0, seed=seed) for seed in (1, 1, 2))
    assert a == b != c and len(set(a)) > 1
    assert torch.equal(torch.get_rng_state(), before)
    assert model.generate(["x"], max_tokens=12) == model.generate(["x"], max_tokens=12, seed=9)


def test_the_model_sees_its_own_form_of_a_conversation(folder):
    model = Local(str(folder))
    talk = [Message("system", "s"), Message("user", "u")]
    assert model._text(talk) == "s\n\nu\n\n"
    model.tokenizer.chat_template = TEMPLATE
    assert model._text(talk) == "[system]s[user]u:" and model._text("u") == "[user]u:"


def test_an_answer_stops(folder):
    model = Local(str(folder))
    whole = model.generate(["hello"], max_tokens=20)[0]
    word = whole[5:7]
    assert model.generate(["hello"], max_tokens=20, stop=[word]) == [cut(whole, [word])]
    assert cut("one. two; three", [";", "."]) == "one"


def test_what_cannot_be(folder, tmp_path):
    model = Local(str(folder))
    with pytest.raises(InputError, match=r"a prompt of \d+ tokens and an answer of 90 exceed the 96 of model"):
        model.generate(["hello world"], max_tokens=90)
    with pytest.raises(InputError, match="prompt: is empty"):
        model.generate([" "])
    with pytest.raises(InputError, match="answers of 0 tokens"):
        model.generate(["a"], max_tokens=0)
    with pytest.raises(InputError, match="a temperature of -1"):
        model.generate(["a"], temperature=-1)
    with pytest.raises(InputError, match="does not exist; give a GGUF file"):
        language_model(str(tmp_path / "model.gguf"))
    with pytest.raises(InputError, match="cannot be loaded"):
        language_model(str(tmp_path))
    (tmp_path / "model.gguf").write_bytes(b"GGUF but broken")
    with pytest.raises(InputError, match="cannot be loaded"):
        language_model(str(tmp_path / "model.gguf"))
    with pytest.raises(InputError, match=r"neither a folder nor the name of a model; give one of those, or smollm2$"):
        language_model("/no/such/folder")


def test_the_model_that_comes_along_knows_something_and_its_file_is_read_once(monkeypatch, capsys):
    own, read = gguf.GGUFReader, []
    plain = own.__init__
    monkeypatch.setattr(own, "__init__", lambda self, *given: read.append(given) or plain(self, *given))
    model = language_model()
    assert model.name == "smollm2" and capsys.readouterr() == ("", ""), "nothing is said on the way"
    assert len(read) == 1 and gguf.GGUFReader is own, "what was lent is given back"
    (said,) = model.generate(["What is the capital of France? Answer with one word."], max_tokens=8)
    assert "Paris" in said


def test_a_missing_package_names_the_command(monkeypatch, tmp_path):
    from acteme.recordings import assets

    def missing(name):
        raise assets.PackageNotFoundError(name)

    monkeypatch.setattr(assets, "distribution", missing)
    monkeypatch.setenv("ACTEME_CACHE", str(tmp_path))
    with pytest.raises(MissingError, match="acteme data assets"):
        language_model()
