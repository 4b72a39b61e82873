import torch

from acteme.nn.masked import norm


def test_weights_leave_padding_out_of_batch_and_running_statistics():
    torch.manual_seed(0)
    x = torch.randn(4, 3, 6, 2)
    keep = (torch.rand(4, 1, 6, 1) < 0.6).float()
    bn, plain = torch.nn.BatchNorm2d(3), torch.nn.BatchNorm2d(3)
    y = norm(bn, x, keep)
    kept = x.permute(1, 0, 2, 3)[:, keep.expand(-1, -1, -1, 2)[:, 0] > 0]  # channels x positions
    wanted = plain(kept.T[:, :, None, None])[..., 0, 0].T
    assert torch.allclose(y.permute(1, 0, 2, 3)[:, keep.expand(-1, -1, -1, 2)[:, 0] > 0], wanted, atol=1e-5)
    assert torch.allclose(bn.running_mean, plain.running_mean, atol=1e-6)
    assert torch.allclose(bn.running_var, plain.running_var, atol=1e-6)


def test_without_weights_or_in_evaluation_it_is_plain():
    x, bn = torch.randn(4, 3, 6, 2), torch.nn.BatchNorm2d(3).eval()
    assert torch.equal(norm(bn, x, torch.zeros(4, 1, 6, 1)), bn(x))
