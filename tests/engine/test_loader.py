"""Order, sharding, resumption and prefetching of training windows."""

import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.engine.loader import Loader, ahead, entropy
from acteme.recordings.windows import Windows
from tests.engine.toys import untrimmed

CORPUS = untrimmed(5, frames=37)


def loader(**changes) -> Loader:
    given_ = {"corpus": CORPUS, "windows": Windows(frames=8, stride=4), "batch": 4, "seed": 3, "stage": "s"}
    return Loader(**{**given_, **changes})


def windows_of(batches) -> list[tuple[int, int]]:
    return [(int(i), int(s)) for b in batches for i, s in zip(b["index"], b["start"], strict=True)]


def test_entropy_depends_on_every_part_and_on_their_order():
    seeds = {
        entropy(*p) for p in [(0, "a", 1), (1, "a", 1), (0, "b", 1), (0, "a", 2), (1, "a", 0), (0, "a"), (0, 1, "a")]
    }
    assert len(seeds) == 7 and entropy(0, "a", 1) == entropy(0, "a", 1)
    assert all(0 <= s < 2**63 for s in seeds)


def test_order_follows_from_seed_stage_and_epoch():
    def first(e=0, **k):
        return windows_of(loader(**k).batches(e))

    assert first() == first()
    assert first() != first(1) and first() != first(seed=4) and first() != first(stage="t")


@settings(max_examples=30)
@given(st.integers(0, 3), st.integers(1, 7), st.booleans(), st.data())
def test_skipping_gives_the_rest_of_the_epoch(epoch, batch, drop, data):
    one = loader(batch=batch, drop_last=drop)
    whole = windows_of(one.batches(epoch))
    skip = data.draw(st.integers(0, one.steps(epoch)))
    assert windows_of(one.batches(epoch, skip)) == whole[skip * batch :]
    assert len(list(one.batches(epoch))) == one.steps(epoch)


@settings(max_examples=30)
@given(st.integers(0, 3), st.integers(1, 4), st.integers(2, 3))
def test_processes_share_the_batches_of_one(epoch, batch, world):
    alone = loader(batch=batch * world)
    ranks = [loader(batch=batch, rank=r, world=world) for r in range(world)]
    for whole, *parts in zip(alone.batches(epoch), *(r.batches(epoch) for r in ranks), strict=True):
        shares = [windows_of([p]) for p in parts]
        together = [w for share in shares for w in share]
        assert sorted(together) == sorted(windows_of([whole])) and len(set(together)) == batch * world


def test_an_undropped_last_batch_is_as_long_on_every_rank():
    ranks = [loader(batch=4, rank=r, world=2, drop_last=False) for r in range(2)]
    sizes = [[len(b["index"]) for b in r.batches(0)] for r in ranks]
    assert sizes[0] == sizes[1]
    seen = set(windows_of(ranks[0].batches(0))) | set(windows_of(ranks[1].batches(0)))
    everything = set(windows_of(loader(drop_last=False).batches(0)))
    assert seen == everything


def test_an_epoch_without_phase_has_every_window_once():
    fixed = loader(windows=Windows(frames=8, stride=8, jitter=False), drop_last=False)
    assert sorted(windows_of(fixed.batches(0))) == sorted(windows_of(fixed.batches(1)))
    assert len(set(windows_of(fixed.batches(0)))) == len(windows_of(fixed.batches(0))) == 5 * 4


def test_fewer_windows_than_a_batch_are_repeated_to_fill_it():
    few = loader(batch=50, windows=Windows(frames=30, stride=30))
    (batch,) = few.batches(0)
    assert batch["skeleton"].shape[0] == 50 and set(batch["index"].tolist()) == set(range(5))


def test_whole_recordings_are_cut_at_the_limit():
    whole = loader(windows=Windows(frames=None, limit=20), batch=5)
    (batch,) = whole.batches(0)
    assert batch["skeleton"].shape[1] == 20 and batch["frames"].tolist() == [20] * 5
    short = loader(windows=Windows(frames=None, limit=300), batch=5)
    assert next(short.batches(0))["skeleton"].shape[1] == 37


def test_a_sweep_sees_every_frame_in_order():
    seen = np.zeros((5, 37), bool)
    last = (-1, -1)
    for i, s in windows_of(loader().sweep()):
        assert (i, s) > last
        last = (i, s)
        seen[i, s : s + 8] = True
    assert seen.all()


@pytest.mark.parametrize("prefetch", [1, 3])
def test_prefetching_changes_nothing(prefetch):
    for a, b in zip(loader().batches(2), loader(prefetch=prefetch).batches(2), strict=True):
        assert all(torch.equal(a[n], b[n]) for n in a)


def test_errors_of_the_thread_are_raised_where_batches_are_taken():
    def broken():
        yield 1
        raise KeyError("here")

    items = ahead(broken(), 2)
    assert next(items) == 1
    with pytest.raises(KeyError, match="here"):
        next(items)


def test_an_abandoned_loader_leaves_no_thread():
    items = ahead(iter(range(10**9)), 2)
    assert next(items) == 0
    items.close()
    assert not any(t.name == "acteme-loader" for t in threading.enumerate())
