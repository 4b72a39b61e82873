"""Your own data: a folder with `annotations.csv` next to skeleton files, or one skeleton file."""

from acteme.recordings.folder.formats import FORMATS
from acteme.recordings.folder.listing import folder, single

__all__ = ["FORMATS", "folder", "single"]
