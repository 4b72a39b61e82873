"""Data strings, and the table of sources."""

import inspect
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.corpus import Corpus
from acteme.recordings.options import coerce, options_of
from acteme.recordings.recording import Listing
from acteme.recordings.sources import SOURCES, list_data, open_data, parse
from tests.recordings.samples import SPEC, mixed, skeleton, write_folder


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("ACTEME_CACHE", str(tmp_path / "cache"))
    table = "file,label\na.npz,walk\nb.npz,sit\n"
    return write_folder(tmp_path / "data", table, a=skeleton(4), b=skeleton(6))


@pytest.mark.parametrize("name", SOURCES)
def test_every_target_has_the_documented_signature(name):
    source = SOURCES[name]
    function = source.function()
    hints = get_type_hints(function)
    parameters = list(inspect.signature(function).parameters)
    if source.needs_path:
        assert parameters[0] == "path" and hints["path"] is Path
        assert hints["return"] in (Corpus, Listing)
    else:
        assert hints["return"] in (Corpus, Listing)
    assert source.about and function.__doc__
    for option, parameter in options_of(function).items():
        assert parameter.default is not inspect.Parameter.empty, f"{option} has a default"
        default = parameter.default
        text = ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
        assert coerce(text, parameter.annotation, option, name) == default, "the default can be written as text"
        assert option in (function.__doc__ or ""), f"{option} is documented"


def test_the_table_has_what_the_documentation_names():
    assert {"mocap", "stage", "ntu60", "ntu120", "ctrgcn", "agcn", "pyskl", "pku", "nwucla", "openpose", "coco",
            "kinetics_skeleton", "humanml3d", "tsu", "charades", "posetics", "mixamo", "bvh", "folder",
            } <= set(SOURCES)  # fmt: skip


def test_parts_of_a_data_string(data):
    request = parse(f"ntu60:{data}?protocol=xview&persons=2")
    assert (request.name, request.path) == ("ntu60", data)
    assert request.options == {"protocol": "xview", "persons": "2"}
    assert parse("mocap?seed=3").options == {"seed": "3"} and parse("mocap").path is None
    assert (parse(str(data)).name, parse(data).name) == ("folder", "folder")
    assert parse(f"{data}?fps=30").options == {"fps": "30"}
    assert parse(data / "a.npz").name == "file"


def test_a_folder_called_like_a_world(data, monkeypatch):
    monkeypatch.chdir(data.parent)
    data.rename("mocap")
    assert parse("mocap").name == "mocap"
    assert parse("./mocap").name == "folder"
    assert parse(Path("mocap")).name == "folder"


def test_a_path_with_marks_of_its_own(data):
    odd = data.rename(data.with_name("what?a=b:c"))
    assert parse(str(odd)).path == odd and parse(str(odd)).options == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mocup", "mocup: there is no such path, and no source of that name; did you mean mocap"),
        ("ntu6:/data", "there is no source 'ntu6'; did you mean ntu60"),
        ("zzzzzz", "sources: mocap, stage"),
        ("ntu60", "source 'ntu60' needs a path; write ntu60:PATH"),
        ("mocap:/data", "source 'mocap' takes no path"),
        ("ntu60:/nowhere/at/all", "/nowhere/at/all: does not exist"),
        ("mocap?seed", "option 'seed' has no value"),
        ("mocap?seeds=2", "unknown option 'seeds'; did you mean 'seed'? its options:"),
        ("mocap?seed=two", "option 'seed' cannot be 'two'; give a whole number"),
    ],
)
def test_mistakes_are_explained(text, message):
    with pytest.raises(InputError) as caught:
        open_data(text)
    assert message in str(caught.value)


def test_paths_that_say_too_little(data, tmp_path):
    (data / "annotations.csv").unlink()
    with pytest.raises(InputError, match=r"has no annotations.csv; write one, or name its layout as NAME:.* ntu60"):
        open_data(data)
    (tmp_path / "x.mp4").touch()
    with pytest.raises(InputError, match=r"cannot tell what a '.mp4' file holds"):
        open_data(tmp_path / "x.mp4")


def test_your_own_folder(data):
    corpus = open_data(str(data))
    assert [(r.name, r.frames) for r in corpus] == [("a", 4), ("b", 6)]
    assert corpus.spec.classes == ("sit", "walk")
    assert isinstance(corpus.arrays["skeleton"], np.memmap)
    assert open_data(corpus) is corpus


def test_the_second_open_reads_no_file(data, monkeypatch):
    open_data(data)
    monkeypatch.setattr("acteme.recordings.folder.listing.load", lambda *a: pytest.fail("parsed again"))
    monkeypatch.setattr("acteme.recordings.folder.listing.read_table", lambda *a: pytest.fail("listed again"))
    assert len(open_data(data)) == 2


def test_options_reach_the_reader(data):
    assert open_data(f"{data}?classes=walk,sit").spec.classes == ("walk", "sit")
    assert open_data(f"folder:{data}?classes=walk,sit,run").spec.classes == ("walk", "sit", "run")


def test_a_corpus_folder(data, tmp_path):
    Corpus.build(mixed(), SPEC, tmp_path / "c")
    assert len(open_data(tmp_path / "c")) == 4
    with pytest.raises(InputError, match="a corpus folder has no option 'fps'"):
        open_data(f"{tmp_path / 'c'}?fps=3")


def test_one_file(data):
    corpus = open_data(data / "a.npz")
    assert (len(corpus), corpus.spec.classes, corpus[0].name) == (1, (), "a")


def test_bad_rows_are_left_out_when_asked(data):
    with (data / "annotations.csv").open("a") as file:
        file.write("gone.npz,walk\n")
    with pytest.raises(InputError, match=r"line 4: file 'gone.npz' does not exist"):
        open_data(data)
    corpus = open_data(data, skip_bad=True)
    assert len(corpus) == 2 and "gone.npz" in corpus.left_out[0]


def test_listing_parses_nothing(data):
    listing = list_data(data)
    assert isinstance(listing, Listing) and [item.name for item in listing.items] == ["a", "b"]
    assert list_data(corpus := Corpus.of(mixed(), SPEC)) is corpus


@pytest.mark.parametrize(("name", "text", "source"), [
    ("a.csv", "user,item,timestamp\na,x,1\n", "events"),
    ("a.tsv", "Timestamp\tuserId\titem_id\n1\ta\tx\n", "events"),
    ("a.csv", "scene,agent,time,x,y\ns,a,0,1,1\n", "tracks"),
    ("a.csv", "head_x,head_y\n1,1\n", "file"),
    ("a.csv", "frame,person,joint,x,y\n0,0,0,1,1\n", "file"),
])  # fmt: skip
def test_a_table_is_known_by_its_columns(tmp_path, name, text, source):
    path = tmp_path / name
    path.write_text(text)
    assert parse(str(path)).name == source and parse(f"{path}?core=2").options == {"core": "2"}


def test_columns_that_tell_nothing_are_named(tmp_path):
    path = tmp_path / "clicks.csv"
    path.write_text("customer,product,date\na,x,2024-05-01\n")
    with pytest.raises(InputError, match=r"columns customer, product, date hold; .* events:.*\?user=NAME&item=NAME"):
        parse(path)
    path.write_text("")
    with pytest.raises(InputError, match="is empty"):
        parse(path)
