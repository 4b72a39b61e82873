"""The table of your own data."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.folder.annotations import COLUMNS, overlapping, read_table


@pytest.fixture
def write(tmp_path):
    for name in ("a.npz", "b.npz", "sub/c.npz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    def made(text):
        path = tmp_path / "annotations.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return made


def test_all_columns(write):
    table = read_table(
        write(
            "file,start,end,label,subject,text,split,camera,fps,factor:tempo\n"
            'a.npz,0,1.5,walk,P1,"slowly, then fast",train,C1,25,1.25\n'
            "\n"
            "a.npz, 1.0 ,2, wave ,P1,,train,C1,25,1.25\n"
            "sub/c.npz,,,sit,P2,a caption,test,,,\n"
            "b.npz,,,,,,,,,\n"
        )
    )
    assert not table.problems and table.splits
    first, second = table.rows["a.npz"]
    assert (first.line, first.start, first.end, first.label, first.text) == (2, 0.0, 1.5, "walk", "slowly, then fast")
    assert (second.line, second.start, second.label) == (4, 1.0, "wave")
    assert first.about == ("P1", "train", "C1", 25.0) and first.factors == {"tempo": 1.25}
    assert table.rows["sub/c.npz"][0].start is None and table.rows["b.npz"][0].label == ""
    assert overlapping(table.rows["a.npz"]) and not overlapping(table.rows["b.npz"])


def test_marks_of_other_programs(write):
    """A byte-order mark, CRLF, backslashes and a leading ./ are understood."""
    table = read_table(write(b"\xef\xbb\xbffile,label\r\nsub\\c.npz,walk\r\n./a.npz,sit\r\n"))
    assert list(table.rows) == ["sub/c.npz", "a.npz"] and not table.problems


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("/etc/passwd,0,1,walk", "line 2: '/etc/passwd' is an absolute path; name the file relative"),
        ("C:\\a.npz,0,1,walk", "'C:/a.npz' is an absolute path"),
        ("\\\\host\\a.npz,0,1,walk", "is an absolute path"),
        ("../a.npz,0,1,walk", "line 2: '../a.npz' leads out of the folder with '..'"),
        ("sub/../../a.npz,0,1,walk", "leads out of the folder"),
        ("a\x00.npz,0,1,walk", "characters that cannot be printed"),
        (",0,1,walk", "names no file; fill the column 'file'"),
        ("z.npz,0,1,walk", "line 2: file 'z.npz' does not exist; put it into"),
        ("a.npz,1,1,walk", "segment from 1 s to 1 s is empty; its end must be after its start"),
        ("a.npz,2,1,walk", "segment from 2 s to 1 s is reversed"),
        ("a.npz,-1,1,walk", "segment starts at -1 s; times count from 0"),
        ("a.npz,nan,1,walk", "start 'nan' is not a number; write seconds"),
        ("a.npz,0,inf,walk", "end 'inf' is not a number"),
        ("a.npz,0,1:30,walk", "end '1:30' is not a number"),
        ("a.npz,0,,walk", "gives only one of start and end"),
        ("a.npz,,1,walk", "gives only one of start and end"),
        ("a.npz,0,1,", "segment has no label"),
        ("a.npz,0,1", "3 cells in 4 columns; quote cells that hold commas"),
        ("a.npz,0,1,walk,fast", "5 cells in 4 columns"),
    ],
)
def test_bad_rows(write, row, message):
    path = write(f"file,start,end,label\n{row}\nb.npz,0,1,walk\n")
    table = read_table(path)
    assert [message in str(problem) for problem in table.problems] == [True]
    assert str(table.problems[0]).startswith(f"{path} line 2: ")
    assert list(table.rows) == ["b.npz"]


@pytest.mark.parametrize(
    ("columns", "rows", "message"),
    [
        ("split", "a.npz,tset", "split 'tset' is unknown; use train, val or test"),
        ("fps", "a.npz,0", "fps is 0; give frames per second above 0"),
        ("fps", "a.npz,fast", "fps 'fast' is not a number"),
        ("factor:x", "a.npz,red", "factor:x 'red' is not a number"),
        ("start,end,label", "a.npz,0,1,walk\na.npz,0,1,walk", "line 3: repeats line 2; delete one of them"),
        ("start,end,label,subject", "a.npz,0,1,w,P1\na.npz,1,2,w,P2", "line 3: says another subject, split, camera"),
        ("label", "a.npz,walk\na.npz,", "line 3: has no label although other rows name 'a.npz'"),
    ],
)
def test_bad_columns(write, columns, rows, message):
    table = read_table(write(f"file,{columns}\n{rows}\n"))
    assert message in str(table.problems[0])
    assert not table.rows, "one bad row spoils the recording"


def test_all_problems_are_collected_in_order(write):
    table = read_table(write("file,start,end,label\na.npz,2,1,walk\nz.npz,0,1,walk\nb.npz,0,1,walk\na.npz,0,1\n"))
    assert [str(p).split(" line ")[1][0] for p in table.problems] == ["2", "3", "5"]
    assert list(table.rows) == ["b.npz"]


def test_lines_count_as_an_editor_does(write):
    table = read_table(write('file,start,end,label,text\na.npz,0,1,walk,"two\nlines"\nz.npz,0,1,walk,\n'))
    assert "line 4: file 'z.npz'" in str(table.problems[0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "has no column 'file'; the first line names the columns: file,start,end,label,subject,text"),
        (b"file,label\n", "has no rows; add a row"),
        (b"file;label\na.npz;walk\n", "columns are separated by semicolons; separate them by commas"),
        (b"file\tlabel\n", "columns are separated by tabs"),
        (b"file,lable\na.npz,walk\n", "line 1: unknown column 'lable'; rename it to 'label'"),
        (b"file,zzzzz\n", "unknown column 'zzzzz'; use file, start, end"),
        (b"file,factor:\n", "unknown column 'factor:'"),
        (b"file,label,label\n", "column 'label' occurs twice"),
        (
            "file,label\na.npz,g\u00e9n\u00e9\n".encode("latin-1"),
            "line 2: is not UTF-8 text; save the table as CSV in UTF-8",
        ),
        (b'file,label\na.npz,"walk\n', "is malformed CSV"),
        (b'file,label\na.npz,"wa"lk\n', "line 2: is malformed CSV"),
    ],
)
def test_tables_that_cannot_be_read(write, text, message):
    with pytest.raises(InputError) as caught:
        read_table(write(text))
    assert message in str(caught.value)


def test_no_table(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_table(tmp_path / "annotations.csv")


@pytest.mark.parametrize(
    ("rows", "several"),
    [
        ([("0", "1", "a"), ("1", "2", "b")], False),
        ([("0", "2", "a"), ("1", "3", "b")], True),
        ([("0", "9", "a"), ("1", "2", "a"), ("3", "4", "b")], True),
        ([("0", "2", "a"), ("1", "3", "a")], False),
        ([("", "", "a"), ("", "", "b")], True),
        ([("", "", "a"), ("1", "2", "b")], True),
        ([("5", "6", "b"), ("0", "1", "a")], False),
    ],
)
def test_whether_classes_overlap(write, rows, several):
    table = read_table(write("file,start,end,label\n" + "".join(f"a.npz,{a},{b},{k}\n" for a, b, k in rows)))
    assert overlapping(table.rows["a.npz"]) is several


cells = st.one_of(
    st.sampled_from(
        ["a.npz", "sub/c.npz", "..", "/", "", "0", "1.5", "-1", "nan", "walk", "train", '"', "1e999", "a\0"]
    ),
    st.text(max_size=6),
)


@settings(max_examples=150)
@given(
    st.lists(st.sampled_from([*COLUMNS, "factor:x", "what"]), min_size=1, max_size=5),
    st.lists(st.lists(cells, max_size=6), max_size=5),
)
def test_any_table_is_read_or_refused(tmp_path_factory, columns, rows):
    folder = tmp_path_factory.getbasetemp() / "fuzz"
    folder.mkdir(exist_ok=True)
    (folder / "a.npz").touch()
    text = "\n".join([",".join(["file", *columns]), *(",".join(row) for row in rows)])
    (folder / "annotations.csv").write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        table = read_table(folder / "annotations.csv")
    except InputError:
        return
    for file, found in table.rows.items():
        assert (folder / file).resolve().is_relative_to(folder.resolve())
        assert all(row.start is None or 0 <= row.start < row.end for row in found)


@settings(max_examples=100)
@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "bytes.csv"
    path.write_bytes(b"file,label\n" + data)
    try:
        read_table(path)
    except InputError as error:
        assert "\n" not in str(error)
