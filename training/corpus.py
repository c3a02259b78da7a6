"""Prepare the corpus: text files -> token arrays, split into training and held-out documents.

    python corpus.py --corpus CORPUS --ranks r50k_base.tiktoken --out DATA

DATA receives
    train.npz      one uint16 array a source: documents, each followed by <|endoftext|>, as compact ids
    heldout.npz    one uint16 array a source: the same for the held-out documents, as GPT-2 ids
    openings.npz   ids (n, 16) and lengths (n): the prompts of openings.txt as compact ids
    known.npy      (n_known,) the GPT-2 ids that the model learns, ascending; compact id = index here
    stats.json     documents and tokens by source

With --fixture FILE, a small held-out text of the sources that may be shipped is written there.

The last compact id, n_known, stands for every other token ("unknown"): the model may read it, and
never has to write it.
"""

import argparse
import json
import lzma
from functools import cache
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import tiktoken
from tiktoken.load import load_tiktoken_bpe

END = "<|endoftext|>"
SPLIT = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
OPENING_TOKENS = 16

# Source -> (file stem, share of the story mix, one document held out in so many).
SOURCES = {
    "tinystories": ("tinystories_subset", 0.15, 40),
    "fables": ("synthetic_fables_permissive", 0.09, 40),
    "storybooks": ("storybooks_ccby", 0.11, 40),
    "tales_simple": ("pd_tales_simple", 0.17, 100),
    "juvenile_simple": ("pd_juvenile_simple", 0.16, 100),
    "tales": ("pd_tales", 0.14, 100),
    "juvenile": ("pd_juvenile", 0.11, 100),
    "plain_prose": ("pd_plain_prose", 0.07, 100),
}
SHARES = {name: share for name, (_, share, _) in SOURCES.items()}
ONE_LINE_PARAGRAPHS = {"tinystories", "fables"}  # a single newline ends a paragraph there
# Characters a source in the fixture, and the longest document there.
FIXTURE = {"tinystories": 16_000, "fables": 14_000, "tales_simple": 24_000, "juvenile_simple": 30_000}
FIXTURE_DOCUMENT = 14_000


def read_documents(path: Path, one_line_paragraphs: bool) -> list[str]:
    """Read one packed source: documents between lines of <|endoftext|>, empty ones dropped."""
    text = lzma.decompress(path.read_bytes()).decode("utf-8")
    documents = [document.strip() for document in text.split(f"\n{END}\n")]
    documents = [document.removesuffix(END).strip() for document in documents]
    if one_line_paragraphs:
        documents = ["\n\n".join(filter(None, map(str.strip, d.split("\n")))) for d in documents]
    return [document for document in documents if document]


@cache
def load_encoding(ranks: Path) -> tiktoken.Encoding:
    """GPT-2's byte-pair encoding from a local file of ranks."""
    return tiktoken.Encoding(
        "gpt2",
        pat_str=SPLIT,
        mergeable_ranks=load_tiktoken_bpe(str(ranks)),
        special_tokens={END: 50256},
    )


def encode(job: tuple[Path, list[str]]) -> list[np.ndarray]:
    """Encode documents, each closed by 50256; runs in a worker process."""
    ranks, documents = job
    encoding = load_encoding(ranks)
    return [np.array(encoding.encode_ordinary(d) + [50256], np.uint16) for d in documents]


def encode_all(ranks: Path, documents: list[str], pool: Pool) -> list[np.ndarray]:
    """Encode documents in parallel, in order."""
    jobs = [(ranks, documents[i : i + 100]) for i in range(0, len(documents), 100)]
    return [array for part in pool.imap(encode, jobs) for array in part]


def choose_known(train: dict[str, np.ndarray], size: int) -> np.ndarray:
    """The `size` GPT-2 ids that the story mix uses most, ascending; (size,) uint16."""
    usage = np.zeros(50257)
    for name, tokens in train.items():
        usage += SHARES[name] * np.bincount(tokens, minlength=50257) / len(tokens)
    usage[50256] = np.inf
    print(f"rarest known token: {np.sort(usage)[-size] * 1e6:.2f} per million")
    return np.sort(np.argsort(-usage, kind="stable")[:size]).astype(np.uint16)


def to_compact(known: np.ndarray) -> np.ndarray:
    """Lookup table (50257,) from GPT-2 id to compact id; unknown ids map to len(known)."""
    table = np.full(50257, len(known), np.uint16)
    table[known] = np.arange(len(known), dtype=np.uint16)
    return table


def encode_openings(path: Path, ranks: Path, table: np.ndarray) -> dict[str, np.ndarray]:
    """The prompts of a text file, one a line, as padded compact ids."""
    encoding = load_encoding(ranks)
    rows = [encoding.encode_ordinary(line)[:OPENING_TOKENS] for line in path.read_text().splitlines() if line]
    ids = np.zeros((len(rows), OPENING_TOKENS), np.uint16)
    for row, tokens in zip(ids, rows):
        row[: len(tokens)] = table[tokens]
    return {"ids": ids, "lengths": np.array([len(row) for row in rows], np.int64)}


def write_fixture(path: Path, heldout: dict[str, list[str]]) -> None:
    """A small held-out sample from the sources that may be shipped as text."""
    chosen = []
    for name, budget in FIXTURE.items():
        for document in heldout[name]:
            if len(document) <= min(budget, FIXTURE_DOCUMENT):
                budget -= len(document)
                chosen.append(document)
    path.write_text(f"\n{END}\n".join(chosen) + "\n", encoding="utf-8")


def prepare(args: argparse.Namespace) -> None:
    """Read, split, encode and write everything."""
    args.out.mkdir(parents=True, exist_ok=True)
    train, heldout, heldout_text, stats = {}, {}, {}, {}
    with Pool(args.processes) as pool:
        for name, (stem, _, one_in) in SOURCES.items():
            documents = read_documents(args.corpus / f"{stem}.txt.xz", name in ONE_LINE_PARAGRAPHS)
            documents = documents[: args.limit]
            arrays = encode_all(args.ranks, documents, pool)
            held = [i % one_in == one_in // 2 for i in range(len(documents))]
            train[name] = np.concatenate([a for a, h in zip(arrays, held) if not h])
            heldout[name] = np.concatenate([a for a, h in zip(arrays, held) if h])
            heldout_text[name] = [d for d, h in zip(documents, held) if h]
            counts = {"documents": len(documents) - sum(held), "tokens": len(train[name])}
            stats[name] = counts | {"heldout_documents": sum(held), "heldout_tokens": len(heldout[name])}
            print(name, stats[name], flush=True)
    known = choose_known(train, args.known)
    table = to_compact(known)
    compact = {name: table[tokens] for name, tokens in train.items()}
    for name, tokens in compact.items():
        stats[name]["unknown_share"] = round(float((tokens == len(known)).mean()), 5)
    np.savez(args.out / "train.npz", **compact)
    np.savez(args.out / "heldout.npz", **heldout)
    openings = Path(__file__).with_name("openings.txt")
    np.savez(args.out / "openings.npz", **encode_openings(openings, args.ranks, table))
    np.save(args.out / "known.npy", known)
    (args.out / "stats.json").write_text(json.dumps(stats, indent=2) + "\n")
    if args.fixture:
        write_fixture(args.fixture, heldout_text)
    print(json.dumps(stats, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--corpus", type=Path, required=True, help="folder with the *.txt.xz files")
    parser.add_argument("--ranks", type=Path, required=True, help="r50k_base.tiktoken")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--known", type=int, default=16_383, help="tokens that the model learns")
    parser.add_argument("--processes", type=int, default=None, help="worker processes, all cores if left out")
    parser.add_argument("--limit", type=int, default=None, help="documents a source, for a trial")
    parser.add_argument("--fixture", type=Path, help="write a small held-out text here")
    prepare(parser.parse_args())
