"""How near test references are to training references, before any system is trained.

For each domain: the median over test references of the best chrF against any training reference. The maximum is exact:
every test reference is scored against every training reference, none is filtered out beforehand. chrF is sacrebleu's
sentence chrF2 (Popovic 2015; character order 6, beta 2, whitespace removed), the training reference as hypothesis.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from ink.runtime.whole_files import read_lines

_WORD = re.compile(r"\w+")
ORDER = 6
BETA = 2.0


class ChrfIndex:
    """Character n-grams of many hypotheses, inverted, so that one reference is scored against all of them at once.

    The j-th occurrence of an n-gram in a sentence is a feature of its own: clipped matches are plain intersections.
    """

    def __init__(self, hypotheses: Sequence[str]) -> None:
        self.characters: dict[str, int] = {}
        self.count = len(hypotheses)
        texts = [self._encode(text, grow=True) for text in hypotheses]
        self.totals = np.array([[max(0, len(text) - n) for n in range(ORDER)] for text in texts], dtype=np.int64)
        self.features: list[np.ndarray] = []
        self.postings: list[np.ndarray] = []
        self.starts: list[np.ndarray] = []
        for n in range(1, ORDER + 1):
            grams = [self._grams(text, n) for text in texts]
            owners = np.repeat(np.arange(self.count, dtype=np.int32), [len(each) for each in grams])
            features = np.concatenate(grams) if grams else np.empty(0, dtype=np.int64)
            order = np.argsort(features, kind="stable")
            unique, starts = np.unique(features[order], return_index=True)
            self.features.append(unique)
            self.postings.append(owners[order])
            self.starts.append(np.append(starts, len(features)))

    def _encode(self, text: str, *, grow: bool) -> np.ndarray:
        characters = "".join(text.split())
        if grow:
            for character in characters:
                self.characters.setdefault(character, len(self.characters) + 1)
        # An unknown character gets a code of its own, which matches nothing.
        return np.array([self.characters.get(character, 0) for character in characters], dtype=np.int64)

    @staticmethod
    def _grams(text: np.ndarray, n: int) -> np.ndarray:
        """Codes (n-gram, occurrence) of a sentence, shape (length - n + 1,); 9 bits for each of them."""
        if len(text) < n:
            return np.empty(0, dtype=np.int64)
        if int(text.max()) >= 1 << 9:
            raise ValueError("more than 511 different characters: widen the code of a character")
        codes = np.zeros(len(text) - n + 1, dtype=np.int64)
        for offset in range(n):
            codes = (codes << 9) | text[offset : len(text) - n + 1 + offset]
        codes.sort()
        first = np.searchsorted(codes, codes, side="left")
        occurrence = np.arange(len(codes)) - first
        return (codes << 9) | np.minimum(occurrence, 511)

    def scores(self, reference: str) -> np.ndarray:
        """chrF of every hypothesis against `reference`, shape (hypotheses,), 0 to 100."""
        text = self._encode(reference, grow=False)
        precision = np.zeros(self.count)
        recall = np.zeros(self.count)
        orders = np.zeros(self.count)
        for n in range(1, ORDER + 1):
            total = len(text) - n + 1
            if total <= 0:
                continue
            grams = self._grams(text, n)
            features = self.features[n - 1]
            places = np.searchsorted(features, grams)
            inside = places < len(features)
            places, grams = places[inside], grams[inside]
            places = places[features[places] == grams]
            starts = self.starts[n - 1]
            slices = [self.postings[n - 1][starts[place] : starts[place + 1]] for place in places]
            matches = np.bincount(np.concatenate(slices), minlength=self.count) if slices else np.zeros(self.count)
            hypothesis = self.totals[:, n - 1]
            present = hypothesis > 0
            precision += np.where(present, matches / np.maximum(hypothesis, 1), 0.0)
            recall += np.where(present, matches / total, 0.0)
            orders += present
        precision /= np.maximum(orders, 1)
        recall /= np.maximum(orders, 1)
        denominator = BETA**2 * precision + recall
        return np.where(
            denominator > 0, 100 * (1 + BETA**2) * precision * recall / np.maximum(denominator, 1e-300), 0.0
        )


def best_scores(references: Sequence[str], index: ChrfIndex) -> list[float]:
    """The best chrF of any indexed training reference for each test reference."""
    return [float(index.scores(reference).max()) for reference in references]


def overlap(training: Sequence[str], test: Sequence[str], sample: int | None, seed: int) -> tuple[float, int]:
    """Median best chrF and the number of test references it stands on; `sample` of them, drawn with `seed`, or all."""
    chosen = list(test)
    if sample is not None and sample < len(chosen):
        chosen = random.Random(seed).sample(chosen, sample)
    return float(np.median(best_scores(chosen, ChrfIndex(training)))), len(chosen)


def tail(training: Sequence[str], test: Sequence[str]) -> list[float]:
    """Share of the test words that occur 0 times, once and 2 to 5 times in training."""
    counts = Counter(word for text in training for word in _WORD.findall(text))
    seen = [counts[word] for text in test for word in _WORD.findall(text)]
    return [sum(low <= count <= high for count in seen) / len(seen) for low, high in ((0, 0), (1, 1), (2, 5))]


@click.command(help=__doc__)
@click.option("--config", type=click.Path(path_type=Path), default=Path("config/config.yaml"), show_default=True)
@click.option("--seed", type=int, default=None, help="Generator seed instead of the config's.")
@click.option("--domain", "domains", multiple=True, help="Only these domains (repeatable).")
@click.option("--real", type=click.Path(path_type=Path), help="Folder with koran.{train,test}.{de,en}.")
@click.option(
    "--sample", type=int, default=300, show_default=True, help="Test references of the real text, seeded draw."
)
def main(config: Path, seed: int | None, domains: tuple[str, ...], real: Path | None, sample: int) -> None:
    """Print one line a domain."""
    from ink.config import load
    from ink.synthetic import generate

    settings = load(config)["data"]["synthetic"]
    sizes = {name: size for name, size in settings["sentences"].items() if not domains or name in domains}
    corpus = generate(sizes, settings["seed"] if seed is None else seed)
    click.echo(
        f"{'text':14}{'train':>7}{'test':>6}{'median best chrF':>18}   German test words seen 0, 1, 2-5 times in train"
    )
    for name, splits in corpus.items():
        _report(name, splits["train"], splits["test"], None)
    if real is not None:
        train, test = (
            list(zip(read_lines(real / f"koran.{split}.de"), read_lines(real / f"koran.{split}.en"), strict=True))
            for split in ("train", "test")
        )
        _report("koran (real)", train, test, sample)


def _report(name: str, train: Sequence[tuple[str, str]], test: Sequence[tuple[str, str]], sample: int | None) -> None:
    value, used = overlap([english for _, english in train], [english for _, english in test], sample, 0)
    shares = "".join(f"{share:8.1%}" for share in tail([german for german, _ in train], [german for german, _ in test]))
    click.echo(f"{name:14}{len(train):7}{used:6}{value:18.1f}   {shares}")


if __name__ == "__main__":
    main()
