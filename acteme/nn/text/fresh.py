"""Small text encoders and language models with random weights, over the bytes of a text: to train from scratch, or to
try things out."""

from pathlib import Path
from typing import Any, Literal

import torch

from acteme.atomic import fresh_folder
from acteme.errors import InputError
from acteme.nn.text.pretrained import quiet

SPECIAL = ("<pad>", "<unknown>", "<start>", "<end>")
"""Tokens before those of the 256 bytes."""


def fresh_model(
    folder: Path,
    family: Literal["bert", "distilbert", "clip", "t5", "llama"] = "bert",
    width: int = 32,
    layers: int = 2,
    heads: int = 2,
    limit: int = 128,
    seed: int = 0,
) -> Path:
    """Writes a model and its tokenizer, which `Text(str(folder))` names.

    Args:
        folder: where to; it must not exist yet.
        family: architecture: BERT (as sentence-transformers have), DistilBERT, CLIP's text encoder, T5's encoder, or a
            language model of the kind of SmolLM2.
        width: of the hidden states; CLIP projects them to half of it.
        layers: of the transformer.
        heads: of its attention.
        limit: most tokens (bytes and the two ends) of a text.
        seed: of the weights.

    Raises:
        InputError: a width that heads cannot share, or a folder that is there already.
    """
    import transformers

    if heads < 1 or width < 2 or width % (2 * heads):
        raise InputError(f"{heads} heads cannot share a width of {width}", "width", "take a multiple of 2 x heads")
    words: Any = {"vocab_size": len(SPECIAL) + 256, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    common: Any = {"hidden_size": width, "intermediate_size": 4 * width, "num_hidden_layers": layers,
              "num_attention_heads": heads, "max_position_embeddings": limit, **words}  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: Any
        config: Any
        if family == "clip":
            config = transformers.CLIPTextConfig(projection_dim=width // 2, **common)
            model = transformers.CLIPTextModelWithProjection(config)
        elif family == "distilbert":
            own: Any = {"dim": width, "hidden_dim": 4 * width, "n_layers": layers, "n_heads": heads}
            config = transformers.DistilBertConfig(max_position_embeddings=limit, **own, **words)
            model = transformers.DistilBertModel(config)
        elif family == "t5":
            sizes: Any = {"d_model": width, "d_kv": width // heads, "d_ff": 4 * width, "num_layers": layers}
            model = transformers.T5EncoderModel(transformers.T5Config(num_heads=heads, **sizes, **words))
        elif family == "llama":
            half: Any = {"num_key_value_heads": max(heads // 2, 1), "tie_word_embeddings": True}
            model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**common, **half))
        else:
            model = transformers.BertModel(transformers.BertConfig(**common))
    with quiet(), fresh_folder(folder, replace=False) as work:
        model.save_pretrained(work)
        _tokenizer(limit).save_pretrained(work)
    return folder


def _tokenizer(limit: int) -> Any:
    """A token per byte, between a start and an end."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    numbers = {token: i for i, token in enumerate([*SPECIAL, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=numbers, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    pad, unknown, start, end = SPECIAL
    marks = [(start, numbers[start]), (end, numbers[end])]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{start} $A {end}", special_tokens=marks)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=limit, pad_token=pad,
                                   unk_token=unknown, bos_token=start, eos_token=end)  # fmt: skip
