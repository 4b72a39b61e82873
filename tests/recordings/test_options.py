"""Options as text, turned into what annotations name."""

from contextlib import suppress
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.options import coerce, coerce_options, described, options_of, parse_options


def source(
    path: Path,
    count: int,
    tempo: float = 1.0,
    loud: bool = False,
    protocol: Literal["xsub", "xview"] = "xsub",
    classes: tuple[str, ...] = (),
    span: tuple[float, float] = (0.0, 1.0),
    missing: Path | None = None,
):
    """A source with every kind of option."""


def given_options(query):
    return coerce_options(parse_options(query, "DATA"), source, "DATA")


def test_every_kind_of_option():
    query = "count=3&tempo=2&loud=yes&protocol=xview&classes=sit,stand%20up&span=0.5,2&missing=a/b.txt"
    assert given_options(query) == {
        "count": 3,
        "tempo": 2.0,
        "loud": True,
        "protocol": "xview",
        "classes": ("sit", "stand up"),
        "span": (0.5, 2.0),
        "missing": Path("a/b.txt"),
    }
    assert given_options("count=3&missing=none")["missing"] is None
    assert given_options("count=3&classes=")["classes"] == ()


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("count=3&temp=2", "DATA: unknown option 'temp'; did you mean 'tempo'? its options: count, tempo, loud"),
        ("count=3&zzz=2", "unknown option 'zzz'; its options: count, tempo"),
        ("count=3&path=x", "unknown option 'path'"),
        ("tempo=2", "needs the option 'count'; add ?count=a whole number"),
        ("count=3.5", "option 'count' cannot be '3.5'; give a whole number"),
        ("count=3&tempo=fast", "option 'tempo' cannot be 'fast'; give a number"),
        ("count=3&tempo=nan", "option 'tempo' cannot be 'nan'; give a number"),
        ("count=3&loud=maybe", "give true or false"),
        ("count=3&protocol=xset", "option 'protocol' cannot be 'xset'; give xsub or xview"),
        ("count=3&span=1", "give a number and a number, with a comma between"),
        ("count=3&span=1,b", "option 'span' cannot be 'b'"),
        ("count=3&loud", "option 'loud' has no value; write it as key=value"),
        ("count=3&=4", "option '=4' has no value"),
        ("count=3&count=4", "option 'count' is given twice"),
    ],
)
def test_mistakes_are_explained(query, message):
    with pytest.raises(InputError) as caught:
        given_options(query)
    assert message in str(caught.value)


def test_path_is_no_option():
    assert list(options_of(source))[:2] == ["count", "tempo"]


def test_a_function_without_options():
    with pytest.raises(InputError, match="it has no options"):
        coerce_options({"a": "1"}, lambda path: None, "DATA")


@given(st.integers())
def test_whole_numbers_round_trip(value):
    assert coerce(str(value), int, "n", "DATA") == value


@given(st.text(), st.sampled_from([int, float, bool, tuple[int, ...], Literal["a", "b"], int | None, str | None]))
def test_any_text_is_taken_or_refused(text, kind):
    with suppress(InputError):
        coerce(text, kind, "n", "DATA")


@given(st.text())
def test_any_query_is_taken_or_refused(text):
    with suppress(InputError):
        assert all(isinstance(value, str) for value in parse_options(text, "DATA").values())


def test_a_function_is_described_by_its_docstring():
    def source(path, *, fps: float = 30.0, on: bool = False, pair: tuple[int, int] = (2, 3), name: str = "",
               width: int = 0, height: int = 1):  # fmt: skip
        """What it gives.

        More of it.

        Args:
            path: where it lies.
            fps: frames
                per second.
            on: or off.
            pair: two numbers.
            name: nothing unless given.
            width, height: of the image.

        Raises:
            InputError: never.
        """
        return path, fps, on, pair, name, width, height

    assert described(source) == (
        "What it gives.\n\nMore of it.",
        [
            ("fps", "30", "frames per second."), ("on", "false", "or off."), ("pair", "2,3", "two numbers."),
            ("name", "", "nothing unless given."), ("width", "0", "of the image."), ("height", "1", "of the image."),
        ],
    )  # fmt: skip
    assert described(lambda path: path) == ("", [])
