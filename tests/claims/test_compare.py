"""The comparison of encoders: one protocol for all, resumable, honest about what it counts."""

import json
from dataclasses import replace

import pytest
import torch

from acteme.claims import compare as module
from acteme.claims.compare import CONTESTANTS, Contestant, Protocol, Shown, compare, costs, learner
from acteme.errors import InputError
from acteme.recordings.sources import open_data
from acteme.recordings.spec import Spec
from acteme.reports import encoders

DATA = "mocap?form=clips&layout=ntu25&train=30&test=15"
SHORT = Protocol(frames=16, epochs=1, batch=8, rounds=1, clips=1)
SPEC = Spec("ntu25", 25, classes=("a", "b"))
NAMES = ("ST-GCN", "HaLP's GRU")


@pytest.fixture(scope="module", autouse=True)
def quick():
    """The official sizes are measured in a test of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "costs", lambda chosen, spec, protocol, small: costs(chosen, spec, protocol, True))
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoders")
    return folder, compared(folder, "out")


def compared(folder, name):
    quiet = {"protocol": SHORT, "work": folder / "work", "report": lambda line: None}
    return compare([DATA], folder / name, names=NAMES, seeds=2, **quiet)


def test_all_that_the_page_says_is_measured(made):
    folder, result = made
    assert json.loads((folder / "out/encoders.json").read_text()) == json.loads(json.dumps(result))
    for row in result["encoders"]:
        assert len(row["accuracy"][DATA]) == 2 and all(0 <= a <= 1 for a in row["accuracy"][DATA])
        assert row["rate"][DATA] in SHORT.rates
    text = (folder / "out/encoders.md").read_text()
    assert "| ST-GCN |" in text and "15 classes, 30 clips to train, 15 to test" in text
    page = (folder / "out/encoders.html").read_text()
    assert page.count("<circle") == 2 and "HaLP&#39;s GRU" in page


def test_what_was_found_is_not_trained_again(made, monkeypatch):
    folder, result = made
    monkeypatch.setattr(module, "accuracy", lambda *a: pytest.fail("trained again"))
    again = compared(folder, "again")
    assert [r["accuracy"] for r in again["encoders"]] == [r["accuracy"] for r in result["encoders"]]


def test_every_encoder_learns_and_only_what_its_latents_need_is_counted():
    found = costs(CONTESTANTS, SPEC, SHORT, small=True)
    assert found[0]["speed"] == 1 and all(f["flops"] > 0 and f["parameters"] > 0 for f in found)
    whole = [sum(p.numel() for p in c.build(SPEC, True).parameters()) for c in CONTESTANTS]
    assert all(f["parameters"] < n for f, n in zip(found, whole, strict=True)), "heads and key encoders do not count"


def test_the_official_sizes_are_those_of_the_papers():
    """ST-GCN 3.1 M, CTR-GCN 1.45 M less its classifier, ST-GCN++ 1.39 M."""
    chosen = [c for c in CONTESTANTS if c.name in ("CTR-GCN", "ST-GCN++")]
    ctr, plus = (c["parameters"] for c in costs(chosen, Spec("ntu25", 25, 2, classes=("a",)), SHORT, small=False))
    assert plus == 1_387_724 and abs(ctr - 1_431_000) < 15_000


def test_clips_are_shown_whole_in_evaluation_and_cropped_in_training():
    class Kept(torch.nn.Module):
        def encode(self, batch):
            self.seen = batch
            return

    batch = open_data(DATA).select("test").batch([0, 1], [0, 0])
    kept = Kept()
    shown = Shown(kept, SHORT)
    shown.eval().encode(batch)
    one = kept.seen["skeleton"]
    shown.encode(batch)
    assert torch.equal(one, kept.seen["skeleton"]) and one.shape[1] == 16 and kept.seen["mask"].all()
    shown.train().encode(batch)
    assert not torch.allclose(one, kept.seen["skeleton"], atol=1e-2)


def test_seeds_differ_in_weights_and_repeat():
    c = CONTESTANTS[0]
    first, same, other = (learner(c, SPEC, SHORT, seed).state_dict() for seed in (0, 0, 1))
    name = "encoder.encoder.streams.body.encoder.blocks.0.tcn.conv.weight"
    name = name if name in first else next(n for n in first if n.endswith("weight") and first[n].ndim > 2)
    assert torch.equal(first[name], same[name]) and not torch.equal(first[name], other[name])


def test_charts_and_rows_follow_the_numbers(made):
    result = json.loads(json.dumps(made[1]))
    result["encoders"][0]["accuracy"][DATA] = [0.25, 0.75]
    assert encoders.rows(result)[0][1] == "50.0 (25.0 to 75.0)"
    result["data"][DATA]["train"] = 10 * result["protocol"]["batch"] + 1
    assert f"So few steps ({10 * result['protocol']['epochs']}) show" in encoders.markdown(result)
    assert "<strong>ST-GCN</strong>" in encoders.section(result, "psumnet")
    assert "<strong>" not in encoders.section(result, "lac")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"names": ["ST-GNC"]}, "no encoder is called 'ST-GNC'"),
        ({"seeds": 0}, "0 seeds"),
        ({"data": ["stage?form=untrimmed&train=2&test=2&seconds=2,3"]}, "no recording has a single label"),
    ],
)
def test_wrong_requests_are_named(arguments, message, tmp_path):
    with pytest.raises(InputError) as caught:
        compare(**{"data": [DATA], **arguments}, to=tmp_path / "out", work=tmp_path / "work", protocol=SHORT)
    assert message in str(caught.value) and not (tmp_path / "out").exists()


def test_one_learning_rate_needs_no_choice(tmp_path):
    c = Contestant("GRU", "halp", "pretrain")
    accuracies, rate = module._cell(c, DATA, 1, replace(SHORT, rates=(2e-3,)), tmp_path)
    assert rate == 2e-3 and len(accuracies) == 1
