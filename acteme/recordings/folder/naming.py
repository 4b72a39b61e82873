"""Which layout a skeleton has, from the names or the number of its joints."""

import re
from collections.abc import Sequence

from acteme.errors import InputError
from acteme.recordings.skeleton.layouts import LAYOUTS

SIDES = {"l": "left", "r": "right", "lft": "left", "rgt": "right"}


def plain(joint: str) -> str:
    """A joint's name in the spelling of `LAYOUTS`: LShoulder, l-shoulder and Left Shoulder give left_shoulder."""
    words = re.sub(r"([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])", r"\1\3_\2\4", joint.strip())
    parts = [p for p in re.split(r"[^a-z0-9]+", words.lower()) if p]
    return "_".join(SIDES.get(p, p) for p in parts)


def guess(joints: int, where: str) -> str:
    """The one layout with so many joints.

    Raises:
        InputError: none has, or several that differ in what their joints are.
    """
    fitting = [name for name, known in LAYOUTS.items() if known.count == joints]
    different = {LAYOUTS[name].joints: name for name in reversed(fitting)}
    if len(different) == 1:
        return fitting[0]
    if fitting:
        what = f"{joints} joints could be any of the layouts {', '.join(fitting)}"
        raise InputError(what, where, f"say which: add ?layout={fitting[0]}, or layout in acteme.toml")
    known = ", ".join(f"{name} ({each.count})" for name, each in LAYOUTS.items())
    raise InputError(f"{joints} joints fit no layout", where, f"reduce them to one of {known}")


def order(names: Sequence[str], layout: str, where: str) -> tuple[str, list[int]]:
    """The layout that joint names make up, and the position among `names` of each of its joints.

    Names that say nothing (`joint0`, `7`) stand in the layout's order.

    Args:
        names: joint names, each once.
        layout: the layout if it is known, else "".
        where: for messages.

    Raises:
        InputError: the names make up no layout, or several, or a joint of `layout` is missing.
    """
    given = {plain(name): i for i, name in enumerate(names)}
    if layout:
        missing = [joint for joint in LAYOUTS[layout].joints if joint not in given]
        if not missing:
            return layout, [given[joint] for joint in LAYOUTS[layout].joints]
        if len(missing) == len(names) == LAYOUTS[layout].count:
            return layout, list(range(len(names)))
        what = f"has no joint '{missing[0]}' of layout '{layout}'"
        raise InputError(what, where, "name the columns after its joints")
    fitting = [name for name, known in LAYOUTS.items() if given.keys() >= set(known.joints)]
    if fitting:
        most = max(LAYOUTS[name].count for name in fitting)
        largest = next(name for name in fitting if LAYOUTS[name].count == most)
        return largest, [given[joint] for joint in LAYOUTS[largest].joints]
    if not any(joint in given for known in LAYOUTS.values() for joint in known.joints):
        return guess(len(names), where), list(range(len(names)))
    raise InputError(
        f"the joints {', '.join(names)} make up no layout", where, "add ?layout=NAME and name them after its joints"
    )
