"""The dataclass that describes one joint layout."""

from dataclasses import dataclass, field
from functools import cached_property

from acteme.errors import InputError


@dataclass(frozen=True)
class Layout:
    """Which joints a skeleton has, how they hang together and how they mirror."""

    name: str
    """Key of the layout in `LAYOUTS`."""
    joints: tuple[str, ...]
    """Names of the joints, in the order of the V axis."""
    parents: tuple[int, ...]
    """Bone of joint v points from `parents[v]` to v; the root has itself."""
    center: int
    """Joint that graph partitions measure hop distances from."""
    flip: tuple[int, ...]
    """Left-right permutation: joint v of the mirrored body is joint `flip[v]`. A true mirror negates x as well."""
    parts: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Named groups of joints; groups may share joints and keep their published order."""
    graph: tuple[tuple[int, int], ...] = ()
    """Graph edges (child, parent) where the published graph differs from the bones; empty where it does not."""

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def count(self) -> int:
        """Number of joints V."""
        return len(self.joints)

    @cached_property
    def root(self) -> int:
        """The joint that is its own parent."""
        return next(v for v, parent in enumerate(self.parents) if v == parent)

    @cached_property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """Pairs (child, parent), one per joint but the root."""
        return tuple((v, parent) for v, parent in enumerate(self.parents) if v != parent)

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """Pairs (child, parent) of the graph: `graph` where it is given, else the bones."""
        return self.graph or self.bones

    def index(self, joint: str) -> int:
        """Position of a joint on the V axis. Raises InputError where the layout has no such joint."""
        if joint not in self.joints:
            raise InputError(
                f"layout '{self.name}' has no joint '{joint}'", mend=f"use one of {', '.join(self.joints)}"
            )
        return self.joints.index(joint)

    def rooted(self, root: int) -> tuple[int, ...]:
        """Parents of the same edges hung up at another joint."""
        neighbors: list[list[int]] = [[] for _ in self.joints]
        for child, parent in self.bones:
            neighbors[child].append(parent)
            neighbors[parent].append(child)
        parents = [-1] * self.count
        parents[root] = root
        front = [root]
        while front:
            joint = front.pop()
            for other in neighbors[joint]:
                if parents[other] < 0:
                    parents[other] = joint
                    front.append(other)
        return tuple(parents)
