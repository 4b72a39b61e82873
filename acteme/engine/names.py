"""Numbers of items and of values of fields: other data has its own, which become those that a run learned."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from jaxtyping import Bool, Int

from acteme.atomic import fresh_file
from acteme.engine.adapt import adapt
from acteme.engine.inputs import Input
from acteme.engine.logs import has_users, is_document, is_log, newest
from acteme.engine.run import Run
from acteme.errors import DataWarning, InputError
from acteme.recordings.behavior.ranges import Ranges
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording
from acteme.recordings.sources import open_data
from acteme.recordings.unnumbered import SCHEMA, Gathering, moved

TABLES = ("catalog", "values")
"""What a run keeps of its training data: names of items, and of values of fields."""
NAMED = 3
"""Items that are named where a run does not know them."""


def keep(run: Run, corpus: Corpus) -> None:
    """Writes the names beside the run's spec."""
    for name in TABLES:
        table = getattr(corpus, name)
        if table is not None:
            with fresh_file(path(run, name)) as work:
                pq.write_table(table, work)


def path(run: Run, name: str) -> Path:
    """Where a run keeps its catalog or its values."""
    return run.folder / f"{name}.parquet"


def kept(run: Run, name: str) -> pa.Table | None:
    """The catalog of items or the values of fields that a run was trained with; None where there were none."""
    return pq.read_table(path(run, name)) if path(run, name).is_file() else None


def fitted(corpus: Corpus, run: Run, foretell: bool = True) -> Corpus:
    """The corpus as a run reads it, `foretell` as in `renumbered`; InputError where there is no way."""
    if is_document(run.spec):
        return retyped(corpus, run)
    return renumbered(corpus, run, foretell) if is_log(run.spec) else adapt(corpus, run.spec)


def opened(run: Run, inputs: Input | Sequence[Input], split: str | None = None) -> Iterator[Corpus]:
    """Logs or documents to answer for, in the numbers of a run: of the split, or if none is named, all that is known of
    each user.

    Raises:
        InputError: there is no such data, or the run cannot read it.
    """
    for one in inputs if isinstance(inputs, Sequence) and not isinstance(inputs, str) else [inputs]:
        if isinstance(one, Recording):
            yield Corpus.of([one], run.spec, catalog=kept(run, "catalog"))
            continue
        corpus = open_data(one)
        newer = newest(corpus) if split is None and is_log(corpus.spec) else corpus
        yield fitted(newer if split is None else corpus.select(split), run, split is not None)


def renumbered(corpus: Corpus, run: Run, foretell: bool = True) -> Corpus:
    """A log in the numbers of a run; the same one where it has them already.

    Events of items that the run does not know are left out, of a run that finds odd events their items alone; a value
    of a field that it does not know becomes 0, and one that it knows its number, also where it has none in this log,
    for it is rare there; where a run reads items, a whole field may be unknown. A recording of a user whose last event
    is left out is so itself where that is the one to `foretell`. `notes` says all that, as warnings do; `places` keeps
    the numbers of the other events. Segments of classes that the run does not know are left out, too.

    Raises:
        InputError: the log has not the items or fields that the run reads, or the run knows none of the items.
    """
    own, wanted = corpus.spec, run.spec
    fields = run.entry.reads == "field" or not wanted.items
    for name, needed in (("item", wanted.items), ("field", fields)):
        if needed and name not in corpus.arrays:
            raise InputError(f"the data has no {name}s", run.name, "give a log like the one that the run learned")
    catalog, values = (kept(run, name) for name in TABLES)
    out = corpus
    if lacking := [name for name in wanted.fields if name not in own.fields]:
        what, known = f"the data has no field '{lacking[0]}'", ", ".join(own.fields) or "none"
        if fields:
            raise InputError(what, run.name, f"its fields: {known}")
        out = _noted(out, f"{what}, which the run learned: it is taken for unknown (fields of the data: {known})")
    if wanted.fields and (own.fields != wanted.fields or not _alike(corpus.values, values)):
        field, cells = _fields(corpus, wanted.fields, values)
        out = replace(out, arrays=out.arrays | {"field": field}, values=values, unnumbered=cells)
    if wanted.items and not (own.items == wanted.items and _alike(_items(corpus.catalog), _items(catalog))):
        out = _known(out, catalog, foretell, run.entry.task == "anomalies")
    if wanted.classes and own.classes != wanted.classes:
        out = _listed(out, wanted.classes)
    classes = wanted.classes or own.classes
    spec = replace(out.spec, items=wanted.items, fields=wanted.fields, sizes=wanted.sizes, classes=classes)
    return replace(out, spec=spec, catalog=catalog if wanted.items else out.catalog)


def retyped(corpus: Corpus, run: Run) -> Corpus:
    """Documents in the types and roles of a run; the same ones where they have them already.

    Documents with an event of a type that the run does not know are left out (`notes` says how many); a role that it
    does not know becomes -1.

    Raises:
        InputError: there are no documents, or the run knows none of their types.
    """
    own, wanted = corpus.spec, run.spec
    if corpus.arguments is None:
        raise InputError("the data has no documents", run.name, "give documents, see docs/data.md")
    if (own.classes, own.roles) == (wanted.classes, wanted.roles):
        return corpus
    types, roles = ({name: k for k, name in enumerate(some)} for some in (wanted.classes, wanted.roles))
    label = np.array([*(types.get(name, -1) for name in own.classes), -1])[corpus.table["label"]]
    number = np.array([*(roles.get(pair, -1) for pair in own.roles), -1])[corpus.arguments.number]
    good = label[corpus.rows] >= 0
    if not good.any():
        known = ", ".join(wanted.classes[:6])
        raise InputError("the run knows none of the types of events", "data", f"it knows {known}")
    out = replace(corpus, spec=replace(own, classes=wanted.classes, roles=wanted.roles, most=wanted.most),
                  table=corpus.table | {"label": label}, arguments=replace(corpus.arguments, number=number),
                  chosen=corpus.rows[good])  # fmt: skip
    if good.all():
        return out
    return _noted(out, f"{int((~good).sum())} of {len(good)} events are of types that the run does not know")


def _alike(a: pa.Table | pa.ChunkedArray | None, b: pa.Table | pa.ChunkedArray | None) -> bool:
    return a is b or (a is not None and b is not None and a.equals(b))


def _items(catalog: pa.Table | None) -> pa.ChunkedArray | None:
    return None if catalog is None else catalog["item"]


def _fields(
    corpus: Corpus, fields: tuple[str, ...], values: pa.Table | None
) -> tuple[Int[np.ndarray, "n f"], pa.Table]:
    """The column of each field, with the run's numbers of its values; and what they say that has none."""
    out, left = np.zeros((len(next(iter(corpus.arrays.values()))), len(fields)), np.int32), Gathering()
    cells = SCHEMA.empty_table() if corpus.unnumbered is None else corpus.unnumbered
    for k, name in enumerate(fields):
        if name not in corpus.spec.fields:
            continue
        if corpus.values is None or values is None:
            raise InputError("the data does not name the values of its fields", "data", "give a table of events")
        column = corpus.spec.fields.index(name)
        here, there = (t.filter(pc.equal(t["field"], name)) for t in (corpus.values, values))
        known, number = there["value"].combine_chunks(), np.append(there["number"].to_numpy(), 0)
        to, own = np.zeros(corpus.spec.sizes[column], np.int32), np.zeros(corpus.spec.sizes[column], np.int64)
        own[here["number"].to_numpy()] = np.arange(len(here))
        to[here["number"].to_numpy()] = number[_at(here["value"].combine_chunks(), known)]
        said = np.asarray(corpus.arrays["field"][:, column])
        out[:, k] = to[said]
        lost = np.flatnonzero((out[:, k] == 0) & (said > 0))
        left.add(name, lost, here["value"].combine_chunks(), own[said[lost]])
        some = cells.filter(pc.equal(cells["field"], name))
        told, place = some["value"].combine_chunks(), some["position"].to_numpy()
        out[place, k] = number[_at(told, known)]
        new = np.flatnonzero(out[place, k] == 0)
        left.add(name, place[new], told, new)
    return out, left.table()


def _at(said: pa.Array, known: pa.Array) -> Int[np.ndarray, " n"]:
    """Where values are among those that are known, -1 where they are not; a number, in the range that it belongs to."""
    found = pc.index_in(said, value_set=known)
    if found.null_count and (ranges := Ranges.read(known)) is not None:
        found = pc.coalesce(found, pc.index_in(ranges.named(said), value_set=known))
    return found.fill_null(-1).to_numpy()


def _listed(corpus: Corpus, classes: tuple[str, ...]) -> Corpus:
    """The segments of classes that the run knows, under its numbers."""
    numbers = {name: k for k, name in enumerate(classes)}
    label = np.array([numbers.get(name, -1) for name in (*corpus.spec.classes, "")])[corpus.segments.label]
    kept = np.flatnonzero(label >= 0)
    texts, events = (tuple(some[k] for k in kept) if some else () for some in (corpus.texts, corpus.events))
    return replace(corpus, segments=replace(corpus.segments.select(kept), label=label[kept]), texts=texts,
                   events=events)  # fmt: skip


def _noted(corpus: Corpus, note: str) -> Corpus:
    """The corpus with one more note, of which its user is warned."""
    warnings.warn(note, DataWarning, stacklevel=2)
    return replace(corpus, notes=(*corpus.notes, note))


def _known(corpus: Corpus, catalog: pa.Table | None, foretell: bool, all_: bool) -> Corpus:
    """The events of items that the run knows (`all_` events, an unknown item becoming 0), under its numbers."""
    if corpus.catalog is None or catalog is None:
        raise InputError("the data does not name its items", "data", "give a table of events")
    at = pc.index_in(corpus.catalog["item"], value_set=catalog["item"].combine_chunks()).fill_null(-1).to_numpy()
    own = corpus.arrays["item"]
    item = np.append(0, at + 1).astype(np.int32)[own]
    arrays = corpus.arrays | {"item": item}
    keep: Bool[np.ndarray, " n"] = (item > 0) | (own == 0)  # someone of whom nothing is known stays
    if all_ or keep.all():
        return replace(corpus, arrays=arrays)
    before = np.append(0, np.cumsum(keep))
    offset, frames = (corpus.table[n] for n in ("offset", "frames"))
    table = corpus.table | {"offset": before[offset], "frames": before[offset + frames] - before[offset]}
    good = table["frames"][corpus.rows] > 0
    if foretell and has_users(corpus):
        held = np.isin(corpus.column("split"), ("val", "test"))
        good &= ~held | keep[(offset + frames - 1)[corpus.rows]]
    if not good.any():
        raise InputError("the run knows none of the items", "data", "give data with items that it learned")
    cells = corpus.unnumbered
    if cells is not None:
        place = cells["position"].to_numpy()
        cells = moved(cells, before[place], keep[place])
    names = corpus.catalog["item"].take(np.unique(own[~keep]) - 1).to_pylist()
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    stood, first = np.flatnonzero(keep), np.unique(offset)  # recordings with events in common begin together
    places = stood - first[np.searchsorted(first, stood, "right") - 1]
    out = replace(corpus, arrays={n: a[keep] for n, a in arrays.items()}, table=table, chosen=corpus.rows[good],
                  unnumbered=cells, places=places)  # fmt: skip
    lost = f"; {len(good) - int(good.sum())} of {len(good)} recordings are left out" if not good.all() else ""
    return _noted(out, f"{int((~keep).sum())} of {len(keep)} events are left out, of items that the run does not know: "
                       f"{', '.join(map(str, names[:NAMED]))}{more}{lost}")  # fmt: skip
