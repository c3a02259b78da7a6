"""Losses over compact logits, and the held-out loss by source during training."""

import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from corpus import to_compact
from model import GPT2
from windows import ANY

# How many of GPT-2's tokens share the last compact logit.
ALL_TOKENS = 50257


def log_probabilities(logits: Tensor) -> Tensor:
    """Log-softmax over compact logits (..., n_out), float32.

    The last logit is that of every unknown token, so it counts as many times as there are: the
    model learns to keep all of them improbable, and the same row may stand for each on export.
    """
    logits = logits.float()
    count = ALL_TOKENS - (logits.shape[-1] - 1)
    several = torch.arange(logits.shape[-1], device=logits.device) == logits.shape[-1] - 1
    return F.log_softmax(logits + several * math.log(count), dim=-1)


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean loss; logits (batch, positions, n_out), targets (batch, positions) with -100 ignored."""
    return F.nll_loss(log_probabilities(logits).flatten(0, 1), targets.flatten(), ignore_index=-100)


def distillation(student: Tensor, teacher: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Mean over positions of a weighted sum of three losses (Hinton et al., 2015; Agarwal et al., 2024).

    student, teacher: logits (batch, positions, n_out). weights (batch, 3): for each window that of
    the cross-entropy to the text, of KL(teacher, student) and of KL(student, teacher), the last two
    without the terms that do not depend on the student.
    """
    ours, theirs = log_probabilities(student), log_probabilities(teacher)
    kept = targets != -100
    text = -ours.gather(-1, targets.clamp(min=0)[..., None])[..., 0] * kept
    forward = -(theirs.exp() * ours).sum(-1)
    reverse = (ours.exp() * (ours - theirs)).sum(-1)
    text_weight, forward_weight, reverse_weight = weights[:, :, None].unbind(1)
    return (text_weight * text + forward_weight * forward + reverse_weight * reverse).mean()


class HeldOut:
    """Held-out windows by source, as compact ids: inputs and targets (windows, length)."""

    def __init__(self, folder: Path, known: np.ndarray, length: int, device: str, at_most: int):
        table = to_compact(known)
        self.windows = {}
        with np.load(folder / "heldout.npz") as arrays:
            for name in arrays:
                stream = table[np.append(50256, arrays[name])].astype(np.int64)
                count = min(at_most, (len(stream) - 1) // length)
                reach = np.arange(count)[:, None] * length + np.arange(length + 1)
                window = torch.from_numpy(stream[reach]).to(device)
                targets = window[:, 1:].masked_fill(window[:, 1:] == len(known), -100)
                self.windows[name] = window[:, :-1], targets

    @torch.no_grad()
    def losses(self, model: GPT2) -> dict[str, float]:
        """Held-out loss by source. A model with tags is told nothing of the source."""
        model.eval()
        result = {}
        for name, (inputs, targets) in self.windows.items():
            total = sum(
                cross_entropy(next_logits(model, i, None), t) * len(i)
                for i, t in zip(inputs.split(32), targets.split(32))
            )
            result[name] = round(float(total) / len(inputs), 4)
        model.train()
        return result


def next_logits(model: GPT2, inputs: Tensor, tags: Tensor | None) -> Tensor:
    """Logits (batch, positions, n_out) for inputs (batch, positions).

    A model with tags (its embedding has more rows than it has logits) reads the window's tag
    first; without `tags` that is the one for "source not told".
    """
    device = inputs.device.type
    with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
        if model.shape.n_vocab == model.shape.n_out:
            return model(inputs)
        if tags is None:
            tags = torch.full_like(inputs[:, 0], ANY)
        return model(torch.cat([model.shape.n_out + tags[:, None], inputs], 1))[:, 1:]
