"""Train the teacher: a GPT-2 of 100 million parameters, much larger than the model that ships.

    python teacher.py --data DATA --out RUN --seconds 470

It reads a tag, the source, before each window (control codes; Keskar et al., 2019,
arXiv:1909.05858), one time in four "not told". So it can write in the simplest sources' manner from
any beginning. RUN receives teacher.pt and teacher.json.
"""

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path

import torch

from losses import HeldOut, cross_entropy, next_logits
from model import GPT2, Shape
from optimizer import build_optimizers, set_rates
from windows import ANY, TAGS, Corpus

# The run moves from BROAD, near the corpus's own proportions, towards stories.
BROAD = {
    "tinystories": 0.03, "fables": 0.02, "storybooks": 0.035, "tales_simple": 0.065,
    "juvenile_simple": 0.12, "tales": 0.12, "juvenile": 0.23, "plain_prose": 0.38,
}  # fmt: skip
STORIES = {
    "tinystories": 0.09, "fables": 0.05, "storybooks": 0.08, "tales_simple": 0.15,
    "juvenile_simple": 0.18, "tales": 0.15, "juvenile": 0.16, "plain_prose": 0.14,
}  # fmt: skip
# What --smoke changes: a tiny model and run, for any machine.
SMOKE = {"seconds": 20, "length": 64, "batch": 8, "layers": 2, "width": 64, "windows": 2}
SIMPLE = ("tinystories", "fables", "storybooks", "tales_simple")


def blend(progress: float) -> dict[str, float]:
    """Shares of the sources at a point of the run: BROAD for half of it, then towards STORIES."""
    weight = min(1.0, max(0.0, (progress - 0.5) / 0.3))
    return {name: (1 - weight) * BROAD[name] + weight * STORIES[name] for name in STORIES}


def build(args: argparse.Namespace, n_out: int) -> GPT2:
    """The teacher's network; its last rows are the tags."""
    sizes = {"n_layer": args.layers, "n_head": args.width // 64, "n_embd": args.width}
    return GPT2(Shape(n_out + TAGS, n_out, **sizes, n_positions=args.length + 8, dropout=args.dropout))


def save(model: GPT2, path: Path) -> None:
    """Write shape and float16 weights."""
    weights = {name: tensor.half() for name, tensor in model.state_dict().items()}
    torch.save({"shape": asdict(model.shape), "weights": weights}, path)


def load(path: Path, device: str) -> GPT2:
    """Read what `save` wrote; weights in float32."""
    stored = torch.load(path, map_location=device)
    model = GPT2(Shape(**stored["shape"])).to(device)
    model.load_state_dict(stored["weights"])
    return model


def train(args: argparse.Namespace) -> None:
    """Train until the time is up, then save; keeps the best by the simple sources' held-out loss."""
    began = time.monotonic()
    torch.manual_seed(args.seed)
    corpus = Corpus(args.data, args.device, args.length)
    heldout = HeldOut(args.data, corpus.known, args.length, args.device, args.windows)
    model = build(args, corpus.unknown + 1).to(args.device)
    optimizers = build_optimizers(model, args.matrix_lr, args.other_lr, args.decay)
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.1f} M parameters", flush=True)

    def loss_of(inputs, targets, tags):
        return cross_entropy(next_logits(model, inputs, tags), targets)

    if args.device == "cuda":
        loss_of = torch.compile(loss_of)
    best, log, step, next_check = {}, [], 0, 0.1
    args.out.mkdir(parents=True, exist_ok=True)
    while next_check <= 1:
        progress = min(1.0, (time.monotonic() - began) / args.seconds)
        set_rates(optimizers, step, progress)
        sources = corpus.sources(args.batch, blend(progress))
        inputs, targets = corpus.draw(sources, args.blank)
        tags = torch.where(corpus.chance(0.25, args.batch), ANY, sources)
        loss = loss_of(inputs, targets, tags)
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        step += 1
        if step % 20 == 0:
            loss.item()  # waits for the device, so that the clock is honest
        if progress >= next_check:
            next_check = 2 if progress == 1 else min(1, progress + (0.1 if progress < 0.7 else 0.05))
            checked = {"progress": round(progress, 3), "step": step, "train": loss.item()}
            checked |= heldout.losses(model)
            checked["simple"] = sum(checked[name] for name in SIMPLE)
            print(round(time.monotonic() - began), checked, flush=True)
            log.append(checked)
            if progress >= 0.5 and checked["simple"] < best.get("simple", float("inf")):
                best = checked
                save(model, args.out / "teacher.pt")
    report = {"tokens": step * args.batch * args.length, "saved": best, "log": log}
    (args.out / "teacher.json").write_text(json.dumps(report, indent=1) + "\n")
    print("saved", best)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="what corpus.py wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=470, help="the run's length, compilation included")
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--windows", type=int, default=64, help="held-out windows a source, at most")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--blank", type=float, default=0.03, help="share of inputs made unknown")
    parser.add_argument("--matrix-lr", type=float, default=0.02)
    parser.add_argument("--other-lr", type=float, default=2e-3)
    parser.add_argument("--decay", type=float, default=0.05, help="weight decay of the matrices")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--smoke", action="store_true", help="a tiny model, to try the code")
    if parser.parse_known_args()[0].smoke:
        parser.set_defaults(**SMOKE)
    train(parser.parse_args())
