"""Encoders of sequences of items: what one did, in order, as a vector to compare with all items."""

from acteme.nn.sequence.met import Met
from acteme.nn.sequence.sasrec import SASRec, slots

__all__ = ["Met", "SASRec", "slots"]
