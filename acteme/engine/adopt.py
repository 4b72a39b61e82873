"""Official weights as a run, to be evaluated, used and reported like any other."""

import json
import pickle
import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from acteme import catalog
from acteme.atomic import write_text
from acteme.engine.fit import ready
from acteme.engine.loader import Loader
from acteme.engine.run import Run
from acteme.engine.settings import Settings
from acteme.engine.train import create, open_corpus, training_part
from acteme.errors import DataWarning, InputError
from acteme.recordings.corpus import Corpus

INNER = ("state_dict", "model_state_dict", "model")
"""Under which of its names a checkpoint may keep the weights."""
SHOWN = 3
"""Names of tensors that a line tells."""


def adopt(
    system: str,
    data: str | Path | Corpus,
    weights: str | Path | Sequence[str | Path],
    run: Path | str | None = None,
    *,
    stage: str | None = None,
    config: Any = None,
    settings: Settings = Settings(),  # noqa: B008
) -> Run:
    """A run with the weights of an official checkpoint in one of its stages.

    Weights that the checkpoint lacks stay as the seed draws them, and a warning names them. What a stage takes from
    data (vocabularies, counts) it takes from the training recordings.

    Args:
        system: its short name.
        data: recordings of the kind that the weights were trained on: its classes, layout and items decide shapes.
        weights: a file (`.pt`, `.pth`, `.ckpt`, `.safetensors`), or where every stream has one, `NAME=FILE` for each.
        run: the folder to write; a new one under runs/ unless given.
        stage: whose weights they are; the last that takes official ones unless given.
        config: the configuration that they were trained with; the published one unless given.
        settings: its seed counts.

    Raises:
        InputError: a file cannot be read or holds more than tensors, or its weights are not those of the stage.
    """
    entry = catalog.find(system)
    able = [name for name, kind in entry.stages if hasattr(getattr(entry.module(), kind), "official_state_dict")]
    if not able:
        raise InputError("has no official weights", f"'{entry.slug}'", "train it")
    name = stage or able[-1]
    if name not in able:
        raise InputError(f"stage '{name}' takes no official weights", f"'{entry.slug}'", "those do: " + ", ".join(able))
    files = _named([weights] if isinstance(weights, str | Path) else weights)
    found = {stream: _state(path) for stream, path in files.items()}
    corpus = training_part(open_corpus(data))
    state = getattr(entry.module(), dict(entry.stages)[name]).official_state_dict(found.get("", found))
    made = create(entry, corpus, None if isinstance(data, Corpus) else str(data), run, config, False, settings)
    try:
        module = made.build(name)
        window = getattr(made.config, name).windows
        loader = Loader(corpus, window, getattr(made.config, name).recipe.batch, settings.seed, name, drop_last=False)
        if hasattr(module, "remember"):
            module.remember(corpus)  # type: ignore[operator]
        ready(module, loader, torch.device("cpu"))
        left = _fill(module, state, ", ".join(map(str, files.values())))
    except BaseException:
        shutil.rmtree(made.folder)
        raise
    made.save_weights(name, module.state_dict())
    told = {"files": {stream: path.name for stream, path in files.items()}, "not in them": left}
    write_text(made.stage_folder(name) / "official.json", json.dumps(told, indent=1) + "\n")
    if left:
        some = ", ".join(left[:SHOWN]) + (f" and {len(left) - SHOWN} more" if len(left) > SHOWN else "")
        warnings.warn(f"not among the weights, left as drawn: {some}", DataWarning, stacklevel=2)
    return made.trained()


def _named(weights: Sequence[str | Path]) -> dict[str, Path]:
    """Files by the names of their streams; a single one may have none."""
    files: dict[str, Path] = {}
    for one in weights:
        stream, equals, path = str(one).partition("=")
        if not equals or Path(one).is_file():  # such as epoch=3.ckpt
            stream, path = "", str(one)
        if stream in files:
            twice = f"two files for '{stream}'" if stream else "two files without a name"
            raise InputError(twice, ", ".join(map(str, weights)), "give one file, or NAME=FILE for each stream")
        files[stream] = Path(path)
    if not files or ("" in files and len(files) > 1):
        raise InputError("files with and without a name" if files else "no file", "weights", "give NAME=FILE for each")
    return files


def _state(path: Path) -> Any:
    """The weights in a file, without what a checkpoint has around them."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", path, "correct its name or rights") from error
    except pickle.UnpicklingError as error:
        mend = "if you trust it, load it with weights_only=False, and save its state_dict alone"
        raise InputError("holds more than tensors, which could run code", path, mend) from error
    except Exception as error:  # a broken file ends the unpickler in many ways
        mend = "give .pt, .pth, .ckpt or .safetensors"
        raise InputError("is no file of weights, or a broken one", path, mend) from error
    while isinstance(found, Mapping) and not any(isinstance(value, Tensor) for value in found.values()):
        inner = next((found[key] for key in INNER if isinstance(found.get(key), Mapping)), None)
        if inner is None:
            break
        found = inner
    return found


def _fill(module: nn.Module, state: Mapping[str, Tensor], where: str) -> list[str]:
    """Loads the weights; names those of the module that are not among them."""
    try:
        left, unknown = module.load_state_dict(state, strict=False)
    except RuntimeError as error:
        what = f"do not fit the stage ({str(error).splitlines()[1].strip().rstrip('.')})"
        raise InputError(what, where, "give data and settings like those that they were trained with") from error
    if unknown or not state:
        what = f"'{unknown[0]}' is nothing that the stage has" if unknown else "nothing in it is known"
        raise InputError(what, where, "give data and settings like those that they were trained with")
    parameters = {name for name, _ in module.named_parameters()}
    return [name for name in left if name in parameters]
