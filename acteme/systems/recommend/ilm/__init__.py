"""ILM: a frozen language model that is told of items by soft tokens, made of collaborative vectors.

Source: Yang et al., Item-Language Model for Conversational Recommendation (arXiv 2406.02844); extended at IJCNLP-AACL
2025, long paper 19. The repository that the later version names could not be had: there is no official code to compare
with. The item encoder is the Q-Former of BLIP-2 (Li et al., ICML 2023), whose code is public, and parity is with that.

Every item and user has a vector of collaborative filtering (weighted ALS on the training's interactions; a user's is
folded in from the history, so that new users have one). The item encoder makes soft tokens of it: learned queries that
look at the vector.

- Stage `align` (phase 1) teaches the encoder what texts say of items: contrast with texts (ITC), matching with hard
  negatives (ITM), generation (ITG), and contrast of items that someone had in turn (II, `align.pairs=items`) or of
  users with what they liked (UI, `align.pairs=users`).
- Stage `speak` (phase 2) puts soft tokens into prompts of a frozen language model, at `{item}`, `{user}` and
  `{history}`, through a linear adapter; the loss is on the answer, its gradient goes through the language model.

    acteme train ilm ml-100k --small --run runs/ilm         with a small language model of its own
    acteme train ilm elm:FOLDER --small                     questions of one's own, see docs/data.md
    acteme chat runs/ilm                                    a conversation about the catalog
    acteme train ilm events:log.csv?catalog=items.csv --small --set speak.language.name=smollm2 --run runs/ilm

Recommendations are by the collaborative vectors that the language model is told of (`speak`), each with the items of
the history that its score comes from, exactly; or by the space of phase 1 (`evaluate(..., stage="align")`), where means
of the queries' vectors are compared. The paper's search among titles is what prompts of OpenP5 are measured by
(`speak.tasks=prompts`), in forms that training has seen and in others. `evaluate --protocol consistency` measures the
semantic consistency of ELM, of what is said with the items' texts and vectors.

Files: `factors` (ALS), `qformer` (item encoder), `tokens` (its texts), `tell` (texts and answers of items, roles),
`losses` and `align` (phase 1), `language` (the language models), `prompts` (slots), `beam` (search among answers) and
`speak` (phase 2).

Parity of the item encoder with the Q-Former of the `transformers` library (float64, random weights carried over): the
queries alone, texts alone, matching and generation 6e-16, gradients 2e-17. Losses against loops and the library's cross
entropies in the tests.

Speed on a processor, one thread (`benchmarks/ilm_step.py`): a step of phase 1 1.22 times as fast as with the library's
blocks and a pass for each loss, a step of phase 2 2.75 times as fast as question by question.

**Deviations** from the papers, as far as they are known, and from BLIP-2's code:

- PaLM 2-S cannot be had: the default is SmolLM2; any causal model of the library can be named. A small one of its own
  learns to answer from texts (of items whose texts are seen) and is frozen then: the setting of the claim.
- Sizes of queries, space and optimizer are BLIP-2's or a re-implementation's, where the papers are not known to say.
- The vector is one token of the encoder, or several (`qformer.tokens`): with one, cross-attention is a linear map.
- Items whose texts are equal are no negatives in ITC and ITM, nor items that anyone had in turn in II, nor what a user
  has already had in UI. Hard negatives are drawn by the similarities without the right one, plus 1e-4; the temperature
  stays within 0.01 and 0.5.
- Items of texts are drawn evenly, not by how often they occur. Pairs of II and UI are of items whose texts are seen.
- The adapter begins so that soft tokens are as long as the language model's own vectors.
- The feed-forward layers of the queries begin as copies of the text's, as in LAVIS; what is reported of the paper has
  them begin at random.
- One forward pass of all queries, one of the texts of both ITC and ITG, and one of ITM; in LAVIS each has its own.
- ELM's dual encoder is not known: consistency is by MiniLM and by a linear map from its vectors of texts to the
  collaborative ones, beside what another item and what the item's own text would have. Gradient checkpointing of large
  language models is left to them.
- Recommendations are by vectors, see above; a beam among titles is for prompts about users. It finds no item without
  a title, and items of equal titles share their places. Items whose answers are held or new are never what training
  asks for: `tell.new=0` and `tell.held=0` (of both phases) make it OpenP5's protocol.
- A number at random stands for an item in the baseline without soft tokens, none for a user: such prompts are refused.
"""

from dataclasses import dataclass, field

from acteme.errors import InputError
from acteme.systems.recommend.ilm.align import AlignConfig, Aligner
from acteme.systems.recommend.ilm.factors import FactorsConfig
from acteme.systems.recommend.ilm.language import LanguageConfig
from acteme.systems.recommend.ilm.qformer import QFormerConfig
from acteme.systems.recommend.ilm.speak import SpeakConfig, Speaker
from acteme.systems.recommend.ilm.tell import TellConfig

__all__ = [
    "AlignConfig", "Aligner", "Config", "FactorsConfig", "LanguageConfig", "QFormerConfig", "SpeakConfig", "Speaker",
    "TellConfig",
]  # fmt: skip


@dataclass(frozen=True)
class Config:
    """Settings of both phases."""

    align: AlignConfig = field(default_factory=AlignConfig)
    """Phase 1: aligns items with texts."""
    speak: SpeakConfig = field(default_factory=SpeakConfig)
    """Phase 2: speaks of items."""

    @classmethod
    def small(cls) -> "Config":
        """Learns in some minutes on two processor cores."""
        return cls(AlignConfig.small(), SpeakConfig.small())

    def check(self) -> None:
        """Raises InputError where the phases contradict each other."""
        self.speak.check()
        for name in ("factors", "tell", "qformer"):
            if getattr(self.align, name) != getattr(self.speak, name):
                raise InputError(f"align.{name} and speak.{name} differ", "settings", "give both the same")
