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
    return decimals.floats(found)


@settings(max_examples=150)
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
    assert len(decimals.tokens(b"")) == len(decimals.tokens(b" \n\r\n")) == len(convert(b"")) == 0


def test_any_choice_of_tokens():
    found = decimals.tokens(b"1 22.5 -333.25 x 0.0000001 \xff")
    chosen = decimals.Tokens(found.text, found.spans[[0, 2, 4]])
    np.testing.assert_array_equal(decimals.floats(chosen), [1, -333.25, 1e-7])
    with pytest.raises(ValueError) as caught:
        decimals.floats(decimals.Tokens(found.text, found.spans[[0, 5]]))
    assert caught.value.args == (1, b"\xff")


def test_a_file_reads_like_its_text(tmp_path):
    (tmp_path / "a").write_bytes(b"1 2\n3")
    assert len(decimals.read(tmp_path / "a")) == 3
    with pytest.raises(InputError, match="cannot be read"):
        decimals.read(tmp_path / "b")
    with pytest.raises(InputError, match="cannot be read"):
        decimals.read(tmp_path)
