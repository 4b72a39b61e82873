"""Training: stages in turn, inheritance, the training split, resumption, and what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from acteme.engine.run import load
from acteme.engine.settings import Settings
from acteme.engine.train import train
from acteme.errors import ActemeError, InputError
from acteme.nn.recipe import Recipe
from tests.engine import toys
from tests.engine.toys import SPEC, Config, EncoderConfig, TaggerConfig, toy, trimmed, untrimmed

QUIET = Settings(progress=False, accelerator="cpu")


def weights(run, stage="tagger"):
    return run.module(stage).state_dict()


def same(a, b, stage="tagger"):
    x, y = weights(a, stage), weights(b, stage)
    return all(torch.equal(x[n], y[n]) for n in x)


def test_stages_are_trained_in_turn_and_inherit(tmp_path):
    config = Config(tagger=TaggerConfig(recipe=Recipe(epochs=1, batch=4, lr=0.0, optimizer="sgd")))
    run = train(toy(), untrimmed(), tmp_path / "r", config=config, settings=QUIET)
    assert run.status == "trained" and load(run.folder, toy()) == run
    files = sorted(p.relative_to(run.folder).as_posix() for p in run.folder.rglob("*") if p.is_file())
    assert files == ["config.json", "encoder/metrics.csv", "encoder/time.json", "encoder/weights.safetensors",
                     "run.json", "spec.json", "tagger/metrics.csv", "tagger/time.json",
                     "tagger/weights.safetensors"]  # fmt: skip
    first, second = run.module("encoder"), run.module("tagger").encoder
    assert torch.equal(first.down.weight, second.down.weight) and int(first.steps) == 16
    assert run.clip == 4.0
    total = run.history("encoder")["total"]
    assert len(total) == 16 and total[-4:].mean() < total[:4].mean()


def test_statistics_are_calibrated_on_the_training_split_alone(tmp_path):
    corpus = untrimmed()
    run = train(toy(), corpus, tmp_path / "r", settings=replace(QUIET, steps=1))
    batch = corpus.select("train")
    index, start = EncoderConfig().windows.cut(batch.frames)
    expected = batch.batch(index, start, 8)["skeleton"].flatten(2).mean((0, 1))
    torch.testing.assert_close(run.module("encoder").mean, expected)
    assert len(run.history("encoder")["step"]) == 1


def test_stages_of_another_run_can_be_the_start(tmp_path):
    first = train(toy(), untrimmed(), tmp_path / "a", config=Config(encoder=EncoderConfig(noise=0.3)), settings=QUIET)
    other = replace(QUIET, seed=5)
    run = train(toy(), untrimmed(), tmp_path / "b", settings=other, stages=["tagger"], start=first.folder)
    assert same(first, run, "encoder") and not same(first, run, "tagger")
    assert run.config == first.config and run.status == "trained" and not (run.folder / "encoder/metrics.csv").exists()
    fresh = train(toy(), untrimmed(), tmp_path / "c", settings=other, start=first, stages=["encoder"])
    assert not same(first, fresh, "encoder") and same(first, fresh, "tagger")


def test_a_start_that_does_not_fit_leaves_nothing(tmp_path):
    first = train(toy(), untrimmed(), tmp_path / "a", settings=replace(QUIET, steps=1))
    narrow = untrimmed()
    narrow = replace(narrow, spec=replace(narrow.spec, persons=narrow.spec.persons + 1))
    with pytest.raises(InputError, match=r"its stage 'encoder' does not fit these data and settings \(size mismatch"):
        train(toy(), narrow, tmp_path / "b", settings=QUIET, stages=["tagger"], start=first)
    assert not (tmp_path / "b").exists()
    for stages, resume in ((None, False), (["tagger"], True)):
        with pytest.raises(InputError, match="name the stages to train, and do not resume"):
            train(toy(), untrimmed(), tmp_path / "b", settings=QUIET, stages=stages, start=first, resume=resume)


def test_the_seed_decides_everything(tmp_path):
    corpus = untrimmed()
    runs = [train(toy(), corpus, tmp_path / n, settings=replace(QUIET, seed=s, prefetch=p))
            for n, s, p in (("a", 1, 0), ("b", 1, 2), ("c", 2, 0))]  # fmt: skip
    torch.manual_seed(99)
    assert same(runs[0], runs[1]) and not same(runs[0], runs[2])
    np.testing.assert_array_equal(runs[0].history("encoder")["total"], runs[1].history("encoder")["total"])


def test_data_without_splits_is_trained_on_whole(tmp_path):
    corpus = untrimmed()
    corpus.table["split"][:] = ""
    run = train(toy(), corpus, tmp_path / "r", settings=replace(QUIET, epochs=1))
    assert len(run.history("encoder")["step"]) == 12


def test_a_finished_run_trains_nothing_again(tmp_path):
    corpus = untrimmed()
    run = train(toy(), corpus, tmp_path / "r", settings=QUIET)
    stamp = run.weights("tagger").stat().st_mtime_ns
    again = train(toy(), corpus, run.folder, settings=QUIET, resume=True)
    assert again == run and run.weights("tagger").stat().st_mtime_ns == stamp


def test_a_finished_stage_is_kept_and_the_run_decides_seed_and_length(tmp_path, monkeypatch):
    corpus = untrimmed()
    whole = train(toy(), corpus, tmp_path / "whole", settings=replace(QUIET, seed=4, epochs=1))
    monkeypatch.setattr(toys.Tagger, "losses", lambda self, batch: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train(toy(), corpus, tmp_path / "r", settings=replace(QUIET, seed=4, epochs=1))
    monkeypatch.undo()
    stamp = (tmp_path / "r" / "encoder" / "weights.safetensors").stat().st_mtime_ns
    assert load(tmp_path / "r", toy()).status == "unfinished"
    run = train(toy(), corpus, tmp_path / "r", settings=replace(QUIET, seed=9), resume=True)
    assert run.weights("encoder").stat().st_mtime_ns == stamp and same(run, whole)


def test_the_latest_unfinished_run_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("acteme.catalog.ENTRIES", (toy(),))
    corpus = untrimmed()
    with pytest.raises(InputError, match="no unfinished run of 'toy' on 'data'"):
        train("toy", corpus, settings=QUIET, resume=True)
    run = train("toy", corpus, settings=replace(QUIET, epochs=1))
    assert run.folder.parent.name == "runs" and run.name.startswith("toy-data-")
    run.weights("tagger").unlink()
    replace(run, status="unfinished").save()
    assert train("toy", corpus, settings=QUIET, resume=True).folder == run.folder and run.done("tagger")


def test_it_ends_with_one_line_that_names_the_run(tmp_path, capfd):
    train(toy(), untrimmed(), tmp_path / "r", settings=replace(QUIET, progress=True, epochs=1))
    out, err = capfd.readouterr()
    lines = out.strip().splitlines()
    assert lines[-1] == f"Trained: {tmp_path / 'r'}" and len(lines) == 3 and not err
    assert lines[0].startswith("toy encoder: 1 epoch, 8 steps, loss ")


def test_without_progress_nothing_is_said(tmp_path, capfd):
    train(toy(), untrimmed(), tmp_path / "r", settings=replace(QUIET, epochs=1))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": -1}, "setting 'seed': -1 is too small; give 0 or more"),
        ({"devices": 0}, "setting 'devices': 0 is too small"),
        ({"epochs": 0}, "setting 'epochs'"),
        ({"nodes": 2}, "several machines need a launcher; start with torchrun"),
    ],
)
def test_settings_out_of_range_are_refused_before_anything_is_written(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        train(toy(), untrimmed(), tmp_path / "r", settings=replace(QUIET, **changes))
    assert not (tmp_path / "r").exists()


def test_stages_that_contradict_each_other_are_refused_before_anything_is_written(tmp_path):
    class Odd(Config):
        def check(self):
            raise InputError("differ", "tagger.width", "set both alike")

    with pytest.raises(InputError, match=r"tagger.width: differ; set both alike"):
        train(toy(), untrimmed(), tmp_path / "r", config=Odd(), settings=QUIET)
    assert not (tmp_path / "r").exists()


def test_what_is_refused(tmp_path):
    corpus = untrimmed()
    with pytest.raises(InputError, match="no system is called 'nothing'"):
        train("nothing", corpus, tmp_path / "r")
    with pytest.raises(InputError, match="both a configuration and `small`"):
        train(toy(), corpus, tmp_path / "r", config=Config(), small=True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(InputError, match="full: exists already; go on with --resume"):
        train(toy(), corpus, tmp_path / "full", settings=QUIET)
    with pytest.raises(InputError, match=r"the data has no video, which system 'toy' reads; .*it has: skeleton"):
        train(replace(toy(), reads="video"), corpus, tmp_path / "r")


def test_resuming_with_something_else_is_refused(tmp_path):
    corpus = untrimmed()
    run = train(toy(), corpus, tmp_path / "r", settings=replace(QUIET, epochs=1))
    with pytest.raises(InputError, match="is a run of 'toy', not of 'other'"):
        train(toy(slug="other"), corpus, run.folder, resume=True)
    with pytest.raises(InputError, match="data of another shape"):
        other = replace(corpus.spec, fps=20.0)
        train(toy(), replace(corpus, spec=other), run.folder, resume=True)
    with pytest.raises(InputError, match="another configuration"):
        train(toy(), corpus, run.folder, config=Config(encoder=EncoderConfig(width=9)), resume=True)


def test_a_loss_that_is_not_finite_ends_training_and_leaves_no_weights(tmp_path):
    config = Config(encoder=EncoderConfig(recipe=Recipe(optimizer="sgd", lr=1e30, epochs=3, batch=4)))
    with pytest.raises(
        ActemeError, match=r"stage 'encoder': \w+ became (inf|nan) at step \d+; lower the learning rate"
    ):
        train(toy(), untrimmed(), tmp_path / "r", config=config, settings=QUIET)
    assert not (tmp_path / "r" / "encoder" / "weights.safetensors").exists()


def test_errors_of_acteme_pass_through_unchanged(tmp_path, monkeypatch):
    error = InputError("joint 3 is odd", "file.npy", "mend it")

    def losses(self, batch):
        raise error

    monkeypatch.setattr(toys.Encoder, "losses", losses)
    with pytest.raises(InputError) as caught:
        train(toy(), untrimmed(), tmp_path / "r", settings=QUIET)
    assert caught.value is error
    assert not (tmp_path / "r").exists(), "the same command shall do once the mistake is mended"
    monkeypatch.undo()
    monkeypatch.setattr(toys.Tagger, "losses", losses)
    with pytest.raises(InputError):
        train(toy(), untrimmed(), tmp_path / "r", settings=QUIET)
    assert load(tmp_path / "r", toy()).done("encoder"), "what was learned stays"


def test_trimmed_clips_are_trained_on_too(tmp_path):
    run = train(toy(), trimmed(), tmp_path / "r", small=True, settings=replace(QUIET, epochs=1))
    assert json.loads((run.folder / "spec.json").read_text())["classes"] == ["low", "high"] and run.clip == 1.2


def test_a_stage_that_predicts_needs_labels(tmp_path):
    bare = untrimmed()
    bare = type(bare).of([replace(r, segments=()) for r in bare], replace(SPEC, classes=()))
    with pytest.raises(InputError, match=r"no recording has a label, from which stage .tagger.*; .*only: encoder"):
        train(toy(), bare, tmp_path / "r", settings=QUIET)
    with pytest.raises(InputError, match=r"from which stage 'tagger' learns; .* label, such as mocap\?form"):
        train(toy("recognition"), untrimmed(), tmp_path / "r", settings=QUIET)
    assert not (tmp_path / "r").exists()
    run = train(toy(), bare, tmp_path / "r", settings=QUIET, stages=["encoder"])
    assert run.can("encode") and not run.can("predict")
