"""Batches of training windows. Order and phase follow from (seed, stage, epoch), so that any step can be resumed."""

import queue
import threading
import zlib
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from acteme.errors import InputError
from acteme.recordings.batch import Batch
from acteme.recordings.corpus import Corpus
from acteme.recordings.windows import Windows

T = TypeVar("T")


def entropy(*parts: int | str) -> int:
    """A 63-bit seed from numbers and names; every part matters, on every machine alike."""
    words = [zlib.crc32(p.encode()) if isinstance(p, str) else p for p in parts]
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> 1)


@dataclass(frozen=True)
class Loader:
    """Cuts a corpus into windows and deals them to the processes of a training run.

    In every epoch the windows are shuffled; step g takes the next `batch * world` of them, of which the process `rank`
    gets every `world`-th. So the batches of two processes are disjoint, and together they are the one batch of twice
    the size that a single process would take.
    """

    corpus: Corpus
    windows: Windows
    batch: int
    """Windows per step and process."""
    seed: int
    stage: str
    rank: int = 0
    world: int = 1
    drop_last: bool = True
    """Leave out the last, partial step. A corpus of fewer windows than one step repeats them to fill it."""
    prefetch: int = 0
    """Batches gathered ahead by a thread."""
    counted: dict[int, int] = field(default_factory=dict, init=False, compare=False, repr=False)
    """Batches of the epochs that were asked for: an order of millions of windows is not drawn to count it."""

    def order(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Recording and first frame of all windows that this process sees in the epoch, in order."""
        rng = np.random.default_rng(entropy(self.seed, self.stage, epoch))
        index, start = self.windows.cut(self.corpus.frames, rng)
        if not len(index):
            raise InputError("no recording has two events, one to foretell another", "data", "give longer recordings")
        order, step = rng.permutation(len(index)), self.batch * self.world
        if self.drop_last:
            order = np.resize(order, max(len(order) // step, 1) * step)
        else:
            order = np.resize(order, -(-len(order) // self.world) * self.world)
        mine = order[self.rank :: self.world]
        return index[mine], start[mine]

    def steps(self, epoch: int) -> int:
        """Batches in the epoch; the same for all processes."""
        if epoch not in self.counted:
            self.counted[epoch] = -(-len(self.order(epoch)[0]) // self.batch)
        return self.counted[epoch]

    def batches(self, epoch: int, skip: int = 0) -> Iterator[Batch]:
        """The epoch's batches from number `skip` on."""
        index, start = self.order(epoch)
        return ahead(self._gather(index, start, skip), self.prefetch)

    def endless(self, first: int = 0) -> Generator[Batch, None, None]:
        """Batches from number `first` on, counted over all epochs, epoch after epoch without an end."""
        return ahead(self._endless(first), self.prefetch)

    def _endless(self, skip: int) -> Iterator[Batch]:
        epoch = 0
        while skip >= self.steps(epoch):
            skip -= self.steps(epoch)
            epoch += 1
        while True:
            yield from self._gather(*self.order(epoch), skip)
            epoch, skip = epoch + 1, 0

    def sweep(self) -> Iterator[Batch]:
        """Every window once, in the data's order and without random phase: what statistics are calibrated on."""
        index, start = self.windows.cut(self.corpus.frames)
        return ahead(self._gather(index, start), self.prefetch)

    def _gather(self, index: np.ndarray, start: np.ndarray, skip: int = 0) -> Iterator[Batch]:
        for a in range(skip * self.batch, len(index), self.batch):
            yield self.corpus.cut(self.windows, index[a : a + self.batch], start[a : a + self.batch])


def ahead(items: Iterable[T], count: int) -> Generator[T, None, None]:
    """The same items, up to `count` of them made ahead of time by a thread; its errors are raised here."""
    if not count:
        yield from items
        return
    made: queue.Queue[tuple[str, T | BaseException | None]] = queue.Queue(count)
    stop = threading.Event()

    def put(kind: str, value: T | BaseException | None) -> bool:
        while not stop.is_set():
            try:
                made.put((kind, value), timeout=0.1)
                return True
            except queue.Full:
                pass
        return False

    def make() -> None:
        try:
            for item in items:
                if not put("item", item):
                    return
            put("end", None)
        except BaseException as error:
            put("error", error)

    thread = threading.Thread(target=make, daemon=True, name="acteme-loader")
    thread.start()
    try:
        while True:
            kind, value = made.get()
            if kind == "end":
                return
            if kind == "error":
                raise value  # type: ignore[misc]
            yield value  # type: ignore[misc]
    finally:
        stop.set()
        thread.join()
