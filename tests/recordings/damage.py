"""Damage to files, for tests that feed readers with anything."""

import numpy as np
from hypothesis import strategies as st


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """The file cut off, with bytes changed, with a piece missing, doubled or strange, or something else altogether."""
    kind = draw(st.sampled_from(["cut", "bytes", "bytes", "piece", "insert", "other"]))
    if kind == "other":
        return draw(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda t: t.encode(errors="replace"))))
    at = draw(st.integers(0, len(whole)))
    if kind == "cut":
        return whole[:at]
    if kind == "bytes":
        out = bytearray(whole)
        for place in draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=4)):
            out[place] = draw(st.one_of(st.integers(0, 255), st.sampled_from(b'0-9.eE,;#/{}[]"\n ')))
        return bytes(out)
    end = draw(st.integers(at, min(len(whole), at + 60)))
    if kind == "piece":
        return whole[:at] + whole[end:]
    strange = [b"nan", b"-inf", b"1e999", b"9" * 30, b"-1", b"null", b"{}", b"[]", b'"x"', b"\xff", b"\n"]
    return whole[:at] + draw(st.one_of(st.sampled_from(strange), st.just(whole[at:end] * 2))) + whole[at:]


STRANGE = [None, True, -1, 0, 1.5, 10**30, float("nan"), float("inf"), "", "x", [], {}, [[]], [None], {"x": 1}, b"x",
           np.zeros(0), np.zeros((2, 2)), np.array(["x"]), np.float32(1), np.full((1, 3, 17, 2), np.nan)]  # fmt: skip


def replaced(draw: st.DrawFn, tree, plain: bool):
    """The same tree with one node, found by going down at random, replaced by something strange, or left out."""
    if isinstance(tree, dict | list | tuple) and len(tree) and draw(st.integers(0, 4)):
        key = draw(st.sampled_from(sorted(tree, key=str) if isinstance(tree, dict) else range(len(tree))))
        if isinstance(tree, dict):
            if draw(st.integers(0, 5)) == 0:
                return {k: v for k, v in tree.items() if k != key}
            return tree | {key: replaced(draw, tree[key], plain)}
        changed = list(tree)
        changed[key] = replaced(draw, tree[key], plain)
        return type(tree)(changed)
    return draw(
        st.sampled_from([v for v in STRANGE if not plain or not isinstance(v, bytes | np.ndarray | np.generic)])
    )
