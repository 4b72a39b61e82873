"""Numbers for names: users, items and values of fields as they are met."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
DATE = re.compile(r"^\s*\d{4}-\d\d-\d\d")


class Codes:
    """Numbers names from 0, in the order in which they first occur."""

    def __init__(self) -> None:
        self.names = pa.array([], pa.string())

    def __len__(self) -> int:
        return len(self.names)

    def of(self, column: pa.Array) -> np.ndarray:
        """(n,) int32: the number of each name; new names get the next ones."""
        coded = column.dictionary_encode()
        known = pc.index_in(coded.dictionary, value_set=self.names)
        new = coded.dictionary.filter(pc.is_null(known))
        number = known.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
        number[number < 0] = len(self.names) + np.arange(len(new))
        self.names = pa.concat_arrays([self.names, new])
        return number[coded.indices.to_numpy(zero_copy_only=False)]


def text(column: pa.Array) -> pa.Array:
    """A column as text without spaces around; null becomes empty, 3.0 becomes 3."""
    if pa.types.is_floating(column.type):
        whole = pc.all(pc.or_kleene(pc.equal(column, pc.round(column)), pc.is_null(column))).as_py()
        if whole:
            column = column.cast(pa.int64(), safe=False)
    if not pa.types.is_string(column.type):
        column = column.cast(pa.string())
    return pc.utf8_trim_whitespace(column.fill_null(""))


def number(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """A column as int64 where all its numbers are whole, else float64; and which cells are no finite number (0)."""
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("us")).cast(pa.int64())
    elif pa.types.is_boolean(column.type):
        column = column.cast(pa.int64())
    elif not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        column = text(column)
        fits = pc.match_substring_regex(column, NUMBER)
        column = pc.if_else(fits, column, pa.scalar(None, pa.string()))
        try:
            column = column.cast(pa.int64())
        except pa.ArrowInvalid:
            column = column.cast(pa.float64())
    bad = pc.is_null(column).to_numpy(zero_copy_only=False).copy()
    value = column.fill_null(0).to_numpy(zero_copy_only=False)
    if value.dtype.kind == "f":
        bad |= ~np.isfinite(value)
        value = np.where(bad, 0, value)
    return value.astype(np.int64 if value.dtype.kind in "iu" else np.float64), bad


def dates(column: pa.Array) -> bool:
    """Whether a column holds dates rather than numbers, by its first cell with text."""
    if not pa.types.is_string(column.type):
        return pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)
    first = next((value.as_py() for value in column if value.as_py()), "")
    return bool(DATE.match(first))


def microseconds(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Dates, ISO 8601, as int64 microseconds since 1970 (UTC where they name no zone); and which cells are none."""
    if pa.types.is_string(column.type):
        trimmed = text(column)
        form = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?(Z|[+-]\d\d:?\d\d)?$"
        fits = pc.match_substring_regex(trimmed, form)
        zoned = pc.and_(fits, pc.match_substring_regex(trimmed, r"\d\d:\d\d.*(Z|[+-]\d\d:?\d\d)$"))
        none = pa.scalar(None, pa.string())
        out = pc.if_else(
            zoned,
            _moments(pc.if_else(zoned, trimmed, none), "UTC"),
            _moments(pc.if_else(pc.and_not(fits, zoned), trimmed, none), None),
        )
    else:
        out = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
    bad = pc.is_null(out).to_numpy(zero_copy_only=False)
    return out.fill_null(0).to_numpy(zero_copy_only=False), bad


def _moments(column: pa.Array, zone: str | None) -> pa.Array:
    try:
        return column.cast(pa.timestamp("us", zone)).cast(pa.int64())
    except pa.ArrowInvalid:  # a 31st of February: one by one
        return pa.array([_moment(value, zone) for value in column], pa.int64())


def _moment(value: pa.Scalar, zone: str | None) -> int | None:
    try:
        return value.cast(pa.timestamp("us", zone)).cast(pa.int64()).as_py()
    except pa.ArrowInvalid:
        return None
