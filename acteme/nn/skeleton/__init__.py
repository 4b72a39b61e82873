"""Encoders of skeleton clips: ST-GCN, 2s-AGCN, CTR-GCN and ST-GCN++, chosen by name and alike in use.

`Backbone(name).build(layout, persons, channels)` gives an `Encoder`: positions (B, T, M, V, C), with a mask where clips
are padded at their ends, become `Latents` (a token per 4 frames, the mean of all). The graph comes from the layout,
whichever it is.

Parity with the official modules (2s-AGCN's and CTR-GCN's own, PYSKL's of ST-GCN and ST-GCN++; random weights carried
over by `OFFICIAL[name]`, equal inputs of 3 clips, 32 frames, 2 persons, 60 classes; largest absolute differences of
logits in training, float64 and float32): ST-GCN 1e-15 and 4e-7 of 2, 2s-AGCN 6e-15 and 2e-6 of 9, CTR-GCN 2e-14 and
4e-6 of 10, ST-GCN++ 4e-15 and 1e-6 of 3; gradients 1e-8 of the largest of each tensor (float64). Parameters are as many
as official but for 2s-AGCN's three biases per channel, of which only the sum acts (2,816 fewer).

Differences from the official codes: ST-GCN's partition counts true distances to the center (official weights bring
their own links); padding has no part in anything; absent persons can be left out (`skip_absent`). PYSKL's CTR-GCN
multiplies by the transposed graph and is not the one here.
"""

from acteme.nn.skeleton.backbone import OFFICIAL, Backbone
from acteme.nn.skeleton.encoder import Encoder, Seen

__all__ = ["OFFICIAL", "Backbone", "Encoder", "Seen"]
