"""Inspection: how much of a model's vectors a dictionary explains, and what recommending by it alone costs.

Of a recommender, the metrics of a full ranking (`engine.measures.ranking`) with vectors as the latents have them, and
those of the recommender itself as `base_*`. Of any model `fvu`, the fraction of variance unexplained over all held-out
vectors at once, `dead`, the share of latents that are active in none of them, and `active`, latents of a vector.
"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from acteme.engine.device import device_of
from acteme.engine.latents import encoded
from acteme.engine.logs import ending, held_out, is_log, reach
from acteme.engine.measures import Asked, ranking
from acteme.errors import InputError
from acteme.recordings.annotations import Preferences
from acteme.recordings.batch import Batch, to_device
from acteme.tasks import retrieval
from acteme.tasks.outcome import Outcome

PROTOCOLS = ("predictions",)
CLASSES = False
"""Whether the data must have the classes of the run."""


def measure(asked: Asked) -> Outcome:
    """All that can be measured."""
    module: Any = asked.module
    out = explained(asked)
    if not is_log(asked.corpus.spec) or not _recommends(asked):
        return out
    protocol = ranking.choose(asked.corpus, module.model)
    base = ranking.measure(replace(asked, module=module.model, protocol=protocol))
    through = ranking.measure(replace(asked, protocol=protocol))
    named = Outcome({f"base_{name}": value for name, value in base.metrics.items()},
                    {f"base_{name}": value for name, value in base.intervals.items()})  # fmt: skip
    return retrieval.merged(retrieval.merged(through, named), out)


def _recommends(asked: Asked) -> bool:
    module: Any = asked.module.model
    return hasattr(module, "predict") and isinstance(module.predict(next(_windows(asked))), Preferences)


@torch.no_grad()
def explained(asked: Asked) -> Outcome:
    """What the dictionary finds of the vectors of held-out windows."""
    module: Any = asked.module
    x = torch.cat([module.vectors(batch).double().cpu() for batch in _windows(asked)])
    missed, used, count = torch.zeros((), dtype=torch.float64), torch.zeros(len(module.peak), dtype=torch.bool), 0
    own = module.dictionary
    for part in x.split(4096):
        chosen = own.encode(part.to(own.center))
        missed += (own.decode(chosen).double().cpu() - part).square().sum()
        active: Tensor = chosen.value > 0
        used[chosen.latent[active].cpu()] = True
        count += int(active.sum())
    variance = float((x - x.mean(0)).square().sum())
    fvu = float(missed) / variance if variance else float("nan")
    dead = 1 - float(used.float().mean())
    return Outcome({"fvu": fvu, "dead": dead, "active": count / len(x)})


def _windows(asked: Asked) -> Any:
    """Held-out windows: of logs what is known before the event to be foretold, or of each user or event, where none is;
    else as the model was trained."""
    corpus, on = asked.corpus, device_of(asked.module)
    if is_log(corpus.spec):
        index, last = held_out(corpus, 2) if asked.windows.prefixes else encoded(corpus)
        last = last - asked.windows.prefixes
        index, last = index[last >= 0], last[last >= 0]
        if not len(index):
            raise InputError("no user has two events", "data", "give longer histories")
        for a in range(0, len(index), asked.batch):
            rows, end = index[a : a + asked.batch], last[a : a + asked.batch]
            yield to_device(ending(corpus, rows, end, asked.windows, reach(asked.windows)), on)
        return
    index, start = asked.windows.cut(corpus.frames)
    for a in range(0, len(index), asked.batch):
        batch: Batch = corpus.cut(asked.windows, index[a : a + asked.batch], start[a : a + asked.batch])
        yield to_device(batch, on)
