"""SCPRG: event arguments by span-trigger contextual pooling and latent role guidance.

Source: Liu et al., Findings of ACL 2023, arXiv 2310.05991, and the official code (LWL-cpu/SCPRG-master, built on TSAR).

A document, the type of its event and the roles of that type go through one encoder, with marks around the trigger and
before and after type and roles, so that roles see the text and one another. Every span of up to 8 tokens within a
sentence is a candidate. What a span is about may be told elsewhere: the words that both the span and the trigger attend
to, by the last layer's attention A (mean over heads), are its clues,

    c = sum_l p_l H_l,   p_l = A_span,l A_trigger,l / (sum_l A_span,l A_trigger,l + 1e-5),

pooled over the text (STCP) and the roles (RLIG). Start, end and mean of the span, each with its clues, make the span's
vector; with trigger, type and length it is classified as no argument or as one of the roles that the type has:

    total = focal loss of the spans + lambda (cross entropy of starts + cross entropy of ends).

Any BERT or RoBERTa of the `transformers` library reads the documents; MiniLM comes along. `extract.encoder.name=fresh`
is a small one that knows nothing, over whole words of the training documents; it learns masked words first (stage
`pretrain`, which does nothing unless given epochs). `Config.rams()` and `Config.wikievents()` are official settings.

Files: `words` (tokens and marks), `inputs` (rows, candidates), `encoder` (last states and attention, two windows),
`head` (pooling, classifier, losses), `extract`, `pretrain`, `official`.

Parity with the official code (BERT and RoBERTa with random weights carried over by `official_state_dict`, rows of 22 to
732 tokens): rows of tokens, candidate spans and labels are equal; logits 2e-16 of .2, loss 1e-16 and gradients 2e-15 of
the largest of each tensor in float64, 1e-11, 6e-12 and 1e-10 in two windows; logits 1e-6 of .3 in float32.

Speed on a processor, one thread, against the official arithmetic done its way (`benchmarks/scprg_step.py`): a training
step 1.3 times with BERT base, 1.4 with MiniLM and 3.5 at the small size, the head alone 2.5 to 4.5 times; inference
1.3, 1.5 and 2.3 times. No map of spans by tokens is made: memory grows with the document, not with its spans times it.

**Deviations** from the official code:

- Candidates of validation and test hold no true spans, and the roles of an event are open by its type alone. Officially
  true spans are inserted, and an event without true arguments has no roles open and is answered for free (28 and 23
  events of RAMS, 84 and 39 of WikiEvents, in dev and test). `extract.protocol=official` is that, for published tables.
- The default encoder is MiniLM, which comes along, and marks are further rows of the table of embeddings. Officially
  BERT's unused tokens are taken for marks, and [ and ] for triggers in RoBERTa (`encoder.markers=official`).
- Names of roles of RAMS are whole. The official code cuts them at every "arg", which leaves `target` no words
  (`layout.official_names`).
- Documents that are too long are cut around their trigger, so that trigger, type and roles always fit. Officially the
  end is cut, candidates may then lie on roles, and a trigger that is cut away is replaced by the last token. What two
  windows do not reach is cut, too, instead of being zero.
- The mark behind the trigger is there where the trigger is the last word of a document, and it belongs to the
  trigger's sentence; officially it is missing there, and belongs to the next sentence.
- The order of a row is that of the code: document, type, roles, a null role; `layout.order=paper` puts the type first
  and has no null role. Merged pooling over everything is that of the code, too; `pooling.over=separate` has one over
  the text and one over the marks of the roles with a layer of their own, joined with the span's state (inferred).
- The focal loss takes logarithms of the softmax at once; officially a chance of zero becomes infinite in half
  precision. Its weight of roles, 10, is a setting (`alpha`).
- Only the last layer's attention is made explicit, and by name; the others run fused. What the attention drops in
  training is dropped for pooling as well, as officially.
- The table of events, which the official model makes and never uses, and the pooler are left away.
- Weight decay is on all weights; officially not on biases and normalizations.
- Spans that do not begin and end with whole words are not scored at inference, where nothing could come of them.
- Predictions may be held to the number of arguments that the type allows of a role (`extract.constrained`).
- The best epoch is chosen by the F1 that is reported (`--best f1`); officially by one on tokens that does not count a
  wrong role as a miss.
"""

from dataclasses import dataclass, field, replace

from acteme.systems.detect.scprg.encoder import Encoder, EncoderConfig
from acteme.systems.detect.scprg.extract import ExtractConfig, Extractor, rams, wikievents
from acteme.systems.detect.scprg.head import Pooling
from acteme.systems.detect.scprg.inputs import Layout
from acteme.systems.detect.scprg.pretrain import PretrainConfig, Pretrainer

__all__ = ["Config", "Encoder", "EncoderConfig", "ExtractConfig", "Extractor", "Layout", "Pooling", "PretrainConfig",
           "Pretrainer"]  # fmt: skip


@dataclass(frozen=True)
class Config:
    """Settings of the two stages."""

    pretrain: PretrainConfig = field(default_factory=PretrainConfig)
    """Masked tokens, for a fresh encoder; its encoder is that of `extract`."""
    extract: ExtractConfig = field(default_factory=ExtractConfig)
    """The extractor."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "pretrain", replace(self.pretrain, encoder=self.extract.encoder))

    @classmethod
    def small(cls) -> "Config":
        """Learns on two processor cores in a minute or two who takes part in the events of `newsroom` (F1 without roles
        about .7), but hardly in which role (F1 about .26): a fresh encoder needs more reports for that (the claim)."""
        return cls(PretrainConfig.small(), ExtractConfig.small())

    @classmethod
    def rams(cls) -> "Config":
        """The official setting for RAMS."""
        return cls(extract=rams())

    @classmethod
    def wikievents(cls) -> "Config":
        """The official setting for WikiEvents."""
        return cls(extract=wikievents())
