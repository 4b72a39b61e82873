"""Run folders: saved, moved, opened again, and what is said of broken ones."""

import json
import shutil
from dataclasses import replace

import pytest
import torch

from acteme.engine.run import Run, fresh_name, load, loaded, short_name
from acteme.engine.settings import Settings
from acteme.errors import InputError
from tests.engine.toys import SPEC, Config, EncoderConfig, toy

CONFIG = Config(encoder=EncoderConfig(width=5, noise=0.25))


def made(folder, weights=("encoder", "tagger")) -> Run:
    run = Run(folder, toy(), CONFIG, SPEC, "toys", Settings(seed=7), clip=1.5, created="now")
    run.save()
    for stage in weights:
        run.save_weights(stage, run.build(stage).state_dict())
    return run


def test_a_moved_run_is_the_same_run(tmp_path):
    run = made(tmp_path / "one")
    (tmp_path / "deep").mkdir()
    shutil.move(tmp_path / "one", tmp_path / "deep" / "two")
    again = load(tmp_path / "deep" / "two", toy())
    assert again == replace(run, folder=tmp_path / "deep" / "two")
    state, expected = again.module("encoder").state_dict(), run.build("encoder").state_dict()
    assert all(torch.equal(state[n], expected[n]) for n in expected)
    assert not again.module("encoder").training


def test_building_follows_from_the_seed_and_leaves_torch_alone(tmp_path):
    run = made(tmp_path)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    a, b = run.build("encoder"), run.build("encoder")
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(a.down.weight, b.down.weight)
    other = replace(run, settings=Settings(seed=8)).build("encoder")
    assert not torch.equal(a.down.weight, other.down.weight)


def test_the_last_stage_that_can_is_chosen(tmp_path):
    run = made(tmp_path)
    assert run.stage_with("predict") == "tagger" and run.stage_with("encode") == "encoder"
    assert type(run.module()).__name__ == "Tagger"
    with pytest.raises(InputError, match="system 'toy' cannot generate"):
        run.stage_with("generate")


def test_an_untrained_stage_is_said(tmp_path):
    run = made(tmp_path, weights=("encoder",))
    assert run.done("encoder") and not run.done("tagger")
    with pytest.raises(InputError, match="stage 'tagger' is not trained yet; go on with"):
        run.stage_with("predict")
    with pytest.raises(InputError, match="stage 'tagger' is not trained yet"):
        run.module()
    with pytest.raises(InputError, match="has no stage 'head'; its stages: encoder, tagger"):
        run.module("head")


def test_weights_of_another_shape_are_refused(tmp_path):
    run = made(tmp_path)
    wider = replace(run, config=Config(encoder=EncoderConfig(width=6)))
    with pytest.raises(InputError, match="does not fit stage 'encoder'"):
        wider.module("encoder")


def test_shared_tensors_are_saved(tmp_path):
    run = made(tmp_path, weights=())
    one = torch.ones(3)
    run.save_weights("encoder", {"a": one, "b": one, "c": one.expand(2, 3)})
    assert run.weights("encoder").stat().st_size > 0 and [p.name for p in (tmp_path / "encoder").iterdir()] == [
        "weights.safetensors"
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: shutil.rmtree(f), "does not exist; give the folder"),
        (lambda f: (f / "run.json").unlink(), "is not a run folder"),
        (lambda f: (f / "run.json").write_text("{"), "run.json: cannot be read"),
        (lambda f: (f / "run.json").write_text("[]"), "is not a JSON object"),
        (lambda f: (f / "config.json").write_text('{"encoder": {"wide": 3}}'), "unknown setting 'wide'"),
        (lambda f: (f / "run.json").write_text((f / "run.json").read_text().replace('"format": 1', '"format": 9')),
         "holds run format 9"),
    ],
)  # fmt: skip
def test_broken_runs_are_one_clear_line(tmp_path, change, message):
    made(tmp_path / "r")
    change(tmp_path / "r")
    with pytest.raises(InputError, match=message):
        load(tmp_path / "r", toy())


def test_an_unknown_system_is_said(tmp_path):
    made(tmp_path)
    with pytest.raises(InputError, match="no system is called 'toy'"):
        load(tmp_path)


def test_run_json_holds_what_readers_expect(tmp_path):
    made(tmp_path)
    meta = json.loads((tmp_path / "run.json").read_text())
    assert meta["system"] == "toy" and meta["data"] == "toys" and meta["seed"] == 7 and meta["status"] == "unfinished"
    assert meta["stages"] == ["encoder", "tagger"]


def test_history_has_gaps_as_nan(tmp_path):
    run = made(tmp_path)
    assert run.history("encoder") == {}
    (tmp_path / "encoder" / "metrics.csv").write_text("step,epoch,lr,total,late\n0,0,0.1,2.5,\n1,0,0.1,2.0,1.0\n")
    columns = run.history("encoder")
    assert (
        columns["total"].tolist() == [2.5, 2.0]
        and columns["late"][1] == 1.0
        and columns["late"][0] != columns["late"][0]
    )


def test_a_module_is_loaded_once_until_its_weights_change(tmp_path):
    run = made(tmp_path)
    first = loaded(run, "encoder")
    assert loaded(run, "encoder") is first and loaded(load(tmp_path, toy()), "encoder") is first
    assert loaded(run, "tagger") is not first
    path = run.weights("tagger")
    second = loaded(run, "tagger")
    import os

    os.utime(path, ns=(1, 1))
    assert loaded(run, "tagger") is not second


@pytest.mark.parametrize(
    ("data", "name"),
    [("mocap", "mocap"), ("mocap?train=8", "mocap"), ("ntu60:/data/nturgbd?protocol=xview", "ntu60"), (None, "data"),
     ("/data/my clips/", "my_clips"), ("a/b.npy", "b"), ("..", "data")],
)  # fmt: skip
def test_names_of_data_in_folders(data, name):
    assert short_name(data) == name


def test_fresh_names_never_collide(tmp_path):
    first = fresh_name("lac", "mocap", tmp_path)
    assert first.name.startswith("lac-mocap-2")
    first.mkdir()
    assert fresh_name("lac", "mocap", tmp_path) != first
