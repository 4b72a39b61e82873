import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.events.calls import columns, join
from acteme.recordings.events.categorical import (
    FIELDS,
    Events,
    Vocabulary,
    categorical,
    folder,
    network,
    port,
    suffix,
)  # fmt: skip
from acteme.recordings.events.mask import Mask

CALLS = columns([
    {"time": 3600.0, "pid": 1, "user": "ann", "program": "/usr/bin/cat", "parent": "/bin/sh", "call": "openat",
     "path": "/home/ann/work/a.TXT", "mode": "r"},
    {"time": 90000.0, "pid": 2, "user": "root", "program": "/srv/ann/serve", "call": "connect", "address": "10.1.2.3",
     "port": 443, "error": "EINPROGRESS"},
])  # fmt: skip


def test_fields() -> None:
    events = categorical(CALLS)
    assert events.fields == FIELDS
    assert events.values.tolist() == [
        ["ann", "cat", "sh", "openat", "/home/ann", "txt", "r", "-", "-", "-", "01"],
        ["root", "serve", "-", "connect", "-", "-", "-", "EINPROGRESS", "10.1.0.0/16", "443", "01"],
    ]
    assert categorical(CALLS, ("call", "hour")).values.tolist() == [["openat", "01"], ["connect", "01"]]
    with pytest.raises(InputError, match="no field 'colour'"):
        categorical(CALLS, ("colour",))


def test_nothing_private_is_left() -> None:
    values = categorical(CALLS, mask=Mask(["ann"])).values
    assert values[0].tolist()[:5] == ["user1", "cat", "sh", "openat", "/home/folder1"]
    assert values[1, 8] == "network1" and not any("ann" in v or "10.1" in v for v in values.ravel())
    mask = Mask(["ann", "box", "root"])
    assert mask.folder("/data/secret") == "/folder1/folder1" and mask.folder("/usr/lib") == "/usr/lib"
    assert mask.folder("/var/ann-3") == "/var/name1-3" and mask.folder("/") == "/" and mask.folder("./x") == "./folder2"
    assert mask.text("box.local root annex") == "name2.local root annex"
    assert mask.network("loopback") == "loopback" and mask.user("root") == "root" and Mask.here().user("zoe") == "user1"


def test_numbers_of_a_key_follow_from_it() -> None:
    one, other, new = Mask(["b", "ann"], key=b"0" * 16), Mask(["ann", "b"], key=b"0" * 16), Mask(["b"], key=b"1" * 16)
    assert one.folder("/home/x") != one.folder("/home/y"), "so that the second mask meets them in another order"
    for path in ("/home/y", "/data/x", "/home/x"):
        assert one.folder(path) == other.folder(path) != new.folder(path)
    assert one.folder("/home/x").startswith("/home/folder-") and one.folder("/data/x").count("folder-") == 2
    assert one.user("zoe") == other.user("zoe") != one.network("zoe")
    text = one.text("Ann-b")
    assert text == other.text("ann-B") and len(text) == 2 * len("name-") + 2 * 8 + 1, "no name within a number"


def test_parts_of_paths_and_addresses() -> None:
    assert [folder(p) for p in ("", "/a", "/a/b", "/proc/12/fd/3", "x/y")] == ["", "/", "/a", "/proc/#", "./x"]
    assert [suffix(p) for p in ("/a/libc.so.6", ".bashrc", "a.b/c", "x.tar.GZ", "a.")] == ["so", "", "", "gz", ""]
    assert [network(a) for a in ("127.0.0.1", "::1", "169.254.1.1", "0.0.0.0", "unix", "::ffff:10.1.2.3")] == [
        "loopback", "loopback", "local", "any", "unix", "10.1.0.0/16",
    ]  # fmt: skip
    assert network("2001:db8:1::1") == "2001:db8::/32"
    assert [port(p) for p in (-1, 22, 81, 9000, 50000)] == ["", "22", "below 1024", "below 32768", "from 32768"]


def test_rare_and_new_values_are_number_0() -> None:
    values = np.array([["a", "x"]] * 5 + [["b", "x"]] * 4, object)
    train = Events(("f", "g"), values, np.zeros(9))
    vocabulary = Vocabulary.of(train, least=5)
    assert vocabulary.names == (("OTHER", "a"), ("OTHER", "x")) and vocabulary.sizes == (2, 2)
    new = Events(("f", "g"), np.array([["b", "x"], ["a", "z"]], object), np.zeros(2))
    codes = vocabulary.encode(new)
    assert codes.tolist() == [[0, 1], [1, 0]] and codes.dtype == np.int32
    assert vocabulary.decode(codes).tolist() == [["OTHER", "x"], ["a", "OTHER"]]
    with pytest.raises(InputError, match="have the fields g"):
        vocabulary.encode(Events(("g",), values[:, :1], np.zeros(9)))


def test_recordings_are_joined_in_time() -> None:
    one = join([CALLS.select(np.array([1])), CALLS.select(np.array([0]))])
    assert one.time.tolist() == [3600.0, 90000.0] and one.port.tolist() == [-1, 443]
