"""Taobao and Tmall: which events are taken, and when they were."""

import pytest

from acteme.errors import InputError
from acteme.recordings.check import check
from acteme.recordings.sources import list_data, open_data
from tests.recordings.behavior.readers.told import items, values

FIRST, AFTER = 1511539200, 1512316800  # 25 November, and 4 December, at midnight in China
TAOBAO = f"""1,20,7,pv,{FIRST + 9}
1,30,7,pv,{FIRST}
2,20,7,pv,{AFTER}
1,10,8,buy,{FIRST + 5}
1,20,7,pv,{FIRST + 3}
2,10,8,fav,{FIRST + 1}
1,40,9,pv,{FIRST - 1}
1,10,8,pv,{AFTER - 1}
1,10,8,pv,-1000
"""


def test_taobao(tmp_path):
    path = tmp_path / "UserBehavior.csv"
    path.write_text(TAOBAO)
    corpus = open_data(f"taobao:{tmp_path}")
    assert items(corpus, "test") == {"1": ["30", "20", "20", "10"]}  # sorted; looked at; of that week
    assert corpus.arrays["when"].tolist() == [FIRST, FIRST + 3, FIRST + 9, AFTER - 1]
    assert corpus.spec.fields == ("category", "behavior")
    assert values(corpus, "category") == ["7", "7", "7", None] and values(corpus, "behavior") == ["pv"] * 4
    assert check(f"taobao:{path}").notes[:2] == (
        "left out, of other behaviors than pv: 2",
        "left out, not of 25 Nov to 3 Dec 2017: 3",
    )
    more = list_data(f"taobao:{path}?behaviors=pv,buy,fav")
    assert items(more, "train") == {"1": ["30", "20", "10"], "2": ["10"]}
    assert list_data(f"taobao:{path}?behaviors=pv,buy,fav&shortest=2").column("subject").tolist() == ["1"] * 3
    with pytest.raises(InputError, match="no user has 9 events or more; give a lower shortest"):
        list_data(f"taobao:{path}?shortest=9")
    with pytest.raises(InputError, match=r"behaviors has 'click'.*use pv, buy, cart, fav"):
        list_data(f"taobao:{path}?behaviors=click")


def test_bad_rows_of_taobao(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(f"1,20,7,pv,{FIRST}\n1,20,7,look,{FIRST}\n1,20,7,pv,now\n1,20,pv\n,20,7,pv,{FIRST}\n")
    told = [line.split("t.csv ")[1].split(";")[0] for line in list_data(f"taobao:{path}").left_out]
    assert sorted(told) == ["line 2: behavior 'look' is no behavior", "line 3: timestamp 'now' is no time",
                            "line 4: 3 cells in 5 columns", "line 5: user is empty"]  # fmt: skip
    with pytest.raises(InputError, match=r"has no file UserBehavior.csv; give UserBehavior.csv"):
        open_data(f"taobao:{tmp_path}")


HEAD = "user_id,item_id,cat_id,seller_id,brand_id,time_stamp,action_type\n"
TMALL = (
    HEAD
    + """5,1,10,3,9,1111,0
5,2,10,3,,829,0
5,3,11,4,9,1012,0
5,4,11,4,9,829,0
5,1,10,3,9,1110,2
6,4,11,4,8,512,0
"""
)


def test_tmall(tmp_path):
    path = tmp_path / "user_log_format1.csv"
    path.write_text(TMALL)
    corpus = open_data(f"tmall:{tmp_path}")
    assert items(corpus, "test") == {"5": ["2", "4", "3", "1"]}  # 29 August, twice, before October
    when = corpus.arrays["when"]
    assert (when[3] - when[0]) / 86400 == 74 and when[3] == 1415664000 and when[0] == when[1]
    assert corpus.spec.fields == ("category", "seller", "brand", "action")
    assert values(corpus, "brand") == [None, "9", "9", "9", "8"]
    assert values(corpus, "action") == ["click"] * 5 and values(corpus, "category")[0] == "10"
    assert "left out, of other actions than click: 1" in list_data(f"tmall:{path}").notes
    bought = list_data(f"tmall:{path}?actions=0,2")
    assert items(bought, "test")["5"] == ["2", "4", "3", "1", "1"] and "buy" not in values(bought, "action")[:3]
    with pytest.raises(InputError, match=r"actions has '7'"):
        list_data(f"tmall:{path}?actions=7")


def test_days_that_are_none(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(HEAD + "5,1,1,1,1,1301,0\n5,1,1,1,1,631,0\n5,1,1,1,1,29,0\n5,1,1,1,1,229,0\n5,1,1,1,1,228,0\n"
                    "5,1,1,1,1,x,0\n5,1,1,1,1,228,9\n5,1,1,1,1,601.5,0\n")  # fmt: skip
    corpus = list_data(f"tmall:{path}")
    told = sorted(line.split("t.csv ")[1].split(";")[0] for line in corpus.left_out)
    days = {2: "1301", 3: "631", 4: "29", 5: "229", 7: "x", 9: "601.5"}  # 2014 had no 29th of February
    assert told == sorted([*(f"line {k}: time_stamp '{d}' is no day" for k, d in days.items()),
                           "line 8: action_type '9' is no action"])  # fmt: skip
    assert len(corpus.arrays["item"]) == 1
