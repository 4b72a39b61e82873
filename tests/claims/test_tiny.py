"""The systems' own experiments run, on a tiny setting that says nothing about the claim."""

import json
import math

import numpy as np
import pytest

from acteme.catalog import ENTRIES
from acteme.claims.experiment import claim, experiment


@pytest.mark.parametrize("slug", [e.slug for e in ENTRIES])
def test_the_experiment_runs_and_is_recorded(slug, tmp_path):
    lines: list[str] = []
    workers = 2 if slug == "halp" else 1  # processes of their own once; they take long to begin
    places = {"to": tmp_path / "ledger", "work": tmp_path / "work"}
    entries = claim(slug, 2, **places, workers=workers, tiny=True, report=lines.append)
    assert len(lines) == 2 and all(slug in line for line in lines)
    asked = experiment(slug, tiny=True)
    assert [e["claim"] for e in entries] == [c.claim for c in asked.comparisons]
    for entry in json.loads((tmp_path / f"ledger/{slug}.json").read_text()):
        assert set(entry["arms"]) == set(asked.arms)
        values = [v for arm in entry["arms"].values() for v in arm]
        assert len(values) == 2 * len(asked.arms) and not any(math.isnan(v) for v in values)
        assert entry["verdict"] in ("holds", "fails", "undecided")
        assert entry["settings"]["tiny"] is True
    left = {p.suffix for p in (tmp_path / "work").rglob("*") if p.is_file()}
    assert ".ckpt" not in left, "arms leave only their results and what they share"


def test_the_arms_of_lac_differ_in_one_thing_only():
    from acteme.claims.lac import _config

    plain, ours, alone, same = (_config(arm, False) for arm in ("plain", "compose", "random", "self"))
    assert ours.generator == plain.generator == alone.generator == same.generator
    assert (plain.contrast.compose, ours.contrast.compose, same.contrast.compose) == (False, True, True)
    assert (ours.contrast.partner, same.contrast.partner) == ("other", "self")
    assert ours.contrast.recipe == plain.contrast.recipe == same.contrast.recipe
    assert (ours.segment, plain.segment) == (same.segment, same.segment)
    assert not alone.segment.pretrained and alone.segment.recipe == ours.segment.recipe


def test_what_dare_keeps_beside_its_claims(tmp_path):
    from acteme.claims.dare import _run_tiny

    twin, dare, films = (_run_tiny(arm, 0, tmp_path) for arm in ("twin", "dare", "twin films"))
    kept = {"auc_official", "ndcg_category"}
    assert kept | {"discriminability@10", "domination"} <= twin.keys() and twin["domination"] > 0
    assert kept | {"discriminability@10"} <= dare.keys() and "domination" not in dare
    assert kept | {"reliable", "domination"} <= films.keys() and 0 <= films["reliable"] <= 1
    assert twin["ndcg_category"] != twin["ndcg"] and abs(films["auc_official"] - films["auc"]) < 0.1


def test_the_arms_of_halp_differ_in_the_positives_only():
    from dataclasses import replace

    from acteme.claims.halp import POSITIVES, _config

    base = _config("halp")
    for arm, change in POSITIVES.items():
        assert _config(arm) == replace(base, pretrain=replace(base.pretrain, **change))


def test_the_arms_of_psumnet_are_parts_of_two_trainings():
    from acteme.claims.psumnet import ARMS, TRAINED, _config
    from acteme.recordings.spec import Spec
    from acteme.systems.recognize.psumnet import Recognizer

    spec = Spec("ntu25", 25, 1, 3, ("a", "b"))
    names = {arm: set(Recognizer(_config(arm).recognize, spec).state_dict()) for arm in ARMS}
    assert all(names[arm] <= names[TRAINED[arm]] for arm in ARMS)
    assert len({frozenset(n) for n in names.values()}) == len(ARMS)
    base = _config("full").recognize
    assert all(_config(arm).recognize.backbone == base.backbone for arm in ARMS)
    assert all(_config(arm).recognize.recipe == base.recipe for arm in ARMS)


def test_the_arms_of_car_differ_in_their_texts_only():
    from dataclasses import replace

    from acteme.claims.car import ARMS, _config

    base = _config("events").align
    for arm, change in ARMS.items():
        assert _config(arm).align == replace(base, **change)


def test_classes_of_the_rhythm_have_a_family():
    from types import SimpleNamespace

    from acteme.claims.psumnet import _families
    from acteme.recordings.worlds.stage.rules import on_rhythm

    def rows(clips):
        return {n: {"accuracy": float("right_arm+left_arm" in n), "clips": clips} for n in on_rhythm(20).names}

    found = _families(SimpleNamespace(per_class=rows(3)))
    assert found == {"arms": 1.0, "legs": 0.0, "one part": 0.5, "whole body": 0.0}


def test_the_arms_of_brl_differ_in_mixing_and_loss_only():
    from dataclasses import replace

    from acteme.claims.brl import CHANGES, LATE, _config

    full = _config("full").recognize
    assert (full.rebalance.loss, full.rebalance.begin, full.mixing.share) == ("action_aware", LATE, 1 / 16)
    for arm in CHANGES:
        changed = _config(arm).recognize
        assert replace(changed, mixing=full.mixing, rebalance=full.rebalance) == full
    assert len({repr((_config(a).recognize.mixing, _config(a).recognize.rebalance)) for a in CHANGES}) == len(CHANGES)
    late = [_config(a).recognize.rebalance.begin for a in ("drw", "action-aware", "full", "scrambled")]
    assert late == [LATE] * 4


def test_thirds_of_the_classes_by_their_training_clips():
    from types import SimpleNamespace

    from acteme.claims.brl import _thirds

    counts = [5, 90, 1, 40, 80, 60, 70, 2, 3, 50, 4, 6, 7, 8, 10, 9, 30, 20, 100, 15]
    rows = {str(n): {"accuracy": n / 100, "trained": n} for n in counts}
    found = _thirds(SimpleNamespace(per_class=rows))
    assert found["frequent"] == pytest.approx(sum((100, 90, 80, 70, 60, 50, 40)) / 700)
    assert found["rare"] == pytest.approx(sum((1, 2, 3, 4, 5, 6, 7)) / 700)


def test_the_arms_of_pcan_differ_in_one_part_each():
    from dataclasses import replace

    from acteme.claims.pcan import TRAINED, _config

    arms = {arm: _config(arm).recognize for arm in TRAINED}
    full = arms["full"]
    assert arms["exchanged"] == full and full.tree == 1.0 and full.refine == 0.2 and full.rectify == (1.0, 1.0)
    unguided = replace(full, rectify=(0.0, 0.0))
    assert arms["diversity"] == unguided
    assert arms["contrast"] == replace(unguided, calibration=replace(full.calibration, diversity=0.0))
    assert arms["tree"] == replace(unguided, refine=0.0)
    assert arms["cross entropies"] == replace(unguided, refine=0.0, tree=0.0)
    official = replace(full.calibration, official_diversity=True)
    assert arms["official diversity"] == replace(full, calibration=official)
    assert all(arm == owner or arms[owner] == replace(arms[arm], rectify=(0.0, 0.0)) for arm, owner in TRAINED.items())


def test_the_arms_of_corridors_differ_in_what_is_adapted_only():
    from dataclasses import replace

    from acteme.claims.corridors import ARMS, _config

    base = _config("lc")
    for arm in ARMS:
        config = _config(arm)
        assert config.base == base.base and config.adapt.predictor == base.base.predictor
        rates = {"full": 0.02, "all": 3e-4}
        recipe = replace(base.adapt.recipe, lr=rates.get(arm, 0.05), batch=16 if arm == "all" else 160)
        assert config.adapt.recipe == recipe
        same = replace(config.adapt, prompt=base.adapt.prompt, head="none", everything=False, recipe=base.adapt.recipe)
        assert same == base.adapt
    assert _config("lc").adapt.prompt.rank == 1 and _config("lc").adapt.head == "none"
    assert _config("head").adapt.prompt.kind == "none" and _config("lc+head").adapt.prompt == base.adapt.prompt


def test_the_arms_of_dnis_differ_in_the_search_only():
    from dataclasses import replace

    from acteme.claims.dnis import SEARCHES, _config, _spearman

    full = _config("dnis", 1e-5)
    for arm, changes in SEARCHES.items():
        config = _config(arm, 1e-5)
        assert config.warm == full.warm and config.prune == full.prune
        assert config.search == replace(full.search, **changes)
    assert SEARCHES["dnis"] == {} and len({repr(sorted(c.items())) for c in SEARCHES.values()}) == len(SEARCHES)
    assert _config("mde", popular=6).warm.popularity == 0.3
    narrow = _config("uniform", 1e-5, width=4).warm
    assert narrow == replace(full.warm, network=replace(full.warm.network, blocks=(1.0,)), popularity=0.0, base=4)
    assert _spearman(np.array([3.0, 2.0, 1.0])) == pytest.approx(-1) and _spearman(np.ones(4)) == 0


def test_the_arms_of_dare_differ_in_their_tables_only():
    from dataclasses import replace

    from acteme.claims.dare import ARMS, _config
    from acteme.systems.recommend.dare import Widths

    base, films = _config("twin").rank, _config("twin films").rank
    for arm in ARMS:
        same = replace(_config(arm).rank, variant="twin", width=base.width, attention=Widths(0, 0, 0))
        assert same == (films if arm.endswith("films") else base)
    assert _config("tied") == _config("dare"), "what ties them is no setting"
    assert _config("dare aligned") == _config("dare") and _config("twin aligned") == _config("twin")
    two, wide = _config("dare").rank.width, _config("twin wide").rank.width
    assert (2 * two.item, 2 * two.category, 2 * two.position) == (wide.item, wide.category, wide.position)


def test_two_tables_of_dare_that_are_one_do_as_one(tmp_path):
    from acteme.claims.dare import TINY_WORLD, _measure

    found = {arm: _measure(arm, 0, tmp_path, TINY_WORLD, True) for arm in ("twin", "tied")}
    assert found["tied"]["auc"] == found["twin"]["auc"] and found["tied"]["ndcg"] == found["twin"]["ndcg"]


def test_the_arms_of_scprg_differ_in_roles_and_pooling_only():
    from dataclasses import replace

    from acteme.claims.scprg import ARMS, _config

    base = _config("both")
    assert base.extract.pooling.by == "clues" and base.extract.layout.roles
    for arm in ARMS:
        changed = _config(arm)
        same = replace(changed.extract, layout=base.extract.layout, pooling=base.extract.pooling)
        assert same == base.extract and changed.pretrain == base.pretrain
        assert replace(changed.extract.layout, roles=True) == base.extract.layout
    assert len({repr(_config(arm).extract) for arm in ARMS}) == len(ARMS)


def test_the_arms_of_ape_differ_in_weights_and_noise_only():
    from dataclasses import replace

    from acteme.claims.ape import ARMS, COUNTS, _config
    from acteme.recordings.events.counts import rarity, strangeness

    base = _config("ape").detect
    assert ARMS["ape"] == ARMS["shuffled"] == {} and base.weights != "none"
    for arm, change in ARMS.items():
        assert set(change) <= {"weights", "noise"} and _config(arm).detect == replace(base, **change)
    one = {"uniform noise": "kind", "no correction": "correction", "no unknown": "unknown"}
    for arm, name in one.items():
        noise = _config(arm).detect.noise
        assert noise != base.noise and replace(noise, **{name: getattr(base.noise, name)}) == base.noise
    assert len({repr(_config(arm)) for arm in ARMS}) == len(ARMS) - 1, "but for the one whose data differ"
    assert (COUNTS["values"], COUNTS["pairs"]) == (rarity, strangeness)


def test_one_field_of_the_training_of_ape_is_shuffled():
    import numpy as np

    from acteme.claims.ape import SHUFFLED, _shuffled
    from acteme.recordings.behavior.single import Shares
    from acteme.recordings.events.categorical import Events
    from acteme.recordings.events.corpus import corpus_of

    rng = np.random.default_rng(0)
    value = np.char.add("v", np.repeat(rng.integers(0, 6, (300, 1)), 3, 1).astype(str)).astype(object)
    parts = [Events(("program", SHUFFLED, "mode"), v, np.arange(100.0)) for v in np.split(value, 3)]
    corpus = corpus_of(parts, [], "part", Shares(0, 0.3), 1)
    made, again = _shuffled(corpus, 3), _shuffled(corpus, 3)
    before, after = (np.asarray(c.select("train")[0].arrays["field"]) for c in (corpus, made))
    assert (before[:, 0] == before[:, 1]).all() and (after[:, 0] == after[:, 1]).mean() < 0.3, "says nothing of others"
    assert np.array_equal(np.sort(after[:, 1]), np.sort(before[:, 1])), "each value as often"
    assert np.array_equal(after[:, [0, 2]], before[:, [0, 2]])
    test = [np.asarray(c.select("test")[0].arrays["field"]) for c in (corpus, made)]
    assert len(test[0]) == 100 and np.array_equal(*test), "the test is as it was"
    assert np.array_equal(made.arrays["field"], again.arrays["field"])
    assert not np.array_equal(made.arrays["field"], _shuffled(corpus, 4).arrays["field"])


def test_the_arms_of_ilm_differ_in_one_thing_each():
    from dataclasses import replace

    from acteme.claims.ilm import ARMS, CAP, PAIRS, TASKS, _config

    base = _config("it", 3, False)
    assert base.speak.pretrained and base.speak.encoder == "qformer" and base.speak.tasks == TASKS
    assert base.align.pairs == "none" and base.align.tell.draw == base.speak.tell.draw == 3
    for arm, (phase, change) in ARMS.items():
        config = _config(arm, 3, False)
        assert config.align == replace(base.align, pairs=PAIRS[phase])
        assert config.speak == replace(base.speak, **change)
    changes = {arm: change for arm, (_, change) in ARMS.items()}
    assert changes["it"] == changes["it ui"] == {} and PAIRS == {"it": "none", "it ui": "users"}
    assert changes["mlp"] == {"encoder": "mlp"} and changes["rand"] == {"pretrained": False}
    for arm in ("mlp", "rand", "it"):
        assert changes[f"{arm} cap"] == changes[arm] | {"tasks": CAP}, "captions alone are added"
    assert (*TASKS, "describe") == CAP


def test_the_arms_of_sesa_differ_in_the_second_stage_only():
    from dataclasses import replace

    from acteme.claims.sesa import ARMS, _config

    base = _config("sesa")
    for arm, change in ARMS.items():
        config = _config(arm)
        assert config.skills == base.skills
        epochs = 8 if config.match.pretrained else 14
        squash = "identity" if arm == "latent" else "sigmoid"
        network = replace(base.match.network, squash=squash)
        recipe = replace(base.match.recipe, epochs=epochs)
        assert config.match == replace(base.match, network=network, recipe=recipe, **change)
    assert base.match.skill == 1 and _config("latent").match.skill == 0 and not _config("latent").match.pretrained


def test_exchanged_names_leave_the_rankings_of_sesa():
    import numpy as np

    from acteme.claims.sesa import _named
    from acteme.engine.measures.matching import asked_for
    from acteme.recordings.behavior.readers.esco import esco

    corpus = esco(members=2, held=1)
    truth = asked_for(corpus)
    right = _named(truth.astype(float), truth, corpus)
    wrong = _named(truth.astype(float), truth, corpus, np.random.default_rng(0).permutation(truth.shape[1]))
    assert right["skill ap"] == pytest.approx(1) == right["gap"] and right["matched ap"] == pytest.approx(1)
    assert abs(wrong["skill ap"] - wrong["chance"]) < 0.06 and abs(wrong["gap"]) < 0.05


def test_the_arms_of_icsrec_differ_in_their_contrasts_only():
    from dataclasses import replace

    from acteme.claims.icsrec import ARMS, _config

    both = _config("both").recommend
    for arm, change in ARMS.items():
        assert _config(arm).recommend == replace(both, **change)
    plain = _config("plain").recommend
    assert plain == _config("sparse plain").recommend and (plain.coarse, plain.fine) == (0, 0)
    assert set().union(*ARMS.values()) == {"coarse", "fine", "mask_false_negatives", "partner", "permuted"}


def test_the_sparse_arms_of_icsrec_see_a_fifth_of_each_log():
    import numpy as np

    from acteme.claims.icsrec import sparse
    from acteme.recordings.sources import open_data

    whole = open_data("ml-100k")
    some = whole.select(rows=np.isin(whole.column("subject"), ["1", "2", "7", "19", "405"]))
    made = sparse(some, 3)
    for split, held in (("train", 2), ("val", 1), ("test", 0)):
        before, after = some.select(split), made.select(split)
        assert list(before.column("subject")) == list(after.column("subject"))
        events = before.frames + held
        assert after.frames.tolist() == [max(5, round(n / 5)) - held for n in events]
        for one, two in zip(before, after, strict=True):
            all_ = list(zip(one.arrays["when"].tolist(), one.arrays["item"].tolist(), strict=True))
            left = list(zip(two.arrays["when"].tolist(), two.arrays["item"].tolist(), strict=True))
            if split == "test":
                assert set(left) <= set(all_) and left == [e for e in all_ if e in set(left)], "in their order"
    test, val = made.select("test"), made.select("val")
    assert all((a.arrays["item"][:-1] == b.arrays["item"]).all() for a, b in zip(test, val, strict=True))
    again, other = sparse(some, 3), sparse(some, 4)
    assert np.array_equal(again.arrays["item"], made.arrays["item"])
    assert not np.array_equal(other.arrays["item"], made.arrays["item"])


def test_uniform_dimensions_of_dnis_take_no_fewer_values_than_what_is_left_of_its_table(tmp_path):
    import torch

    from acteme.claims.dnis import KEPT, UNIFORM, WIDTH, _config, _Study
    from acteme.systems.recommend.dnis import Warm

    study = _Study(0, tmp_path, tiny=False)
    for keep in KEPT.values():
        wide = next(d for d in UNIFORM if d >= WIDTH * keep)
        warm = Warm(_config("uniform", width=wide).warm, study.corpus.spec)
        with torch.no_grad():
            warm.calibrate(study._batches("train"))
        count = len(warm.network.features)
        assert warm.footprint()["table_values"] >= 0.99 * WIDTH * keep * count, "but for those that training never saw"
        assert warm.network.table.dense().count_nonzero(1).max() == wide
    mean = study._mean(0.05)
    warm = Warm(_config("mde", popular=mean).warm, study.corpus.spec)
    warm.calibrate(study._batches("train"))
    assert 0.05 * WIDTH <= warm.footprint()["table_values"] / len(warm.network.features) < 0.06 * WIDTH
