"""Measure a checkpoint folder: held-out loss by source, and samples.

    python evaluate.py --model models/fable --data DATA [--within OTHER ...]
    python evaluate.py --model models/fable --ranks r50k_base.tiktoken [--penalty 0.3]

The loss is that of plain GPT-2, over all 50,257 tokens. Tokens that the model does not know are read
but not counted. With --within, only runs of paragraphs whose tokens are all known to this model and
to the others count, so that models with different vocabularies compare.
"""

import argparse
import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from corpus import load_encoding
from export import TRANSPOSED
from model import GPT2, Shape
from sample import write

STORY_END, NEWLINE = 50256, 198
OPENINGS = (
    "Once upon a time", "The future of AI is", "The fox said", "Hello", "One day, a little robot",
    "My name is", "In a small village by the sea", "<|endoftext|>",
)  # fmt: skip


def load_folder(folder: Path, device: str) -> GPT2:
    """A GPT-2 from a Hugging Face checkpoint folder, in float32."""
    c = json.loads((folder / "config.json").read_text())
    vocabulary = c["vocab_size"]
    model = GPT2(Shape(vocabulary, vocabulary, c["n_layer"], c["n_head"], c["n_embd"], c["n_positions"]))
    tensors = {}
    for name, tensor in load_file(folder / "model.safetensors").items():
        name = name.removeprefix("transformer.")
        tensors[name] = (tensor.T if name.endswith(TRANSPOSED) else tensor).float()
    model.load_state_dict(tensors)
    return model.to(device).eval()


def known_to(folder: Path) -> np.ndarray:
    """Which tokens a model knows, (50257,) bool: those whose row is not the one that most rows share."""
    tensors = load_file(folder / "model.safetensors")
    rows = next(t for name, t in tensors.items() if name.endswith("wte.weight")).numpy()
    rows = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1])))[:, 0]
    _, which, counts = np.unique(rows, return_inverse=True, return_counts=True)
    return which != counts.argmax()


def known_runs(tokens: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Runs of paragraphs without unknown tokens: (tokens, whether each is counted).

    A run that begins inside a document gets an <|endoftext|> before it that is not counted.
    """
    ends = tokens == STORY_END
    ends[1:] |= (tokens[1:] == NEWLINE) & (tokens[:-1] == NEWLINE)
    paragraph = np.cumsum(ends) - ends
    kept = (np.bincount(paragraph, ~known[tokens]) == 0)[paragraph]
    before = np.append(True, kept[:-1])
    begins = np.flatnonzero(kept & ~before)
    tokens, counted = np.insert(tokens, begins, STORY_END), np.insert(kept, begins, False)
    kept = np.insert(kept, begins, True)
    return tokens[kept], counted[kept]


def windows(tokens: np.ndarray, counted: np.ndarray, length: int, at_most: int) -> tuple[Tensor, Tensor]:
    """Inputs and targets (windows, length) without overlap; the first reads <|endoftext|> first."""
    tokens = tokens.astype(np.int64)
    stream, targets = np.append(STORY_END, tokens), np.where(counted, tokens, -100)
    count = min(at_most, len(tokens) // length)
    shape = (count, length)
    return (torch.from_numpy(a[: count * length].reshape(shape)) for a in (stream, targets))


@torch.no_grad()
def loss_of(model: GPT2, inputs: Tensor, targets: Tensor, device: str) -> tuple[float, int]:
    """Mean loss and the number of tokens it is over."""
    total = 0.0
    for i, t in zip(inputs.split(8), targets.split(8)):
        logits = model(i.to(device)).flatten(0, 1).float()
        total += F.cross_entropy(logits, t.to(device).flatten(), ignore_index=-100, reduction="sum").item()
    count = int((targets != -100).sum())
    return total / count, count


def print_losses(model: GPT2, args: argparse.Namespace) -> None:
    """The table of held-out losses."""
    known = np.logical_and.reduce([known_to(folder) for folder in [args.model, *args.within]])
    print(f"{known.sum()} known tokens\nsource | loss | perplexity | tokens | counted")
    with np.load(args.data / "heldout.npz") as arrays:
        for name, tokens in arrays.items():
            kept, counted = known_runs(tokens, known) if args.within else (tokens, known[tokens])
            inputs, targets = windows(kept, counted, args.length, args.windows)
            loss, count = loss_of(model, inputs, targets, args.device)
            share = counted.sum() / len(tokens)
            print(f"{name} | {loss:.4f} | {math.exp(loss):.1f} | {count} | {share:.1%}", flush=True)


def print_samples(model: GPT2, args: argparse.Namespace) -> None:
    """Some stories at temperature 0.8 and top-p 0.95, and the greedy one, for each opening."""
    encoding = load_encoding(args.ranks)
    torch.manual_seed(args.seed)
    for opening in OPENINGS:
        ids = torch.tensor([encoding.encode(opening, allowed_special="all")], device=args.device)
        length = torch.tensor([ids.shape[1]], device=args.device)
        for temperature in [0.8] * args.samples + [0]:
            total = ids.shape[1] + args.tokens
            rows = write(model, ids, length, total, temperature, top_p=0.95, penalty=args.penalty)
            written = rows[0].tolist()
            end = written.index(STORY_END, 1) if STORY_END in written[1:] else len(written)
            print(f"\n=== temperature {temperature}\n{encoding.decode(written[: end + 1])}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="a checkpoint folder")
    parser.add_argument("--data", type=Path, help="what corpus.py wrote; given, losses are printed")
    parser.add_argument("--within", type=Path, nargs="*", default=[], help="other checkpoint folders")
    parser.add_argument("--windows", type=int, default=10_000, help="at most so many a source")
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--ranks", type=Path, help="r50k_base.tiktoken; given, samples are printed")
    parser.add_argument("--samples", type=int, default=2, help="sampled stories an opening")
    parser.add_argument("--tokens", type=int, default=250)
    parser.add_argument("--penalty", type=float, default=0.0, help="frequency penalty of the samples")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    arguments = parser.parse_args()
    network = load_folder(arguments.model, arguments.device)
    if arguments.data:
        print_losses(network, arguments)
    if arguments.ranks:
        print_samples(network, arguments)
