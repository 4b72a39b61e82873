"""Lines and folders of descriptions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.descriptions import FIELDS, Description, read, write
from acteme.recordings.descriptions.files import parse_parts, parse_synonyms

LINE = "drink;head tilts;hand a;arm b;hip c;leg d;foot e"


@pytest.mark.parametrize("line", [LINE, LINE + ";", LINE + " ; ;\n", LINE.replace(";leg", ";;leg"), "  " + LINE])
def test_separators_too_many_do_not_matter(line):
    assert parse_parts(line) == ("drink", ("head tilts", "hand a", "arm b", "hip c", "leg d", "foot e"))


def test_the_space_before_a_field_stays():
    assert parse_parts("a b; head x; hand y; arm z; hip u; leg v; foot w.")[1][:2] == (" head x", " hand y")
    assert parse_parts("a; head: x; hand: y; arm: z; hip: u; leg: v; foot: w")[1][5] == " foot: w"


def test_missing_fields_are_told_by_their_first_word():
    assert parse_parts("a; head x; leg y; feet z")[1] == (" head x", "", "", "", " leg y", " feet z")
    assert parse_parts("a; x; y")[1] == (" x", " y", "", "", "", "")
    assert parse_parts("a; Left hand x; both legs y")[1] == ("", " Left hand x", "", "", " both legs y", "")
    assert parse_parts("a; hand x; hand y")[1] == ("", " hand x, hand y", "", "", "", "")
    with pytest.raises(InputError, match="parts out of order"):
        parse_parts("a; foot x; y")


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("drink head x; hand y; arm z; hip u; leg v; foot w", "head"),
        ("drink head x", "head"),
        ("drink water, left hand holds; leg y", "hand"),
        ("run legs alternate; feet z", "leg"),
    ],
)
def test_a_lost_separator_after_the_label_is_told(line, part):
    with pytest.raises(InputError) as caught:
        parse_parts(line)
    assert f"goes on with the {part}; write label; {part} ...;" in str(caught.value)


@pytest.mark.parametrize(
    "line",
    ["shake hand; leg y", "head shake to the left; hand y", "put hand on hip; head x; foot y",
     "headstand on a mat; leg y", "drink head x; head a; hand y; arm z; hip u; leg v; foot w",
     "put hand on hip; head x; hand y"],
)  # fmt: skip
def test_labels_may_speak_of_parts(line):
    assert parse_parts(line)[0] == line.partition(";")[0]


def test_more_fields_than_parts_end_in_the_last():
    assert parse_parts(LINE + "; toe f")[1][5] == "foot e, toe f"


def test_synonyms():
    assert parse_synonyms("drink water, sip, , gulp,sip,") == ("drink water", "sip", "gulp")


NAME = st.text(st.characters(whitelist_categories=("L", "N"), whitelist_characters=' ,;"-'), min_size=1).map(str.strip)


@given(st.lists(NAME.filter(bool), min_size=1, max_size=4, unique=True), st.lists(NAME.filter(bool), max_size=3))
def test_what_is_written_is_read(tmp_path_factory, labels, more):
    folder = tmp_path_factory.mktemp("d") / "x"
    made = [
        Description(k, tuple(dict.fromkeys([k, *more])), tuple(f" {f} moves, so" for f in FIELDS), "me") for k in labels
    ]
    write(folder, made)
    found = read(folder)
    assert [(d.label, d.synonyms, d.fields) for d in found] == [(d.label, d.synonyms, d.fields) for d in made]


def test_a_file_of_parts_alone(tmp_path):
    (tmp_path / "p.txt").write_text("﻿" + LINE, encoding="utf-8")  # no newline at the end, a mark at the start
    assert read(tmp_path / "p.txt") == [
        Description("drink", ("drink",), ("head tilts", "hand a", "arm b", "hip c", "leg d", "foot e"))
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LINE + "\n\n" + LINE, "line 3: describes 'drink' again; keep one line"),
        ("; head a", "line 1: has no label"),
        ("a; foot x; y", "line 1: line 'a; foot x; y' has parts out of order"),
        (
            LINE + "\nshake hands gladly; leg y",
            "line 2: label 'shake hands gladly' goes on with the hand; write label;",
        ),
        ("\n \n", "holds no description"),
    ],
)
def test_bad_files(tmp_path, text, message):
    (tmp_path / "parts.txt").write_text(text)
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert message in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match=r"cannot be read .*; give a file of parts, or a folder"):
        read(tmp_path / "nothing")
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(InputError, match="is not text in UTF-8"):
        read(tmp_path / "b.txt")
    (tmp_path / "parts.txt").write_text(LINE)
    (tmp_path / "synonyms.txt").write_text(" , ")
    with pytest.raises(InputError, match=r"synonyms.txt, line 1: has no label"):
        read(tmp_path)
