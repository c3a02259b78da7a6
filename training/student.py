"""Distil the teacher into the small model that ships.

    python student.py --data DATA --teacher RUN/teacher.pt --out RUN --seconds 540

Three kinds of windows, so that simple stories never run out:
    real      from the corpus; loss to the text and to the teacher's distribution
    teacher   written by the teacher from many beginnings, in the simple sources' manner
    student   written by the student itself, judged by the teacher (on-policy distillation; Agarwal
              et al., 2024, arXiv:2306.13649), so that it learns to recover from its own slips
RUN receives student.pt and student.json.
"""

import argparse
import json
import random
import time
from pathlib import Path

import torch
from torch import Tensor

from corpus import SHARES
from losses import HeldOut, distillation, next_logits
from model import GPT2, Shape
from optimizer import build_optimizers, set_rates
from sample import write
from teacher import load, save
from windows import ANY, Corpus

# In whose manner the teacher writes.
WRITTEN = {
    "tinystories": 0.42, "fables": 0.16, "storybooks": 0.12, "tales_simple": 0.16, "juvenile_simple": 0.14,
}  # fmt: skip
# Weights of the loss to the text, of KL(teacher, student) and of KL(student, teacher).
REAL, TEACHER, STUDENT = (0.3, 0.7, 0.0), (0.0, 1.0, 0.0), (0.0, 0.5, 0.5)
# What --smoke changes: a tiny model and run, for any machine.
SMOKE = {
    "seconds": 30, "write_seconds": 4, "length": 64, "early": (4, 4, 0), "late": (3, 3, 2), "rows": 8,
    "refresh": 10, "layers": 2, "width": 64, "windows": 2,
}  # fmt: skip


class Pool:
    """Written windows, (rows, length) as int16, with the tag to judge each by."""

    def __init__(self):
        self.ids, self.tags = None, None

    def replace(self, ids: Tensor, tags: Tensor) -> None:
        self.ids, self.tags = ids.short(), tags

    def add(self, ids: Tensor, tags: Tensor) -> None:
        if self.ids is not None:
            ids, tags = torch.cat([self.ids, ids.short()]), torch.cat([self.tags, tags])
        self.replace(ids, tags)

    def draw(self, count: int) -> tuple[Tensor, Tensor]:
        """ids (count, length) and tags (count,)."""
        rows = torch.randint(len(self.ids), (count,), device=self.ids.device)
        return self.ids[rows].long(), self.tags[rows]


def write_by_teacher(teacher: GPT2, corpus: Corpus, rows: int) -> tuple[Tensor, Tensor]:
    """Windows (rows, length) in the simple sources' manner, and their tags."""
    tags = corpus.sources(rows, WRITTEN)
    prompts, lengths = corpus.prompts(tags)
    prompts = torch.cat([teacher.shape.n_out + tags[:, None], prompts], 1)
    ids = write(teacher, prompts, lengths + 1, corpus.length + 1, min_p=0.04, never=corpus.unknown)
    return ids[:, 1:], tags


def write_by_student(student: GPT2, corpus: Corpus, rows: int) -> tuple[Tensor, Tensor]:
    """Windows (rows, length) of the student's own; the teacher is told no source."""
    prompts, lengths = corpus.prompts(corpus.sources(rows, SHARES))
    warmth = random.uniform(0.6, 1.0)
    ids = write(student, prompts, lengths, corpus.length, temperature=warmth, never=corpus.unknown)
    return ids, torch.full((rows,), ANY, device=ids.device)


def assemble(corpus: Corpus, counts: tuple[int, int, int], pools: tuple[Pool, Pool]) -> tuple[Tensor, ...]:
    """One batch: inputs and targets (batch, length), tags (batch,), loss weights (batch, 3)."""
    sources = corpus.sources(counts[0], SHARES)
    inputs, targets = corpus.draw(sources)
    parts = [(inputs, targets, sources)]
    for count, pool in zip(counts[1:], pools):
        if count:
            ids, tags = pool.draw(count)
            parts.append((ids, torch.full_like(ids, -100), tags))
    weights = torch.tensor([REAL, TEACHER, STUDENT]).repeat_interleave(torch.tensor(counts), 0)
    return *(torch.cat(part) for part in zip(*parts)), weights.to(corpus.device, non_blocking=True)


def build(args: argparse.Namespace, n_out: int) -> GPT2:
    """The student's network."""
    sizes = {"n_layer": args.layers, "n_head": args.width // 64, "n_embd": args.width}
    return GPT2(Shape(n_out, n_out, **sizes, n_positions=args.length))


def train(args: argparse.Namespace) -> None:
    """Let the teacher write for a while, then train until the time is up."""
    began = time.monotonic()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    cuda = args.device == "cuda"
    corpus = Corpus(args.data, args.device, args.length)
    heldout = HeldOut(args.data, corpus.known, args.length, args.device, args.windows)
    teacher = load(args.teacher, args.device).requires_grad_(False)
    if cuda:
        teacher = teacher.bfloat16()
    print("teacher, source not told:", heldout.losses(teacher), flush=True)
    stories, own = Pool(), Pool()
    while stories.ids is None or time.monotonic() - began < args.write_seconds:
        stories.add(*write_by_teacher(teacher, corpus, args.rows))
    torch.save((stories.ids.cpu(), stories.tags.cpu()), args.out / "stories.pt")
    written = f"the teacher wrote {stories.ids.numel() / 1e6:.1f} M tokens"
    print(f"{time.monotonic() - began:.0f} s: {written}", flush=True)

    student = build(args, corpus.unknown + 1).to(args.device)
    optimizers = build_optimizers(student, args.matrix_lr, args.other_lr, args.decay)
    print(f"{sum(p.numel() for p in student.parameters()) / 1e6:.1f} M parameters", flush=True)
    teacher.eval()

    def loss_of(inputs, targets, judged, weights):
        return distillation(next_logits(student, inputs, None), judged, targets, weights)

    judge = next_logits
    if cuda:
        loss_of, judge = torch.compile(loss_of), torch.compile(next_logits)
    log, step, next_check, start = [], 0, 0.1, time.monotonic()
    limit = args.seconds - (start - began)
    while (progress := (time.monotonic() - start) / limit) < 1:
        set_rates(optimizers, step, progress)
        counts = args.early if progress < 0.4 else args.late
        if progress >= 0.4 and (own.ids is None or step % args.refresh == 0):
            own.replace(*write_by_student(student, corpus, args.rows))
        inputs, targets, tags, weights = assemble(corpus, counts, (stories, own))
        with torch.no_grad():
            judged = judge(teacher, inputs, tags)
        loss = loss_of(inputs, targets, judged, weights)
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        step += 1
        if step % 20 == 0:
            loss.item()  # waits for the device, so that the clock is honest
        if progress >= next_check:
            next_check = progress + 0.1
            checked = {"progress": round(progress, 3), "step": step, "train": loss.item()}
            log.append(checked | heldout.losses(student))
            print(round(time.monotonic() - began), log[-1], flush=True)
            save(student, args.out / "student.pt")
    save(student, args.out / "student.pt")
    report = {"steps": step, "tokens": step * sum(args.late) * args.length, "written": stories.ids.numel()}
    report |= {"heldout": heldout.losses(student), "log": log}
    (args.out / "student.json").write_text(json.dumps(report, indent=1) + "\n")
    print(f"{time.monotonic() - began:.0f} s: {step} steps,", report["heldout"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="what corpus.py wrote")
    parser.add_argument("--teacher", type=Path, required=True, help="what teacher.py wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=540, help="the run's length, writing included")
    parser.add_argument("--write-seconds", type=float, default=80, help="the teacher's time for writing")
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--early", type=int, nargs=3, default=(48, 48, 0), help="real, teacher's, student's")
    parser.add_argument("--late", type=int, nargs=3, default=(40, 32, 24), help="after two fifths")
    parser.add_argument("--rows", type=int, default=2048, help="windows written at a time")
    parser.add_argument("--refresh", type=int, default=200, help="steps between the student's writings")
    parser.add_argument("--windows", type=int, default=64, help="held-out windows a source, at most")
    parser.add_argument("--matrix-lr", type=float, default=0.02)
    parser.add_argument("--other-lr", type=float, default=3e-3)
    parser.add_argument("--decay", type=float, default=0.01, help="weight decay of the matrices")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--smoke", action="store_true", help="a tiny model, to try the code")
    if parser.parse_known_args()[0].smoke:
        parser.set_defaults(**SMOKE)
    train(parser.parse_args())
