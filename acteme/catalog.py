"""THE table of systems. The command line, the documentation and the tests are driven from it. Loads no torch."""

from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType

from acteme.errors import InputError

VERBS = ("represent", "recognize", "localize", "describe", "anticipate", "generate", "act", "recommend", "detect",
         "inspect")  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One published system."""

    slug: str
    verb: str
    title: str
    authors: str
    venue: str
    arxiv: str
    reads: str
    """The modality it takes."""
    task: str
    """The evaluation protocol that fits: a module of `acteme.tasks`."""
    stages: tuple[tuple[str, str], ...]
    """What is trained in turn: (name of the stage = field of the module's `Config`, name of the class)."""
    claim: str
    """The paper's central claim in one sentence, as the experiment tests it."""

    @property
    def module_name(self) -> str:
        return f"acteme.systems.{self.verb}.{self.slug}"

    def module(self) -> ModuleType:
        """The system's module; imports torch."""
        return import_module(self.module_name)


ENTRIES: tuple[Entry, ...] = (
    Entry(
        slug="lac",
        verb="represent",
        title="LAC: Latent Action Composition",
        authors="Yang et al.",
        venue="ICCV 2023",
        arxiv="2308.14500",
        reads="skeleton",
        task="segmentation",
        stages=(("generator", "Generator"), ("contrast", "Contrast"), ("segment", "Segmenter")),
        claim="Contrastive pre-training on composed motions segments co-occurring actions better than no pre-training, "
        "and better than the same pre-training without composition.",
    ),
    Entry(
        slug="halp",
        verb="represent",
        title="HaLP: Hallucinating Latent Positives",
        authors="Shah et al.",
        venue="CVPR 2023",
        arxiv="2304.00387",
        reads="skeleton",
        task="recognition",
        stages=(("pretrain", "Pretrain"), ("classify", "Classifier")),
        claim="Adding hallucinated latent positives to the same momentum contrast gives representations with higher "
        "linear and nearest-neighbor accuracy.",
    ),
    Entry(
        slug="psumnet",
        verb="recognize",
        title="PSUMNet: Part Streams of Unified Modality",
        authors="Trivedi and Sarvadevabhatla",
        venue="ECCV Workshops 2022",
        arxiv="2208.05775",
        reads="skeleton",
        task="recognition",
        stages=(("recognize", "Recognizer"),),
        claim="Three part streams that see all modalities at once recognize actions at least as well as four "
        "whole-body streams of one modality each, with fewer parameters; the gain is on actions of one part.",
    ),
    Entry(
        slug="brl",
        verb="recognize",
        title="BRL: Balanced Representation Learning",
        authors="Liu et al.",
        venue="Machine Intelligence Research 2023",
        arxiv="2308.14024",
        reads="skeleton",
        task="recognition",
        stages=(("recognize", "Recognizer"),),
        claim="On long-tailed data, mixing upper and lower bodies of clips and weighting its loss late in training "
        "raise mean class accuracy over plain training, mostly on rare classes and without much harm to frequent ones.",
    ),
    Entry(
        slug="pcan",
        verb="recognize",
        title="PCAN: Prototypical Calibrating Ambiguous Network",
        authors="Li et al.",
        venue="AAAI 2025",
        arxiv="2412.14719",
        reads="skeleton",
        task="recognition",
        stages=(("recognize", "Recognizer"),),
        claim="Drawing the clips that a two-level classifier takes for others to prototypes of their classes, keeping "
        "these apart and consulting them at test raises F1 above that of the same network with two cross entropies.",
    ),
    Entry(
        slug="car",
        verb="describe",
        title="CAR: Chronologically Accurate Retrieval",
        authors="Fujiwara, Tanaka and Yu",
        venue="ECCV 2024",
        arxiv="2407.15408",
        reads="skeleton",
        task="retrieval",
        stages=(("align", "Retriever"),),
        claim="Texts with their events shuffled, as further negatives, make a motion-text model tell the order of "
        "events without a loss of ordinary retrieval.",
    ),
    Entry(
        slug="gap",
        verb="recognize",
        title="GAP: Generative Action-description Prompts",
        authors="Xiang et al.",
        venue="ICCV 2023",
        arxiv="2208.05318",
        reads="skeleton",
        task="recognition",
        stages=(("recognize", "Recognizer"),),
        claim="Comparing the features of body parts with descriptions of the classes in training makes the same "
        "network recognize better, most with few labels, at no cost at inference; other classes' texts do not help.",
    ),
    Entry(
        slug="corridors",
        verb="anticipate",
        title="Latent Corridors",
        authors="Thakkar et al.",
        venue="ECCV 2024",
        arxiv="2312.06653",
        reads="position",
        task="forecasting",
        stages=(("base", "Base"), ("adapt", "Adapter")),
        claim="A rank-one prompt on a frozen trajectory predictor lowers its error in a new scene from minutes of "
        "people there, adds to tuning the head, and is specific to the scene.",
    ),
    Entry(
        slug="scprg",
        verb="detect",
        title="SCPRG: span-trigger contextual pooling and role guidance",
        authors="Liu et al.",
        venue="Findings of ACL 2023",
        arxiv="2310.05991",
        reads="word",
        task="arguments",
        stages=(("pretrain", "Pretrainer"), ("extract", "Extractor")),
        claim="Pooling what a span and the trigger both attend to, and the roles of the event beside the text, raise "
        "F1 of arguments over the same span classifier without them, where their clues are sentences away.",
    ),
    Entry(
        slug="recsae",
        verb="inspect",
        title="RecSAE: sparse autoencoder of a recommender",
        authors="Wang et al.",
        venue="arXiv 2024",
        arxiv="2411.06112",
        reads="item",
        task="inspection",
        stages=(("base", "Base"), ("autoencode", "Autoencoder")),
        claim="Latents of a sparse autoencoder stand for fewer things than a recommender's own numbers do, and "
        "silencing one makes the recommendations of its concept rarer.",
    ),
    Entry(
        slug="sesa",
        verb="recommend",
        title="SESA: Supervised Explicit Semantic Analysis",
        authors="Bogdanova and Yazdani",
        venue="arXiv 2017",
        arxiv="1708.03246",
        reads="item",
        task="matching",
        stages=(("skills", "Skills"), ("match", "Matcher")),
        claim="Axes that are tied to named skills rank people for jobs no worse than a free latent space of the same "
        "size, generalize better to new jobs, and stay what their names say.",
    ),
    Entry(
        slug="ilm",
        verb="recommend",
        title="ILM: Item-Language Model",
        authors="Yang et al.",
        venue="arXiv 2024",
        arxiv="2406.02844",
        reads="item",
        task="conversation",
        stages=(("align", "Aligner"), ("speak", "Speaker")),
        claim="Aligning an encoder of item vectors with texts first makes a frozen language model understand these "
        "vectors better than an encoder that starts at random or a projection, where answers to learn from are scarce.",
    ),
    Entry(
        slug="dnis",
        verb="recommend",
        title="DNIS: Differentiable Neural Input Search",
        authors="Cheng, Shen and Huang",
        venue="arXiv 2020",
        arxiv="2006.04466",
        reads="field",
        task="clicks",
        stages=(("warm", "Warm"), ("search", "Search"), ("prune", "Pruned")),
        claim="With as many or fewer non-zero embedding parameters, dimensions searched on validation data give a "
        "lower test error than a uniform dimension, and than pruning by size without a search.",
    ),
    Entry(
        slug="dare",
        verb="recommend",
        title="DARE: decoupled attention and representation embeddings",
        authors="Feng et al.",
        venue="ICLR 2025",
        arxiv="2410.02604",
        reads="item",
        task="clicks",
        stages=(("rank", "Ranker"),),
        claim="Tables of their own for attention and for representation predict clicks after long histories better "
        "than one shared table, however wide or projected, and find the behaviors that matter.",
    ),
    Entry(
        slug="ape",
        verb="detect",
        title="APE: Anomaly Detection via Probabilistic Pairwise Interaction and Entity Embedding",
        authors="Chen et al.",
        venue="IJCAI 2016",
        arxiv="1608.07502",
        reads="field",
        task="anomalies",
        stages=(("detect", "Detector"),),
        claim="A likelihood of pairwise interactions of learned vectors finds events whose values are usual and whose "
        "combination is not, which the frequencies of values cannot.",
    ),
    Entry(
        slug="icsrec",
        verb="recommend",
        title="ICSRec: Intent Contrastive Learning with Cross Subsequences",
        authors="Qin et al.",
        venue="WSDM 2024",
        arxiv="2310.14318",
        reads="item",
        task="ranking",
        stages=(("recommend", "Recommender"),),
        claim="Drawing subsequences of the same target, and of the same intent, together improves next-item ranking "
        "beyond what the same encoder, subsequences and full softmax give without these contrasts.",
    ),
)


def find(slug: str) -> Entry:
    """The entry of a slug; InputError names the nearest ones, or all, where there is none."""
    for entry in ENTRIES:
        if entry.slug == slug:
            return entry
    known = [e.slug for e in ENTRIES]
    near = get_close_matches(slug, known, 3)
    mend = f"did you mean {' or '.join(near)}?" if near else "known: " + ", ".join(known)
    raise InputError(f"no system is called '{slug}'", mend=mend)
