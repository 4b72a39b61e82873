"""Classes of actions in words: other names for each, and what each part of the body does.

Descriptions come along for the classes of NTU RGB+D (60 and 120), PKU-MMD, Northwestern-UCLA and the worlds `mocap` and
`stage`. For classes of one's own they are files, by hand or by `acteme describe`.
"""

from acteme.recordings.descriptions.files import FIELDS, Description, read, write
from acteme.recordings.descriptions.find import find

__all__ = ["FIELDS", "Description", "find", "read", "write"]
