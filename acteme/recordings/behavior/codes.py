"""Numbers for names: users, items and values of fields as they are met."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
DATE = re.compile(r"^\s*\d{4}-\d\d-\d\d")


LARGEST = 1 << 24
"""Names that are whole numbers below this one are looked up in a table."""
TENS = 10 ** np.arange(1, 9)


class Codes:
    """Numbers names from 0, in the order in which they first occur."""

    def __init__(self) -> None:
        self.table: np.ndarray | None = np.zeros(0, np.int32)
        """Number + 1 of each whole number, 0 where it has not occurred; None once a name is none."""
        self.known = np.zeros(0, np.int64)
        self.texts = pa.array([], pa.string())

    def __len__(self) -> int:
        return len(self.texts) if self.table is None else len(self.known)

    @property
    def names(self) -> pa.Array:
        return self.texts if self.table is None else pa.array(self.known).cast(pa.string())

    def of(self, column: pa.Array) -> np.ndarray:
        """(n,) int32: the number of each name; new names get the next ones."""
        if self.table is not None:
            whole = _whole(column)
            if whole is not None:
                return self._looked_up(whole)
            self.texts, self.table = self.names, None
        coded = column.dictionary_encode()
        known = pc.index_in(coded.dictionary, value_set=self.texts)
        new = coded.dictionary.filter(pc.is_null(known))
        number = known.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
        number[number < 0] = len(self.texts) + np.arange(len(new))
        self.texts = pa.concat_arrays([self.texts, new])
        return number[coded.indices.to_numpy(zero_copy_only=False)]

    def _looked_up(self, whole: np.ndarray) -> np.ndarray:
        table = self.table if self.table is not None else np.zeros(0, np.int32)
        if (largest := int(whole.max(initial=-1))) >= len(table):
            room = max(largest + 1, min(2 * len(table), LARGEST))
            table = np.concatenate([table, np.zeros(room - len(table), np.int32)])
        new = whole[table[whole] == 0]
        if len(new):
            place = np.arange(len(new), dtype=np.int32)
            table[new[::-1]] = place[::-1]  # of a number that is there again, its first place is written last
            some = new[table[new] == place]
            table[some] = len(self.known) + 1 + np.arange(len(some))
            self.known = np.concatenate([self.known, some])
        self.table = table
        return table[whole] - 1


def _whole(column: pa.Array) -> np.ndarray | None:
    """Names as whole numbers, where all are such as they are usually written, and small."""
    try:
        value = column.cast(pa.int64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None
    if len(value) and not (value.min() >= 0 and value.max() < LARGEST):
        return None
    length = pc.binary_length(column).to_numpy(zero_copy_only=False)
    return value if (length == 1 + np.searchsorted(TENS, value, "right")).all() else None


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


def calendar(year: np.ndarray, month: np.ndarray, day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Days since 1970 of whole numbers, as int64; and which of them are no dates (0)."""
    bad = (month < 1) | (month > 12) | (day < 1) | (day > 31)
    months = (np.where(bad, 0, (year - 1970) * 12 + month - 1)).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + np.where(bad, 0, day - 1)
    bad |= days.astype("datetime64[M]") != months
    return np.where(bad, 0, days.astype(np.int64)), bad


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
