"""What networks on skeleton clips do to their input before anything else."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from acteme.recordings.skeleton.layouts import Layout
from acteme.recordings.skeleton.normalize import Axes


def to_origin(x: Float[Tensor, "b t m v c"], joint: int) -> Float[Tensor, "b t m v c"]:
    """Positions relative to a joint of the first person in the first frame that has them (CTR-GCN, PSUMNet, GAP).

    One translation per clip, so that paths stay; persons who are not in a frame stay zero there, and a clip without
    the first person stays as it is. The same as `normalize_ctrgcn` for every clip.
    """
    there = (x != 0).flatten(3).any(-1)
    first = there[:, :, 0].to(torch.uint8).argmax(1)
    origin = x[torch.arange(len(x), device=x.device), first, 0, joint] * there[:, :, 0].any(1, keepdim=True)
    return torch.where(there[..., None, None], x - origin[:, None, None, None], 0)


def origin_joint(layout: Layout) -> int:
    """The joint that clips are put to the origin by: the middle of the spine of Kinect v2, else the layout's center."""
    return layout.index("spine_mid") if "spine_mid" in layout.joints else layout.center


class Stance(NamedTuple):
    """How PYSKL's pre-normalization places the clips of a batch; to be applied to the frames that are looked at."""

    order: Int[Tensor, "b t"]
    """The frames that have the first person, in order; then the others."""
    length: Int[Tensor, " b"]
    """How many have it; all, where a clip has nobody."""
    person: Int[Tensor, "b m"]
    """The person of most frames first."""
    origin: Float[Tensor, "b c"]
    """Becomes zero."""
    turn: Float[Tensor, "b c c"]
    """The matrix R, for y = R (x - origin)."""

    def frames(self, x: Float[Tensor, "b t m v c"], index: Int[Tensor, "b s"]) -> Float[Tensor, "b s m v c"]:
        """The frames of each clip that `index` names, counted among those that have the first person; not turned."""
        rows = torch.arange(len(x), device=x.device)[:, None]
        chosen = x[rows, self.order.gather(1, index)]
        if (self.person[:, 0] > 0).any():
            chosen = chosen.gather(2, self.person[:, None, :, None, None].expand_as(chosen))
        return chosen

    def placed(
        self, x: Float[Tensor, "b s m v c"], more: Float[Tensor, "b c c"] | None = None
    ) -> Float[Tensor, "b s m v c"]:
        """Frames with the origin taken off and turned, and by `more` after; joints that are missing stay zero."""
        turn = self.turn if more is None else more @ self.turn
        b, c = len(x), x.shape[-1]
        there = (x != 0).any(-1, keepdim=True)
        moved = torch.where(there, x - self.origin[:, None, None, None], 0)
        return torch.bmm(moved.reshape(b, -1, c), turn.mT).view(x.shape)


def as_it_stands(x: Float[Tensor, "b t m v c"], frames: Int[Tensor, " b"]) -> Stance:
    """The stance that changes nothing."""
    b, t, m, _, c = x.shape
    line = torch.arange(t, device=x.device).expand(b, -1)
    person = torch.arange(m, device=x.device).expand(b, -1)
    return Stance(line, frames, person, x.new_zeros(b, c), torch.eye(c, dtype=x.dtype, device=x.device).expand(b, c, c))


def upright(x: Float[Tensor, "b t m v 3"], frames: Int[Tensor, " b"], axes: Axes, official: bool = False) -> Stance:
    """PYSKL's pre-normalization of a batch, the same as `normalize_pyskl` for every clip (PYSKL, BRL).

    Args:
        x: positions in meters.
        frames: length of each clip.
        axes: the joints that give origin and directions.
        official: the official free rotation, and the last joint for origin where there are not 25.
    """
    plain = as_it_stands(x, frames)
    rows = torch.arange(len(x), device=x.device)
    there = (x.abs() > 1e-8).flatten(3).any(-1) & (plain.order < frames[:, None])[..., None]
    main = there.sum(1).argmax(1)
    kept = there[rows, :, main]
    somebody = kept.any(1)
    order = (~kept).to(torch.uint8).argsort(dim=1, stable=True)
    length = torch.where(somebody, kept.sum(1), frames)
    person = torch.where(plain.person == main[:, None], 0, plain.person)  # the main person and the first change places
    person[:, 0] = main
    pose = x[rows, order[:, 0], main]
    origin = pose[:, -1 if official and x.shape[3] != 25 else axes.center]
    pose = torch.where((pose != 0).any(-1, keepdim=True), pose - origin[:, None], 0).double()
    rise = _shortest_turn(pose[:, axes.top] - pose[:, axes.bottom], 2, official)
    across = torch.einsum("bij,bj->bi", rise, pose[:, axes.right] - pose[:, axes.left])
    if not official:
        across = across * across.new_tensor([1.0, 1.0, 0.0])
    turn = (_shortest_turn(across, 0, official) @ rise).to(x)
    return Stance(
        torch.where(somebody[:, None], order, plain.order),
        length,
        torch.where(somebody[:, None], person, plain.person),
        torch.where(somebody[:, None], origin, 0),
        torch.where(somebody[:, None, None], turn, plain.turn),
    )


def _shortest_turn(vector: Float[Tensor, "b 3"], axis: int, official: bool) -> Float[Tensor, "b 3 3"]:
    """Rotations of vectors onto the positive axis 0 or 2 by the shortest way; the identity for a tiny vector.

    R = cos I + sin [k] + (1 - cos) k kᵀ with the unit axis k (Rodrigues); a half turn, which the official code does not
    make, is about z onto x and about x onto z.
    """
    eye = torch.eye(3, dtype=vector.dtype, device=vector.device)
    cross = torch.linalg.cross(vector, eye[axis].expand_as(vector))
    length = vector.norm(dim=1, keepdim=True).clamp(min=1e-300)
    sine, cosine = cross.norm(dim=1, keepdim=True) / length, vector[:, axis, None] / length
    k = cross / cross.norm(dim=1, keepdim=True).clamp(min=1e-300)
    x, y, z = k.unbind(1)
    nil = torch.zeros_like(x)
    skew = torch.stack([nil, -z, y, z, nil, -x, -y, x, nil], 1).view(-1, 3, 3)
    turn = cosine[..., None] * eye + sine[..., None] * skew + (1 - cosine)[..., None] * k[:, :, None] * k[:, None]
    pole = eye[(axis + (2 if axis == 0 else 1)) % 3]
    half = 2 * torch.outer(pole, pole) - eye
    turn = torch.where((sine < 1e-9)[..., None], torch.where((cosine > 0)[..., None], eye, half), turn)
    small = vector.abs().sum(1) < 1e-6
    if official:
        small = small | (cross.abs().sum(1) < 1e-6)
    return torch.where(small[:, None, None], eye, turn)
