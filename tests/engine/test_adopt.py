"""Official weights as a run: whose they are, what is missing, what is refused, and that nothing is left then."""

import json

import pytest
import torch
from safetensors.torch import save_file

from acteme.cli import main
from acteme.engine.adopt import adopt
from acteme.engine.config import configured
from acteme.engine.evaluate import evaluate
from acteme.engine.run import load
from acteme.errors import DataWarning, InputError
from acteme.recordings.sources import open_data
from acteme.systems.recognize.psumnet import Recognizer
from tests.systems.recognize.psumnet_cases import official_state

DATA = "stage?train=8&test=4&classes=4"
LEGS = ["recognize.official_lists=true", "recognize.parts=legs"]


@pytest.fixture(scope="module")
def corpus():
    return open_data(DATA)


@pytest.fixture
def legs(corpus, tmp_path):
    """An official checkpoint, as training scripts write them."""
    path = tmp_path / "legs.pt"
    torch.save({"epoch": 3, "state_dict": official_state("legs", corpus.spec)}, path)
    return path


def test_a_checkpoint_becomes_a_run(corpus, legs, tmp_path):
    run = adopt("psumnet", corpus, legs, tmp_path / "run", config=configured("psumnet", "", LEGS))
    wanted = Recognizer.official_state_dict(official_state("legs", corpus.spec))
    found = load(tmp_path / "run").module("recognize").state_dict()
    assert found.keys() == wanted.keys() and all(torch.equal(found[n], wanted[n].to(found[n])) for n in wanted)
    told = json.loads((run.stage_folder("recognize") / "official.json").read_text())
    assert told == {"files": {"": "legs.pt"}, "not in them": []}
    assert "top1" in evaluate(run, corpus).metrics


def test_streams_by_name_and_what_is_not_among_them(corpus, legs, tmp_path):
    body = tmp_path / "body.safetensors"
    save_file({n: v.clone() for n, v in official_state("body", corpus.spec).items()}, body)
    both = configured("psumnet", "", [*LEGS[:1], "recognize.parts=body,legs"])
    adopt("psumnet", corpus, [f"legs={legs}", f"body={body}"], tmp_path / "both", config=both)
    with pytest.warns(DataWarning, match=r"not among the weights, left as drawn: streams\.body\.\S+, .* and \d+ more"):
        run = adopt("psumnet", corpus, legs, tmp_path / "one", config=both)
    told = json.loads((run.stage_folder("recognize") / "official.json").read_text())
    assert told["not in them"] and all(name.startswith("streams.body.") for name in told["not in them"])


@pytest.mark.parametrize(
    ("system", "weights", "stage", "message"),
    [
        ("psumnet", "{legs}", None, "do not fit the stage .size mismatch for streams.legs.fc.weight"),
        ("psumnet", "nowhere.pt", None, r"nowhere.pt: cannot be read \(No such file"),
        ("psumnet", "{text}", None, "is no file of weights, or a broken one"),
        ("psumnet", "{code}", None, "holds more than tensors, which could run code"),
        ("psumnet", "{other}", None, "is no stream of PSUMNet"),
        ("psumnet", "a={legs} {legs}", None, "files with and without a name"),
        ("psumnet", "a={legs} a={legs}", None, "two files for 'a'"),
        ("psumnet", "", None, "no file"),
        ("corridors", "{legs}", "adapt", "stage 'adapt' takes no official weights; those do: base"),
    ],
)
def test_what_is_refused_leaves_nothing(legs, tmp_path, system, weights, stage, message):
    (tmp_path / "text.pt").write_text("user,item\n1,2\n")
    torch.save({"state_dict": {"a": torch.ones(1)}, "made": ZeroDivisionError()}, tmp_path / "code.pt")
    torch.save({"a": torch.ones(1)}, tmp_path / "other.pt")
    files = [
        w.format(legs=legs, **{n: tmp_path / f"{n}.pt" for n in ("text", "code", "other")}) for w in weights.split()
    ]
    more = "stage?train=8&test=4&classes=5"
    config = configured("psumnet", "", LEGS) if system == "psumnet" else None
    with pytest.raises(InputError, match=message):
        adopt(system, more, files, tmp_path / "run", stage=stage, config=config)
    assert not (tmp_path / "run").exists()


def test_a_file_may_have_an_equals_sign_in_its_name(corpus, legs, tmp_path):
    named = legs.rename(tmp_path / "epoch=3.pt")
    run = adopt("psumnet", corpus, named, tmp_path / "run", config=configured("psumnet", "", LEGS))
    told = json.loads((run.stage_folder("recognize") / "official.json").read_text())
    assert told["files"] == {"": "epoch=3.pt"}


def test_the_command_makes_the_same_run(legs, tmp_path, capsys):
    changes = [word for change in LEGS for word in ("--set", change)]
    main(["adopt", "psumnet", DATA, str(legs), "--run", str(tmp_path / "run"), *changes])
    assert f"Made: {tmp_path / 'run'}" in capsys.readouterr().out
    assert load(tmp_path / "run").done("recognize")
