"""The recurrent part of HaLP's encoder: forward GRUs side by side in every layer, as fast as the processor allows.

The official encoder feeds a bidirectional GRU one time step at a time and carries the hidden states along. Its
"backward" half therefore runs forward in time, too: every layer is two independent forward GRUs over the whole
sequence, whose outputs are concatenated for the next layer. `forward_pair` computes just that.

On a processor a step of a GRU is two matrix products and a dozen cheap operations on arrays that fit its cache.
`_Pair` runs both halves as one batch (large ones one by one), projects the inputs of all steps in one product, keeps
the gates in the projections' own memory, and defers all weight gradients to one product over the whole sequence;
automatic differentiation would add up a gradient of the recurrent weights at every step. On a GPU cuDNN's kernels are
used.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

APART = 512
"""From so many units on the halves run one after the other: the weights of both do not fit the cache together."""
KINDS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def layer_weights(gru: nn.GRU, layer: int, half: int) -> list[Tensor]:
    """Input and recurrent weights, input and recurrent biases of one half (0 or 1) of a layer."""
    return [getattr(gru, f"{kind}_l{layer}{'_reverse' * half}") for kind in KINDS]


def forward_pair(gru: nn.GRU, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t 2*h"]:
    """Outputs of the last layer when both halves of a bidirectional `gru` run forward in time."""
    h = x.transpose(0, 1).contiguous()
    # A compiler would unroll the loop over time, for minutes. (Asking it not to costs seconds, so only it is asked.)
    apply = torch.compiler.disable(_Pair.apply) if torch.compiler.is_compiling() else _Pair.apply
    kind = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
    for layer in range(gru.num_layers):
        halves = [layer_weights(gru, layer, half) for half in (0, 1)]
        if h.is_cuda:
            h = library_pair(h, halves)
        else:
            groups = [halves] if gru.hidden_size < APART else [[half] for half in halves]
            h = torch.cat([apply(h, *map(torch.stack, zip(*g, strict=True)), kind) for g in groups], -1)
    return h.transpose(0, 1)


def library_pair(x: Float[Tensor, "t b d"], halves: list[list[Tensor]]) -> Float[Tensor, "t b 2*h"]:
    """One layer by the library's own GRU, which is cuDNN's on a GPU."""
    state = x.new_zeros(1, x.shape[1], halves[0][1].shape[1])
    # torch.gru(input, state, weights, has_biases, layers, dropout, train, bidirectional, batch_first). Without dropout
    # `train` only says whether cuDNN keeps what gradients need; fine-tuning needs them in evaluation mode, too.
    keep = torch.is_grad_enabled()
    return torch.cat([torch.gru(x, state, w, True, 1, 0.0, keep, False, False)[0] for w in halves], -1)


class _Pair(torch.autograd.Function):
    """One layer: x (T, B, D), w_i (G, 3H, D), w_h (G, 3H, H), b_i and b_h (G, 3H) -> (T, B, G H), G halves (1 or 2).

    Gates are ordered reset r, update z, new n (as torch orders them):
        a = W_hn h + b_hn,  n = tanh(W_in x + b_in + r a),  h <- n + z (h - n).

    Products are of type `kind`; under autocast that is bfloat16, while gates, states and sums stay in float32.
    """

    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.float32)
    def forward(ctx: Any, x: Tensor, w_i: Tensor, w_h: Tensor, b_i: Tensor, b_h: Tensor, kind: torch.dtype) -> Tensor:
        (t, b, d), (g, _, n_h) = x.shape, w_h.shape
        keep = any(ctx.needs_input_grad)
        low_x, low_i, low_h = x.view(t * b, d).to(kind), w_i.view(-1, d).to(kind), w_h.to(kind)
        gates = (low_x @ low_i.T).to(x.dtype).view(t, b, g, 3, n_h).transpose(1, 2)
        out = x.new_empty(t, b, g * n_h)
        states = out.view(t, b, g, n_h).transpose(1, 2)
        recurrent = x.new_empty(g, b, 3, n_h)
        flat, (r, z, n) = recurrent.view(g, b, 3 * n_h), recurrent.unbind(2)
        both = (b_i + b_h).view(g, 1, 3, n_h)[:, :, :2]
        b_in, b_hn = b_i.view(g, 1, 3, n_h)[:, :, 2], b_h.view(g, 1, 3, n_h)[:, :, 2]
        inner = x.new_empty(t, g, b, n_h) if keep else None
        h, transposed = x.new_zeros(g, b, n_h), low_h.transpose(1, 2)
        for step in range(t):
            if kind == x.dtype:
                torch.bmm(h, transposed, out=flat)
            else:
                flat.copy_(torch.bmm(h.to(kind), transposed))
            recurrent[:, :, :2].add_(both).add_(gates[step, :, :, :2]).sigmoid_()
            n.add_(b_hn)
            if inner is not None:
                inner[step] = n
            # tanh(u) = 2 sigmoid(2 u) - 1: the vectorized sigmoid is several times as fast as the tanh.
            n.mul_(r).add_(b_in).add_(gates[step, :, :, 2]).mul_(2).sigmoid_().mul_(2).sub_(1)
            if inner is not None:
                gates[step] = recurrent
            h = torch.lerp(n, h, z)
            states[step] = h
        if inner is not None:
            ctx.save_for_backward(low_x, low_i, low_h, gates, inner, out)
        return out

    @staticmethod
    @once_differentiable
    @torch.amp.custom_bwd(device_type="cpu")
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        x, w_i, w_h, gates, inner, out = ctx.saved_tensors
        (t, g, b, n_h), kind = inner.shape, x.dtype
        grad = grad.reshape(t, b, g, n_h).transpose(1, 2)
        states = out.view(t, b, g, n_h).transpose(1, 2)
        here = out.new_empty(g, b, 3, n_h)
        flat, (d_r, d_z, d_a) = here.view(g, b, 3 * n_h), here.unbind(2)
        start, d_h = out.new_zeros(g, b, n_h), grad[-1].contiguous()
        # From here on gradients overwrite the gates (and a) of the steps that are done with.
        for step in range(t - 1, -1, -1):
            r, z, n = gates[step].unbind(2)
            a = inner[step]
            d_n = torch.addcmul(d_h, d_h, z, value=-1)
            torch.sub(states[step - 1] if step else start, n, out=d_z).mul_(z).mul_(d_n)
            d_n.addcmul_(d_n * n, n, value=-1)
            torch.mul(d_n, r, out=d_a)
            torch.mul(d_a, a, out=d_r).addcmul_(d_r, r, value=-1)
            if step:
                d_h = torch.addcmul(grad[step - 1], d_h, z)
                d_h = d_h.baddbmm_(flat, w_h) if kind == d_h.dtype else d_h.add_(torch.bmm(flat.to(kind), w_h))
            gates[step, :, :, :2] = here[:, :, :2]
            n.copy_(d_n)
            a.copy_(d_a)
        exact = gates.transpose(1, 2).reshape(t * b, g, 3 * n_h)
        d_bi = exact.sum(0)
        d_bh = d_bi.clone()
        d_bh[:, 2 * n_h :] = inner.sum((0, 2))
        d_gates, before = exact.to(kind), out[:-1].view(-1, g, n_h).to(kind)
        d_x = (d_gates.view(t * b, -1) @ w_i).to(out.dtype).view(t, b, -1) if ctx.needs_input_grad[0] else None
        d_wi = (d_gates.view(t * b, -1).T @ x).to(out.dtype).view(g, 3 * n_h, -1)
        d_wh = out.new_empty(g, 3 * n_h, n_h)
        for half in range(g):
            d_wh[half, : 2 * n_h] = d_gates[b:, half, : 2 * n_h].T @ before[:, half]
            d_wh[half, 2 * n_h :] = inner[1:, half].reshape(-1, n_h).to(kind).T @ before[:, half]
        return d_x, d_wi, d_wh, d_bi, d_bh, None
