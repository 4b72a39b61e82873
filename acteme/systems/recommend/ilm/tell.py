"""What is known of items in words: texts to align with, and answers to questions about them; who may learn which.

Items that have a text are dealt into roles, once, by a seed: `taught` (text, and answers to learn from), `told` (text,
but never an answer), `held` (text never, answers for choosing when to stop), `new` (no text and no answer anywhere).
All of this is kept as bytes in the state.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from jaxtyping import Int, UInt8
from torch import Tensor, nn

from acteme.errors import InputError

NONE, TAUGHT, TOLD, HELD, NEW = range(5)
"""Roles of items."""
GROUPS = {"catalogue": TOLD, "new": NEW, "validation": HELD, "taught": TAUGHT}
"""Roles by name, as they are reported."""
VARIANTS = 4
ANSWERS = ("genres", "decade", "title")
"""What is asked of single items."""
PARTS = {"given": "train", "prompts": "seen"}
"""Which of the questions that come with the data are asked in training, by task."""
ASK: Mapping[str, str] = {
    "genres": "Question: what are the genres of {item}? Answer:",
    "decade": "Question: what decade is {item} from? Answer:",
    "title": "Question: what is the title of {item}? Answer:",
    "describe": "Question: describe {item}. Answer:",
    "next": "Question: someone liked {history}. What do they like next? Answer:",
    "user": "Question: what does {user} like next? Answer:",
}
"""How each task asks."""
BOTH = (
    "{genres} {noun} from the {decade}.",
    "This {noun} of the {decade} is {genres}.",
    "From the {decade}: {genres}.",
    "A {noun}, {genres}, made in the {decade}.",
)
GENRES = ("{genres} {noun}.", "This {noun} is {genres}.", "Of the kind {genres}.", "A {noun}, {genres}.")
DECADE = ("{noun} from the {decade}.", "This {noun} is of the {decade}.", "From the {decade}.", "A {noun} made in the "
          "{decade}.")  # fmt: skip


@dataclass(frozen=True)
class TellConfig:
    """Settings of what is told of items."""

    noun: str = "item"
    """What an item is called in texts."""
    titles: bool = True
    """Whether texts begin with the title, which interactions cannot tell."""
    bytes: int = 192
    """Longest text or answer, in bytes of UTF-8; longer ones lose their end."""
    new: float = 0.1
    """Share of the items with a text whose text is seen nowhere, for the test."""
    held: float = 0.1
    """Share whose answers choose when to stop."""
    taught: int | None = None
    """Items with answers to learn from; all that are left unless given."""
    draw: int = 0
    """Seed of who has which role."""


class Told(nn.Module):
    """Texts, answers and roles of the items of a catalog.

    Args:
        config: settings.
        items: of the catalog.
    """

    texts: UInt8[Tensor, "rows v bytes"]
    answers: UInt8[Tensor, "rows a bytes"]
    role: UInt8[Tensor, " rows"]
    alike: Int[Tensor, " rows"]
    examples: UInt8[Tensor, "e bytes"]

    def __init__(self, config: TellConfig, items: int):
        super().__init__()
        self.config = config
        self.register_buffer("texts", torch.zeros(items + 1, VARIANTS, config.bytes, dtype=torch.uint8))
        self.register_buffer("answers", torch.zeros(items + 1, len(ANSWERS), config.bytes, dtype=torch.uint8))
        self.register_buffer("role", torch.zeros(items + 1, dtype=torch.uint8))
        self.register_buffer("alike", torch.zeros(items + 1, dtype=torch.int64))
        self.register_buffer("examples", torch.zeros(0, 1, dtype=torch.uint8))
        self._read: dict[str, Any] = {}
        self.register_load_state_dict_pre_hook(_make_room)
        self.register_load_state_dict_post_hook(lambda module, _: module._read.clear())

    def consult(self, catalog: pa.Table) -> None:
        """Reads the catalog. InputError where it says nothing of any item."""
        told, answers = described(catalog, self.config.noun, self.config.titles)
        if not any(map(any, told)):
            raise InputError("says nothing of its items", "catalog",
                             "give it columns such as title, text, categories or year")  # fmt: skip
        self.texts[1:] = torch.from_numpy(coded(told, self.config.bytes))
        self.answers[1:] = torch.from_numpy(coded(answers, self.config.bytes))
        whole = np.ascontiguousarray(self.texts.numpy()).reshape(len(self.texts), -1)
        self.alike.copy_(torch.from_numpy(np.unique(whole, axis=0, return_inverse=True)[1].reshape(-1)))
        self._deal(np.array([False, *(bool(rows[0]) for rows in told)]))
        if "examples" in catalog.column_names:
            lines = [line for row in catalog["examples"].to_pylist() for line in row or ()]
            longest = max((len(line.encode()) for line in lines), default=1)
            self.examples = torch.from_numpy(coded([[line] for line in lines], longest)[:, 0])
        self._read.clear()

    def _deal(self, able: np.ndarray) -> None:
        """Gives the items with a text their roles."""
        c = self.config
        if not (c.new >= 0 and c.held >= 0 and c.new + c.held < 1):
            raise InputError(f"shares of {c.new:g} and {c.held:g} leave nothing", "tell", "lower new or held")
        some = np.random.default_rng(c.draw).permutation(np.flatnonzero(able))
        new, held = round(c.new * len(some)), round(c.held * len(some))
        taught = len(some) - new - held if c.taught is None else c.taught
        role = np.zeros(len(able), np.uint8)
        role[some[:new]], role[some[new : new + held]], role[some[new + held :]] = NEW, HELD, TOLD
        role[some[new + held :][:taught]] = TAUGHT
        self.role.copy_(torch.from_numpy(role))

    # --- looking -----------------------------------------------------------------------------------------------------

    def _strings(self, name: str) -> list[list[str]]:
        if name not in self._read:
            self._read[name] = decoded(getattr(self, name))
        return self._read[name]

    def text(self, item: int, variant: int = 0) -> str:
        """One of the texts of an item; empty where there is none."""
        return self._strings("texts")[item][variant]

    def answer(self, task: str, item: int) -> str:
        """What is to be answered of an item; empty where it is not known."""
        return self._strings("answers")[item][ANSWERS.index(task)]

    def title(self, item: int) -> str:
        return self.answer("title", item)

    def of(self, *roles: int) -> list[int]:
        """The items of some roles."""
        key = f"of {roles}"
        if key not in self._read:
            wanted = torch.tensor(roles, dtype=torch.uint8)
            self._read[key] = torch.isin(self.role.cpu(), wanted).nonzero()[:, 0].tolist()
        return self._read[key]

    def given(self) -> list[dict[str, Any]]:
        """The questions that came with the data: task, prompt, items, answer, split."""
        if "given" not in self._read:
            found = decoded(self.examples[:, None]) if len(self.examples) else []
            self._read["given"] = [json.loads(row[0]) for row in found]
        return self._read["given"]

    def pool(self, task: str) -> list[int]:
        """The items, or numbers of given questions, that a task can ask about in training."""
        key = f"pool {task}"
        if key not in self._read:
            if task in PARTS:
                some = [n for n, e in enumerate(self.given()) if e["split"] == PARTS[task]]
            elif task == "describe":
                some = self.of(TAUGHT, TOLD)
            else:
                some = [k for k in self.of(TAUGHT) if self.answer(task, k)]
            self._read[key] = some
        return self._read[key]

    def words(self) -> Iterable[str]:
        """All texts that may be seen in training, for a vocabulary."""
        for item in self.of(TAUGHT, TOLD):
            yield from self._strings("texts")[item]
        for item in self.of(TAUGHT):
            yield from self._strings("answers")[item]
        for e in self.given():
            if e["split"] in PARTS.values():
                yield from (e["prompt"], e["answer"])


def described(catalog: pa.Table, noun: str, titles: bool) -> tuple[list[list[str]], list[list[str]]]:
    """`VARIANTS` texts of each item, all of them empty where nothing is known, and its answers in the order of
    `ANSWERS`, empty where they are not known."""
    count = len(catalog)

    def column(name: str) -> Sequence[Any]:
        return catalog[name].to_pylist() if name in catalog.column_names else [None] * count

    texts, answers = [], []
    for kinds, year, title, text in zip(
        column("categories"), column("year"), column("title"), column("text"), strict=True
    ):
        genres = " ".join(kinds or ())
        known = isinstance(year, int | float) and year == year
        decade = f"{int(year) // 10 * 10}s" if known else ""
        forms = BOTH if genres and decade else GENRES if genres else DECADE if decade else ()
        said = [f.format(genres=genres, noun=noun, decade=decade) for f in forms] or [""] * VARIANTS
        if text:
            said = [" ".join(filter(None, (s, text))) for s in said]
        if titles and title:
            said = [f"{title}. {s}".strip() for s in said]
        texts.append([_capital(s) for s in said])
        answers.append([f"{a}." if a else "" for a in (genres, decade, title or "")])
    return texts, answers


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def coded(rows: Sequence[Sequence[str]], size: int) -> UInt8[np.ndarray, "n k size"]:
    """Texts as bytes, cut where a letter ends."""
    cut = [[text.encode()[:size].decode(errors="ignore").encode() for text in row] for row in rows]
    flat = np.array([b for row in cut for b in row], f"S{size}")
    return np.ascontiguousarray(flat).view(np.uint8).reshape(len(cut), -1, size).copy()


def decoded(table: UInt8[Tensor, "n k size"]) -> list[list[str]]:
    """The texts again."""
    array = np.ascontiguousarray(table.cpu().numpy())
    return [[b.decode() for b in row] for row in array.view(f"S{array.shape[2]}")[..., 0].tolist()]


def _make_room(module: nn.Module, state: Mapping[str, Tensor], prefix: str, *_: object) -> None:
    """As many questions as the state has."""
    if (found := state.get(f"{prefix}examples")) is not None:
        module.examples = torch.zeros(found.shape, dtype=torch.uint8, device=module.examples.device)  # type: ignore
