"""The catalog of items: what is known of each, in the order of their numbers."""

from collections.abc import Callable, Iterable

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


def table(rows: Iterable[tuple[str, str, list[str], float | None]]) -> pa.Table:
    """Films: name, title, categories and year."""
    films = list(rows)
    types = (pa.string(), pa.string(), pa.list_(pa.string()), pa.float64())
    names = ("item", "title", "categories", "year")
    return pa.table({n: pa.array([film[k] for film in films], types[k]) for k, n in enumerate(names)})
