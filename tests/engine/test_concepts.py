"""What latents stand for: found on held-out sequences, verified on others, and turned."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch

from acteme.engine.concepts import Concept, before_last, concepts, edits_from, latents_of, look, read
from acteme.engine.evaluate import evaluate
from acteme.engine.interpret import Case, Reader, Tags, tags_of, titles_of
from acteme.engine.logs import ending, newest
from acteme.engine.predict import predict
from acteme.engine.train import train
from acteme.errors import InputError
from acteme.recordings.windows import Windows
from acteme.reports.gather import gather
from acteme.reports.page import render
from acteme.systems.inspect.recsae import Config
from tests.engine.logs import QUIET, shop, table, trained

CATALOG = "item,title,categories,year\n" + "".join(
    f'i{k},"Thing {k}",{"low" if k < 6 else "high"}|kind{k // 3},{1990 + k}\n' for k in range(12)
)


def config(epochs: int = 3) -> Config:
    """A few numbers, in a second."""
    c = Config.small()
    base = replace(c.base, width=8, windows=Windows(frames=6, stride=1, prefixes=True),
                   recipe=replace(c.base.recipe, epochs=epochs, batch=16))  # fmt: skip
    sae = replace(c.autoencode, width=8, scale=4, k=2, windows=Windows(frames=6, stride=1, prefixes=True),
                  recipe=replace(c.autoencode.recipe, epochs=epochs, batch=16))  # fmt: skip
    return Config(base, sae)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    (folder / "catalog.csv").write_text(CATALOG)
    return table(folder, shop(60), f"?catalog={folder / 'catalog.csv'}")


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    return train("recsae", data, tmp_path_factory.mktemp("run") / "r", config=config(10), settings=QUIET)


def case(item: int, level: int = 0) -> Case:
    return Case(("A", "B"), f"T{item}", item, level)


def test_tags_are_categories_and_decades(data):
    names, has = tags_of(data.catalog)
    assert names == ["1990s", "2000s", "high", "kind0", "kind1", "kind2", "kind3", "low"]
    assert not has[0].any() and has.shape == (13, 8) and has[:, 0].sum() == 10 and has[:, 7].sum() == 6
    assert sorted(titles_of(data.catalog)) == ["", *sorted(f"Thing {k}" for k in range(12))]
    with pytest.raises(InputError, match=r"neither categories nor years.*--model smollm2"):
        tags_of(pa.table({"item": ["a"]}))
    assert titles_of(pa.table({"item": ["a", "b"], "title": ["X", None]})) == ["", "X", "b"]


def test_tags_name_and_judge():
    has = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], bool)
    tags = Tags(["common", "rare"], has, np.array([0.9, 0.1]))
    assert tags.name_all([[case(2), case(1)], [case(1)], []]) == ["rare", "common", ""]
    assert tags.judge_all(["rare", ""], [[case(1), case(2)], [case(3)]]) == [[False, True], [False]]


class Fake:
    """A language model that answers by rule, and keeps what it was asked."""

    name = "fake"

    def __init__(self):
        self.asked = []

    def generate(self, prompts, **_):
        self.asked += [" ".join(m.text for m in p) for p in prompts]
        grades = ["7" if "T1" in p[-1].text else "so-so 3" for p in prompts]
        said = '1. "They are films of T1". And more'
        return [g if "Concept:" in p[-1].text else said for p, g in zip(prompts, grades, strict=True)]


def test_a_language_model_reads_titles_and_never_the_level_that_it_is_to_tell():
    model = Fake()
    reader = Reader(model)
    assert reader.name_all([[case(1, 9), case(2, 8)]]) == ["Films of T1"]
    example = "Cases:\n1. Alien: 0; The Shining: 0; Poltergeist: 9\n2. Psycho: 0; Carrie: 8\nWhat do"
    assert example in model.asked[0]
    asked = "Cases:\n1. A: 0; B: 0; T1: 9\n2. A: 0; B: 0; T2: 8\nWhat do the recommended items have in common?"
    assert model.asked[0].endswith(asked)
    model.asked.clear()
    assert reader.judge_all(["x", "y"], [[case(1, 9), case(2, 9)], []]) == [[True, False], []]
    assert len(model.asked) == 2 and model.asked[1].endswith("Concept: x\nCase: A: 0; B: 0; T2:")
    model.asked.clear()
    many = replace(case(1, 4), history=tuple(f"H{k}\n" for k in range(12)), title="long " * 99)
    reader.name_all([[many]])
    shown = model.asked[0].rpartition("1. ")[2].partition("\n")[0]
    assert shown.startswith("H2: 0; ") and shown.count(": 0; ") == 10 and shown.endswith("…: 4") and len(shown) < 180
    assert reader.name_all([]) == reader.judge_all([], []) == []


def test_latents_get_concepts_that_are_checked_elsewhere(run, data):
    found = concepts(run, data, cases=3)
    assert len(found) == 32 and read(run) == found
    told = json.loads((run.folder / "concepts.json").read_text())
    assert told["interpreter"] == "tags" and told["split"] == "test"
    named = [c for c in found if c.concept]
    assert named and all(len(c.cases) == 3 and c.active >= 6 and c.peak > 0 for c in named)
    assert all(c.confidence == 0 and not c.cases for c in found if not c.concept)
    rows = [(-c.confidence, -c.active, c.latent) for c in found]
    assert rows == sorted(rows)
    assert any(c.interpretable for c in found)  # the two tastes are easy to tell
    assert concepts(run, data, cases=3) == found


class Mute(Tags):
    """Finds a name for the first latent alone."""

    def name_all(self, cases):
        return [name if n == 0 else "" for n, name in enumerate(super().name_all(cases))]


def test_what_has_no_name_is_not_sure_of_anything(run, data):
    names, has = tags_of(data.catalog)
    found = concepts(run, data, cases=3, interpreter=Mute(names, has, has.mean(0)))
    assert sum(bool(c.concept) for c in found) == 1
    assert all((c.confidence, c.precision, c.recall, c.cases) == (0, 0, 0, ()) for c in found if not c.concept)
    concepts(run, data, cases=3)


def test_the_effect_is_the_change_of_exposure_when_a_latent_is_silenced(run, data):
    found = concepts(run, data, cases=3)
    told = [c for c in found if c.effect is not None]
    assert told and all(c.concept and c.effect >= -1 for c in told) and any(c.effect for c in told)
    assert all(c.effect is None for c in found if not c.concept)
    c = next(c for c in told if c.effect)
    names, has = tags_of(data.catalog)
    module = run.module("autoencode")
    part = data.select("test")
    seen, _ = look(module, part, *before_last(part), run.config.autoencode.windows)
    active = {part.column("subject")[i] for i in seen.index[seen.activations[:, c.latent] > 0]}
    share = []
    for changes in ({}, {c.latent: 0.0}):
        module.turn(changes)
        hits = lists = 0
        for i in np.flatnonzero(seen.activations[:, c.latent] > 0):
            n, had = int(seen.index[i]), int(seen.before[i])
            window = ending(part, np.array([n]), np.array([had - 1]), run.config.autoencode.windows, 5)
            scores = module.predict(window)
            known = part[n].arrays["item"][:had] - 1
            value = (scores.query @ scores.table.T)[0]
            value[torch.from_numpy(known.astype(np.int64))] = -torch.inf
            top = value.topk(10).indices.numpy() + 1
            hits, lists = hits + int(has[top, names.index(c.concept)].sum()), lists + 10
        share.append(hits / lists)
    assert len(active) == c.active
    assert c.effect == pytest.approx(share[1] / share[0] - 1)


def test_too_few_sequences_leave_latents_without_a_concept(run, data):
    assert not any(c.concept for c in concepts(run, data, cases=200))


def test_silencing_a_concept_changes_what_is_recommended(run, data):
    found = concepts(run, data, cases=3)
    best = next(c for c in found if c.interpretable)
    plain, turned = (list(predict(run, data, edits=e, count=3)) for e in (None, {best.concept: 0.0}))
    assert [p.scores for p in plain] != [t.scores for t in turned]
    again = list(predict(run, data, count=3))
    assert [p.scores for p in plain] == [a.scores for a in again]
    assert latents_of(run, "autoencode", {"3": 2.0, best.concept.upper(): 0.0})[3] == 2.0
    assert any(best.concept == name for p in plain for why in p.reasons for name, _ in why)
    assert not any(best.concept == name for t in turned for why in t.reasons for name, _ in why)
    assert all(len({n for n, _ in why}) == len(why) for p in plain for why in p.reasons)
    assert all(value > 0 for p in plain for why in p.reasons for _, value in why)


def test_without_edits_and_with_what_is_missed_the_recommender_answers_as_it_is(run, data):
    plain, kept = (list(predict(run, data, count=3, keep_missed=k)) for k in (False, True))
    module = run.module("autoencode")
    log = newest(data)
    window = ending(log, np.arange(len(log)), log.frames - 1, run.config.autoencode.windows, 5)
    wanted = module.model.predict(window)
    scores = wanted.query @ wanted.table.T
    for row, answer, other in zip(scores, kept, plain, strict=True):
        number = [data.catalog["item"].to_pylist().index(name) for name in answer.items]
        assert answer.scores == pytest.approx(row[number].tolist(), abs=1e-5)
        assert answer.scores != other.scores


def test_evaluation_compares_with_the_recommender_itself(run, data):
    metrics = evaluate(run, data).metrics
    assert {"fvu", "dead", "active"} <= metrics.keys()
    ranks = {f"{base}{name}@{k}" for base in ("", "base_") for name in ("hr", "ndcg") for k in (5, 10, 20, 50)}
    assert ranks <= metrics.keys()
    assert 0 < metrics["fvu"] < 1.5 and 0 <= metrics["dead"] < 1 and 0 < metrics["active"] <= 2


def test_another_run_can_be_inspected(tmp_path, data, monkeypatch):
    first = train("recsae", data, tmp_path / "first", config=config(1), settings=QUIET)
    own = replace(config(1).autoencode, width=5, rows="all", windows=Windows(frames=9, stride=2, prefixes=True, most=4))
    wanted = replace(config(1), autoencode=own)
    second = train("recsae", data, tmp_path / "second", config=wanted, settings=QUIET, base=first.folder)
    assert second.status == "trained" and not second.done("base")
    known = replace(own, width=8, windows=replace(own.windows, frames=6))  # as wide, and as far back, as the other
    assert second.config.autoencode == known
    assert len(concepts(second, data, cases=2)) == 32


def test_wrong_inputs(run, data, tmp_path):
    with pytest.raises(InputError, match="no latent stands for 'Opera'"):
        latents_of(run, "autoencode", {"Opera": 0.0})
    with pytest.raises(InputError, match=r"'Horror' is no edit.*Horror=0"):
        edits_from(["Horror"])
    with pytest.raises(InputError, match="is no edit"):
        edits_from(["=0"])
    assert edits_from(["A=B=0.5", " 7 =2"]) == {"A=B": 0.5, "7": 2.0}
    plain, log = trained("ranking")
    with pytest.raises(InputError, match="has no latents to turn"):
        latents_of(plain, "learn", {"1": 0.0})
    with pytest.raises(InputError, match="has no latents to turn"):
        next(predict(plain, log, keep_missed=True))
    with pytest.raises(InputError, match="not a run that inspects another"):
        concepts(plain, log)
    with pytest.raises(InputError, match=r"cases is 0.*give 1 or more"):
        concepts(run, data, cases=0)
    for word in ("A=nan", "A=inf"):
        with pytest.raises(InputError, match="is no edit"):
            edits_from([word])
    broken = replace(run, folder=tmp_path)
    (tmp_path / "concepts.json").write_text("{")
    with pytest.raises(InputError, match=r"cannot be read.*acteme concepts"):
        read(broken)
    with pytest.raises(InputError, match="does not name its items"):
        concepts(run, replace(data, catalog=None))
    assert not Concept(0, "x", 9, 1.0, 0.5, 0.5, 0.79, ()).interpretable


def test_the_report_shows_what_latents_stand_for(run, data, tmp_path):
    (run.folder / "concepts.json").unlink(missing_ok=True)
    page = gather(run, data)
    assert not page.meanings and any("acteme concepts" in note for note in page.notes)
    found = concepts(run, data, cases=3)
    page = gather(run, data)
    held = [c for c in found if c.interpretable]
    assert [m.latent for m in page.meanings] == [c.latent for c in held[:40]] and not page.notes
    assert page.meanings_about.startswith(f"{len(held)} of 32 latents stand for something that holds, by the tags")
    text = render(page)
    assert 'id="concepts"' in text and f"<td>{held[0].concept}</td>" in text and "Silenced, %" in text
    unmeasured = replace(page, meanings=tuple(replace(m, effect=None) for m in page.meanings))
    assert "Silenced" not in render(unmeasured)
