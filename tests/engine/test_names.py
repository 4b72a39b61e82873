"""Other data in the numbers of a run."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from acteme.engine import names
from acteme.engine.evaluate import evaluate
from acteme.engine.train import train
from acteme.errors import DataWarning, InputError
from tests.engine.logs import ALONE, QUIET, host, shop, table, toy, trained
from tests.engine.toys import trimmed


def test_a_run_keeps_the_names_of_what_it_learned():
    run, corpus = trained("ranking")
    assert names.kept(run, "catalog").equals(corpus.catalog) and names.kept(run, "values").equals(corpus.values)
    assert names.renumbered(corpus, run).arrays["item"] is corpus.arrays["item"]
    plain, _ = trained("anomalies")
    assert names.kept(plain, "catalog") is None


def test_other_data_get_the_numbers_of_the_run(tmp_path):
    run, corpus = trained("ranking")
    lines = shop().splitlines()
    people = [[line for line in lines[1:] if line.startswith(f"u{u},")] for u in range(29, -1, -1)]
    mixed = table(tmp_path, "\n".join([lines[0], *(line for person in people for line in person)]) + "\n")
    assert mixed.arrays["item"].tolist() != corpus.arrays["item"].tolist()
    made = names.renumbered(mixed, run)
    own = {r.name: r.arrays for r in corpus}
    for r in made:
        assert r.arrays["item"].tolist() == own[r.name]["item"].tolist()
        assert r.arrays["field"].tolist() == own[r.name]["field"].tolist()
    assert made.spec == run.spec and evaluate(run, mixed).metrics == pytest.approx(evaluate(run, corpus).metrics)


def test_events_of_unknown_items_are_left_out_and_counted(tmp_path):
    run, corpus = trained("ranking")
    head = "user,item,timestamp,category,channel\n"
    rows = "a,i1,1,kind0,web\na,new,2,kind9,web\na,i2,3,kind0,web\na,i3,4,kind1,tv\n"
    other = table(tmp_path, head + rows + "b,i1,1,kind0,web\nb,i2,2,kind0,app\nb,new,3,kind9,web\n")
    said = "2 of 7 events are left out, of items that the run does not know: new; 1 of 6 recordings are left out"
    with pytest.warns(DataWarning, match=said):
        made = names.renumbered(other, run)
    known = corpus.catalog["item"].to_pylist()
    told = {r.name: [known[k - 1] for k in r.arrays["item"].tolist()] for r in made}
    # what is to be foretold of b is unknown, and so is what was of a in the validation
    assert told == {"a/train": ["i1"], "b/train": ["i1"], "a/val": ["i1", "i2"], "b/val": ["i1", "i2"],
                    "a/test": ["i1", "i2", "i3"]}  # fmt: skip
    assert made.notes[-1] == said
    assert made.places[made.column("offset")[-1] :][:3].tolist() == [0, 2, 3], "numbers of events stay what they were"
    assert made.select("test")[0].arrays["field"][-1, 1] == 0  # there is no tv
    at = int(made.select("test").column("offset")[0]) + 2
    assert made.unnumbered.to_pylist() == [{"position": at, "field": "channel", "value": "tv"}]
    with pytest.warns(DataWarning, match="events are left out"):  # nothing is to be foretold: b's last click is no loss
        assert [r.subject for r in next(names.opened(run, other))] == ["a", "b"]
    with pytest.raises(InputError, match="knows none of the items"):
        names.renumbered(table(tmp_path, head + "a,n,1,kind0,web\na,m,2,kind0,web\n"), run)


def test_values_that_other_data_has_too_seldom_have_the_numbers_of_the_run(tmp_path):
    """Another log numbers what is frequent in its own training; that is no reason not to know the rest."""
    run, _ = trained("anomalies")
    lines = host(40).splitlines()
    lines[-1] = "39,p9,c0,f0"
    rare, all_ = (table(tmp_path, "\n".join(lines) + "\n", o) for o in ("?rare=30&val=0.3&test=0.4", "?val=0&test=0"))
    assert not rare.arrays["field"].any()
    some, every = (names.renumbered(c, run) for c in (rare, all_))
    assert np.array_equal(some.arrays["field"], every.arrays["field"]) and not some.arrays["field"][-1, 0]
    assert (some.arrays["field"][:-1] > 0).all() and some.arrays["field"][-1, 1] > 0
    for made in (some, every):
        assert made.unnumbered.to_pylist() == [{"position": 39, "field": "program", "value": "p9"}]
    assert names.renumbered(replace(rare, unnumbered=None), run).unnumbered.num_rows == 0


def test_numbers_are_in_the_ranges_of_the_run(tmp_path):
    def log(sizes, options=""):
        rows = [f"{t},{size},k{t % 2}" for t, size in enumerate(sizes)]
        return table(tmp_path, "\n".join(["time,size,kind", *rows, ""]), options)

    learned = log(range(40), "?bins=4&val=0&test=0.1")
    run = train(toy("anomalies"), learned, tmp_path / "r", config=ALONE, settings=QUIET)
    ends = [int(v.rpartition(" ")[2]) for v in learned.values["value"].to_pylist() if v.startswith("up to")]
    for options in ("?val=0&test=0", "?val=0&test=0&rare=2"):  # numbers of its own, or none
        made = names.renumbered(log([ends[0], ends[0] + 1, -5, 1000, "many"], options), run)
        at = {v["number"]: v["value"] for v in made.values.to_pylist() if v["field"] == "size"} | {0: "?"}
        first, second, low, high, other = (at[k] for k in made.arrays["field"][:, 0].tolist())
        assert first == low == f"up to {ends[0]}" and second.startswith(f"above {ends[0]} up to ")
        assert high.startswith("above ") and "up to" not in high and other == "?"


def test_the_first_few_unknown_items_are_named(tmp_path):
    run, _ = trained("ranking")
    rows = [f"a,{item},{k},kind0,web" for k, item in enumerate(["i1", "v", "w", "i2", "x", "y", "y"])]
    other = table(tmp_path, "\n".join(["user,item,timestamp,category,channel", *rows]) + "\n")
    with pytest.warns(DataWarning, match="5 of 7 events .* does not know: v, w, x and 1 more$"):
        list(names.opened(run, other))


def test_odd_events_may_be_of_unknown_items(tmp_path):
    text = "user,item,timestamp,program,call,folder\n"
    own = table(tmp_path, text + "".join(f"u{k % 3},i{k % 5},{k},p{k % 2},c{k % 4},f0\n" for k in range(60)))
    run = train(toy("anomalies"), own, tmp_path / "run", config=ALONE, settings=QUIET)
    new = table(tmp_path, text + "u0,i1,1,p0,c0,f0\nu0,new,2,p1,c0,f0\nu0,i2,3,p0,c0,f0\n")
    made = names.renumbered(new, run)
    assert made.arrays["item"].tolist()[1] == 0 and len(made.arrays["item"]) == 3 and not made.notes[1:]


def test_what_does_not_fit_is_said_in_a_line(tmp_path):
    run, corpus = trained("ranking")
    watcher, _ = trained("anomalies")
    with pytest.raises(InputError, match="the data has no field 'folder'; its fields: program, call"):
        names.fitted(table(tmp_path, "timestamp,program,call\n1,p0,c0\n2,p0,c1\n"), watcher)
    with pytest.raises(InputError, match="the data has no items"):
        names.fitted(table(tmp_path, host(20)), run)
    with pytest.raises(InputError, match="the data has no items"):
        names.fitted(trimmed(2), run)
    with pytest.raises(InputError, match="does not name its items"):
        names.fitted(replace(corpus, catalog=None), run)


def test_who_reads_items_can_do_without_fields(tmp_path):
    run, corpus = trained("ranking")
    rows = "a,i1,1,kind0\na,i2,2,kind0\n"
    with pytest.warns(DataWarning, match="has no field 'channel', which the run learned: .* unknown .*data: category"):
        made = names.fitted(table(tmp_path, "user,item,timestamp,category\n" + rows), run)
    number = corpus.values.filter(pc.equal(corpus.values["value"], "kind0"))["number"][0].as_py()
    assert made.arrays["field"].tolist() == [[number, 0]] * 2 and made.spec == run.spec
    with pytest.warns(DataWarning, match="no field 'category'.*fields of the data: none"):
        none = names.fitted(table(tmp_path, "user,item\na,i1\na,i2\n"), run)
    assert not none.arrays["field"].any() and len(list(none)) == 1


def test_fields_are_found_by_name(tmp_path):
    run, corpus = trained("anomalies")
    lines = [line.split(",") for line in host().splitlines()]
    turned = table(tmp_path, "\n".join(",".join([t, f, "x", p, c]) for t, p, c, f in lines).replace(",x,", ",more,", 1))
    made = names.renumbered(turned, run)
    assert made.spec.fields == run.spec.fields and np.array_equal(made.arrays["field"], corpus.arrays["field"])
    strange = corpus.values.set_column(2, "value", pa.array(["q"] * len(corpus.values)))
    assert not names.renumbered(replace(corpus, values=strange), run).arrays["field"].any()
