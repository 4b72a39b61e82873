"""The command line: what every command says and writes, and how it refuses what is wrong."""

import csv
import json
import shutil
import subprocess
import sys
import warnings

import pytest
from defusedxml import ElementTree

from acteme import __version__, cli
from acteme.catalog import ENTRIES
from acteme.claims import experiment as machinery
from acteme.errors import DataWarning
from acteme.recordings.sources import SOURCES
from tests.tiny import command, shrink

COMMANDS = (
    "list",
    "info",
    "data",
    "train",
    "evaluate",
    "predict",
    "encode",
    "search",
    "events",
    "report",
    "describe",
    "claim",
    "compare",
    "completion",
)
DATA_COMMANDS = ("list", "check", "convert", "assets")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a run of a tiny LAC, its data as a folder, and a table of latents, all made by commands."""
    folder = tmp_path_factory.mktemp("cli")
    with pytest.MonkeyPatch.context() as patch:
        shrink(patch, folder)
        patch.chdir(folder)
        made = command("train", "lac", "mocap", "--small", "--steps", "1", "--run", "run")
        assert (made.code, made.err) == (0, "")
        assert made.out.splitlines()[-1] == "Trained: run" and len(made.out.splitlines()) == 4
        assert command("data", "convert", "mocap", "new").out == "new\n"
        assert command("encode", "run", "new", "--to", "table").out == "table\n"
        yield folder


@pytest.fixture
def here(place, monkeypatch):
    """The same folder; the test must leave nothing in it."""
    monkeypatch.chdir(place)
    before = sorted(p.name for p in place.iterdir())
    yield place
    assert sorted(p.name for p in place.iterdir()) == before


def refused(*words) -> str:
    """The one line on standard error with which a command ends."""
    said = command(*words)
    assert said.code == 2 and said.out == "" and "Traceback" not in said.err
    line, *rest = said.err.splitlines()
    assert not rest and line.startswith("acteme: ")
    return line.removeprefix("acteme: ")


# --- help ------------------------------------------------------------------------------------------------------------


def test_no_command_shows_what_there_is():
    said = command()
    assert said.code == 0 and said == command("--help")
    positions = [said.out.find(f"• {name} ") for name in COMMANDS]
    assert -1 not in positions and positions == sorted(positions)
    assert f"Acteme {__version__}" in said.out and command("--version").out == f"{__version__}\n"


@pytest.mark.parametrize("words", [(c,) for c in COMMANDS] + [("data", c) for c in DATA_COMMANDS], ids=" ".join)
def test_every_command_explains_itself(words):
    said = command(*words, "--help")
    assert said.code == 0 and said.err == "" and f"usage: acteme {' '.join(words)}" in said.out
    lines = [line.strip("│ ") for line in said.out.splitlines() if line.startswith("│")]
    for number, line in enumerate(lines):
        if line.startswith("--") or line.split(" ")[0].strip(".").isupper():
            meaning = line.partition("  ")[2] or lines[number + 1]
            assert len(meaning.split()) >= 3, f"{line} is not explained"
    assert "{None}" not in said.out and "(default: )" not in said.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("trian", "lac"), "trian"),
        (("train", "lac"), "DATA"),
        (("train", "lac", "mocap", "--stepss", "3"), "--steps INT"),
        (("predict", "run", "x.npy", "--threshold", "high"), "--threshold"),
        (("data",), "{list, check, convert, assets}"),
        (("completion", "fish"), "bash"),
    ],
)
def test_a_slip_of_the_keyboard_is_explained(words, says):
    said = command(*words)
    assert said.code == 2 and said.out == "" and says in said.err and "Traceback" not in said.err


# --- looking things up -----------------------------------------------------------------------------------------------


def test_list_has_every_system():
    lines = command("list").out.splitlines()
    assert [line.split()[0] for line in lines] == ["system", *(e.slug for e in ENTRIES)]
    few = [line.split()[0] for line in command("list", "represent").out.splitlines()[1:]]
    assert few == [e.slug for e in ENTRIES if e.verb == "represent"]
    assert command("list", "amuse").code == 2 and command("list", "act").out == "no system to act yet\n"
    assert refused("list", "dance") == (
        "no verb is called 'dance'; known: represent, recognize, localize, describe, anticipate, generate, act, "
        "recommend, detect, inspect"
    )


@pytest.mark.parametrize("entry", ENTRIES, ids=[e.slug for e in ENTRIES])
def test_info_shows_paper_settings_and_claim(entry):
    out = command("info", entry.slug).out
    assert entry.title in out and f"arxiv.org/abs/{entry.arxiv}" in out and entry.claim in out
    assert "recipe.weight_decay" in out and all(f"\n{stage} " in out for stage, _ in entry.stages)
    assert refused("info", "hlap") == "no system is called 'hlap'; did you mean halp?"


def test_data_list_shows_names_and_their_options():
    out = command("data", "list").out
    assert all(f"\n{name}{':PATH' if s.needs_path else ''} " in out for name, s in SOURCES.items())
    one = command("data", "list", "ntu60").out
    assert one.startswith("ntu60:PATH") and "protocol" in one and "xsub" in one
    assert refused("data", "list", "imagenet").startswith("no data is called 'imagenet'; known: mocap, stage")


def test_completion_is_a_script_that_completes():
    script = command("completion", "bash").out
    ask = "complete -p acteme; COMP_WORDS=(acteme tra); COMP_CWORD=1; _tyro_acteme; echo ${COMPREPLY[@]}"
    done = subprocess.run(["bash", "-c", f"{script}\n{ask}"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["complete -F _tyro_acteme acteme", "train"]
    assert command("completion", "zsh").out.startswith("#compdef acteme")


# --- data ------------------------------------------------------------------------------------------------------------


def test_data_check_tells_what_it_holds_or_what_is_wrong(here, tmp_path):
    said = command("data", "check", "new")
    assert (said.code, said.err) == (0, "") and said.out.splitlines()[-1] == "new: no problems"
    assert "train 2, test 2" in said.out and "15 classes, several at a time" in said.out
    shutil.copytree("new", tmp_path / "bad")
    rows = (tmp_path / "bad/annotations.csv").read_text().splitlines()
    first = rows[1].split(",")
    rows[1] = ",".join([first[0], "99", "98", *first[3:]])
    (tmp_path / "bad/annotations.csv").write_text("\n".join(rows))
    said = command("data", "check", tmp_path / "bad")
    assert (
        said.code == 2 and "annotations.csv line 2: " in said.out and said.out.splitlines()[-1].endswith(": 1 problem")
    )


def test_data_convert_writes_whole_or_not_at_all(here, tmp_path):
    assert command("data", "convert", "new", tmp_path / "c", "--format", "corpus").code == 0
    assert "15 s" not in command("data", "check", tmp_path / "c").out
    assert (
        command("data", "check", tmp_path / "c").out.splitlines()[:-1]
        == (command("data", "check", "new").out.splitlines()[:-1])
    )
    assert refused("data", "convert", "new", tmp_path / "c").endswith(
        "c: is there already; delete it or choose another name"
    )
    assert "label" in refused("data", "convert", "new", tmp_path / "d.npz", "--format", "ctrgcn")
    assert [p.name for p in tmp_path.iterdir()] == ["c"]


def test_data_assets_installs_what_is_missing(monkeypatch):
    called = []
    monkeypatch.setattr("acteme.recordings.assets.fetch_assets", lambda: called.append(True))
    assert command("data", "assets").code == 0 and called == [True]


# --- train and evaluate ----------------------------------------------------------------------------------------------


def test_train_leaves_a_run(place):
    meta = json.loads((place / "run/run.json").read_text())
    assert (meta["system"], meta["data"], meta["status"], meta["settings"]["steps"]) == ("lac", "mocap", "trained", 1)
    assert {p.name for p in (place / "run").iterdir()} >= {"generator", "contrast", "segment", "config.json"}


def test_train_takes_settings_stages_and_goes_on(here, tmp_path):
    run = tmp_path / "run"
    words = ("train", "lac", "mocap", "--small", "--run", run, "--steps", "1", "--no-progress")
    said = command(*words, "--stage", "generator", "--set", "generator.margin=2", "--set", "segment.recipe.lr=0.5")
    assert (said.code, said.out, said.err) == (0, "", "")
    config = json.loads((run / "config.json").read_text())
    assert config["generator"]["margin"] == 2 and config["segment"]["recipe"]["lr"] == 0.5
    assert not (run / "contrast").exists()
    assert "is not trained yet; go on with: train … --resume" in refused("predict", run, "new")
    assert command("evaluate", run).out.startswith("segmentation on mocap, split test, by linear\n")
    assert "exists already; go on with --resume, or name another folder" in refused(*words)
    said = command("train", "lac", "mocap", "--resume", "--run", run)
    assert said.code == 0 and [line.split(":")[0] for line in said.out.splitlines()] == [
        "lac contrast", "lac segment", "Trained",
    ]  # fmt: skip
    assert json.loads((run / "config.json").read_text()) == config
    said = command("train", "lac", "mocap", "--start", run, "--stage", "segment", "--run", tmp_path / "next",
                   "--set", "segment.recipe.lr=0.25", "--steps", "1", "--no-progress")  # fmt: skip
    assert said.code == 0
    changed = json.loads((tmp_path / "next/config.json").read_text())
    assert changed["segment"]["recipe"]["lr"] == 0.25 and changed["generator"] == config["generator"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("bert", "mocap"), "no system is called 'bert'; known: lac, halp"),
        (("lac", "mocup"), "mocup: there is no such path, and no source of that name; did you mean mocap"),
        (("lac", "mocap?trian=3"), "unknown option 'trian'; did you mean 'train'?"),
        (("lac", "mocap?seconds=4"), "option 'seconds' cannot be '4'; give a number and a number, with a"),
        (("lac", "mocap", "--set", "segment.lr=1"), "no setting is called 'lr' in 'segment.lr=1'"),
        (("lac", "mocap", "--set", "segment.recipe.lr=fast"), "segment.recipe.lr"),
        (("lac", "mocap", "--stage", "generate"), "'lac' has no stage 'generate'; its stages: generator, contrast"),
        (("lac", "mocap", "--epochs", "0"), "setting 'epochs': 0 is too small; give 1 or more"),
        (("lac", "mocap", "--resume"), "no unfinished run of 'lac' on 'mocap'; name the folder with --run"),
        (("halp", "mocap"), "no recording has a single label, from which stage 'classify' learns; give recordings"),
    ],
)  # fmt: skip
def test_train_refuses_and_leaves_nothing(here, words, says):
    assert says in refused("train", *words)


def test_evaluate_shows_and_writes_metrics(here):
    said = command("evaluate", "run")
    lines = said.out.splitlines()
    assert said.code == 0 and lines[0] == "segmentation on mocap, split test, by predictions"
    written = json.loads((here / "run/evaluation.json").read_text())
    table = {line.split()[0]: line.split()[1] for line in lines[3:-1]}
    assert set(table) == set(written["metrics"]) and lines[-1] == "Wrote run/evaluation.json"
    assert table["frame_map"] == f"{written['metrics']['frame_map']:.4f}" and "nan" not in said.out
    assert command("evaluate", "run", "new", "--protocol", "linear").out.startswith(
        "segmentation on new, split test, by lin"
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nowhere",), "nowhere: does not exist; give the folder that `acteme train` named"),
        (("new",), "new: is not a run folder"),
        (("run", "--split", "val"), "the data has no split 'val'; its splits: test, train"),
        (("run", "--protocol", "best"), "there is no protocol 'best'; known: predictions, linear"),
        (("run", "stage?train=2&test=2&layout=ntu25"), "unknown option 'layout'"),
        (("run", "stage?train=2&test=2"), "has other classes than the run: lacks walk, run, jump and 12 more and adds"),
    ],
)  # fmt: skip
def test_evaluate_refuses(here, words, says):
    before = (here / "run/evaluation.json").read_bytes() if (here / "run/evaluation.json").exists() else None
    line = refused("evaluate", *words)
    assert says in line and len(line) < 400
    assert before is None or (here / "run/evaluation.json").read_bytes() == before


# --- predict ---------------------------------------------------------------------------------------------------------


def test_predict_prints_json_lines_of_several_inputs(here):
    said = command("predict", "run", "new/test00001.npz", "mocap", "new", "--threshold", "0.1")
    rows = [json.loads(line) for line in said.out.splitlines()]
    inside = ["train00000", "train00001", "test00000", "test00001"]
    assert [r["recording"] for r in rows] == ["test00001", *inside, *inside] and said.err == ""
    for row in rows:
        assert row["segments"] and all(0 <= s["start"] < s["end"] <= row["duration"] for s in row["segments"])
    said = command("predict", "run", "new", "--split", "test")
    assert [json.loads(line)["recording"] for line in said.out.splitlines()] == inside[2:]


def test_predict_writes_every_format(here, tmp_path):
    words = ("predict", "run", "new", "--threshold", "0.1", "--to")
    assert command(*words, tmp_path / "t.csv").out == f"{tmp_path / 't.csv'}\n"
    with (tmp_path / "t.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["recording", "start", "end", "label", "score"] and len({r["recording"] for r in rows}) == 4
    assert command("predict", "run", "new", "--threshold", "0.1", "--format", "csv").out.splitlines() == (
        (tmp_path / "t.csv").read_text().splitlines()
    )
    for suffix in ("vtt", "eaf"):
        said = command(*words, tmp_path / suffix, "--format", suffix)
        files = sorted((tmp_path / suffix).iterdir())
        assert len(files) == 4 and sorted(said.out.splitlines()) == [str(f) for f in files]
    assert (tmp_path / "vtt/test00000.vtt").read_text().startswith("WEBVTT\n\n")
    assert ElementTree.parse(tmp_path / "eaf/test00000.eaf").getroot().tag == "ANNOTATION_DOCUMENT"


def test_predict_into_a_file_by_the_shell(here, tmp_path):
    code = "import sys; from acteme.cli import main; main(sys.argv[1:])"
    with (tmp_path / "out.jsonl").open("w") as file:
        subprocess.run(
            [sys.executable, "-c", code, "predict", "run", "new", "--split", "test"], stdout=file, check=True
        )
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "there is nothing to read; give a file, a folder or a DATA name"),
        (("lost.npy",), "lost.npy: there is no such path"),
        (("new", "lost.npy"), "lost.npy: there is no such path"),
        (("new", "--split", "dev"), "no recording is in split 'dev'"),
        (("new", "--overlap", "1"), "--overlap: overlap is 1.0; give 0 or more and less than 1"),
        (("new", "--workers", "0"), "--workers: 0 processes; give 1 or more"),
        (("new", "--format", "vtt"), "vtt holds one recording only; name a folder with --to"),
        (("new", "--to", "t.srt"), "t.srt: there is no format 'srt'; known: jsonl, csv, vtt, eaf, ma52"),
        (("broken.npy", "--to", "t.csv"), "broken.npy"),
    ],
)
def test_predict_refuses_and_leaves_nothing(here, words, says):
    if "broken.npy" in words:
        (here / "broken.npy").write_bytes(b"\x93NUMPY\x01\x00")
    try:
        assert says in refused("predict", "run", *words)
    finally:
        (here / "broken.npy").unlink(missing_ok=True)


# --- encode, search, report, claim -----------------------------------------------------------------------------------


def test_search_finds_places_by_row_and_by_file(here):
    by_row = command("search", "table", "0", "--count", "3").out.splitlines()
    assert by_row[0].split() == ["recording", "start", "end", "label", "split", "similarity"] and 1 < len(by_row) <= 4
    by_file = command("search", "table", "new/test00000.npz", "--start", "0", "--end", "2", "--split", "test").out
    assert by_file.splitlines()[1].startswith("test00000 ") and "train" not in by_file
    scores = [float(line.split()[-1]) for line in by_file.splitlines()[1:]]
    assert scores == sorted(scores, reverse=True)
    assert "has no row 999; rows are 0 to" in refused("search", "table", "999")
    assert "new: is not a table of latents" in refused("search", "new", "0")
    assert "leave them away" in refused("search", "table", "0", "--start", "1")


def test_search_in_a_table_without_texts(here):
    assert "there is no such path" in refused("search", "table", "a person waves")
    assert "holds no captions" in refused("search", "table", "0", "--texts")


def test_events_takes_captions_apart(here, tmp_path):
    said = command("events", "sequences?train=2&test=1&fps=5", "--to", tmp_path / "e")
    assert said.code == 0 and said.out == f"{tmp_path / 'e'}: 3 captions\n" and not said.err
    names = sorted(p.name for p in (tmp_path / "e").iterdir())
    assert names == ["test00000_0.json", "train00000_0.json", "train00001_0.json"]
    assert len(json.loads((tmp_path / "e" / names[0]).read_text())["events"]) in (2, 3)
    assert "there is no such path" in refused("events", "nowhere", "--to", tmp_path / "f")


def test_encode_replaces_a_table_and_nothing_else(here, tmp_path):
    shutil.copytree("table", tmp_path / "t")
    assert command("encode", "run", "new/test00000.npz", "--to", tmp_path / "t").code == 0
    rows = [json.loads((folder / "table.json").read_text())["rows"] for folder in (here / "table", tmp_path / "t")]
    assert rows[1] < rows[0]
    assert "exists and is not a table of latents" in refused("encode", "run", "new", "--to", "new")


def test_report_is_one_page(here, tmp_path):
    page = tmp_path / "deep/page.html"
    said = command("report", "run", "--to", page)
    assert (said.code, said.out, said.err) == (0, f"{page}\n", "")
    text = page.read_text()
    assert text.startswith("<!doctype html>") and "LAC: Latent Action Composition" in text
    assert "does not exist" in refused("report", "nowhere")


def _run(arm, seed, folder):
    return {"score": {"ours": 2.0, "base": 1.0}[arm] + 0.1 * seed * (arm == "ours")}


@pytest.fixture
def quick(monkeypatch):
    """Claims of every system as one made up for the test, in this process."""
    from concurrent.futures import ThreadPoolExecutor

    def experiment(slug, tiny=False):
        compared = (machinery.Comparison("ours is better", "score", "ours", "base"),)
        return machinery.Experiment(slug, "none", ("base", "ours"), _run, compared, {"tiny": tiny})

    monkeypatch.setattr(machinery, "experiment", experiment)
    monkeypatch.setattr(machinery, "ProcessPoolExecutor", lambda *about: ThreadPoolExecutor(1))


def test_claim_writes_the_ledger_and_says_what_came_out(here, quick, tmp_path):
    words = ("--to", tmp_path / "ledger", "--work", tmp_path / "work", "--seeds", "3", "--tiny")
    said = command("claim", "halp", *words)
    assert said.code == 0 and said.out.splitlines()[-2:] == [
        "ours is better", "  score: ours - base = +1.1000 (+0.8516 to +1.3484) over 3 seeds: holds",
    ]  # fmt: skip
    entry = json.loads((tmp_path / "ledger/halp.json").read_text())
    assert entry["verdict"] == "holds" and entry["settings"] == {"tiny": True}
    assert command("claim", "all", *words).code == 0
    assert {p.name for p in (tmp_path / "ledger").iterdir()} == {"README.md", *(f"{e.slug}.json" for e in ENTRIES)}
    assert "at least two seeds" in refused("claim", "lac", "--seeds", "1")


# --- what goes wrong outside -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (OSError(28, "No space left on device", "x.csv"), 2, "acteme: x.csv: No space left on device\n"),
        (OSError("odd"), 2, "acteme: odd\n"),
        (KeyboardInterrupt(), 130, "acteme: interrupted\n"),
        (KeyboardInterrupt("stopped after step 3"), 130, "acteme: stopped after step 3\n"),
    ],
)
def test_other_ends_are_one_line_too(monkeypatch, error, code, line):
    def fail(*_):
        raise error

    monkeypatch.setattr("acteme.reports.terminal.systems", fail)
    said = command("list")
    assert (said.code, said.out, said.err) == (code, "", line)


def test_what_is_to_be_known_of_data_is_one_line(monkeypatch):
    def warn(_):
        for _ in range(2):
            warnings.warn("2 of 7 events are left out", DataWarning, stacklevel=1)

    monkeypatch.setattr("acteme.reports.terminal.systems", warn)
    assert all(command("list").err == "acteme: 2 of 7 events are left out\n" for _ in range(2))
    monkeypatch.setattr("acteme.reports.terminal.systems", lambda _: warnings.warn("old", UserWarning, stacklevel=1))
    assert "UserWarning: old" in command("list").err


def test_a_reader_that_has_seen_enough_is_no_error():
    code = "import sys; sys.argv[1:] = ['completion', 'bash']; from acteme.cli import main; main()"
    done = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -c "{code}" | true'], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""


def test_programming_errors_are_not_hidden(monkeypatch):
    monkeypatch.setattr("acteme.reports.terminal.systems", lambda verb: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(["list"])
