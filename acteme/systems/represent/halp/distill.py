"""Cross-modal mutual distillation: each modality learns which queue entries the others find similar.

Source: Mao et al., CMD: Self-supervised 3D action representation learning with cross-modal mutual distillation (ECCV
2022), on which HaLP's multi-modal version builds.
"""

from collections.abc import Mapping

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def distillation(
    student: Float[Tensor, "b k"],
    teacher: Float[Tensor, "b k"],
    top: int = 8192,
    student_temperature: float = 0.1,
    teacher_temperature: float = 0.05,
) -> Float[Tensor, ""]:
    """KL divergence from the teacher's to the student's distribution over the queue, mean over the batch.

    Both are softmax distributions over the `top` entries of largest teacher similarity only.

    Args:
        student: cosines of one modality's queries to its own queue.
        teacher: cosines of another modality's keys to its own queue; column i of both queues is the same clip. No
            gradient flows here.
        top: entries compared; at most k.
        student_temperature: of the student's softmax.
        teacher_temperature: of the teacher's softmax, sharper.
    """
    value, index = teacher.detach().topk(top, -1)
    log_p = F.log_softmax(student.gather(-1, index) / student_temperature, -1)
    return F.kl_div(log_p, F.log_softmax(value / teacher_temperature, -1), reduction="batchmean", log_target=True)


def mutual_distillation(
    queries: Mapping[str, Float[Tensor, "b d"]],
    keys: Mapping[str, Float[Tensor, "b d"]],
    queues: Mapping[str, Float[Tensor, "k d"]],
    top: int,
    student_temperature: float,
    teacher_temperature: float,
) -> Float[Tensor, ""]:
    """Sum of `distillation` over all ordered pairs of modalities; 0 for a single one."""
    zero = next(iter(queries.values())).new_zeros(())
    if len(queries) == 1:
        return zero
    students = {m: q @ queues[m].T for m, q in queries.items()}
    teachers = {m: k.detach() @ queues[m].T for m, k in keys.items()}
    pairs = [(a, b) for b in teachers for a in students if a != b]
    return sum(
        (distillation(students[a], teachers[b], top, student_temperature, teacher_temperature) for a, b in pairs), zero
    )
