"""ILM, phase 2: a frozen language model answers about items that it sees as soft tokens."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.recipe import Recipe
from acteme.recordings.annotations import Preferences, Reasons
from acteme.recordings.batch import Batch
from acteme.recordings.corpus import Corpus
from acteme.recordings.latents import Latents
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.recommend.ilm.align import earlier, histories, latents
from acteme.systems.recommend.ilm.beam import Tree, search
from acteme.systems.recommend.ilm.factors import Factors, FactorsConfig
from acteme.systems.recommend.ilm.language import Language, LanguageConfig, Own, language
from acteme.systems.recommend.ilm.prompts import IGNORED, Ask, Mixed, by_length, mixed
from acteme.systems.recommend.ilm.qformer import QFormer, QFormerConfig
from acteme.systems.recommend.ilm.tell import ASK, GROUPS, HELD, NEW, TAUGHT, TOLD, VARIANTS, TellConfig, Told

Task = Literal["genres", "decade", "title", "describe", "next", "user", "given", "prompts"]
COMES = ("next", "user", "prompts")
"""Tasks whose answer is what comes next."""
PLAIN = 256
"""Texts by which it is measured whether the language model still reads plain text as before."""
WORD = re.compile(r"[a-z]+", re.IGNORECASE)
MEANT: Mapping[Task, set[str]] = {
    "genres": {"genre", "category", "categorie", "kind", "type"},
    "decade": {"decade", "when", "year", "old"},
    "title": {"title", "name", "called"},
    "describe": {"describe", "about"},
}
"""Words, without an s at their end, that tell of a task."""
Encoder = Literal["qformer", "mlp", "linear", "text"]


@dataclass(frozen=True)
class SpeakConfig:
    """Settings of phase 2."""

    factors: FactorsConfig = field(default_factory=FactorsConfig)
    """Collaborative vectors; those of phase 1 where it came before."""
    tell: TellConfig = field(default_factory=TellConfig)
    """Texts and answers; as in phase 1."""
    qformer: QFormerConfig = field(default_factory=QFormerConfig)
    """The item encoder; as in phase 1."""
    language: LanguageConfig = field(default_factory=LanguageConfig)
    """The language model."""
    encoder: Encoder = "qformer"
    """How a collaborative vector becomes soft tokens: the item encoder; baselines: `mlp`, two layers; `linear`; `text`,
    no soft tokens at all, but a number at random for each item, written in digits."""
    pretrained: bool = True
    """Begin with the item encoder of phase 1 (otherwise: ILM-rand)."""
    tasks: tuple[Task, ...] = ("genres", "decade", "title", "next", "given")
    """What is asked: `genres`, `decade` and `title` of an item with answers; `describe`: any text of an item; `next`
    and `user`: the title of what comes after a history; `given`: questions that came with the data; `prompts`:
    about users and what comes next, in forms that came with the data."""
    train_llm: bool = False
    """Train the language model, too."""
    history: int = 20
    """Items of a `{history}` slot at most, the latest."""
    windows: Windows = field(default_factory=histories)
    """Histories, with what came next at their end."""
    recipe: Recipe = field(
        default_factory=lambda: Recipe(
            optimizer="adamw", lr=1e-4, betas=(0.9, 0.98), weight_decay=0.05, epochs=3, batch=32, schedule="cosine",
            warmup=2000, clip=1.0,
        )
    )  # fmt: skip
    """Optimization."""

    def check(self) -> None:
        """Raises InputError where the encoder has nothing to train, or cannot tell what is asked."""
        if self.encoder == "text" and not self.train_llm:
            raise InputError("numbers in place of items leave nothing to train", "speak.encoder=text",
                             "set speak.train_llm=true")  # fmt: skip
        if self.encoder == "text" and "user" in self.tasks:
            raise InputError("has no number for a user", "speak.encoder=text",
                             "leave out the task user, or set speak.encoder=qformer")  # fmt: skip

    @classmethod
    def small(cls) -> "SpeakConfig":
        """A minute or two on two cores, with a small language model of its own."""
        recipe = Recipe(optimizer="adamw", lr=5e-4, betas=(0.9, 0.98), weight_decay=0.05, epochs=1, batch=32,
                        schedule="cosine", warmup=30, clip=1.0)  # fmt: skip
        windows = Windows(frames=51, stride=1, prefixes=True, most=12)
        return cls(FactorsConfig(width=32), TellConfig(), QFormerConfig.small(), LanguageConfig(name="", words=4000),
                   tasks=("genres", "decade", "describe", "next", "given"), windows=windows, recipe=recipe)  # fmt: skip


class Known(NamedTuple):
    """How well answers are known."""

    nats: Float[Tensor, " n"]
    """-log p of each answer, over all of its tokens."""
    tokens: Int[Tensor, " n"]
    exact: Float[Tensor, " n"]
    """1 where the likeliest tokens are the answer, to its end."""


class Mlp(nn.Module):
    """A collaborative vector to soft tokens by two layers."""

    def __init__(self, source: int, width: int, queries: int):
        super().__init__()
        self.up, self.down, self.queries = nn.Linear(source, width), nn.Linear(width, queries * width), queries

    def forward(self, vector: Float[Tensor, "b d"]) -> Float[Tensor, "b n h"]:
        return self.down(F.gelu(self.up(vector))).unflatten(-1, (self.queries, -1))


class Linear(nn.Module):
    """A collaborative vector to soft tokens by one layer; of one soft token the adapter is all there is."""

    def __init__(self, source: int, queries: int):
        super().__init__()
        self.queries = queries
        self.spread = nn.Linear(source, queries * source) if queries > 1 else nn.Identity()

    def forward(self, vector: Float[Tensor, "b d"]) -> Float[Tensor, "b n d"]:
        return self.spread(vector).unflatten(-1, (self.queries, -1))


class Speaker(nn.Module):
    """Phase 2."""

    protocol = "full"
    """What is recommended: what someone has not met."""
    open = (TAUGHT, TOLD)
    """Roles of items whose texts training may see."""
    number: Int[Tensor, " rows"]
    plain_before: Float[Tensor, ""]
    """`plain()` before training."""

    def __init__(self, config: SpeakConfig, spec: Spec):
        super().__init__()
        c = config
        c.check()
        self.config, self.spec = c, spec
        self.factors, self.told = Factors(c.factors, spec.items), Told(c.tell, spec.items)
        source, width = c.factors.width, c.qformer.width
        self.encoder: nn.Module = {
            "qformer": lambda: QFormer(c.qformer, source),
            "mlp": lambda: Mlp(source, width, c.qformer.queries),
            "linear": lambda: Linear(source, c.qformer.queries),
            "text": nn.Identity,
        }[c.encoder]()
        self.language: Language = language(c.language, c.train_llm)
        if c.encoder != "text":
            self.adapter = nn.Linear(source if c.encoder == "linear" else width, self.language.width)
        self.register_buffer("number", torch.arange(spec.items + 1))
        self.register_buffer("plain_before", torch.full((), torch.nan, dtype=torch.float64))
        self.from_align = False
        self.log: Corpus | None = None

    def train(self, mode: bool = True) -> "Speaker":
        """The language model stays as it answers, unless it is trained."""
        super().train(mode)
        if not self.config.train_llm:
            self.language.eval()
        return self

    # --- before training ---------------------------------------------------------------------------------------------

    def inherit(self, previous: Mapping[str, nn.Module]) -> None:
        """Takes vectors, texts and roles of phase 1, and what its encoder has learned unless told otherwise."""
        align = previous.get("align")
        if align is None:
            return
        self.factors.load_state_dict(align.factors.state_dict())  # type: ignore[union-attr, arg-type]
        self.told.load_state_dict(align.told.state_dict())  # type: ignore[union-attr, arg-type]
        self.from_align = True
        if self.config.pretrained and isinstance(self.encoder, QFormer):
            found: dict[str, Tensor] = align.qformer.state_dict()  # type: ignore[union-attr, assignment, operator]
            self.encoder.load_state_dict({name: found[name] for name in self.encoder.state_dict()})

    def consult(self, catalog: pa.Table) -> None:
        """Reads texts and answers, and gives a small language model its words."""
        if not self.from_align:
            self.told.consult(catalog)
        self.number[1:] = torch.randperm(self.spec.items) + 1
        if isinstance(self.language, Own):
            words = [*self.told.words(), *ASK.values(), *"0123456789"]
            if set(COMES) & set(self.config.tasks):  # answers of which are titles of items without answers, too
                words += map(self.told.title, self.told.of(TOLD))
            self.language.vocabulary.build([w.replace("{", " ").replace("}", " ") for w in words], 1)

    def remember(self, corpus: Corpus) -> None:
        """The recordings, for the collaborative vectors."""
        self.log = corpus

    def calibrate(self, _: Iterable[Batch]) -> None:
        """Factorizes who had what, unless phase 1 did; lets a small language model learn to read; makes soft tokens as
        long as the vectors of the language model's tokens are."""
        if not self.from_align:
            assert self.log is not None, "call remember first"
            self.factors.fit(self.log)
        self.check_tasks()
        if isinstance(self.language, Own):
            if self.config.language.start:
                self.language.take(self.config.language.start)
            else:
                self.language.requires_grad_(True)
                self.language.learn(self.reading)
                self.language.requires_grad_(self.config.train_llm)
        self.fit_scale()
        self.plain_before.fill_(self.plain())

    @torch.no_grad()
    def fit_scale(self) -> None:
        """Scales the adapter."""
        if self.config.encoder == "text":
            return
        item = torch.arange(1, min(self.spec.items, 512) + 1, device=self.factors.table.device)
        length = self.soft(item, self.factors.table[:0]).norm(dim=-1).mean()
        factor = self.language.scale() / length.clamp(min=1e-6)
        self.adapter.weight.mul_(factor)
        self.adapter.bias.mul_(factor)

    def check_tasks(self) -> None:
        """Raises InputError where nothing can be asked."""
        if not self.config.tasks:
            raise InputError("names no tasks", "speak.tasks", "name some, such as genres")
        forms = [*self.forms("seen"), *self.forms("unseen")] if "prompts" in self.config.tasks else []
        if self.config.encoder == "text" and any("{user}" in form["prompt"] for form in forms):
            raise InputError("has no number for a user", "speak.encoder=text",
                             "leave out prompts with {user_id}, or set speak.encoder=qformer")  # fmt: skip
        able = [task for task in self.config.tasks if task in ("next", "user") or self.told.pool(task)]
        if not able:
            raise InputError("has nothing that tasks ask for: " + ", ".join(self.config.tasks), "catalog",
                             "give columns such as categories, year and title, or name other tasks")  # fmt: skip

    def reading(self) -> list[tuple[str, str]]:
        """Questions in which items are told by their texts, for a small language model."""
        tasks = [
            t for t in dict.fromkeys((*self.config.tasks, "describe")) if t not in ("next", "user", "given", "prompts")
        ]
        items = self.told.of(TAUGHT, TOLD)
        out: list[tuple[str, str]] = []
        size = self.config.language.batch
        draws = zip(torch.randint(len(tasks), (size,)).tolist(), torch.randint(len(items), (size,)).tolist(),
                    torch.randint(VARIANTS, (size, 2)).tolist(), strict=True)  # fmt: skip
        for task, at, (one, two) in draws:
            item, kind = items[at], tasks[task]
            said = self.told.text(item, two) if kind == "describe" else self.told.answer(kind, item)
            out.append((ASK[kind].replace("{item}", f" {self.told.text(item, one)} "), f" {said}"))
        return out

    # --- questions ---------------------------------------------------------------------------------------------------

    def asks(self, batch: Batch) -> tuple[list[Ask], Float[Tensor, "b d"]]:
        """A question for each window, and vectors of users. Questions about items are about any of those that have
        answers, evenly; `next` and `user` about the window."""
        size, tasks = len(batch["item"]), self.config.tasks
        pools = {task: self.told.pool(task) for task in tasks if task not in ("next", "user")}
        known = [task for task, some in pools.items() if some and task != "prompts"]
        chosen = [tasks[n] for n in torch.randint(len(tasks), (size,)).tolist()]
        at, variant = torch.rand(size).tolist(), torch.randint(VARIANTS, (size,)).tolist()
        histories_ = earlier(batch) if {"next", "user", "prompts"} & set(chosen) else None
        users = self.factors.fold(histories_)[0] if histories_ is not None else self.factors.table[:0]
        seen, last = batch["item"].tolist(), (batch["frames"] - 1).tolist()
        out: list[Ask] = []
        for n, task in enumerate(chosen):
            title = self.target(seen[n][last[n]]) if task in COMES else ""
            if (task in COMES and not (title and last[n])) or (task in pools and not pools[task]):
                if not known:
                    continue
                task = known[int(at[n] * len(known))]
            if task in ("next", "user"):
                out.append(self.about(task, seen[n][: last[n]], n, title))
                continue
            one = pools[task][int(at[n] * len(pools[task]))]
            if task == "prompts":
                out.append(self.formed(self.told.given()[one], seen[n][: last[n]], n, title))
            elif task == "given":
                out.append(given(self.told.given()[one]))
            else:
                said = self.told.text(one, variant[n]) if task == "describe" else self.told.answer(task, one)
                out.append(Ask(task, ASK[task], (one,), answer=said))
        return out, users

    def target(self, item: int) -> str:
        """The title of what came next, where it may be seen."""
        return self.told.title(item) if int(self.told.role[item]) not in (HELD, NEW) else ""

    def about(self, task: str, history: Sequence[int], user: int, answer: str = "") -> Ask:
        """A question about a user."""
        latest = tuple(k for k in history if k > 0)[-self.config.history :]
        return Ask(task, ASK[task], (), latest if task == "next" else (), user if task == "user" else -1, answer)

    def formed(self, form: Mapping[str, Any], history: Sequence[int], user: int, title: str) -> Ask:
        """A question about a user in a form that came with the data."""
        latest = tuple(k for k in history if k > 0)[-self.config.history :]
        return Ask(form["task"], form["prompt"], (), latest if "{history}" in form["prompt"] else (),
                   user if "{user}" in form["prompt"] else -1, form["answer"].replace("{target}", title))  # fmt: skip

    def questions(self, group: Literal["catalogue", "new", "validation", "taught"]) -> dict[str, list[Ask]]:
        """All questions about items of a group, by task: those of the configuration that have answers."""
        role = GROUPS[group]
        out: dict[str, list[Ask]] = {}
        for task in self.config.tasks:
            if task in ("genres", "decade", "title"):
                some = [Ask(task, ASK[task], (k,), answer=self.told.answer(task, k)) for k in self.told.of(role)]
                out[task] = [ask for ask in some if ask.answer]
        return {task: some for task, some in out.items() if some}

    def describing(self, group: Literal["catalogue", "new", "validation", "taught"]) -> list[Ask]:
        """A question for a description of each item of a group."""
        return [self.described(k) for k in self.told.of(GROUPS[group])]

    def given_questions(self, split: str) -> dict[str, list[Ask]]:
        """The questions of a split that came with the data, by task."""
        out: dict[str, list[Ask]] = {}
        for e in self.told.given():
            if e["split"] == split:
                out.setdefault(e["task"], []).append(given(e))
        return out

    def forms(self, split: Literal["seen", "unseen"]) -> list[dict[str, Any]]:
        """The forms of questions about users that came with the data: those that training asks in, or the others."""
        return [e for e in self.told.given() if e["split"] == split]

    # --- soft tokens -------------------------------------------------------------------------------------------------

    def soft(self, item: Int[Tensor, " n"], users: Float[Tensor, "u d"]) -> Float[Tensor, "s q d"]:
        """Soft tokens of items, and behind them of users."""
        parts = [self.factors.items(item)] + ([self.factors.users(users)] if len(users) else [])
        return self.adapter(self.encoder(torch.cat(parts)))

    def sequence(
        self, asks: Sequence[Ask], users: Float[Tensor, "u d"], answered: bool = True, read: bool = False
    ) -> tuple[Mixed, Float[Tensor, "b l d"]]:
        """Questions as the language model sees them.

        Args:
            asks: questions.
            users: vectors of the users that they name, as they are folded in.
            answered: with their answers.
            read: with the items' texts in place of soft tokens.
        """
        device = self.factors.table.device
        said = self.told.text if read else self.digits if self.config.encoder == "text" else None
        made, slots = mixed(asks, self.language, self.config.qformer.queries, device, answered, said)
        if said is not None or not (slots.items or slots.users):
            return made, self.language.embed(made.ids)
        item = torch.tensor(list(slots.items), dtype=torch.int64, device=device)
        who = users[torch.tensor(list(slots.users), dtype=torch.int64, device=device)]
        return made, made.vectors(self.language, self.soft(item, who).flatten(0, 1))

    def digits(self, item: int) -> str:
        """The number at random that stands for an item."""
        return " ".join(str(int(self.number[item])))

    def after(self, made: Mixed, x: Float[Tensor, "b l d"]) -> Float[Tensor, "b a v"]:
        """Logits of the tokens of the answers. Questions are read by length, short ones without their padding."""
        most = made.labels.shape[1]
        rows, parts = [], []
        for some, longest in by_length(made.mask.sum(1)):
            length = max(longest, most + 1)
            rows.append(some)
            parts.append(self.language.logits(x[some, -length:], made.mask[some, -length:], most + 1)[:, :-1])
        return torch.cat(parts)[torch.argsort(torch.cat(rows))]

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """`total`: nats of a token of the answers, the mean; `right`: the share of them that is likeliest."""
        asks, users = self.asks(batch)
        if not asks:
            zero = next(p for p in self.parameters() if p.requires_grad).sum() * 0
            return {"total": zero, "right": zero.detach()}
        made, x = self.sequence(asks, users)
        logits = self.after(made, x)
        kept = made.labels != IGNORED
        right = (logits.argmax(-1) == made.labels)[kept].float().mean()
        return {"total": F.cross_entropy(logits[kept], made.labels[kept]), "right": right}

    # --- use ---------------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def known(self, asks: Sequence[Ask], users: Float[Tensor, "u d"] | None = None, read: bool = False) -> Known:
        """How well the answers of questions are known; `read`: from the items' texts."""
        made, x = self.sequence(asks, self.factors.table[:0] if users is None else users, read=read)
        logits, labels = self.after(made, x), made.labels
        each = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none", ignore_index=IGNORED)
        kept = labels != IGNORED
        exact = ((logits.argmax(-1) == labels) | ~kept).all(1)
        return Known(each.view(labels.shape).sum(1), kept.sum(1), exact.float())

    def answers(self, form: Mapping[str, Any]) -> tuple[Tree, list[int]]:
        """All answers in a form, one for each item that has a title, and these items."""
        items = [k for k in range(1, self.spec.items + 1) if self.told.title(k)]
        said = [form["answer"].replace("{target}", self.told.title(k)) for k in items]
        rows = [(*self.language.tokens(f" {text}"), self.language.end) for text in said]
        return Tree(rows, self.factors.table.device), items

    def ranked(
        self, asks: Sequence[Ask], users: Float[Tensor, "u d"], tree: Tree, width: int
    ) -> tuple[Int[Tensor, "n width"], Float[Tensor, "n width"]]:
        """The likeliest answers of a tree, found by a beam: their leaves, and log p."""
        with torch.no_grad():
            made, x = self.sequence(asks, users, answered=False)
        return search(self.language, x, made.mask, tree, width)

    def plain(self) -> float:
        """Nats of a token of plain texts, those of the catalog that training may see, in which there is no slot."""
        texts = [text.partition(" ") for text in map(self.told.text, self.told.of(*self.open)[:PLAIN])]
        asks = [Ask("plain", first, answer=rest) for first, _, rest in texts if rest]
        found = [self.known(asks[a : a + 64]) for a in range(0, len(asks), 64)]
        tokens = sum(int(part.tokens.sum()) for part in found)
        return sum(float(part.nats.sum()) for part in found) / tokens if tokens else float("nan")

    @torch.no_grad()
    def reply(self, asks: Sequence[Ask], users: Float[Tensor, "u d"] | None = None, most: int = 40) -> list[str]:
        """Answers of the language model, of at most so many tokens."""
        made, x = self.sequence(asks, self.factors.table[:0] if users is None else users, answered=False)
        return self.language.answer(x, made.mask, most)

    def asked(self, prompt: str, items: Sequence[int]) -> Ask:
        """What someone asks in words of their own, with a slot `{item}` for each item: one of the tasks that it was
        trained with, where a word tells of it, otherwise as it stands."""
        said = {w.lower().rstrip("s") for w in WORD.findall(prompt)}
        for task, words in MEANT.items():
            if len(items) == 1 and self._learned(task) and said & words:
                return Ask(task, ASK[task], tuple(items))
        return Ask("chat", f"Question: {prompt.strip()} Answer:", tuple(items))

    def described(self, item: int) -> Ask:
        """A question for a description of an item, or what else was learned to be said of one."""
        return self._ask(item, "describe", "genres", "title")

    def sorted_in(self, item: int) -> Ask:
        """A question for the genres of an item, or what else was learned to be said of one. A description comes last,
        for it may begin with a title, which vectors do not tell."""
        return self._ask(item, "genres", "decade", "describe", "title")

    def _ask(self, item: int, *tasks: Task) -> Ask:
        """The first of some questions that was learned."""
        task = next(filter(self._learned, tasks), "describe")
        return Ask(task, ASK[task], (item,))

    def _learned(self, task: str) -> bool:
        """Whether training asks so."""
        return task in self.config.tasks and len(self.told.pool(task)) > 0

    def fold(self, batch: Batch) -> Float[Tensor, "b d"]:
        """Vectors of users by their histories."""
        return self.factors.fold(batch)[0]

    def predict(self, batch: Batch) -> Preferences:
        """What users want, by the collaborative vectors that the language model is told of."""
        return Preferences(self.fold(batch), self.factors.table[1:])

    @torch.no_grad()
    def reasons(self, batch: Batch, items: Int[Tensor, "n k"], most: int = 3) -> Reasons:
        """What each item of the history adds to the score of a recommended one; all parts are the score, exactly."""
        parts = self.factors.table[items] @ self.factors.fold(batch)[1]
        part, at = parts.topk(min(most, parts.shape[2]), dim=2)
        item = batch["item"][:, None].expand(parts.shape).gather(2, at)
        names = [[tuple(f"item {k}" if k else "" for k in row) for row in rows] for rows in item.tolist()]
        return Reasons(names, part)

    @torch.no_grad()
    def encode(self, batch: Batch) -> Latents:
        """What the encoder makes of users, who are special items; pooled is the mean of its soft tokens."""
        users = self.factors.users(self.fold(batch))
        return latents(self.encoder(users) if self.config.encoder != "text" else users[:, None])

    def footprint(self) -> dict[str, float]:
        """Numbers that are trained."""
        return {"trained_parameters": float(sum(p.numel() for p in self.parameters() if p.requires_grad))}


def given(example: Mapping[str, object]) -> Ask:
    """A question that came with the data."""
    e: Mapping[str, Any] = example
    return Ask(e["task"], e["prompt"], tuple(e["items"]), answer=e["answer"])
