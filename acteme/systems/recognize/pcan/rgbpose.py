"""RGBPoseConv3D with feature interaction: a slow network of video frames and a fast one of heatmaps that exchange maps.

Four heatmaps stand beside every frame. Before the last two stages each stream hands its maps to the other, on two ways:
laterally, as further channels (Duan et al., CVPR 2022), and by attention between the streams' steps, which gates the
maps (PCAN, section on feature interaction).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from acteme.systems.recognize.pcan.resnet import Maps, Path

RATE = 4
"""Heatmaps per frame."""
HEADS = 8


class RGBPose(nn.Module):
    """Both networks, or one of them alone.

    Args:
        streams: "rgb", "pose" or both.
        joints: heatmaps per step.
        rgb: planes of the first stage of the network of frames (64).
        pose: planes of the first stage of the network of heatmaps (32).
    """

    def __init__(self, streams: tuple[str, ...], joints: int, rgb: int = 64, pose: int = 32):
        super().__init__()
        self.both = len(streams) == 2
        to_rgb = (0, 0, 4 * pose, 8 * pose) if self.both else (0,) * 4
        to_pose = (0, rgb // 2, rgb) if self.both else (0,) * 3
        late = (False, False, True, True)
        self.rgb = Path(3, rgb, (3, 4, 6, 3), late, (1, 2, 2, 2), 2, to_rgb) if "rgb" in streams else None
        self.pose = Path(joints, pose, (4, 6, 3), late[1:], (2, 2, 2), 1, to_pose) if "pose" in streams else None
        if self.both:
            self.to_rgb = nn.ModuleList(Slower(4 * pose << i) for i in range(2))
            self.to_pose = nn.ModuleList(Faster(8 * rgb << i) for i in range(2))
            self.interact = nn.ModuleList(Interaction(8 * rgb << i, 4 * pose << i, 4 * pose << i) for i in range(2))

    @property
    def widths(self) -> dict[str, int]:
        """Channels of each stream's maps."""
        paths = {"rgb": self.rgb, "pose": self.pose}
        return {name: path.width for name, path in paths.items() if path is not None}

    def forward(
        self, video: Float[Tensor, "n 3 t h w"] | None, heat: Float[Tensor, "n v s y x"] | None
    ) -> dict[str, Maps]:
        """Maps of each stream; of both together there are s = 4 t heatmaps, on a quarter of the frames' grid."""
        if not self.both:
            name, path, x = ("rgb", self.rgb, video) if self.rgb is not None else ("pose", self.pose, heat)
            assert path is not None and x is not None
            x = path.begin(x)
            for i in range(len(path.stages)):
                x = path.stage(i, x)
            return {name: x}
        assert self.rgb is not None and self.pose is not None and video is not None and heat is not None
        x, y = self.rgb.stage(0, self.rgb.begin(video)), self.pose.begin(heat)
        for i in range(2):
            x, y = self.rgb.stage(i + 1, x), self.pose.stage(i, y)
            gated, seen = self.interact[i](x, y)
            x, y = torch.cat([gated, self.to_rgb[i](y)], 1), torch.cat([seen, self.to_pose[i](x)], 1)
        return {"rgb": self.rgb.stage(3, x), "pose": self.pose.stage(2, y)}


class Slower(nn.Module):
    """Maps of heatmaps at the steps of the frames: a convolution over 7 steps, every fourth."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv3d(channels, channels, (7, 1, 1), (RATE, 1, 1), (3, 0, 0), bias=False)
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, y: Maps) -> Maps:
        out = F.conv2d(y.flatten(3), self.conv.weight.squeeze(4), None, (RATE, 1), (3, 0))
        return out.unflatten(3, y.shape[3:])


class Faster(nn.Module):
    """Maps of frames at the steps of the heatmaps, a 16th of the channels: the transposed convolution, norm, ReLU."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.ConvTranspose3d(channels, channels // 16, (7, 1, 1), (RATE, 1, 1), (3, 0, 0), bias=False)
        self.bn = nn.BatchNorm2d(channels // 16)

    def forward(self, x: Maps) -> Maps:
        out = F.conv_transpose2d(x.flatten(3), self.conv.weight.squeeze(4), None, (RATE, 1), (3, 0), (RATE - 1, 0))
        return F.relu(self.bn(out), inplace=True).unflatten(3, x.shape[3:])


class Interaction(nn.Module):
    """Steps of one stream attend to those of the other; what they gather gates the maps of their own stream.

        r = attend(max conv(rgb), max conv(pose)),  p = attend(max conv(pose), r),  out = map (1 + back(r or p))

    The maximum is over space, the gate the same for all places.

    Args:
        rgb: channels of the maps of frames.
        pose: channels of the maps of heatmaps.
        width: of the attention, a multiple of 8.
    """

    def __init__(self, rgb: int, pose: int, width: int):
        super().__init__()
        self.conv1 = nn.Conv3d(rgb, width, 1)
        self.conv2 = nn.Conv3d(pose, width, (RATE, 1, 1), (RATE, 1, 1))
        self.conv4 = nn.Conv3d(width, rgb, 1)
        for conv in (self.conv1, self.conv2, self.conv4):
            nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
        self.conv5 = nn.ConvTranspose3d(width, pose, (RATE, 1, 1), (RATE, 1, 1))
        self.rgb_cross_attn, self.skt_cross_attn = Attention(width), Attention(width)

    def forward(self, rgb: Maps, pose: Maps) -> tuple[Maps, Maps]:
        wide, narrow = self.conv1.weight.flatten(1), self.conv2.weight.squeeze(4)
        r = F.linear(rgb.flatten(3).permute(0, 2, 3, 1), wide, self.conv1.bias).amax(2)
        p = F.conv2d(pose.flatten(3), narrow, self.conv2.bias, (RATE, 1)).amax(3).mT
        r = self.rgb_cross_attn(r, p)
        p = self.skt_cross_attn(p, r)
        r = F.linear(r, self.conv4.weight.flatten(1), self.conv4.bias).mT
        p = torch.einsum("nth,hcs->ncts", p, self.conv5.weight[..., 0, 0]).flatten(2)
        p = p + self.conv5.bias[:, None]  # type: ignore[index]
        return rgb * (1 + r[..., None, None]), pose * (1 + p[..., None, None])


class Attention(nn.Module):
    """Multi-head attention of steps x to steps y, without the way around it; dropout of a tenth of the weights."""

    def __init__(self, width: int):
        super().__init__()
        self.q_proj, self.k_proj, self.v_proj, self.fc = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Float[Tensor, "n t h"], y: Float[Tensor, "n t h"]) -> Float[Tensor, "n t h"]:
        q, k, v = (
            z.unflatten(2, (HEADS, -1)).transpose(1, 2) for z in (self.q_proj(x), self.k_proj(y), self.v_proj(y))
        )
        out = F.scaled_dot_product_attention(q, k, v, dropout_p=0.1 if self.training else 0.0)
        return self.fc(out.transpose(1, 2).flatten(2))
