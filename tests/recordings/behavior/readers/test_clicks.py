"""Criteo and Avazu: numbers and times as categories, rare ones, splits."""

import gzip
import math

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.sources import list_data, open_data
from tests.recordings.behavior.readers.told import values


def criteo_row(label, first, category):
    return "\t".join([label, first, *["1"] * 12, category, *["a1b2c3d4"] * 25])


def test_numbers_of_criteo(tmp_path):
    cells = ["", "-2", "0", "1", "2", "3", "5", "100", "65535"]
    (tmp_path / "train.txt").write_text("\n".join(criteo_row("1", c, "68fd1e64") for c in cells) + "\n")
    corpus = open_data(f"criteo:{tmp_path}?rare=1&val=0&test=0")
    told = [None, "-2", "0", "1", "2", *(str(math.floor(math.log(v) ** 2)) for v in (3, 5, 100, 65535))]
    assert values(corpus, "I1") == told and told[5:8] == ["1", "2", "21"]
    assert corpus.spec.fields == (*(f"I{k}" for k in range(1, 14)), *(f"C{k}" for k in range(1, 27)))
    assert corpus.arrays["outcome"].tolist() == [1] * 9 and corpus.frames.tolist() == [9]


def test_rare_values_of_criteo_are_counted_in_training(tmp_path):
    rng = np.random.default_rng(0)
    cells = ["often", *["some"] * 20, *["seldom"] * 9] + [f"only{k}" for k in range(70)] + ["often"] * 100
    rng.shuffle(cells)
    rows = [criteo_row(str(int(k % 4 == 0)), "7", c) for k, c in enumerate(cells)]
    (tmp_path / "train.txt").write_text("\n".join(rows) + "\n")
    corpus = list_data(f"criteo:{tmp_path}")
    assert corpus.frames.tolist() == [160, 20, 20] and corpus.column("split").tolist() == ["train", "val", "test"]
    assert set(values(corpus, "C1")) <= {None, "often", "some"} and corpus.spec.sizes[13] in (2, 3)
    train = values(corpus, "C1")[:160]
    assert all(train.count(name) >= 10 for name in set(train) - {None})
    assert set(values(list_data(f"criteo:{tmp_path}?rare=1"), "C1")[:160]) > {"seldom"}
    assert np.mean(corpus.arrays["outcome"]) == 0.25
    again, other = list_data(f"criteo:{tmp_path}"), list_data(f"criteo:{tmp_path}?seed=1")
    assert values(again, "C1") == values(corpus, "C1") and values(other, "C1") != values(corpus, "C1")


def test_bad_rows_of_criteo(tmp_path):
    rows = [criteo_row("1", "1", "a"), criteo_row("2", "1", "a"), criteo_row("0", "1.5", "a"), "0\t1",
            criteo_row("0", "x", "a"), criteo_row("", "1", "a")]  # fmt: skip
    path = tmp_path / "some.txt"
    path.write_text("\n".join(rows) + "\n")
    corpus = list_data(f"criteo:{path}?val=0&test=0")
    told = sorted(line.split("some.txt ")[1].split(";")[0] for line in corpus.left_out)
    assert told == ["line 2: label '2' is neither 0 nor 1", "line 3: I1 '1.5' is no whole number",
                    "line 4: 2 cells in 40 columns", "line 5: I1 'x' is no whole number",
                    "line 6: label is neither 0 nor 1"]  # fmt: skip
    assert corpus.frames.tolist() == [1]
    with pytest.raises(InputError, match=r"line 4: 2 cells in 40 columns; mend or delete the row \(and 4 more\)"):
        open_data(f"criteo:{path}")


HEAD = ("id,click,hour,C1,banner_pos,site_id,site_domain,site_category,app_id,app_domain,app_category,device_id,"
        "device_ip,device_model,device_type,device_conn_type,C14,C15,C16,C17,C18,C19,C20,C21\n")  # fmt: skip


def avazu_row(k, click, hour):
    return f"{k},{click},{hour},1005," + ",".join("abcdefghijklmnopqrst") + "\n"


def test_avazu(tmp_path):
    text = HEAD + avazu_row(1, 1, 14102123) + avazu_row(2, 0, 14102100) + avazu_row(3, 0, 14102605)
    (tmp_path / "train.gz").write_bytes(gzip.compress(text.encode()))
    corpus = open_data(f"avazu:{tmp_path}?rare=1&val=0&test=0")
    assert corpus.spec.fields[:3] == ("weekday", "hour", "C1") and len(corpus.spec.fields) == 23
    assert values(corpus, "weekday") == ["Tue", "Tue", "Sun"] and values(corpus, "hour") == ["00", "23", "05"]
    assert corpus.arrays["outcome"].tolist() == [0, 1, 0] and values(corpus, "C21") == ["t"] * 3
    assert corpus.arrays["when"].tolist() == [1413849600, 1413932400, 1414299600]
    cut = list_data(f"avazu:{tmp_path}?rare=1&shuffle=false&val=0&test=0.34")
    assert values(cut, "weekday") == ["Tue", "Tue", None]  # Sunday is the test


def test_bad_rows_of_avazu(tmp_path):
    path = tmp_path / "train"
    path.write_text(HEAD + avazu_row(1, 1, 14102123) + avazu_row(2, 0, 14102124) + avazu_row(3, 0, 14023000)
                    + avazu_row(4, 0, "1410212") + avazu_row(5, "yes", 14102123))  # fmt: skip
    corpus = list_data(f"avazu:{path}?val=0&test=0")
    told = sorted(line.split("train ")[1].split(";")[0] for line in corpus.left_out)
    assert told == ["line 3: hour '14102124' is no hour", "line 4: hour '14023000' is no hour",
                    "line 5: hour '1410212' is no hour", "line 6: click 'yes' is neither 0 nor 1"]  # fmt: skip
    path.write_text(HEAD.replace(",click", ""))
    with pytest.raises(InputError, match=r"has no column 'click'.*that for the test has none"):
        open_data(f"avazu:{path}")
    with pytest.raises(InputError, match=r"has none of the files train.txt"):
        open_data(f"criteo:{tmp_path}")
