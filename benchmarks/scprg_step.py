"""How much faster SCPRG is than the official implementation's arithmetic done its way: training step and inference.

Run from the repository: `python benchmarks/scprg_step.py` (about two minutes). Both sides take the same documents in
tokens, start from the same weights and run in one process on one thread; times are processor time, the best of several
rounds, the sides in turns. The encoder of the official size has the shape of BERT base with random weights; documents
are as long as those of RAMS (135 words, 139 types, 521 roles).

The plain side, written from the description of the official code: the encoder gives the attention of all layers, none
of them fused; every candidate span gets its states and rows of the attention by itself, and a mask over the tokens,
whose products pool three times over all tokens; all roles of the ontology are scored, then masked. At inference it
scores the candidates that are no words, too. `head` leaves the encoder out.

Results go to `benchmarks/results/scprg_step.json`.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

from _measure import fastest, row, save  # isort: skip; keeps NumPy and Torch to one thread

import numpy as np
import torch
import torch.nn.functional as F

from acteme.nn.text.pretrained import EMBEDDED, quiet
from acteme.recordings import assets
from acteme.recordings.documents.document import Argument, Document, Event, Ontology
from acteme.recordings.documents.readers import made
from acteme.systems.detect.scprg import Config, EncoderConfig, Extractor
from acteme.systems.detect.scprg.extract import true_spans, with_truth
from acteme.systems.detect.scprg.inputs import collate

TEXT = "the rebels came to old town and shot a mayor while people in market said that nobody had seen them again"


def documents(count, sentences=5, words=27):
    """A corpus of documents of the size of those of RAMS, with an ontology of its size."""
    kinds = {f"life.kind{k}.n/a": {f"evt{k:03d}arg{r:02d}role{r % 65}": 1 for r in range(4 if k < 104 else 3)}
             for k in range(139)}  # fmt: skip
    rng, out = np.random.default_rng(0), []
    for n in range(count):
        text = tuple((*map(str, rng.choice(TEXT.split(), words - 1)), ".") for _ in range(sentences))
        kind = f"life.kind{n}.n/a"
        told = tuple(Argument(a, a + 2, "role", slot) for a, slot in zip((3, 60), kinds[kind], strict=False))
        out.append(Document(f"d{n}", text, (Event(70, 71, kind, told),)))
    return made(out, Ontology(kinds))


def base(folder):
    """A model of the shape of BERT base, with the words of MiniLM, which are BERT's."""
    from transformers import AutoTokenizer, BertConfig, BertModel

    with quiet():
        AutoTokenizer.from_pretrained(assets.find(*EMBEDDED["minilm"]).parent).save_pretrained(folder)
        BertModel(BertConfig()).save_pretrained(folder)
    return EncoderConfig(str(folder), markers="official")


def plain_encoder(module, tokens):
    """Last states and the last layer's attention, where all layers give theirs."""
    out = module.encoder.model(input_ids=tokens.ids, attention_mask=tokens.mask.long(), output_attentions=True)
    return out.last_hidden_state, out.attentions[-1].mean(1)


def plain_pooling(rows, trigger, states):
    out = []
    for i in range(len(rows)):
        p = rows[i] * trigger[i]
        p = p / (p.sum(1, keepdim=True) + 1e-5)
        out.append(torch.einsum("ld,rl->rd", states[i], p))
    return torch.stack(out)


def plain_head(head, h, a, spans, tokens, closed):
    """Logits (b, s, labels) of padded spans (b, s, 2)."""
    b, s, length = len(h), spans.shape[1], h.shape[1]
    at = torch.arange(b)[:, None]
    starts, ends = head.transform_start(h), head.transform_end(h)
    trigger = h[torch.arange(b), tokens.trigger][:, None].expand(-1, s, -1)
    seen = a[torch.arange(b), tokens.trigger][:, None].expand(-1, s, -1)
    place = torch.arange(length).repeat(b, s, 1).to(h)
    inside = ((place >= spans[..., :1]) & (place <= spans[..., 1:])).float()
    inside = inside / inside.sum(-1, keepdim=True)
    parts = []
    for layer, own, rows, states in (
        (head.begin_extractor, starts[at, spans[..., 0]], a[at, spans[..., 0]], starts),
        (head.end_extractor, ends[at, spans[..., 1]], a[at, spans[..., 1]], ends),
        (head.context_extractor, torch.bmm(inside, h), torch.bmm(inside, a), h),
    ):
        parts.append(torch.tanh(layer(torch.cat([own, plain_pooling(rows, seen, states)], -1))))
    span = head.transform_span(torch.cat(parts, -1))
    lengths = head.len_embedding((spans[..., 1] - spans[..., 0]).clamp(max=49))
    event = h[torch.arange(b), tokens.event][:, None].expand(-1, s, -1)
    logits = head.classifier(torch.cat([span, trigger, (span - trigger).abs(), span * trigger, lengths, event], -1))
    return logits.masked_fill(closed[:, None], -1e4)


def plain_loss(module, h, a, given):
    config, (tokens, spans, target, closed, marks) = module.config, given
    logits = plain_head(module.head, h, a, spans, tokens, closed)[target > -100]
    label = target[target > -100]
    chance = (torch.softmax(logits, 1) * F.one_hot(label, logits.shape[1])).sum(1)
    loss = -(torch.where(label > 0, 10.0, 1.0) * (1 - chance) ** 2 * chance.log()).mean()
    ends = (module.head.start_classifier(module.head.transform_start(h)),
            module.head.end_classifier(module.head.transform_end(h)))  # fmt: skip
    weight = torch.tensor([1.0, 10.0])
    for x, y in zip(ends, marks, strict=True):
        loss = loss + config.boundaries * F.cross_entropy(x.view(-1, 2), y.view(-1), weight)
    return loss


def prepared(module, batch):
    """What the official collator gives: padded spans with labels, the roles' mask, starts and ends."""
    rows = module.rows.of(batch)
    gold = [true_spans(r, a) for r, a in zip(rows, batch["argument"].numpy(), strict=True)]
    every = [with_truth(r.candidates, *g) for r, g in zip(rows, gold, strict=True)]
    tokens = collate(rows, [s for s, _ in every], module.encoder.words.pad, torch.device("cpu"))
    most = max(len(s) for s, _ in every)
    spans, target = torch.zeros(len(rows), most, 2, dtype=torch.long), torch.full((len(rows), most), -100)
    marks = torch.full((2, *tokens.ids.shape), -100)
    marks[:, tokens.mask] = 0
    for i, ((s, label), (some, _)) in enumerate(zip(every, gold, strict=True)):
        spans[i, : len(s)], target[i, : len(s)] = torch.from_numpy(s), torch.from_numpy(label)
        marks[0, i, some[:, 0]] = marks[1, i, some[:, 1]] = 1
    closed = torch.ones(len(rows), len(module.spec.roles) + 1, dtype=torch.bool)
    for i, labels in enumerate(module.open(batch)):
        closed[i, labels[labels >= 0]] = False
    return tokens, spans, target, closed, marks


def measure(name, config, corpus, count, rounds):
    torch.manual_seed(0)
    module = Extractor(config, corpus.spec)
    batch = corpus.batch(np.arange(count), np.zeros(count, np.int64))
    module.calibrate([batch])
    module.encoder.model.set_attn_implementation("eager")
    module.eval()
    given = prepared(module, batch)
    tokens, open_ = given[0], module.open(batch)
    ours, plain = module.losses(batch)["total"], plain_loss(module, *plain_encoder(module, tokens), given)
    assert abs(ours.item() / plain.item() - 1) < 1e-4, (ours.item(), plain.item())
    module.train()
    h, a = (x.detach() for x in module.encoder(tokens.ids, tokens.length))

    def head():
        (module.head(h, a, tokens, open_).logsumexp(1).mean()).backward()

    def plain_head_step():
        logits = plain_head(module.head, h, a, given[1], tokens, given[3])
        logits.logsumexp(2).mean().backward()

    step = fastest({
        "ours": lambda: module.losses(batch)["total"].backward(),
        "plain": lambda: plain_loss(module, *plain_encoder(module, tokens), given).backward(),
        "head, ours": head,
        "head, plain": plain_head_step,
    }, rounds)  # fmt: skip
    module.eval()
    with torch.no_grad():
        seen = fastest({
            "ours": lambda: module.predict(batch),
            "plain": lambda: plain_head(module.head, *plain_encoder(module, tokens), given[1], tokens, given[3]),
        }, rounds)  # fmt: skip
    official = "the official arithmetic its way"
    return [
        row(f"SCPRG training step, {name}", official, step["ours"], step["plain"]),
        row(f"SCPRG training step, {name}, the head alone", official, step["head, ours"], step["head, plain"]),
        row(f"SCPRG inference, {name}", official, seen["ours"], seen["plain"]),
    ]


BOUND = "matrix products of the encoder, which are the same on both sides"


def main():
    torch.set_num_threads(1)
    small = replace(Config.small().extract, layout=replace(Config.small().extract.layout, longest=8))
    corpus = documents(32)
    with tempfile.TemporaryDirectory() as folder:
        official = replace(Config.rams().extract, encoder=base(Path(folder)))
        found = measure("BERT base, 2 documents of 135 words", official, corpus, 2, 2)
    mini = replace(official, encoder=EncoderConfig())
    found += measure("MiniLM, 2 documents of 135 words", mini, corpus, 2, 3)
    found += measure("small, 32 documents of 135 words", small, corpus, 32, 3)
    save("scprg_step", found, BOUND, threads=1)


if __name__ == "__main__":
    main()
