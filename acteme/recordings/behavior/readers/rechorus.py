"""ReChorus files: train.csv, dev.csv and test.csv with tabs between, and what is known of items and users."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acteme.errors import InputError
from acteme.recordings.behavior.about import About
from acteme.recordings.behavior.codes import number, text
from acteme.recordings.behavior.items import joined
from acteme.recordings.behavior.log import Columns, Log
from acteme.recordings.behavior.problems import Problems
from acteme.recordings.behavior.streams import Chunk, Delimited, delimited, header
from acteme.recordings.corpus import Corpus

HOW = Delimited("\t", quoted=False)
PARTS = {"train": "train.csv", "val": "dev.csv", "test": "test.csv"}
LIST = r"^\[\s*(\d+\s*(,\s*\d+\s*)*)?\]$"


def rechorus(path: Path, core: int = 0, rare: int = 1) -> Corpus:
    """ReChorus: train.csv, dev.csv and test.csv, which are the splits, and maybe item_meta.csv, user_meta.csv and
    item_info.csv, whose columns `item_id` and `title` name the items.

    Fields are the categories of events (`c_...`), items (`i_...`) and users (`u_...`), except those that end with `_f`,
    which are numbers; a column `label` is the outcome. Items keep their numbers where these go from 1 without gaps. The
    candidates in `neg_items` are checked and not used: every item is ranked here.

    Args:
        path: the folder.
        core: drop users and items with fewer events, again and again until none has; 0 keeps all.
        rare: a field's values that fewer events of the training split have become the unknown value, 0.

    Raises:
        InputError: a file or column is missing, or a row is broken.
    """
    files = {split: path / name for split, name in PARTS.items() if (path / name).is_file()}
    if "train" not in files:
        raise InputError("has no train.csv", path, "give the folder with train.csv, dev.csv and test.csv")
    problems = Problems()
    columns = {split: header(file, HOW) for split, file in files.items()}
    for split, file in files.items():
        if missing := [name for name in ("user_id", "item_id", "time") if name not in columns[split]]:
            raise InputError(f"has no column '{missing[0]}'", f"{file} line 1", "write user_id, item_id and time")
    own = [name for name in columns["train"] if _category(name, "c_")]
    told, known = [], list(own)
    metas = {key: path / name for key, name in (("item_id", "item_meta.csv"), ("user_id", "user_meta.csv"))}
    metas = {key: file for key, file in metas.items() if file.is_file()}
    for key, file in metas.items():
        about = _about(file, key, problems)
        told.append(about)
        known += about.fields
    label = "label" if all("label" in names for names in columns.values()) else ""
    log = Log(Columns("user_id", "item_id", "time", label, "split", tuple(known)), problems)
    candidates: set[int] = set()
    for split, file in files.items():
        wanted = ["user_id", "item_id", "time", *([label] if label else []), *own]
        listed = ["neg_items"] if "neg_items" in columns[split] else []
        for chunk in delimited(file, HOW, problems, wanted + listed):
            part = {**chunk.columns, "split": pa.array([split] * len(chunk), pa.string())}
            chunk = replace(chunk, columns=part)
            if listed:
                chunk = chunk.select(_candidates(chunk, problems, candidates))
            for one in told:
                chunk = one.added(chunk)
            log.add(chunk)
    sizes = f"{min(candidates)} to {max(candidates)}" if len(candidates) > 1 else "".join(map(str, candidates))
    notes = [f"neg_items has {sizes} candidates for each event: they are not used, every item is ranked"]
    info = path / "item_info.csv"
    infos = [info] if info.is_file() else []
    known_items = [_catalog(metas["item_id"], problems)] if "item_id" in metas else []
    known_items += [_titles(info, problems) for info in infos]
    seen = [*files.values(), *metas.values(), *infos, path]
    catalog = _together([joined(table) for table in known_items]) if known_items else None
    return log.corpus(seen, core, rare, catalog, numeric=True, notes=notes if candidates else ())


def _category(name: str, start: str) -> bool:
    return name.startswith(start) and not name.endswith("_f")


def _candidates(chunk: Chunk, problems: Problems, sizes: set[int]) -> np.ndarray:
    """Which rows have a list of numbers in `neg_items`; notes how many there are."""
    cells = text(chunk.columns["neg_items"])
    good = pc.match_substring_regex(cells, LIST).to_numpy(zero_copy_only=False)
    problems.cells(chunk.path, chunk.rows, ~good, "neg_items", cells, "is no list", "write it as [3, 1, 2]")
    fine = cells.filter(pa.array(good))
    count = pc.if_else(pc.match_substring_regex(fine, r"^\[\s*\]$"), 0, pc.add(pc.count_substring(fine, ","), 1))
    sizes.update(pc.unique(count).to_pylist())
    return good


def _about(path: Path, key: str, problems: Problems) -> About:
    names = header(path, HOW)
    if key not in names:
        raise InputError(f"has no column '{key}'", f"{path} line 1", f"its columns: {', '.join(names)}")
    wanted = [key, *(n for n in names if _category(n, f"{key[0]}_"))]
    columns = _read(path, wanted, problems)
    return About(key, columns.pop(key), columns)


def _catalog(path: Path, problems: Problems) -> pa.Table:
    """Categories as text and numbers as such; relations to other items are left out."""
    names = [n for n in header(path, HOW) if n.startswith("i_")]
    columns = _read(path, ["item_id", *names], problems)
    out = {"item": columns.pop("item_id")}
    for name, column in columns.items():
        value, bad = number(column)
        out[name] = pa.array(value.astype(np.float64), mask=bad) if name.endswith("_f") else column
    return pa.table(out)


def _titles(path: Path, problems: Problems) -> pa.Table:
    """What items are called; an empty title is none."""
    if missing := [name for name in ("item_id", "title") if name not in header(path, HOW)]:
        raise InputError(f"has no column '{missing[0]}'", f"{path} line 1", "write item_id and title")
    columns = _read(path, ["item_id", "title"], problems)
    title = pc.utf8_trim_whitespace(columns["title"])
    title = pc.if_else(pc.equal(title, ""), pa.scalar(None, pa.string()), title)
    return pa.table({"item": columns["item_id"], "title": title})


def _together(catalogs: Sequence[Callable[[pa.Array], pa.Table]]) -> Callable[[pa.Array], pa.Table]:
    """Several catalogs of the same items as one."""

    def catalog(names: pa.Array) -> pa.Table:
        made = [one(names) for one in catalogs]
        return pa.table({n: table[n] for table in made for n in table.column_names})

    return catalog


def _read(path: Path, wanted: list[str], problems: Problems) -> dict[str, pa.Array]:
    chunks = list(delimited(path, HOW, problems, wanted))
    none = pa.array([], pa.string())
    return {n: pa.concat_arrays([text(c.columns[n]) for c in chunks]) if chunks else none for n in wanted}
