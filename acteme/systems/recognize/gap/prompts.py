"""The five texts of a class: a name of it, and what head, hand, hip and foot do."""

from collections.abc import Sequence

from acteme.recordings.descriptions import Description
from acteme.systems.recognize.gap.parts import BRANCHES, Branch


def part_prompts(label: str, fields: Sequence[str]) -> dict[Branch, str]:
    """Texts of the parts, joined as the official code joins them.

    Args:
        label: name of the class.
        fields: what head, hand, arm, hip, leg and foot do, each with the space that stands before it in its file; the
            hand's follows the label without a comma.
    """
    head, hand, arm, hip, leg, foot = fields
    return {
        "head": f"{label},{head}",
        "hand": f"{label}{hand},{arm}",
        "hip": f"{label},{hip}",
        "foot": f"{label},{leg},{foot}",
    }


def prompts(description: Description, branch: Branch, synonyms: bool = True) -> tuple[str, ...]:
    """The texts that may stand for a class: its names for `global` (only the label without `synonyms`), else one."""
    if branch == BRANCHES[0]:
        return description.synonyms if synonyms else description.synonyms[:1]
    return (part_prompts(description.label, description.fields)[branch],)
