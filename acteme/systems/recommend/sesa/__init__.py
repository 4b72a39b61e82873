"""SESA: two texts in one space of named skills, and a score that these explain.

Source: Bogdanova and Yazdani (2017, arXiv 1708.03246), its abstract and opening, and the patent application US
2019/0095788 A1. No code and no data were released. From them come the four parts (an encoder of texts, a knowledge base
of named categories, a projector onto these, a score in their space), recurrent encoders, skills as categories,
supervision, and recommendations that explain themselves. Widths, squashing, losses, stages and negatives are not told
there: they are inferred, one design that keeps to what is told.

A job and a person's profile are texts. Each goes through a tower (shared word embeddings, a recurrent network in both
directions, the maximum over the words) to a vector with an entry for each of C named skills, by a linear layer and a
sigmoid. The score is

    sim(j, p) = sum over skills c of w_c j_c p_c + b,    w_c = softplus(v_c) > 0,

so that w_c j_c p_c is what skill c adds to it: a recommendation comes with its greatest parts as reasons, and all parts
and b are the score exactly. Stage `skills` (A) learns to tell the skills that jobs ask for and people list from the
texts; stage `match` (B) learns who goes with what, and keeps the loss of the skills, so that axes stay what their names
say. Skills that a profile lists are learned from; they may also be merged into its vector (`match.merge`).

Data: `skills:PATH` or `esco` (see `acteme.recordings.behavior.profiles`). Jobs are the catalog of items, people are
recordings, whose text is the profile, whose segments are the listed skills and whose events are the jobs.

Files: `words` (vocabulary), `network` (towers, catalog, skill loss), `score` (sum, merging, losses of pairs), `skills`
and `match` (the stages), `index` (sparse vectors of large catalogs), `esa` (what it is held against: TF-IDF and
unsupervised explicit semantic analysis).

Speed on a processor, one thread (`benchmarks/sesa_step.py`): a training step 1.3 times as fast as with packed
sequences, 1.5 times with the widths of the defaults, and 2.9 and 3.7 times as fast as with padded texts, pair by pair.
Scores of 5,000 jobs of 13,939 skills by the sparse index 26 times as fast as by dense products.

**Deviations**: there is no official code to deviate from. Beyond what the sources tell:

- The second direction of the recurrent network reads each text from its own last word, which is what packed sequences
  give, without their gradient's pass over all words for every step.
- The bias of the projectors begins at the logit of how many objects list a skill, (n + 1/2) / (N + 1).
- `skills.network.squash="identity"` is the ablation: as many axes and parameters, without names.
- The softmax of a profile leaves out its other jobs; negatives are drawn among the people of the batch, which is an
  even sample of all, never among those who go with the job; hard ones among people with another job of the same group.
  Who goes with what is told by the pairs of the batch: another batch's pair of a person and a job is not known.
- The loss of labeled pairs takes the labels as they are and draws no further negatives.
- A job or profile that lists nothing has unknown skills, not none: it is left out of the skill loss and of merging.
- Early stopping is asked for: `--best auc --patience 5`, or by another metric of `evaluate`. It is of stage B alone:
  stage A predicts no pairs, nothing is chosen there by validation, and all its epochs are run.
- The full skill loss is computed over all C skills.
"""

from dataclasses import dataclass, field

from acteme.systems.recommend.sesa.match import MatchConfig, Matcher
from acteme.systems.recommend.sesa.network import NetworkConfig
from acteme.systems.recommend.sesa.skills import Skills, SkillsConfig

__all__ = ["Config", "MatchConfig", "Matcher", "NetworkConfig", "Skills", "SkillsConfig"]


@dataclass(frozen=True)
class Config:
    """Settings of both stages."""

    skills: SkillsConfig = field(default_factory=SkillsConfig)
    """Learns to tell skills from texts."""
    match: MatchConfig = field(default_factory=MatchConfig)
    """Learns which profiles go with which jobs."""

    @classmethod
    def small(cls) -> "Config":
        """Learns in a minute on two processor cores."""
        return cls(SkillsConfig.small(), MatchConfig.small())
