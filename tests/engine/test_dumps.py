"""Files of the official code of RecSAE."""

import numpy as np
import pytest

from acteme.engine.concepts import Concept
from acteme.engine.dumps import read_activations, read_cases, write_cases
from acteme.errors import InputError


def test_arrays_are_read_as_they_are_printed(tmp_path):
    rng = np.random.default_rng(0)
    latent, value = rng.integers(0, 2048, (3, 32)), rng.random((3, 32)) * 10
    value[:, -2:] = 0
    history = [np.arange(1, 3), np.arange(40, 60), np.array([7])]
    path = tmp_path / "x_activation.csv"
    rows = [f'{n}\t{h}\t"{a}"\t"{v}"' for n, (h, a, v) in enumerate(zip(history, latent, value, strict=True))]
    rows[1] = rows[1].replace(str(history[1]), f'"{history[1]}"')
    path.write_text("user_id\thistory\tindices\tvalues\n" + "\n".join(rows) + "\n")
    assert "\n " in path.read_text()  # cells over several lines
    found = read_activations(path)
    assert found.user == ("0", "1", "2") and [h.tolist() for h in found.history] == [h.tolist() for h in history]
    assert np.array_equal(found.latent, latent) and (found.value[:, -2:] == 0).all()
    assert found.value == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(
    ("text", "what"),
    [("user\titems\n1\t2\n", "is no table of activations"), ("", "is no table of activations"),
     ("user_id\thistory\tindices\tvalues\n1\t[1]\t[1 ... 2]\t[1. 2.]\n", r"row 1 has '\[1 \.\.\. 2\]'"),
     ("user_id\thistory\tindices\tvalues\n1\t[1]\t[1 2]\n", "row 1 has ''"),
     ("user_id\thistory\tindices\tvalues\n1\t[1]\t[1 2]\t[1.]\n", "several numbers of latents")],
)  # fmt: skip
def test_other_tables_are_refused(text, what, tmp_path):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=what):
        read_activations(tmp_path / "t.csv")


def test_cases_are_written_as_they_are_read(tmp_path):
    path = tmp_path / "info.txt"
    path.write_text("[latent_id] 0\nTea, 24 Count\nCoffee [Pack of 2]\n[latent_id] 1023\nJam\n[latent_id] 7\n")
    assert read_cases(path) == {0: ("Tea, 24 Count", "Coffee [Pack of 2]"), 1023: ("Jam",), 7: ()}
    some = [Concept(9, "x", 9, 1.0, 1.0, 1.0, 1.0, ("B\nb", "A")), Concept(2, "y", 9, 1.0, 1.0, 1.0, 1.0, ("C",)),
            Concept(1, "", 0, 0.0, 0.0, 0.0, 0.0, ())]  # fmt: skip
    write_cases(some, path)
    assert path.read_text() == "[latent_id] 2\nC\n[latent_id] 9\nB b\nA\n"
    assert read_cases(path) == {2: ("C",), 9: ("B b", "A")}


@pytest.mark.parametrize(
    ("text", "what"), [("Tea\n", "line 1 has a title before any latent"), ("[latent_id] x\n", "has latent 'x'"),
                       ("[latent_id] 1\n[latent_id] 1\n", "line 2 has latent '1'")]
)  # fmt: skip
def test_other_texts_are_refused(text, what, tmp_path):
    (tmp_path / "t.txt").write_text(text)
    with pytest.raises(InputError, match=what):
        read_cases(tmp_path / "t.txt")
