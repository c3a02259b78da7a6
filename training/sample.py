"""Write text with a model: many rows at once, with cached keys and values."""

from contextlib import nullcontext

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from model import GPT2, Cache


def draw(logits: Tensor, temperature: float, min_p: float, top_p: float) -> Tensor:
    """One token a row from logits (rows, n_out); temperature 0 takes the best.

    Tokens less likely than `min_p` times the best are left out (min-p sampling, Nguyen et al.,
    2024, arXiv:2407.01082), then those outside the smallest set with probability `top_p`.
    """
    if temperature == 0:
        return logits.argmax(-1)
    probabilities = (logits / temperature).softmax(-1)
    if min_p:
        probabilities = probabilities.where(probabilities >= min_p * probabilities.amax(-1, True), 0)
    if top_p < 1:
        ordered, order = probabilities.sort(-1, descending=True)
        ordered[ordered.cumsum(-1) - ordered > top_p] = 0
        probabilities = torch.zeros_like(ordered).scatter(-1, order, ordered)
    # The largest of p / e with e exponential is a draw by p.
    return (probabilities / torch.empty_like(probabilities).exponential_()).argmax(-1)


@torch.no_grad()
def write(
    model: GPT2,
    prompts: Tensor,
    lengths: Tensor,
    total: int,
    temperature: float = 1.0,
    min_p: float = 0.0,
    top_p: float = 1.0,
    penalty: float = 0.0,
    never: int | None = None,
) -> Tensor:
    """Continue `prompts` (rows, width) of `lengths` (rows,) to (rows, total) tokens.

    `penalty` lowers a token's logit for each time that the row has been given it (the completions
    API's frequency_penalty). `never` names a token that is not to be written (the unknown
    one). Stories that end are followed by the next: nothing stops at <|endoftext|>.
    """
    device = prompts.device.type
    half = torch.bfloat16 if device == "cuda" else torch.float32
    model.eval()
    rows = torch.zeros(len(prompts), total, dtype=torch.long, device=prompts.device)
    rows[:, 0] = prompts[:, 0]
    counts = torch.zeros(len(prompts), model.shape.n_out, device=prompts.device) if penalty else None
    cache = Cache(model.shape, len(prompts), total, str(prompts.device), half)
    # Other kernels would be planned anew for each of the lengths.
    kernel = sdpa_kernel(SDPBackend.FLASH_ATTENTION) if device == "cuda" else nullcontext()
    with kernel, torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
        for position in range(total - 1):
            logits = model(rows[:, position : position + 1], cache)[:, 0].float()
            if never is not None:
                logits[:, never] = -torch.inf
            if penalty:
                logits -= penalty * counts
            token = draw(logits, temperature, min_p, top_p)
            if position + 1 < prompts.shape[1]:
                token = torch.where(position + 1 < lengths, prompts[:, position + 1], token)
            if penalty:
                counts.scatter_add_(1, token[:, None], (position + 1 >= lengths)[:, None].float())
            rows[:, position + 1] = token
    model.train()
    return rows
