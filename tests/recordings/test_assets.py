"""Packages that carry data files."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from acteme.errors import InputError, MissingError
from acteme.recordings import assets
from acteme.recordings.assets import ASSETS, fetch_assets, find, unpack

BULLET = ASSETS["pybullet"]


@pytest.fixture
def away(monkeypatch, tmp_path):
    """As if there were one such package, and it were not installed, with a cache of its own."""

    def missing(name):
        raise assets.PackageNotFoundError(name)

    monkeypatch.setattr(assets, "ASSETS", {"pybullet": BULLET})
    monkeypatch.setattr(assets, "distribution", missing)
    monkeypatch.setenv("ACTEME_CACHE", str(tmp_path / "cache"))


def wheel(path, *names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return path


def test_the_list_for_pip_says_the_same():
    lines = (Path(__file__).parents[2] / "assets.txt").read_text().splitlines()
    listed = [line for line in lines if line.strip() and not line.startswith("#")]
    assert listed == [asset.requirement for asset in ASSETS.values()]


def test_found_without_being_imported():
    code = (
        "import sys; from acteme.recordings.assets import find; "
        f"print(find('pybullet', {BULLET.probe!r}).read_text()[:1]); "
        "print([m for m in sys.modules if 'bullet' in m or m == 'torch'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["{", "[]"]


def test_missing_names_the_one_command(away):
    with pytest.raises(MissingError) as caught:
        find("pybullet", BULLET.probe)
    assert str(caught.value).endswith("run: acteme data assets")
    assert not assets.is_here("pybullet")


def test_unknown_packages_are_refused():
    with pytest.raises(InputError, match="'numpy' is not a data-carrying package; use one of pybullet, gt-all"):
        find("numpy", "numpy/__init__.py")


def test_unpacking_takes_only_what_is_wanted(away, tmp_path):
    made = wheel(tmp_path / "a.whl", BULLET.probe, "pybullet.so", "pybullet_data/a1/a1.urdf", "../../evil.txt")
    assert unpack(made, BULLET) == 1
    assert find("pybullet", BULLET.probe).read_text() == BULLET.probe
    kept = [p.name for p in (tmp_path / "cache").rglob("*") if p.is_file()]
    assert kept == ["humanoid3d_walk.txt"]


def test_a_wheel_without_the_files_leaves_nothing(away, tmp_path):
    with pytest.raises(InputError, match="does not hold"):
        unpack(wheel(tmp_path / "a.whl", "pybullet.so"), BULLET)
    assert not any((tmp_path / "cache" / "assets").iterdir())


def test_fetch_says_what_is_here(monkeypatch):
    monkeypatch.setattr(assets, "_pip", lambda *arguments: pytest.fail("nothing is missing"))
    said = []
    fetch_assets(said.append)
    assert said == [f"{asset.requirement}: already here" for asset in ASSETS.values()]


def test_fetch_takes_the_wheel_of_another_python(away, monkeypatch):
    calls = []

    def pip(*arguments):
        calls.append(arguments)
        if arguments[0] == "install":
            return "ERROR: No matching distribution found"
        folder = next(a for a in arguments if a.startswith("--dest=")).removeprefix("--dest=")
        wheel(Path(folder) / "pybullet.whl", BULLET.probe)
        return None

    monkeypatch.setattr(assets, "_pip", pip)
    said = []
    fetch_assets(said.append)
    assert [c[0] for c in calls] == ["install", "download"]
    assert all("--no-deps" in c and "--only-binary=:all:" in c for c in calls)
    assert "--python-version=3.11" in calls[1]
    assert said[0].startswith("pybullet==3.2.7: 1 data files unpacked into")
    assert find("pybullet", BULLET.probe).is_file()


def test_fetch_that_fails_repeats_what_pip_said(away, monkeypatch):
    monkeypatch.setattr(assets, "_pip", lambda *arguments: "ERROR: no network")
    with pytest.raises(MissingError, match="could not be fetched: ERROR: no network"):
        fetch_assets(lambda line: None)
