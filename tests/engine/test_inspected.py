"""Any run that encodes can be inspected: skeletons, logs with users and without, documents."""

from dataclasses import replace

import pytest

from acteme import catalog
from acteme.engine.concepts import concepts
from acteme.engine.encode import encode
from acteme.engine.evaluate import evaluate
from acteme.engine.predict import predict
from acteme.engine.train import train
from acteme.errors import InputError
from acteme.reports.page import report
from acteme.systems.inspect.recsae import Config
from tests.engine import documents, logs, toys, trained

QUIET = logs.QUIET


def recognizing(monkeypatch, kind):
    """A trained run of a kind, and its data."""
    match kind:
        case "skeletons":
            entry, (run, corpus) = toys.toy(), trained.segmenting()
        case "documents":
            run, corpus = documents.trained()
            entry = run.entry
        case task:
            run, corpus = logs.trained(task)
            entry = logs.toy(task)
    monkeypatch.setattr(catalog, "ENTRIES", (*catalog.ENTRIES, entry))
    return run, corpus


def config() -> Config:
    c = Config.small()
    return replace(c, autoencode=replace(c.autoencode, scale=4, k=2, recipe=replace(c.autoencode.recipe, epochs=1,
                                                                                  batch=16)))  # fmt: skip


@pytest.mark.parametrize("kind", ["skeletons", "ranking", "anomalies", "documents"])
def test_any_run_that_encodes_can_be_inspected(kind, monkeypatch, tmp_path):
    other, corpus = recognizing(monkeypatch, kind)
    run = train("recsae", corpus, tmp_path / "r", config=config(), settings=QUIET, base=other)
    own = run.config.autoencode
    windows = getattr(other.config, other.stage_with("encode")).windows
    assert own.windows.frames == windows.frames and own.windows.prefixes == windows.prefixes
    assert own.rows == "last"  # the pooled latents of these are means over all steps
    metrics = evaluate(run, corpus).metrics
    assert {"fvu", "dead", "active"} <= metrics.keys() and 0 < metrics["active"] <= 2
    assert ("base_ndcg@10" in metrics) == (kind == "ranking")
    table = encode(run, corpus if kind != "skeletons" else list(corpus.select("test")), tmp_path / "t")
    assert table.width == 4 * own.width and table.rows
    page = report(run, corpus, tmp_path / "page.html").read_text()
    assert "Variance unexplained" in page and "Latents of stage autoencode" in page
    if kind == "ranking":
        assert next(predict(run, corpus)).items
        return
    with pytest.raises(InputError, match="recommends nothing"):
        next(predict(run, corpus if kind != "skeletons" else list(corpus)))
    with pytest.raises(InputError, match="recommends nothing"):
        concepts(run, corpus)
