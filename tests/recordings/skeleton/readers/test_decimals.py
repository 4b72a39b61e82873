"""Numbers out of text: equal to `float`, wherever they stand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.skeleton.readers import decimals

NUMBERS = st.one_of(
    st.floats(allow_nan=False).map(repr),
    st.floats(-1e6, 1e6).map(lambda v: f"{v:.7g}"),
    st.floats(-99, 99).map(lambda v: f"{v:.9f}"),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(
        [".5", "5.", "-.5", "+1.5", "1e5", "-0", "-0.0", "0001.50", "999.999999999999", "1234.5", "123456.5"]
    ),
)
GAPS = st.sampled_from([" ", "\n", "\r\n", "  ", "\t", " \n\n "])


def convert(text: bytes) -> np.ndarray:
    found = decimals.tokens(text)
    return decimals.floats(found, np.arange(len(found)))


@settings(max_examples=150, deadline=None)
@given(numbers=st.lists(NUMBERS, min_size=1, max_size=30), gaps=GAPS)
def test_every_number_is_the_double_that_float_gives(numbers, gaps):
    values = convert((gaps + gaps.join(numbers) + gaps).encode())
    expected = np.array([float(n) for n in numbers])
    np.testing.assert_array_equal(values, expected)
    np.testing.assert_array_equal(np.signbit(values), np.signbit(expected))


@pytest.mark.parametrize("text", ["1-2", "--1", "1..2", "1.2.3", "-", "a", "1_0", "0x1", ".", "1,5", "1.2345678901a"])
def test_what_is_no_number_is_named(text):
    with pytest.raises(ValueError) as caught:
        convert(f"1.5 {text} 2".encode())
    assert caught.value.args == (1, text.encode())


def test_tokens_know_their_lines():
    found = decimals.tokens(b"3\r\n\r\n1 2\r\n x")
    assert [found[i] for i in range(len(found))] == [b"3", b"1", b"2", b"x"]
    assert [found.line(i) for i in range(len(found))] == [1, 3, 3, 4]


def test_an_empty_text_has_no_tokens():
    assert len(decimals.tokens(b"")) == len(decimals.tokens(b" \n\r\n")) == 0


def test_any_choice_of_tokens_in_any_order():
    found = decimals.tokens(b"1 22.5 -333.25 x 0.0000001")
    np.testing.assert_array_equal(decimals.floats(found, np.array([4, 2, 0])), [1e-7, -333.25, 1])


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=40), end=st.sampled_from(["\n", "\r\n"])
)
def test_columns_are_the_first_numbers_of_their_lines(rows, end):
    text = "".join(" ".join(row) + " 9.5 8" + end for row in rows).encode()
    starts = decimals.PAD + np.cumsum([0] + [len(line) + 1 for line in text.split(b"\n")[:-2]])
    found = decimals.columns(decimals.padded(text), starts, 3)
    np.testing.assert_array_equal(found, [[float(n) for n in row] for row in rows])


def test_columns_that_are_missing_or_no_numbers_are_named():
    for text, error in ((b"1 2\n3 4 5\n", (0, b"")), (b"1 2 3\n4 x 6\n", (1, b"x")), (b"1 2 3\n", None)):
        data = decimals.padded(text)
        starts = decimals.PAD + np.array([0, 6] if text.startswith(b"1 2 3\n4") else [0])
        if error is None:
            np.testing.assert_array_equal(decimals.columns(data, starts, 3), [[1, 2, 3]])
            continue
        with pytest.raises(ValueError) as caught:
            decimals.columns(data, starts, 3)
        assert caught.value.args == error


def test_a_file_reads_like_its_text(tmp_path):
    (tmp_path / "a").write_bytes(b"1 2\n3")
    assert len(decimals.read(tmp_path / "a")) == 3
    with pytest.raises(InputError, match="cannot be read"):
        decimals.read(tmp_path / "b")
    with pytest.raises(InputError, match="cannot be read"):
        decimals.read(tmp_path)
