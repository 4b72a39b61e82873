"""ILM: a training step of each phase, against the usual implementation.

Phase 1: the blocks of the `transformers` library, as LAVIS goes about it: queries, texts, matching and generation
each in a pass of their own, generation with queries and text together, negatives drawn row by row. Phase 2: questions
one by one through the language model, each item encoded wherever it stands. The same weights and arithmetic
(checked), the small setting, 32 at a time.
"""

from dataclasses import replace

from _measure import fastest, row, save  # isort: skip; keeps NumPy and Torch to one thread

import torch
import torch.nn.functional as F
from transformers import Blip2QFormerConfig
from transformers.models.blip_2.modeling_blip_2 import Blip2QFormerModel

from acteme.engine.loader import Loader
from acteme.recordings.sources import open_data
from acteme.systems.recommend.ilm import Aligner, Config, Speaker
from acteme.systems.recommend.ilm.losses import FLOOR

ROUNDS, ROWS = 8, 32


def usual_blocks(module):
    """The library's Q-Former with the module's weights."""
    c = module.qformer.config
    made = Blip2QFormerModel(Blip2QFormerConfig(
        vocab_size=module.tokens.size, hidden_size=c.width, num_hidden_layers=c.layers, num_attention_heads=c.heads,
        intermediate_size=4 * c.width, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        encoder_hidden_size=c.width, cross_attention_frequency=2, use_qformer_text_input=True,
    ))  # fmt: skip
    made.layernorm.load_state_dict(module.qformer.norm.state_dict())
    for ours, layer in zip(module.qformer.blocks, made.encoder.layer, strict=True):
        parts = [(layer.attention, ours.qkv.weight.chunk(3), ours.qkv.bias.chunk(3), ours.out, ours.norm)]
        if ours.cross is not None:
            x = ours.cross
            weights = (x.query.weight, *x.keys.weight.chunk(2)), (x.query.bias, *x.keys.bias.chunk(2))
            parts.append((layer.crossattention, *weights, x.out, x.norm))
        for to, weight, bias, out, norm in parts:
            for name, w, b in zip(("query", "key", "value"), weight, bias, strict=True):
                getattr(to.attention, name).weight.data.copy_(w)
                getattr(to.attention, name).bias.data.copy_(b)
            to.output.dense.load_state_dict(out.state_dict())
            to.output.LayerNorm.load_state_dict(norm.state_dict())
        for up, down, feed in ((layer.intermediate_query, layer.output_query, ours.own),
                               (layer.intermediate, layer.output, ours.text)):  # fmt: skip
            up.dense.load_state_dict(feed.up.state_dict())
            down.dense.load_state_dict(feed.down.state_dict())
            down.LayerNorm.load_state_dict(feed.norm.state_dict())
    return made


def usual_step(module, blocks, item, ids, mask):
    """ITC, ITM and ITG of items and texts, each in a pass of its own."""
    net, size = module.qformer, len(item)
    sources, count = net.sources(module.factors.items(item)), net.config.queries
    query = net.queries.expand(size, -1, -1)

    def words(tokens):
        return net.words(tokens) + net.places.weight[: tokens.shape[1]]

    z = blocks(query_embeds=query, encoder_hidden_states=sources, query_length=count).last_hidden_state
    text = blocks(query_embeds=words(ids), attention_mask=mask.long(), query_length=0).last_hidden_state
    q, t = module.spaces(z, text[:, 0])
    similarity = torch.stack([(q @ one).amax(1) for one in t], 1) / module.temperature
    apart = module.told.alike[item][:, None] != module.told.alike[item]
    itc = 0.0
    for s in (similarity, similarity.T):
        itc = itc + F.cross_entropy(s.masked_fill(~apart & ~torch.eye(size, dtype=torch.bool), -torch.inf),
                                    torch.arange(size)) / 2  # fmt: skip
    drawn = []
    for s in (similarity.detach(), similarity.detach().T):
        weight = (s.masked_fill(~apart, -torch.inf).softmax(1) + FLOOR) * apart
        drawn.append(torch.tensor([int(one.multinomial(1)) for one in weight]))
    which = torch.cat([torch.arange(size), drawn[0], torch.arange(size)])
    every = net.sources(module.factors.items(torch.cat([item, item, item[drawn[1]]])))
    both = torch.cat([net.queries.expand(3 * size, -1, -1), words(ids[which])], 1)
    seen = blocks(query_embeds=both, attention_mask=F.pad(mask[which], (count, 0), value=True).long(),
                  encoder_hidden_states=every, query_length=count).last_hidden_state[:, :count]  # fmt: skip
    itm = F.cross_entropy(module.match_head(seen).mean(1), (torch.arange(3 * size) < size).long())
    decode = ids.clone()
    decode[:, 0] = module.tokens.decode
    length = ids.shape[1]
    allowed = torch.ones(size, 1, count + length, count + length, dtype=torch.bool)
    allowed[:, :, :count, count:] = False
    allowed[:, :, count:, count:] = torch.ones(length, length, dtype=torch.bool).tril() & mask[:, None, None]
    both = torch.cat([query, words(decode)], 1)
    hidden = blocks(query_embeds=both, attention_mask=allowed, encoder_hidden_states=sources,
                    query_length=count).last_hidden_state[:, count:]  # fmt: skip
    kept = mask[:, 1:]
    return {"itc": itc, "itm": itm, "itg": F.cross_entropy(module.written(hidden)[:, :-1][kept], decode[:, 1:][kept])}


def phase_1(corpus, config, batch):
    """A step on items and texts."""
    torch.manual_seed(0)
    module = Aligner(replace(config, pairs="none"), corpus.spec)
    module.consult(corpus.catalog)
    module.remember(corpus)
    module.calibrate([])
    blocks = usual_blocks(module)
    item, texts = module.draw(ROWS, torch.device("cpu"))
    ids, mask = module.tokens(texts)

    def ours():
        told = module.qformer.encode(module.qformer.sources(module.factors.items(item)))
        return module.item_text(item, ids, mask, told.z, told.past)

    with torch.no_grad():
        a, b = ours(), usual_step(module, blocks, item, ids, mask)
    assert all(abs(a[n] - b[n]) < 1e-4 for n in ("itc", "itg")), (a, b)  # ITM depends on what is drawn
    found = fastest({
        "ours": lambda: sum(v for n, v in ours().items() if n != "itm_right").backward(),
        "usual": lambda: sum(usual_step(module, blocks, item, ids, mask).values()).backward(),
    }, ROUNDS)  # fmt: skip
    return module, row("ILM training step, phase 1", "the library's blocks, a pass for each loss", found["ours"],
                       found["usual"])  # fmt: skip


def phase_2(corpus, config, align, batch):
    """A step on questions."""
    config = replace(config, tasks=("genres", "decade", "next"), language=replace(config.language, steps=1))
    module = Speaker(config, corpus.spec)
    module.inherit({"align": align})
    module.consult(corpus.catalog)
    module.calibrate([])
    asks, users = module.asks(batch)

    def one_by_one():
        total, tokens = 0.0, 0
        for ask in asks:
            made, x = module.sequence([ask], users)
            total = total + F.cross_entropy(module.after(made, x)[0], made.labels[0], reduction="sum")
            tokens += made.labels.numel()
        return total / tokens

    def ours():
        made, x = module.sequence(asks, users)
        kept = made.labels >= 0
        return F.cross_entropy(module.after(made, x)[kept], made.labels[kept])

    with torch.no_grad():
        assert abs(ours() - one_by_one()) < 1e-4
    found = fastest({"ours": lambda: ours().backward(), "loop": lambda: one_by_one().backward()}, ROUNDS)
    return row("ILM training step, phase 2", "question by question", found["ours"], found["loop"])


def main():
    torch.set_num_threads(1)
    corpus, config = open_data("ml-100k").select("train"), Config.small()
    batch = next(iter(Loader(corpus, config.speak.windows, ROWS, 0, "speak").sweep()))
    align, first = phase_1(corpus, config.align, batch)
    second = phase_2(corpus, config.speak, align, batch)
    save("ilm_step", [first, second], "matching, 3 x 32 pairs of items and texts, more than half of phase 1", threads=1)


if __name__ == "__main__":
    main()
