"""Export the student as a Hugging Face checkpoint folder.

    python export.py --student RUN/student.pt --data DATA --out models/fable

Writes config.json and model.safetensors (float16). The compact embedding becomes GPT-2's full one:
every token that the model does not know gets the row of the unknown token, moved so that its logit
is lower, for every state, by `--hush`: what the model may read, it will not write.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from corpus import to_compact
from model import GPT2
from teacher import load

TRANSPOSED = ("attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")


def hush(model: GPT2, amount: float) -> None:
    """Lower the unknown token's logit by `amount`, whatever the state.

    A state is ln_f's weight * x + bias, and the entries of x add up to zero; so its product with
    1 / weight is always the sum of bias / weight.
    """
    weight, bias = model.ln_f.weight.data, model.ln_f.bias.data
    model.wte.weight.data[-1] -= amount / weight / (bias / weight).sum()


def checkpoint(model: GPT2, known: np.ndarray) -> dict[str, Tensor]:
    """Float16 tensors by Hugging Face name; linear weights stored (inputs, outputs) as GPT-2 has them."""
    tensors = {}
    for name, tensor in model.state_dict().items():
        if name == "wte.weight":
            tensor = tensor[torch.from_numpy(to_compact(known).astype(np.int64))]
        if name.endswith(TRANSPOSED):
            tensor = tensor.T
        tensors[name] = tensor.half().contiguous()
    return tensors


def config(model: GPT2) -> dict:
    """The folder's config.json."""
    shape = model.shape
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "activation_function": "gelu_new",
        "n_layer": shape.n_layer,
        "n_head": shape.n_head,
        "n_embd": shape.n_embd,
        "n_inner": None,
        "n_positions": shape.n_positions,
        "n_ctx": shape.n_positions,
        "vocab_size": 50257,
        "layer_norm_epsilon": 1e-05,
        "bos_token_id": 50256,
        "eos_token_id": 50256,
        "tie_word_embeddings": True,
        "torch_dtype": "float16",
    }


def export(args: argparse.Namespace) -> None:
    """Write the folder."""
    args.out.mkdir(parents=True, exist_ok=True)
    model = load(args.student, "cpu")
    hush(model, args.hush)
    tensors = checkpoint(model, np.load(args.data / "known.npy"))
    save_file(tensors, args.out / "model.safetensors", metadata={"format": "pt"})
    (args.out / "config.json").write_text(json.dumps(config(model), indent=2) + "\n")
    size = (args.out / "model.safetensors").stat().st_size
    print(f"{sum(t.numel() for t in tensors.values()) / 1e6:.2f} M parameters, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--student", type=Path, required=True, help="what student.py wrote")
    parser.add_argument("--data", type=Path, required=True, help="what corpus.py wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--hush", type=float, default=3.0)
    export(parser.parse_args())
