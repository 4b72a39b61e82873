"""What is known of users and items beside a log, as fields of their events."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from acteme.recordings.behavior.codes import text
from acteme.recordings.behavior.streams import Chunk


@dataclass(frozen=True)
class About:
    """Fields that all events of a user, or of an item, have in common."""

    column: str
    """The column of the log that names them."""
    names: pa.Array
    """Whom the fields are about; of a name that is there twice the first counts."""
    fields: Mapping[str, pa.Array]
    """Name of each field to what it says of each of them, in text; null where it is not known."""

    def added(self, chunk: Chunk) -> Chunk:
        """The rows with these fields; null for who is not known."""
        coded = text(chunk.columns[self.column]).dictionary_encode()
        at = pc.index_in(coded.dictionary, value_set=self.names).take(coded.indices)
        return replace(chunk, columns={**chunk.columns, **{n: f.take(at) for n, f in self.fields.items()}})
