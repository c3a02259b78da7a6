"""GPT-2 (Radford et al., 2019) in PyTorch, with the parameter names of Hugging Face checkpoints."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass
class Shape:
    """Sizes of a model. `n_vocab` counts rows of the embedding, `n_out` those that get a logit."""

    n_vocab: int
    n_out: int
    n_layer: int = 8
    n_head: int = 4
    n_embd: int = 256
    n_positions: int = 512
    dropout: float = 0.0


class Cache:
    """Keys and values of the positions read so far: (layers, 2, batch, heads, positions, width)."""

    def __init__(self, shape: Shape, batch: int, length: int, device: str, dtype: torch.dtype):
        width = shape.n_embd // shape.n_head
        self.memory = torch.empty(
            shape.n_layer, 2, batch, shape.n_head, length, width, device=device, dtype=dtype
        )
        self.length = 0

    def extend(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Store one position's k, v (batch, heads, 1, width); return all so far."""
        self.memory[layer, 0, :, :, self.length] = k[:, :, 0]
        self.memory[layer, 1, :, :, self.length] = v[:, :, 0]
        return tuple(self.memory[layer, :, :, :, : self.length + 1])


class Attention(nn.Module):
    def __init__(self, shape: Shape, layer: int):
        super().__init__()
        self.n_head, self.layer = shape.n_head, layer
        self.c_attn = nn.Linear(shape.n_embd, 3 * shape.n_embd)
        self.c_proj = nn.Linear(shape.n_embd, shape.n_embd)

    def forward(self, x: Tensor, cache: Cache | None) -> Tensor:
        """(batch, positions, n_embd) -> the same."""
        batch, positions, width = x.shape
        q, k, v = (
            part.view(batch, positions, self.n_head, -1).transpose(1, 2)
            for part in self.c_attn(x).split(width, dim=2)
        )
        if cache is not None:
            k, v = cache.extend(self.layer, k, v)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=cache is None)
        return self.c_proj(y.transpose(1, 2).reshape(batch, positions, width))


class MLP(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.c_fc = nn.Linear(shape.n_embd, 4 * shape.n_embd)
        self.c_proj = nn.Linear(4 * shape.n_embd, shape.n_embd)

    def forward(self, x: Tensor) -> Tensor:
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self, shape: Shape, layer: int):
        super().__init__()
        self.ln_1 = nn.LayerNorm(shape.n_embd)
        self.attn = Attention(shape, layer)
        self.ln_2 = nn.LayerNorm(shape.n_embd)
        self.mlp = MLP(shape)
        self.dropout = nn.Dropout(shape.dropout)

    def forward(self, x: Tensor, cache: Cache | None) -> Tensor:
        x = x + self.dropout(self.attn(self.ln_1(x), cache))
        return x + self.dropout(self.mlp(self.ln_2(x)))


class GPT2(nn.Module):
    """A decoder with tied embeddings."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        self.wte = nn.Embedding(shape.n_vocab, shape.n_embd)
        self.wpe = nn.Embedding(shape.n_positions, shape.n_embd)
        self.h = nn.ModuleList(Block(shape, layer) for layer in range(shape.n_layer))
        self.ln_f = nn.LayerNorm(shape.n_embd)
        self.dropout = nn.Dropout(shape.dropout)
        self.initialise()

    def initialise(self) -> None:
        """GPT-2's: normal with 0.02, smaller where a layer adds to the residual stream."""
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif parameter.ndim == 2:
                residual = name.endswith("c_proj.weight")
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * len(self.h)) if residual else 0.02)

    def forward(self, ids: Tensor, cache: Cache | None = None) -> Tensor:
        """ids (batch, positions) -> logits (batch, positions, n_out).

        With a cache, `ids` holds one position, that after those in the cache.
        """
        start = 0 if cache is None else cache.length
        positions = torch.arange(start, start + ids.shape[1], device=ids.device)
        x = self.dropout(self.wte(ids) + self.wpe(positions))
        for block in self.h:
            x = block(x, cache)
        if cache is not None:
            cache.length += 1
        return F.linear(self.ln_f(x), self.wte.weight[: self.shape.n_out])

    def matrices(self) -> list[nn.Parameter]:
        """The blocks' weight matrices (Muon's share of the parameters)."""
        return [parameter for parameter in self.h.parameters() if parameter.ndim == 2]

    def others(self) -> list[nn.Parameter]:
        """Embeddings, biases and norms (AdamW's share)."""
        chosen = {id(parameter) for parameter in self.matrices()}
        return [parameter for parameter in self.parameters() if id(parameter) not in chosen]
