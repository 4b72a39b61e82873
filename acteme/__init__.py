"""Acteme learns from actions: one library and one command line for systems that read recorded actions."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_API = {
    "train": "acteme.engine.train",
    "adopt": "acteme.engine.adopt",
    "evaluate": "acteme.engine.evaluate",
    "predict": "acteme.engine.predict",
    "encode": "acteme.engine.encode",
    "search": "acteme.engine.search",
    "load": "acteme.engine.run",
    "Settings": "acteme.engine.settings",
    "open_data": "acteme.recordings.sources",
    "Recording": "acteme.recordings.recording",
    "Corpus": "acteme.recordings.corpus",
    "report": "acteme.reports.page",
    "claim": "acteme.claims.experiment",
}
__all__ = ["__version__", *_API]


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    """Loads the named part of the interface on first use, so that `import acteme` stays light."""
    if name in _API:
        return getattr(import_module(_API[name]), name)
    raise AttributeError(f"module 'acteme' has no attribute '{name}'")
