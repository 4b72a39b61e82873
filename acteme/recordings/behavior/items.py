"""The catalog of items: what is known of each, in the order of their numbers."""

from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def joined(known: pa.Table) -> Callable[[pa.Array], pa.Table]:
    """Gives the catalog of items by their names: the rows of `known` whose `item` they are, null where there is none.

    Where an item has several rows the first one counts.
    """
    keys = known["item"].combine_chunks().cast(pa.string())

    def catalog(names: pa.Array) -> pa.Table:
        at = pc.index_in(names, value_set=keys)
        rest = {n: known[n].take(at) for n in known.column_names if n != "item"}
        return pa.table({"item": names, **rest})

    return catalog


def split_text(column: pa.Array, separator: str) -> pa.Array:
    """Text as a list of its parts; empty text as an empty list."""
    parts = pc.split_pattern(column.fill_null(""), separator)
    return pc.if_else(pc.equal(column.fill_null(""), ""), pa.scalar([], parts.type), parts)


def flattened(column: pa.Array) -> pa.Array:
    """Lists of lists of text as lists of all their texts; null stays null."""
    offsets, inner = column.offsets.to_numpy(), column.values
    new = pa.array(inner.offsets.to_numpy()[offsets])
    flat = pa.ListArray.from_arrays(new, inner.values)
    return pc.if_else(column.is_valid(), flat, pa.scalar(None, flat.type))


def once(column: pa.Array) -> pa.Array:
    """Lists of text with each text once, where it comes first."""
    rows = pc.list_parent_indices(column).to_numpy().astype(np.int64)
    coded = column.flatten().dictionary_encode()
    if not len(rows):
        return column
    codes = coded.indices.fill_null(len(coded.dictionary)).to_numpy(zero_copy_only=False)
    first = np.sort(np.unique(rows * (len(coded.dictionary) + 1) + codes, return_index=True)[1])
    first = first[codes[first] < len(coded.dictionary)]
    offsets = np.concatenate([[0], np.cumsum(np.bincount(rows[first], minlength=len(column)))])
    kept = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), coded.dictionary.take(coded.indices.take(first)))
    return pc.if_else(column.is_valid(), kept, pa.scalar(None, kept.type))


def table(rows: Iterable[tuple[str, str, list[str], float | None]]) -> pa.Table:
    """Films: name, title, categories and year."""
    films = list(rows)
    types = (pa.string(), pa.string(), pa.list_(pa.string()), pa.float64())
    names = ("item", "title", "categories", "year")
    return pa.table({n: pa.array([film[k] for film in films], types[k]) for k, n in enumerate(names)})
