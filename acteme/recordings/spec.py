"""What a system must know of its data before it is built."""

from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Spec:
    """The shape of a data set: enough to build a system, small enough to be written beside its weights."""

    layout: str = ""
    """Name of the skeleton layout, a key of `recordings.skeleton.layouts.LAYOUTS`; empty where there is no skeleton."""
    joints: int = 0
    """Joints per person (V)."""
    persons: int = 1
    """Persons per frame that arrays have room for (M)."""
    channels: int = 3
    """Coordinates per joint (C): 3 in metres, 2 in image units."""
    classes: tuple[str, ...] = ()
    """Names of the action classes; class k of any score or label is `classes[k]`."""
    fps: float = 30.0
    """Nominal frames per second; a recording may differ."""
    multilabel: bool = False
    """Whether several classes can hold at the same time."""
    groups: tuple[str, ...] = ()
    """Coarse class of each class, where labels have two levels; empty where they have one."""
    scenes: tuple[str, ...] = ()
    """Names of the places that fixed cameras look at; a recording's `camera` is one of them."""
    video: bool = False
    """Whether recordings have the frames of their video."""
    extents: tuple[tuple[float, float, float, float], ...] = ()
    """Left, top, right and bottom of each scene, in units of its positions: (0, 0, width, height) of an image."""

    items: int = 0
    """Items of the catalog: the largest item number; 0 where recordings have no items."""
    fields: tuple[str, ...] = ()
    """Names of the categorical fields of an event."""
    sizes: tuple[int, ...] = ()
    """Values that each field has, with 0 (unknown or rare)."""
    roles: tuple[tuple[str, str], ...] = ()
    """Of documents: type of event (one of `classes`) and role of each role number; roles of the same name of two types
    are two roles."""
    most: tuple[int, ...] = ()
    """Arguments of each role that an event has at most, 0 where that is not known."""

    @property
    def group_names(self) -> tuple[str, ...]:
        """The coarse classes, in the order of their first class; number g of any coarse score is `group_names[g]`."""
        return tuple(dict.fromkeys(self.groups))

    @property
    def group_of(self) -> tuple[int, ...]:
        """Number of the coarse class of each class."""
        return tuple(self.group_names.index(group) for group in self.groups)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Spec":
        known = {f.name for f in fields(cls)}
        return cls(**{k: _tuples(v) for k, v in values.items() if k in known})


def _tuples(value: Any) -> Any:
    """Lists, and lists in them, as tuples."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
