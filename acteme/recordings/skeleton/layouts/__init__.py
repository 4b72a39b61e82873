"""Joint layouts of skeleton data and the maps between them."""

from acteme.recordings.skeleton.layouts.layout import Layout
from acteme.recordings.skeleton.layouts.maps import convert
from acteme.recordings.skeleton.layouts.tables import LAYOUTS, layout

__all__ = ["LAYOUTS", "Layout", "convert", "layout"]
