"""One model as fairseq's and as FSMT: on how many lines both translate alike, and how far keys and probabilities lie.

ink convert model.pt fsmt
python benchmarks/backend_parity.py model.pt fsmt --source test.de --target test.en --plain

Both are given the numbers that fairseq's text makes of a line. Lines that FSMT's own tokeniser reads otherwise are
counted apart. A line that is translated otherwise is printed with both scores: as equal to rounding, or as better in
one search; and it is said whether the other search had it among its hypotheses.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from torch import Tensor

    from ink.config.languages import LanguagePair
    from ink.config.sections.base_system import BeamSearch
    from ink.corpus.model_text import ModelText
    from ink.nmt.beam_search import Translation
    from ink.nmt.translation_model import TranslationModel

ROUNDING = 1e-4  # scores nearer than this are equal
KEYS = ("decoder_output", "ffn_input")


@dataclass(frozen=True)
class Backends:
    """The same weights twice, with the text of either."""

    fairseq: TranslationModel
    fsmt: TranslationModel
    fairseq_text: ModelText
    fsmt_text: ModelText

    def sources(self, lines: Sequence[str]) -> tuple[list[Tensor], int]:
        """Return the numbers of fairseq's tokens of each line, and how many lines FSMT's tokeniser reads alike."""
        ways = ((self.fairseq, self.fairseq_text), (self.fsmt, self.fsmt_text))
        ours, theirs = (
            [model.source_vocabulary.encode(text.encode_source(line).split()) for line in lines] for model, text in ways
        )
        return ours, sum(one.tolist() == other.tolist() for one, other in zip(ours, theirs, strict=True))


def translations(
    model: TranslationModel, sources: Sequence[Tensor], decoding: BeamSearch, batch: int
) -> list[Sequence[Translation]]:
    """Return the hypotheses of each source, best first; sources of similar length are translated together."""
    search = model.beam_search(decoding)
    by_length = sorted(range(len(sources)), key=lambda number: -len(sources[number]))
    found: dict[int, Sequence[Translation]] = {}
    for start in range(0, len(by_length), batch):
        chosen = by_length[start : start + batch]
        given = model.source_batch([sources[number] for number in chosen])
        for place, hypotheses in zip(given.sentences.tolist(), search(given), strict=True):
            found[chosen[place]] = hypotheses
    return [found[number] for number in range(len(sources))]


def reason(ours: Sequence[Translation], theirs: Sequence[Translation]) -> str:
    """Say why the best of fairseq's hypotheses is not that of FSMT's."""
    one, other = ours[0], theirs[0]
    gap = float(one.score) - float(other.score)
    if abs(gap) < ROUNDING:
        return "scores equal to rounding"
    better, worse, name = (one, theirs, "fairseq") if gap > 0 else (other, ours, "FSMT")
    known = any(better.tokens.tolist() == hypothesis.tokens.tolist() for hypothesis in worse)
    return f"{name}'s search found a better one" + (", which the other ranked lower" if known else "")


def decoded(both: Backends, sources: Sequence[Tensor], decoding: BeamSearch, batch: int) -> Iterator[str]:
    """Yield what there is to say of translating the sources with either."""
    ours, theirs = (translations(model, sources, decoding, batch) for model in (both.fairseq, both.fsmt))
    pairs = list(zip(ours, theirs, strict=True))
    alike = [(one[0], other[0]) for one, other in pairs if one[0].tokens.tolist() == other[0].tokens.tolist()]
    gaps = [float((one.token_log_probs - other.token_log_probs).abs().max()) for one, other in alike]
    yield (
        f"beam {decoding.beam}: equal on {len(alike)} of {len(pairs)} lines; their tokens' log-probabilities differ by "
        f"{max(gaps, default=0.0):.2g} at most"
    )
    reasons: Counter[str] = Counter()
    for number, (one, other) in enumerate(pairs, start=1):
        if one[0].tokens.tolist() != other[0].tokens.tolist():
            reasons[why := reason(one, other)] += 1
            yield f"  line {number}: {why}"
            for name, model, found in (("fairseq", both.fairseq, one[0]), ("FSMT", both.fsmt, other[0])):
                yield f"    {name} {float(found.score):.5f} {model.target_vocabulary.text(found.tokens)}"
    for why, count in reasons.most_common():
        yield f"  {count} of them: {why}"


def forced(both: Backends, pairs: Sequence[tuple[Tensor, Tensor]], key: str) -> str:
    """Return how far keys and log-probabilities lie apart with the references as input."""
    import torch

    apart, largest, probabilities, positions = 0.0, 0.0, 0.0, 0
    with torch.no_grad():
        for source, target in pairs:
            one, other = (model.teacher_forced(model.pair(source, target), key) for model in (both.fairseq, both.fsmt))
            apart = max(apart, float((one.keys - other.keys).abs().max()))
            largest = max(largest, float(one.keys.abs().max()))
            probabilities = max(probabilities, float((one.log_probs() - other.log_probs()).abs().max()))
            positions += len(target)
    return (
        f"{key}: keys of {positions} positions differ by {apart:.2g} at most (the largest is {largest:.2g}), "
        f"log-probabilities by {probabilities:.2g}"
    )


def load(
    checkpoint: Path, vocabulary: Path, fsmt: Path, languages: LanguagePair, text: dict[str, Any], folder: Path
) -> Backends:
    """Load both; text: settings of fairseq's; folder: for the vocabulary of the FSMT."""
    from ink.config.sections.parallel_text import Tokenisation
    from ink.nmt.fairseq.fairseq_model import FairseqBackend
    from ink.nmt.huggingface.huggingface_model import HuggingFaceBackend
    from ink.nmt.huggingface.tokenisers import Languages
    from ink.nmt.huggingface.vocabulary_folder import make_vocabulary
    from ink.nmt.text_loading import load_text

    make_vocabulary(fsmt, languages, Languages(), folder)
    split_unknown = text.pop("split_unknown")
    settings = Tokenisation(
        source_tokeniser_language=languages.source, target_tokeniser_language=languages.target, **text
    )
    return Backends(
        FairseqBackend().load(checkpoint, vocabulary, languages),
        HuggingFaceBackend().load(fsmt, folder, languages),
        load_text(vocabulary, settings, languages, split_unknown=split_unknown),
        load_text(folder, settings, languages),
    )


@click.command(help=__doc__)
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.argument("fsmt", type=click.Path(path_type=Path))
@click.option("--vocabulary", type=click.Path(path_type=Path), help="Default: the checkpoint's folder.")
@click.option("--source", type=click.Path(path_type=Path), required=True, help="Raw lines.")
@click.option("--target", type=click.Path(path_type=Path), required=True, help="Their translations.")
@click.option("--source-language", default="de", show_default=True)
@click.option("--target-language", default="en", show_default=True)
@click.option("--lines", default=300, show_default=True)
@click.option("--pairs", default=100, show_default=True, help="Of the lines, for keys and log-probabilities.")
@click.option("--beam", "beams", default="1,4", show_default=True)
@click.option("--batch", default=32, show_default=True)
@click.option("--escaped/--plain", "escape", default=True, show_default=True, help="Whether text has & as &amp;.")
@click.option("--split-unknown", is_flag=True, help="fairseq's text as with text.split_unknown_subwords.")
@click.option("--threads", default=1, show_default=True)
def main(
    checkpoint: Path,
    fsmt: Path,
    vocabulary: Path | None,
    source: Path,
    target: Path,
    source_language: str,
    target_language: str,
    lines: int,
    pairs: int,
    beams: str,
    batch: int,
    escape: bool,
    split_unknown: bool,
    threads: int,
) -> None:
    """Compare, and print what was found."""
    # as `ink --threads` does, before numerical libraries are imported
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    from ink.cli.threads import use_machine
    from ink.config.languages import LanguagePair
    from ink.config.sections.base_system import BeamSearch
    from ink.runtime.errors import InkError
    from ink.runtime.whole_files import read_lines

    use_machine()
    try:
        with tempfile.TemporaryDirectory() as folder:
            languages = LanguagePair(source_language, target_language)
            text = {"escape": escape, "split_unknown": split_unknown}
            place = Path(folder) / "vocabulary"
            both = load(checkpoint, vocabulary or checkpoint.parent, fsmt, languages, text, place)
            given, references = read_lines(source)[:lines], read_lines(target)[:lines]
            sources, alike = both.sources(given)
            click.echo(f"source tokens: equal on {alike} of {len(given)} lines")
            targets = [
                both.fairseq.target_vocabulary.encode(both.fairseq_text.encode_target(line).split())
                for line in references[:pairs]
            ]
            for key in KEYS:
                click.echo(forced(both, list(zip(sources[:pairs], targets, strict=True)), key))
            for beam in map(int, beams.split(",")):
                for line in decoded(both, sources, BeamSearch(beam=beam), batch):
                    click.echo(line)
    except InkError as error:
        raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    main()
