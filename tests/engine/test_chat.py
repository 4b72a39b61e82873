"""Conversation: which titles are meant, and the whole loop with a tiny run."""

import io
from dataclasses import replace

import pytest

from acteme.engine.chat import Chat, converse
from acteme.engine.mentions import Categories, Titles, plain
from acteme.engine.settings import Settings
from acteme.engine.train import train
from acteme.errors import InputError
from acteme.systems.recommend.ilm import AlignConfig, Config, SpeakConfig
from tests.systems.recommend.ilm.cases import FACTORS, LANGUAGE, QFORMER, TELL, WINDOWS, corpus
from tests.tiny import command

TITLES = ["", "Godfather, The", "Heat", "Back to the Future", "Future", "It", "Rock, The", "Schindler's List"]


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("I liked The Godfather and Heat", ["Godfather, The", "Heat"]),
        ("back to the future was great", ["Back to the Future"]),
        ("I saw it in the heat of the future", []),
        ('"it"', ["It"]),
        ("heat", ["Heat"]),
        ("Loved Schindlers Lists", ["Schindler's List"]),
        ("Back to teh Future!", ["Back to the Future"]),
        ("", []),
    ],
)
def test_titles_are_found_as_people_write_them(line, meant):
    assert [m.title for m in Titles(TITLES).find(line)] == meant


def test_articles_and_case_do_not_matter():
    assert plain("Godfather, The") == plain("the godfather") == ("godfather",) and plain("The") == ("the",)
    found = Titles(TITLES).find("I hated Heat, but loved The Rock. Not Back to the Futur")
    assert [(m.title, m.liked, m.exact) for m in found] == [
        ("Heat", False, True), ("Rock, The", True, True), ("Back to the Future", False, False)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A trained run, a step each."""
    align = AlignConfig(FACTORS, TELL, QFORMER, bert="", words=60, space=8, windows=WINDOWS)
    tasks = ("genres", "describe", "next")
    speak = SpeakConfig(FACTORS, TELL, QFORMER, LANGUAGE, tasks=tasks, windows=WINDOWS)
    short = [replace(s, recipe=replace(s.recipe, batch=8)) for s in (align, speak)]
    folder = tmp_path_factory.mktemp("chat") / "run"
    return train("ilm", corpus(), folder, config=Config(*short), settings=Settings(steps=1, progress=False))


def test_a_conversation_recommends_answers_and_remembers(run):
    chat = Chat(run, count=2)
    first, *offers = chat.say("I liked film A and Film Fe")
    assert first == "I understand: Film A; Film F (from 'Film Fe')."
    shown = [line for line in offers if line.startswith("- ")]
    assert len(shown) == 2 and all("(for Film" in line for line in shown[:1])
    assert chat.liked == [1, 6] and len(chat.met) == 4
    again = [line for line in chat.say("Film C, too") if line.startswith("- ")]
    assert chat.liked == [1, 6, 3] and not {a.split(" (")[0] for a in again} & {s.split(" (")[0] for s in shown}
    said = chat.say("what genres does Film B have?")
    assert said[0] == "I understand: Film B." and len(said) == 2 and chat.liked == [1, 6, 3], "a question likes nothing"
    assert chat.say("I do not like Film A")[0] == "I understand: Film A (not liked)." and chat.liked == [6, 3]


def test_categories_narrow_what_is_recommended(run):
    kind = {f"Film {chr(65 + k)}": ("Comedy", "Drama", "War", "Western")[k % 4] for k in range(24)}

    def offered(line):
        said = Chat(run, count=30, liked=[1, 2], met={1, 2}).say(line)
        return said[0], [line[2:8] for line in said if line.startswith("- ")]

    said, found = offered("some comedies or a War film")
    assert said == "I understand: Comedy; War." and {kind[f] for f in found} == {"Comedy", "War"} and len(found) == 11
    said, found = offered("Film D, but no Westerns and no wars")
    assert said == "I understand: Film D; no Western; no War." and {kind[f] for f in found} == {"Comedy", "Drama"}
    said, found = offered("what now")
    assert said == "I know no title in this. By what you liked before:" and len(found) == 22
    chat = Chat(run, count=30, liked=[1, 2], met={1, 2})
    chat.say("dramas")
    assert chat.say("dramas")[1:] == ["There is nothing of that left."]
    assert "(Comedy, Drama, War, Western)" in chat.say("help")[0] and len(chat.met) == 7


def test_categories_are_not_looked_for_in_titles():
    titles, kinds = Titles(["", "War Games", "Film"]), Categories([(), ["War", "Film-Noir"], ["Children's"]])
    line = "War Games was a film noir for children, not war"
    assert kinds.find(line, titles.find(line)) == {"Film-Noir": True, "Children's": True, "War": False}
    assert kinds.find("nothing") == {} == Categories([]).find("war")


def test_words_tell_which_task_is_meant_if_it_was_learned(run):
    module = run.module("speak")
    lines = ("what kind of film is {item}?", "What is {item} about?", "when was {item} made?", "the title of {item}?")
    asked = [module.asked(line, [1]).task for line in lines]
    assert asked == ["genres", "describe", "chat", "chat"], "decade and title were not trained"
    assert module.asked("what genres have {item} and {item}?", [1, 2]).task == "chat"


def test_what_cannot_be_answered_gets_one_line_and_the_loop_goes_on(run):
    said = list(converse(Chat(run), ["hello\n", "\n", "Film A\n", "exit\n", "Film B\n"]))
    assert said[0] == "chat: knows none of the titles in this; name a title of the catalog, such as Film A"
    assert said[1] == "I understand: Film A." and not any("Film B." in line for line in said)
    with pytest.raises(InputError, match="count is 0; give 1 or more"):
        Chat(run, count=0)


def test_the_command_reads_what_is_piped_and_ends(run, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("I like Film D\nWhat is {odd} about Film A?\nnonsense\n"))
    said = command("chat", run.folder)
    assert said.code == 0 and said.err == ""
    assert said.out.startswith("I understand: Film D.\n- ") and "I understand: Film A." in said.out
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert command("chat", run.folder).out == ""
    assert command("chat", run.folder / "no").code == 2


def test_evaluation_and_predictions_of_a_run(run):
    from acteme.engine.encode import encode
    from acteme.engine.evaluate import evaluate
    from acteme.engine.predict import predict

    found = evaluate(run, corpus())
    assert {"nats", "exact", "nats_new", "nats_catalogue", "nats_read", "hr@10", "trained_parameters"} <= set(
        found.metrics
    )
    assert found.per_class["genres, new"]["questions"] == 6 and found.protocol == "questions"
    only = evaluate(run, corpus(), protocol="ranking", stage="align")
    assert "hr@10" in only.metrics and "nats" not in only.metrics
    held = evaluate(run, corpus(), split="val").metrics
    assert "nats_validation" in held and not {"nats_new", "nats_read"} & set(held)
    (answer, *_) = predict(run, corpus().select("test")[0])
    assert answer.items and not set(answer.items) & {f"i{k}" for k in corpus().select("test")[0].arrays["item"]}
    assert answer.reasons[0][0][0].startswith("Film ")
    assert encode(run, [corpus()[0]], run.folder.parent / "latents") is not None
