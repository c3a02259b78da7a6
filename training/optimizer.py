"""Muon for matrices, AdamW for the rest, and the learning-rate schedule.

Muon (Jordan et al., 2024, "Muon: an optimizer for hidden layers in neural networks"): momentum,
then the nearest orthogonal matrix by a Newton-Schulz iteration.
"""

import torch
from torch import Tensor, nn

from model import GPT2

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def orthogonalise(matrices: Tensor, steps: int = 5) -> Tensor:
    """Push all singular values towards 1: (n, rows, columns) -> the same, in bfloat16."""
    a, b, c = COEFFICIENTS
    x = matrices.bfloat16()
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised; decoupled weight decay.

    Matrices of one shape are stepped together. A fused query-key-value matrix counts as three.
    """

    def __init__(self, parameters: list[nn.Parameter], lr: float, momentum: float, weight_decay: float):
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for shape in {parameter.shape for parameter in group["params"]}:
                self.step_shape([p for p in group["params"] if p.shape == shape], group)

    def step_shape(self, parameters: list[nn.Parameter], group: dict) -> None:
        """Step the parameters of one shape (rows, columns)."""
        rows, columns = parameters[0].shape
        parts = 3 if rows == 3 * columns else 1
        state = self.state[parameters[0]]
        gradients = torch.stack([parameter.grad for parameter in parameters])
        if not state:
            state["momentum"] = torch.zeros_like(gradients)
        momentum = state["momentum"].lerp_(gradients, 1 - group["momentum"])
        update = gradients.lerp(momentum, group["momentum"])
        update = orthogonalise(update.view(-1, rows // parts, columns)).view(-1, rows, columns)
        scale = max(1.0, rows / parts / columns) ** 0.5
        for parameter, change in zip(parameters, update):
            parameter.mul_(1 - group["lr"] * group["weight_decay"])
            parameter.add_(change.to(parameter.dtype), alpha=-group["lr"] * scale)


def build_optimizers(model: GPT2, matrix_lr: float, other_lr: float, decay: float) -> list:
    """Muon and AdamW over a model's parameters, each group with its peak rate under "peak"."""
    fused = next(model.parameters()).is_cuda
    optimizers = [
        Muon(model.matrices(), lr=matrix_lr, momentum=0.95, weight_decay=decay),
        torch.optim.AdamW(model.others(), lr=other_lr, betas=(0.9, 0.95), weight_decay=0.0, fused=fused),
    ]
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers


def set_rates(optimizers: list, step: int, progress: float, warmup: int = 150, decay: float = 0.5) -> None:
    """Warm up over the first steps, hold, then fall linearly to zero over the last `decay` of the run."""
    factor = min(1.0, (step + 1) / warmup, max(0.0, 1 - progress) / decay)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * factor
