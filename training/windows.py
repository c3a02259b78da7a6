"""Training windows and prompts, drawn on the device where the model lives."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from corpus import SHARES

NEWLINE = 198  # in GPT-2's encoding; two of them part paragraphs
STORY_END = 50256
NAMES = list(SHARES)
ANY = len(NAMES)  # tag for "source not told"
TAGS = ANY + 1


class Table:
    """Positions in the corpus by source; draws one for each source index without leaving the GPU."""

    def __init__(self, by_source: list[np.ndarray], device: str):
        counts = np.array([len(positions) for positions in by_source])
        self.positions = torch.from_numpy(np.concatenate(by_source)).to(device)
        self.counts = torch.from_numpy(counts).to(device)
        self.offsets = torch.from_numpy(np.cumsum(counts) - counts).to(device)

    def draw(self, sources: Tensor) -> Tensor:
        """sources (count,) -> one position each, (count,)."""
        inside = (torch.rand(sources.shape, device=sources.device) * self.counts[sources]).long()
        return self.positions[self.offsets[sources] + inside]


class Corpus:
    """All training tokens, as compact ids, in one array on the device.

    A window starts at a story's start, or at the <|endoftext|> before it, more often than not where
    stories are short; otherwise at a paragraph's start.
    """

    def __init__(self, folder: Path, device: str, length: int):
        self.device, self.length = device, length
        self.known = np.load(folder / "known.npy")
        self.unknown = len(self.known)
        self.end = int(np.searchsorted(self.known, STORY_END))
        self.load(folder)
        openings = np.load(folder / "openings.npz")
        self.openings = torch.from_numpy(openings["ids"].astype(np.int64)).to(device)
        self.opening_lengths = torch.from_numpy(openings["lengths"]).to(device)

    def load(self, folder: Path) -> None:
        """Lay the sources one after the other, each with a run-over that windows may read."""
        newline = int(np.searchsorted(self.known, NEWLINE))
        end = np.array([self.end], np.int16)
        parts, stories, paragraphs, shares, offset = [end], [], [], [], 1
        with np.load(folder / "train.npz") as arrays:
            for name in NAMES:
                stream = arrays[name].astype(np.int16)  # fits: compact ids stay below 2**15
                ends = np.flatnonzero(stream == self.end)
                stories.append(np.append(0, ends[:-1] + 1) + offset)
                breaks = (stream[:-2] == newline) & (stream[1:-1] == newline)
                paragraphs.append(np.flatnonzero(breaks) + 2 + offset)
                shares.append(min(0.6, 1.5 * self.length * len(ends) / len(stream)))
                parts += [stream, np.resize(stream, self.length + 1), end]
                offset = sum(map(len, parts[-3:])) + offset
        self.tokens = torch.from_numpy(np.concatenate(parts)).to(self.device)
        self.stories, self.paragraphs = Table(stories, self.device), Table(paragraphs, self.device)
        self.story_share = torch.tensor(shares, device=self.device)

    def chance(self, share: float | Tensor, count: int) -> Tensor:
        """Booleans (count,), each true with probability `share`."""
        return torch.rand(count, device=self.device) < share

    def sources(self, count: int, shares: dict[str, float]) -> Tensor:
        """Indices of sources, (count,), drawn by share."""
        weights = torch.tensor([shares.get(name, 0.0) for name in NAMES])
        return torch.multinomial(weights, count, replacement=True).to(self.device, non_blocking=True)

    def starts(self, sources: Tensor, story_share: Tensor | float, before: float) -> Tensor:
        """Where windows start, (count,); a share `before` of the stories at their <|endoftext|>."""
        count = len(sources)
        stories = self.stories.draw(sources) - self.chance(before, count).long()
        return torch.where(self.chance(story_share, count), stories, self.paragraphs.draw(sources))

    def draw(self, sources: Tensor, blank: float = 0.01) -> tuple[Tensor, Tensor]:
        """Inputs and targets, (count, length) each; a target to ignore is -100.

        A share `blank` of the inputs becomes the unknown token, so that the model learns to read on
        past words that it does not know.
        """
        reach = torch.arange(self.length + 1, device=self.device)
        starts = self.starts(sources, self.story_share[sources], before=0.5)
        window = self.tokens[starts[:, None] + reach].long()
        inputs, targets = window[:, :-1], window[:, 1:]
        targets = targets.masked_fill(targets == self.unknown, -100)
        return inputs.masked_fill(torch.rand(inputs.shape, device=self.device) < blank, self.unknown), targets

    def prompts(self, sources: Tensor) -> tuple[Tensor, Tensor]:
        """Beginnings to write stories from: ids (count, 17) and lengths (count,), all at least 1.

        Two in five are a bare <|endoftext|>, two in five a story's or paragraph's first 1-8 tokens,
        the rest from openings.txt; half of these after <|endoftext|>.
        """
        count, width = len(sources), self.openings.shape[1]
        kind = torch.rand(count, device=self.device)
        reach = torch.arange(width, device=self.device)
        ids = self.tokens[self.starts(sources, story_share=0.6, before=0)[:, None] + reach].long()
        lengths = torch.randint(1, 9, (count,), device=self.device)
        ready = torch.randint(len(self.openings), (count,), device=self.device)
        ids = torch.where((kind < 0.2)[:, None], self.openings[ready], ids)
        lengths = torch.where(kind < 0.2, self.opening_lengths[ready], lengths)
        lengths = torch.where(kind > 0.6, 0, lengths)
        after_end = self.chance(0.5, count) | (lengths == 0)
        end = torch.full((count, 1), self.end, device=self.device)
        ids = torch.where(after_end[:, None], torch.cat([end, ids], 1), torch.cat([ids, end], 1))
        return ids, lengths + after_end.long()
