"""Where models come from, and what is said where they do not."""

import json

import pytest

from acteme.errors import InputError, MissingError
from acteme.nn.text import Text, TextEncoder
from acteme.nn.text.pretrained import pretrained


@pytest.fixture
def offline(monkeypatch):
    import huggingface_hub

    def refuse(self, name, timeout):
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", refuse)


def test_a_model_of_the_hub_offline(offline):
    with pytest.raises(MissingError) as caught:
        TextEncoder(Text("someone/some-model-of-nobody"))
    assert str(caught.value) == (
        "model 'someone/some-model-of-nobody' is not on this machine and the hub cannot be reached; "
        "give a folder, or go online once"
    )


def test_short_names_are_asked_for_by_their_long_ones(offline):
    asked = []

    def load(place, local):
        asked.append((place, local))
        if not local or place == "openai/clip-vit-base-patch32":
            return "model"
        raise OSError("not here")

    assert pretrained("clip", load) == "model" and asked == [("openai/clip-vit-base-patch32", True)]
    with pytest.raises(MissingError, match="'distilbert'"):
        pretrained("distilbert", load)
    assert asked[1] == ("distilbert/distilbert-base-uncased", True)


def test_a_model_that_the_hub_refuses(monkeypatch):
    import huggingface_hub
    from huggingface_hub.errors import RepositoryNotFoundError

    def refuse(self, name, timeout):
        raise RepositoryNotFoundError.__new__(RepositoryNotFoundError)

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", refuse)
    with pytest.raises(InputError, match="is not a folder, and the hub does not give it"):
        TextEncoder(Text("someone/some-model-of-nobody"))


def test_what_the_hub_has_is_fetched(monkeypatch):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda self, name, timeout: None)

    def load(place, local):
        if local:
            raise OSError("not here")
        return place

    assert pretrained("a/b", load) == "a/b"


@pytest.mark.parametrize("name", ["/no/such/folder", "a/b/c", "two words", ""])
def test_names_of_nothing(name):
    with pytest.raises(InputError, match="neither a folder nor the name of a model; give one of those, or minilm, cl"):
        pretrained(name if name else "./a b", lambda place, local: None)


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(InputError, match=r"cannot be loaded .*; give config.json, weights and tokenizer") as caught:
        TextEncoder(Text(str(tmp_path)))
    assert "\n" not in str(caught.value)


def test_an_encoder_decoder_is_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bart"}))
    with pytest.raises(InputError, match="a model of type 'bart' is no text encoder"):
        TextEncoder(Text(str(tmp_path)))


def test_a_missing_package_names_the_command(monkeypatch, tmp_path):
    from acteme.recordings import assets

    def missing(name):
        raise assets.PackageNotFoundError(name)

    monkeypatch.setattr(assets, "distribution", missing)
    monkeypatch.setenv("ACTEME_CACHE", str(tmp_path))
    with pytest.raises(MissingError, match="acteme data assets"):
        pretrained("minilm", lambda place, local: None)


def test_nothing_of_transformers_is_loaded_before_it_is_needed():
    import subprocess
    import sys

    code = "import sys, acteme.nn.text; print('transformers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
