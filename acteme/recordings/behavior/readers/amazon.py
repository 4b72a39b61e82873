"""Amazon reviews, in the layouts of their releases of 2014, 2018 and 2023.

Cite J. McAuley and others (2015), J. Ni and others (2019), Y. Hou and others (2024). For research.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acteme.errors import InputError
from acteme.recordings.behavior.codes import number, text
from acteme.recordings.behavior.items import flattened, once
from acteme.recordings.behavior.log import Columns, Log
from acteme.recordings.behavior.objects import Types, first_object, object_lines
from acteme.recordings.behavior.problems import Problems
from acteme.recordings.behavior.streams import AGAIN
from acteme.recordings.corpus import Corpus

WORD, WORDS = pa.string(), pa.list_(pa.string())
OLD: Types = {"reviewerID": WORD, "asin": WORD, "overall": pa.float64(), "unixReviewTime": pa.int64()}
NEW: Types = {"user_id": WORD, "parent_asin": WORD, "rating": pa.float64(), "timestamp": pa.int64()}
META: dict[int, Types] = {
    2014: {"asin": WORD, "title": WORD, "description": WORD, "brand": WORD, "price": pa.float64(),
           "categories": pa.list_(WORDS)},
    2018: {"asin": WORD, "title": WORD, "description": WORDS, "feature": WORDS, "brand": WORD, "price": WORD,
           "category": WORDS},
    2023: {"parent_asin": WORD, "title": WORD, "description": WORDS, "features": WORDS, "store": WORD,
           "price": pa.float64(), "categories": WORDS},
}  # fmt: skip
"""What is read of the metadata of each release."""
KINDS = (".json", ".jsonl")


def amazon(path: Path, meta: Path | None = None, core: int = 0, threshold: float | None = None) -> Corpus:
    """Amazon reviews of 2014, 2018 or 2023: a JSON object on each line, in .json or .jsonl files, maybe with .gz.

    A recording is what is known of a reviewer up to a moment, as in `events`; the outcome is the number of stars.
    Metadata, as the objects of Python that those of 2014 are, too, tell the `title`, `text` (description and features),
    `brand`, `categories` and `price` of what is reviewed. Of 2023, what is reviewed is the `parent_asin`.

    Args:
        path: the file of reviews, or a folder with it (or several) and maybe metadata, in files called `meta...`.
        meta: the file of metadata.
        core: drop people and things with fewer reviews, again and again until none has, as the published 5-cores; 0
            keeps all.
        threshold: stars from this on are the outcome 1, fewer ones 0; otherwise the outcome is the number of stars.

    Raises:
        InputError: there are no reviews, or a line is no JSON object.
    """
    reviews, metas = _files(path)
    metas = [meta] if meta else metas
    problems = Problems()
    new = "parent_asin" in first_object(reviews[0])
    types = NEW if new else OLD
    user, item, stars, time = types
    log = Log(Columns(user, item, time, stars, ticks=1000 if new else 1, threshold=threshold), problems)
    for file in reviews:
        for chunk in object_lines(file, types, problems):
            log.add(chunk)
    seen = [*reviews, *metas, *([path] if path.is_dir() else [])]
    return log.corpus(seen, core, catalog=(lambda names: _catalog(names, metas, problems)) if metas else None)


def _files(path: Path) -> tuple[list[Path], list[Path]]:
    """Files of reviews and of metadata."""
    if path.is_file():
        return [path], []
    files = sorted(p for p in path.iterdir() if p.is_file() and p.name.removesuffix(".gz").endswith(KINDS))
    metas = [p for p in files if p.name.lower().startswith("meta")]
    reviews = [p for p in files if p not in metas]
    if not reviews:
        raise InputError("has no .json or .jsonl files of reviews", path, "give the file of reviews")
    return reviews, metas


def _catalog(names: pa.Array, metas: Sequence[Path], problems: Problems) -> pa.Table:
    """What the metadata say of items, by their names; of an item that is there twice the first counts."""
    found = [table for file in metas for table in _told(file, names, problems)]
    if not found:
        raise InputError("tells nothing of what is reviewed", metas[0], "give the metadata of these reviews")
    known = pa.concat_tables(found).combine_chunks()
    at = pc.index_in(names, value_set=known["item"].combine_chunks())
    return known.take(at).set_column(0, "item", names)


def _told(path: Path, names: pa.Array, problems: Problems) -> Iterable[pa.Table]:
    """Tables of those items of a file that are among the names."""
    release = _release(first_object(path))
    types = META[release]
    ways = [types, {**types, "price": WORD}]
    for chunk in object_lines(path, ways, problems):
        c = chunk.columns
        item = text(c["parent_asin" if release == 2023 else "asin"])
        none = pc.equal(item, "").to_numpy(zero_copy_only=False)
        problems.cells(path, chunk.rows, none, "asin", item, "is empty", AGAIN)
        mine = pc.is_in(item, value_set=names)
        words = [_joined(c[name]) for name in ("description", "feature", "features") if name in c]
        listed = c["category" if release == 2018 else "categories"]
        yield pa.table({
            "item": item,
            "title": _or_null(text(c["title"])),
            "text": _or_null(text(pc.binary_join_element_wise(*words, " "))),
            "brand": _or_null(text(c["store" if release == 2023 else "brand"])),
            "categories": once(flattened(listed) if release == 2014 else listed),
            "price": _price(c["price"]),
        }).filter(mine)  # fmt: skip


def _release(first: Mapping[str, Any]) -> int:
    if "parent_asin" in first:
        return 2023
    return 2018 if "category" in first or isinstance(first.get("description"), list) else 2014


def _joined(column: pa.Array) -> pa.Array:
    """Text, or a list of texts in one."""
    if pa.types.is_list(column.type):
        column = pc.binary_join(column, " ")
    return column.fill_null("")


def _or_null(column: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)


def _price(column: pa.Array) -> pa.Array:
    """A number, of text such as `$1,299.00` too; null where there is none, or a range."""
    if pa.types.is_string(column.type):
        column = pc.replace_substring(pc.utf8_ltrim(text(column), "$"), ",", "")
    value, bad = number(column)
    return pa.array(value.astype(np.float64), mask=bad)
