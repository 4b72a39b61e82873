"""Small documents, and small models of the `transformers` library with a vocabulary of their words."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from acteme.nn.text.pretrained import quiet
from acteme.recordings.batch import Batch
from acteme.recordings.corpus import Corpus
from acteme.recordings.documents.document import Argument, Document, Event, Ontology
from acteme.recordings.documents.readers import made
from acteme.systems.detect.scprg import EncoderConfig, ExtractConfig, Extractor, Layout, Pretrainer
from acteme.systems.detect.scprg.pretrain import PretrainConfig, document_words

ONTOLOGY = Ontology({"life.die": {"killer": 1, "victim": 1}, "move.rain": {"place": 1}})
DOCUMENTS = (
    Document(
        "a",
        (("Rebels", "came", "."), ("They", "shot", "the", "old", "mayor", ",", "mayor", "Oslo"), ("It", "rained")),
        (Event(4, 5, "life.die", (Argument(0, 1, "killer"), Argument(6, 8, "victim"), Argument(6, 8, "killer"))),),
    ),
    Document("b", (("It", "rained"), ("in", "the", "old", "town", "of", "Oslo", "!")), (Event(1, 2, "move.rain"),)),
)
"""An argument in another sentence, a span with two roles, an event without arguments; 2 types, 3 roles."""
FRESH = EncoderConfig("fresh", words=64, width=16, heads=2, limit=64)


@lru_cache(maxsize=1)
def corpus() -> Corpus:
    return made(DOCUMENTS, ONTOLOGY)


def batch(index: tuple[int, ...] = (0, 1), of: Corpus | None = None) -> Batch:
    return (of or corpus()).batch(np.array(index), np.zeros(len(index), np.int64))


def extractor(config: ExtractConfig | None = None, of: Corpus | None = None, seed: int = 0, **changes) -> Extractor:
    """A fresh one, in evaluation, that knows the words."""
    torch.manual_seed(seed)
    config = replace(config or ExtractConfig(encoder=FRESH, layout=Layout(longest=3)), **changes)
    module = Extractor(config, (of or corpus()).spec)
    module.calibrate([batch(tuple(range(len(of or corpus()))), of)])
    return module.eval()


def scaled(module: torch.nn.Module, factor: float = 8.0) -> torch.nn.Module:
    """Larger weights, so that attention and logits are not nearly flat."""
    with torch.no_grad():
        for p in module.parameters():
            if p.ndim > 1:
                p.mul_(factor)
    return module


def bert(folder: Path, kind: str = "bert", limit: int = 64, width: int = 16) -> Path:
    """A random BERT or RoBERTa with a word-piece, or byte-pair, vocabulary of a few words."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, RobertaConfig, RobertaModel

    torch.manual_seed(3)
    shape = {"hidden_size": width, "intermediate_size": 2 * width, "num_hidden_layers": 2, "num_attention_heads": 2}
    folder.mkdir(parents=True)
    words = (
        "rebels came . they shot the old may ##or , oslo it rain ##ed in town of ! life die move killer victim place"
    )
    with quiet():
        if kind == "bert":
            unused = [f"[unused{k}]" for k in range(99)]
            vocab = ["[PAD]", *unused, "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"[unused{k}]" for k in range(99, 994))]
            vocab += words.split()
            tokenizer = Tokenizer(models.WordPiece({t: k for k, t in enumerate(vocab)}, unk_token="[UNK]"))
            tokenizer.normalizer = normalizers.BertNormalizer()
            tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
            ends = (("[CLS]", vocab.index("[CLS]")), ("[SEP]", vocab.index("[SEP]")))
            tokenizer.post_processor = processors.BertProcessing(ends[1], ends[0])
            PreTrainedTokenizerFast(
                tokenizer_object=tokenizer, cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]",
                unk_token="[UNK]", mask_token="[MASK]",
            ).save_pretrained(folder)  # fmt: skip
            config = BertConfig(vocab_size=len(vocab), max_position_embeddings=limit, **shape)
            BertModel(config).save_pretrained(folder)
        else:
            special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
            alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
            vocab = {t: k for k, t in enumerate([*special, *alphabet])}
            tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[]))
            tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
            tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
            PreTrainedTokenizerFast(
                tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", cls_token="<s>", sep_token="</s>",
                pad_token="<pad>", unk_token="<unk>", mask_token="<mask>",
            ).save_pretrained(folder)  # fmt: skip
            config = RobertaConfig(vocab_size=len(vocab), max_position_embeddings=limit + 2, pad_token_id=1, **shape)
            RobertaModel(config).save_pretrained(folder)
    return folder


def pretrainer(seed: int = 0) -> Pretrainer:
    torch.manual_seed(seed)
    module = Pretrainer(PretrainConfig(encoder=FRESH), corpus().spec)
    module.calibrate([batch()])
    return module


__all__ = ["DOCUMENTS", "FRESH", "ONTOLOGY", "batch", "bert", "corpus", "document_words", "extractor", "pretrainer",
           "scaled"]  # fmt: skip
