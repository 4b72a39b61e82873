"""Your own data, from the folder to recordings."""

import json

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.corpus import Corpus
from acteme.recordings.folder import FORMATS, folder, single
from acteme.recordings.skeleton.layouts import LAYOUTS, convert
from acteme.recordings.spec import Spec
from tests.recordings.folder.test_tables import NAMES, wide
from tests.recordings.samples import skeleton, write_folder

BVH = """HIERARCHY
ROOT Hips
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
%s
}
MOTION
Frames: 3
Frame Time: 0.02
"""
LIMBS = [
    ("LeftUpLeg", ("LeftLeg", ("LeftFoot", None)), (10, -5, 0)),
    ("RightUpLeg", ("RightLeg", ("RightFoot", None)), (-10, -5, 0)),
]


def bvh():
    """Three frames of a figure with the joints that programs give one."""

    def joint(name, offset, inside):
        return (
            f"JOINT {name}\n{{\nOFFSET {offset}\nCHANNELS 3 Zrotation Xrotation Yrotation\n"
            f"{inside or 'End Site {{ OFFSET 0 -5 0 }}'.replace('{{', '{').replace('}}', '}')}\n}}\n"
        )

    def leg(side, x):
        shin = joint(f"{side}Leg", "0 -40 0", joint(f"{side}Foot", "0 -40 0", ""))
        return joint(f"{side}UpLeg", f"{x} -5 0", shin)

    def arm(side, x):
        return joint(
            f"{side}Arm", f"{x} 0 0", joint(f"{side}ForeArm", f"{x} 0 0", joint(f"{side}Hand", f"{x} 0 0", ""))
        )

    trunk = joint(
        "Spine", "0 20 0", joint("Neck", "0 30 0", joint("Head", "0 15 0", "")) + arm("Left", 20) + arm("Right", -20)
    )
    hierarchy = BVH % (leg("Left", 10) + leg("Right", -10) + trunk)
    width = 6 + 3 * hierarchy.count("JOINT")
    rows = [[0, 90, t, *[0] * (width - 3)] for t in range(3)]
    return hierarchy + "\n".join(" ".join(map(str, row)) for row in rows) + "\n"


def read(listing):
    return [item.read() for item in listing.items]


def test_trimmed_untrimmed_and_several_at_a_time(tmp_path):
    table = (
        "file,start,end,label,subject,text\n"
        "a.npz,,,walk,P1,a caption\n"
        "b.npz,0,0.2,sit,P2,slowly\n"
        "b.npz,0.1,0.3,wave,P2,\n"
        "c.npz,,,,P3,\n"
    )
    listing = folder(write_folder(tmp_path, table, a=skeleton(4), b=skeleton(9), c=skeleton(2, 1)))
    assert listing.spec == Spec("ntu25", 25, 2, 3, ("sit", "walk", "wave"), 30.0, multilabel=True)
    a, b, c = read(listing)
    assert (a.name, a.label, a.text, a.segments, a.subject) == ("a", "walk", "a caption", (), "P1")
    assert [(s.start, s.end, s.label, s.text) for s in b.segments] == [
        (0, 0.2, "sit", "slowly"),
        (0.1, 0.3, "wave", ""),
    ]
    assert (c.label, c.segments, c.split) == ("", (), "")
    assert {a.split, b.split} == {"train", "test"}
    corpus = Corpus.of(read(listing), listing.spec)
    assert corpus.arrays["frame_labels"].sum(0).tolist() == [6, 4, 6]


def test_several_labels_for_a_whole_file(tmp_path):
    listing = folder(write_folder(tmp_path, "file,label\na.npz,walk\na.npz,wave\n", a=skeleton(30)))
    (a,) = read(listing)
    assert listing.spec.multilabel and a.label == ""
    assert [(s.start, s.end, s.label) for s in a.segments] == [(0.0, 1.0, "walk"), (0.0, 1.0, "wave")]


def test_without_any_label(tmp_path):
    listing = folder(write_folder(tmp_path, "file\na.npz\nb.npz\n", a=skeleton(3), b=skeleton(3)))
    assert listing.spec.classes == () and [r.split for r in read(listing)] == ["train", "train"]


def test_the_column_split_wins(tmp_path):
    table = "file,label,split\na.npz,x,test\nb.npz,x,\n"
    listing = folder(write_folder(tmp_path, table, a=skeleton(3), b=skeleton(3)))
    assert [r.split for r in read(listing)] == ["test", ""]


def test_every_kind_of_file(tmp_path):
    assert set(FORMATS) == {".npy", ".npz", ".csv", ".bvh", ".json", ".skeleton"}
    x = skeleton(3, 1, 22)
    np.save(tmp_path / "a.npy", x)
    np.savez(tmp_path / "b.npz", skeleton=x, fps=20, layout="smpl22")
    (tmp_path / "c.csv").write_text(wide(x[:, 0], LAYOUTS["smpl22"].joints))
    (tmp_path / "d.bvh").write_text(bvh())
    (tmp_path / "annotations.csv").write_text("file,label\na.npy,w\nb.npz,w\nc.csv,w\nd.bvh,w\n")
    listing = folder(tmp_path, layout="smpl22", fps=30.0)
    rates = {r.name: r.fps for r in read(listing)}
    assert rates == {"a": 30.0, "b": 20.0, "c": 30.0, "d": pytest.approx(50.0)}
    assert listing.spec == Spec("smpl22", 22, 1, 3, ("w",), 30.0)
    assert all(r.arrays["skeleton"].shape == (3, 1, 22, 3) for r in read(listing))


def test_keypoints_of_an_estimator(tmp_path):
    pose = np.arange(75.0).reshape(25, 3)
    pose[:, 2] = 0.5
    people = {"people": [{"pose_keypoints_2d": pose.ravel().tolist()}]}
    (tmp_path / "clip.v1").mkdir()
    for t in range(3):
        (tmp_path / "clip.v1" / f"{t}_keypoints.json").write_text(json.dumps(people))
    (tmp_path / "annotations.csv").write_text("file,label,fps\nclip.v1,walk,25\n")
    listing = folder(tmp_path)
    (r,) = read(listing)
    assert (r.name, r.fps, listing.spec.layout, listing.spec.channels) == ("clip.v1", 25.0, "body25", 2)
    assert np.array_equal(r.arrays["skeleton"][:, 0], np.tile(pose[:, :2], (3, 1, 1)))
    assert np.unique(r.arrays["confidence"][:, 0]).tolist() == [0.5]


def test_a_wanted_layout_is_made_where_there_is_a_map(tmp_path):
    x = skeleton(3, 1, 22)
    np.savez(tmp_path / "b.npz", skeleton=x, fps=20, layout="smpl22")
    (tmp_path / "annotations.csv").write_text("file\nb.npz\n")
    listing = folder(tmp_path, layout="ntu25")
    assert (listing.spec.layout, listing.spec.joints) == ("ntu25", 25)
    assert np.array_equal(read(listing)[0].arrays["skeleton"], convert(x, "smpl22", "ntu25"))


def test_confidence_is_one_where_others_have_it(tmp_path):
    write_folder(tmp_path, "file\na.npz\nb.npz\n", a=skeleton(3))
    np.savez(tmp_path / "b.npz", skeleton=skeleton(4), fps=30, layout="ntu25", confidence=np.full((4, 2, 25), 0.5))
    corpus = Corpus.of(read(listing := folder(tmp_path)), listing.spec)
    assert corpus.arrays["confidence"][:, 0, 0].tolist() == [1.0] * 3 + [0.5] * 4


def test_acteme_toml_and_options(tmp_path):
    np.save(tmp_path / "a.npy", skeleton(3))
    (tmp_path / "annotations.csv").write_text("file,label\na.npy,walk\n")
    toml = 'layout = "ntu25"\nfps = 50\nclasses = ["wave", "walk"]\nmultilabel = true\n'
    (tmp_path / "acteme.toml").write_text(toml)
    spec = folder(tmp_path).spec
    assert (spec.layout, spec.fps, spec.classes, spec.multilabel) == ("ntu25", 50.0, ("wave", "walk"), True)
    spec = folder(tmp_path, layout="body25", fps=10.0, classes=("walk",)).spec
    assert (spec.layout, spec.fps, spec.classes) == ("body25", 10.0, ("walk",))


def test_labels_of_two_levels(tmp_path):
    np.save(tmp_path / "a.npy", skeleton(3))
    np.save(tmp_path / "b.npy", skeleton(3))
    (tmp_path / "annotations.csv").write_text("file,label,fps\na.npy,wave,30\nb.npy,kick,30\n")
    toml = tmp_path / "acteme.toml"
    toml.write_text('layout = "ntu25"\n[groups]\nwave = "arm"\nkick = "leg"\nclap = "arm"\n')
    spec = folder(tmp_path).spec
    assert spec.classes == ("kick", "wave") and spec.groups == ("leg", "arm")
    toml.write_text('layout = "ntu25"\n[groups]\nwave = "arm"\n')
    with pytest.raises(InputError, match="groups does not name the group of 'kick'; name that of every class"):
        folder(tmp_path)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("layuot = 'ntu25'", "unknown key 'layuot'; use layout"),
        ("layout = 3", "layout is 3; give a name"),
        ("fps = '30'", "fps is '30'; give a number"),
        ("fps = true", "fps is True"),
        ("fps = -1", "fps is -1"),
        ("classes = 'walk'", "classes is 'walk'; give a list of names"),
        ("classes = ['a', 'a']", "classes name one class twice"),
        ("multilabel = 1", "multilabel is 1; give true or false"),
        ("groups = ['a']", "groups is ['a']; give a table of classes and their groups"),
        ("[groups]\na = 1", "groups is {'a': 1}; give a table"),
        ("layout = 'dog'", "dog"),
        ("layout = ", "is no readable TOML"),
    ],
)
def test_mistakes_in_acteme_toml(tmp_path, toml, message):
    (write_folder(tmp_path, "file\na.npz\n", a=skeleton(3)) / "acteme.toml").write_text(toml)
    with pytest.raises(InputError) as caught:
        folder(tmp_path)
    assert message in str(caught.value)


def test_segments_and_the_end_of_the_recording(tmp_path):
    """A third of a second at 30 fps is 10 frames; a frame more is rounding, two are a mistake."""
    table = "file,start,end,label\na.npz,0,0.36,x\nb.npz,0.1,0.41,x\nc.npz,0.34,0.35,x\n"
    x = skeleton(10)
    listing = folder(write_folder(tmp_path, table, a=x, b=x, c=x))
    assert listing.items[0].read().segments[0].end == pytest.approx(1 / 3)
    for item, line in ((listing.items[1], 3), (listing.items[2], 4)):
        with pytest.raises(InputError) as caught:
            item.read()
        assert f"annotations.csv line {line}" in str(caught.value)
        assert "ends after the recording, which lasts 0.333 s; correct it, or the frame rate (30)" in str(caught.value)


def test_problems_are_collected_and_the_rest_is_listed(tmp_path):
    table = "file,label\na.npz,walk\nz.npz,walk\nb.npz,walk\nc.npz,walk\nd.npy,walk\ne.mp4,walk\n"
    write_folder(tmp_path, table, a=skeleton(3), b=skeleton(3, joints=17))
    np.savez(tmp_path / "c.npz", skeleton=skeleton(3, joints=17), fps=30, layout="coco17")
    np.save(tmp_path / "d.npy", skeleton(3, joints=20))
    (tmp_path / "e.mp4").touch()
    listing = folder(tmp_path)
    assert [item.name for item in listing.items] == ["a"]
    said = [str(problem) for problem in listing.problems]
    assert "line 3: file 'z.npz' does not exist" in said[0]
    assert "b.npz: has 17 joints where layout 'ntu25' has 25" in said[1]
    assert "line 5 (c.npz): layout is coco17 where a.npz has ntu25; make all files agree" in said[2]
    assert "line 6 (d.npy): does not say its frames per second; add ?fps=30" in said[3]
    assert "cannot read a '.mp4' file; convert it to one of .npy, .npz" in said[4]


def test_labels_that_are_no_class(tmp_path):
    table = "file,label\na.npz,wlak\nb.npz,walk\n"
    listing = folder(write_folder(tmp_path, table, a=skeleton(3), b=skeleton(3)), classes=("walk",))
    assert "line 2: unknown label 'wlak'; did you mean 'walk'?" in str(listing.problems[0])
    assert [item.name for item in listing.items] == ["b"]


def test_nothing_good_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"line 2: file .z\.npz. does not exist"):
        folder(write_folder(tmp_path, "file\nz.npz\n"))


def test_names_stay_unique(tmp_path):
    write_folder(tmp_path, "file\nwalk.npz\nwalk.npy\nb.npz\n", walk=skeleton(3), b=skeleton(3))
    np.save(tmp_path / "walk.npy", skeleton(3))
    listing = folder(tmp_path, layout="ntu25", fps=30.0)
    assert [item.name for item in listing.items] == ["walk.npz", "walk.npy", "b"]


def test_files_that_the_table_does_not_name_are_noted(tmp_path):
    listing = folder(write_folder(tmp_path, "file\na.npz\n", a=skeleton(3), other=skeleton(3)))
    assert listing.notes == ["1 files are not in annotations.csv: other.npz"]


def test_the_cache_watches_the_table_the_settings_and_the_files(tmp_path):
    listing = folder(write_folder(tmp_path, "file\na.npz\n", a=skeleton(3)))
    assert {f.name for f in listing.files} == {"annotations.csv", "acteme.toml", "a.npz"}


def test_one_file_alone(tmp_path):
    (tmp_path / "walk.csv").write_text(wide(skeleton(6, 1, 17)[:, 0], NAMES))
    listing = single(tmp_path / "walk.csv", fps=15.0)
    (r,) = read(listing)
    assert (r.name, r.label, r.fps, r.split, r.frames) == ("walk", "", 15.0, "", 6)
    assert listing.spec == Spec("coco17", 17, 1, 3, (), 15.0)
    with pytest.raises(InputError, match="does not say its frames per second"):
        single(tmp_path / "walk.csv")
