"""Lets a language model describe classes: what each part of the body does, and other names. Goes on where it was."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from acteme.engine.language import LanguageModel, Message, Prompt
from acteme.errors import InputError
from acteme.recordings.descriptions import FIELDS, Description, write

PROMPTS = Path(__file__).with_name("prompts") / "describe.txt"
"""What is asked, in sections [parts] and [synonyms], and examples as `class => answer`."""
TEMPLATE = "template"
"""What an origin says where a model's answer could not be read."""
TRIES = 3
"""How often what is missing is asked for: at first the likeliest answer, then drawn ones."""
TEMPERATURE = 0.7
AT_ONCE = 8
"""Classes asked for between two notes of what is done."""
WORDS = 20
"""Most words of what is said of a part."""
NAMES = 10
"""Most names of a class."""

Prompts = dict[str, tuple[str, list[tuple[str, str]]]]
"""For parts and synonyms: what is asked, and examples (class, answer)."""


def describe(
    classes: Sequence[str],
    to: Path,
    model: LanguageModel | Callable[[], LanguageModel],
    prompts: Path = PROMPTS,
    say: Callable[[str], None] = print,
) -> list[Description]:
    """Writes a folder of descriptions, whole or not at all.

    What a model answers is taken if it can be read. What it does not tell is asked for part by part, some times, and in
    the end filled with words that say nothing of the action; origin.csv says where, and so do the lines at the end.
    What is done is kept in a file beside the folder until the folder is there: after an interruption the same command
    goes on.

    Args:
        classes: their names.
        to: the folder, which must not exist yet.
        model: what is asked, or what loads it, once all else is in order.
        prompts: a file of prompts.
        say: takes lines about what happened.

    Raises:
        InputError: no class, a class twice, a folder that is there already, prompts that lack a section, or a model
            that does not answer.
    """
    _check(classes, to)
    asked = read_prompts(prompts)
    notes = to.with_name(f"{to.name}.progress.jsonl")
    notes.parent.mkdir(parents=True, exist_ok=True)
    model = model() if callable(model) else model
    mark = hashlib.sha256(json.dumps([model.name, asked]).encode()).hexdigest()[:16]
    done = _noted(notes, mark)
    if kept := sum(label in done for label in classes):
        say(f"{kept} of {len(classes)} classes were described before")
    left = [label for label in classes if label not in done]
    with notes.open("a", encoding="utf-8") as file:
        for begin in range(0, len(left), AT_ONCE):
            for made in _described(left[begin : begin + AT_ONCE], model, asked):
                done[made.label] = made
                file.write(json.dumps({"mark": mark, **asdict(made)}) + "\n")
            file.flush()
            say(f"{sum(label in done for label in classes)} of {len(classes)} classes")
    out = [done[label] for label in classes]
    write(to, out)
    notes.unlink()
    if poor := [d.label for d in out if TEMPLATE in d.origin.removeprefix(model.name)]:
        more = ", ..." if len(poor) > 5 else ""
        say(f"of {len(poor)} classes some parts could not be read and were filled in: {', '.join(poor[:5])}{more}")
    say(f"{model.name} wrote {to}: read it before you train with it")
    return out


def class_list(source: str) -> list[str]:
    """Classes from a text file with a name per line, or those of a data set."""
    path = Path(source).expanduser()
    if path.suffix.lower() == ".txt" and path.is_file():
        try:
            return [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
        except UnicodeDecodeError as error:
            raise InputError("is not text in UTF-8", path, "save it as UTF-8") from error
    from acteme.recordings.sources import open_data

    return list(open_data(source).spec.classes)


def read_prompts(path: Path) -> Prompts:
    """A file of prompts. Raises InputError where a section is missing or an example cannot be read."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("cannot be read", path, "give a text file in UTF-8") from error
    pieces = re.split(r"^\[([\w ]+)\]\s*$", text, flags=re.MULTILINE)
    found = {name: body.strip() for name, body in zip(pieces[1::2], pieces[2::2], strict=True)}
    out: Prompts = {}
    for name in ("parts", "synonyms"):
        if not found.get(name):
            raise InputError(f"has no section [{name}]", path, f"see {PROMPTS.name} for the form")
        examples = [line.partition("=>") for line in found.get(f"{name} examples", "").splitlines() if line.strip()]
        shown = [(label.strip(), answer.strip()) for label, _, answer in examples]
        if name == "parts" and any(len(read_parts(answer)) < len(FIELDS) for _, answer in shown):
            raise InputError("has an example without all parts", path, "write label => head ...; hand ...; ...")
        out[name] = (found[name], shown)
    return out


def read_parts(answer: str) -> dict[str, str]:
    """What an answer says of each part, wherever in it, on one line or several; parts it does not tell are absent."""
    found: dict[str, str] = {}
    for piece in re.split(r"[;\n]", answer):
        text = re.sub(r"^[\s\-*•\d.)]+", "", piece).replace("*", "").strip(" .,'\"`")
        named = re.match(r"(?:the )?(head|hand|arm|hip|leg|foot|feet)s?\b\s*[:\-]?\s*(.*)", text, re.IGNORECASE)
        if named is None:
            continue
        part = named[1].lower().replace("feet", "foot")
        said = " ".join(named[2].split()).removeprefix(f"{part} ")
        if part not in found and "..." not in said and len(said.split()) <= WORDS and re.search(r"[^\W\d_]{2}", said):
            found[part] = f" {part} {said}"
    return found


def read_synonyms(answer: str, label: str) -> tuple[str, ...]:
    """The label and the other names on the first line of an answer; the label alone where that is no list of names."""
    pieces = [piece.strip(" .'\"`*").lower() for piece in answer.strip().partition("\n")[0].split(",")]
    names = [piece for piece in dict.fromkeys(pieces) if piece and piece != label.lower()]
    good = all(re.fullmatch(r"[^\W\d_][\w' -]*", name) and len(name.split()) <= 6 for name in names)
    return (label, *names[: NAMES - 1]) if good else (label,)


def _described(labels: Sequence[str], model: LanguageModel, asked: Prompts) -> Iterable[Description]:
    """Asks for names and for all parts at once, then for each part that is missing, then draws those again."""
    answers = model.generate([_line(asked, "parts", k) for k in labels], max_tokens=120, stop=("\n",))
    parts = {label: read_parts(answer) for label, answer in zip(labels, answers, strict=True)}
    answers = model.generate([_line(asked, "synonyms", k) for k in labels], max_tokens=60, stop=("\n",))
    names = {label: read_synonyms(answer, label) for label, answer in zip(labels, answers, strict=True)}
    for attempt in range(TRIES):
        warm = TEMPERATURE if attempt else 0.0
        if left := [(label, part) for label in labels for part in FIELDS if part not in parts[label]]:
            prompts = [_part(asked, *wanted) for wanted in left]
            answers = model.generate(prompts, max_tokens=30, temperature=warm, seed=attempt, stop=("\n", ";"))
            for (label, part), answer in zip(left, answers, strict=True):
                found = read_parts(answer if answer.lower().startswith(part) else f"{part} {answer}")
                parts[label] |= {k: v for k, v in found.items() if k == part}
    for label in labels:
        made = [part for part in FIELDS if part not in parts[label]]
        fields = tuple(parts[label].get(part, f" {part} takes part in {label}") for part in FIELDS)
        origin = f"{model.name} ({TEMPLATE} for {' '.join(made)})" if made else model.name
        yield Description(label, names[label], fields, origin)


def _line(asked: Prompts, section: str, label: str) -> Prompt:
    """A conversation in which the examples have been answered."""
    system, examples = asked[section]
    said = [Message("system", system)]
    for example, answer in examples:
        said += [Message("user", example), Message("assistant", answer)]
    return [*said, Message("user", label)]


def _part(asked: Prompts, label: str, part: str) -> Prompt:
    """The same about one part."""
    system, examples = asked["parts"]
    single = [(f"{example}: {part}", read_parts(answer)[part].strip()) for example, answer in examples]
    return _line({"parts": (system, single)}, "parts", f"{label}: {part}")


def _noted(notes: Path, mark: str) -> dict[str, Description]:
    """What an earlier call with the same model and prompts has done; a line that was cut off does not count."""
    out: dict[str, Description] = {}
    for line in notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []:
        try:
            row = json.loads(line)
            if row.pop("mark") == mark:
                out[row["label"]] = Description(
                    row["label"], tuple(row["synonyms"]), tuple(row["fields"]), row["origin"]
                )
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return out


def _check(classes: Sequence[str], to: Path) -> None:
    if not classes:
        raise InputError("there is no class to describe", "classes", "give a name per line, or labeled data")
    twice = [label for i, label in enumerate(classes) if label in classes[:i]]
    if twice:
        raise InputError(f"class '{twice[0]}' is there twice", "classes", "name each once")
    if long := [label for label in classes if len(label) > 200]:
        raise InputError(f"the name '{long[0][:40]}…' is too long", "classes", "give at most 200 letters")
    if to.exists():
        raise InputError("is there already", to, "delete it or choose another folder")
