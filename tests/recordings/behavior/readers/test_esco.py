"""ESCO occupations and made-up members."""

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.behavior.readers.esco import chosen, described, esco, first_sentence


@pytest.fixture(scope="module")
def corpus():
    return esco()


def test_counts_of_the_files():
    skills, occupations = described()
    assert (len(skills), len(occupations)) == (877, 91)
    assert sum(len(o.skills) for o in occupations) == 969 and len({s for o in occupations for s in o.skills}) == 314
    kept, some = chosen()
    assert (len(kept), len(some)) == (126, 67)
    assert np.mean([len(o.skills) for o in some]) == pytest.approx(10.4, abs=0.05)


def test_splits_are_by_occupation_and_by_member(corpus):
    assert [len(corpus.select(s)) for s in ("train", "known", "val", "test")] == [45 * 24, 45 * 6, 330, 330]
    of = {s: {int(r.arrays["item"][0]) for r in corpus.select(s)} for s in ("train", "known", "val", "test")}
    assert [len(of[s]) for s in of] == [45, 45, 11, 11] and of["train"] == of["known"]
    assert not of["train"] & of["val"] and not of["test"] & (of["train"] | of["val"])
    assert set(corpus.arrays) == {"item"} and corpus.spec.items == corpus.catalog.num_rows == 67
    assert len(corpus.spec.classes) == 126 and corpus.files


def test_members_list_skills_of_their_occupation_and_a_random_one(corpus):
    asked = [set(some) for some in corpus.catalog["categories"].to_pylist()]
    skills, _ = chosen()
    for i in range(0, len(corpus), 7):
        member = corpus[i]
        listed = [s.label for s in member.segments]
        own = asked[int(member.arrays["item"][0]) - 1]
        assert len(set(listed)) == len(listed)
        assert min(4, len(own)) <= len(own & set(listed)) and len(listed) <= 9
        assert len(set(listed) - own) <= 1
        told = [s for s in listed if first_sentence(skills[s].description) in member.text]
        assert len(told) == -(-len(listed) // 2), "of half of them"
        assert len(member.text) == sum(len(first_sentence(skills[s].description)) + 1 for s in told) - 1, "no more"


def test_one_seed_gives_one_corpus(corpus):
    again, other = esco(), esco(seed=1)
    assert [r.text for r in again] == [r.text for r in corpus] != [r.text for r in other]
    assert again.column("split").tolist() == corpus.column("split").tolist() != other.column("split").tolist()


def test_the_first_sentence():
    assert first_sentence("One thing. Another.") == "One thing."
    assert first_sentence("No end\nhere") == "No end"
    assert first_sentence(" As e.g.this is. More") == "As e.g.this is."


def test_no_one_left_to_train_with_is_refused():
    with pytest.raises(InputError, match="67 occupations of 30 members, of which none is left"):
        esco(val=40, test=40)
    with pytest.raises(InputError, match="ask for fewer"):
        esco(held=30)
