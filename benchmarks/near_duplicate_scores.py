"""How much of each system's BLEU comes from test lines that have a near-duplicate in the training text.

For each system and seed: BLEU of the lines with a near-duplicate and of those without, by the source side, as
`ink import-text` counts them; from the results folder and the domain's raw text.
"""

from __future__ import annotations

from pathlib import Path

import click

from ink.config import load_resolved
from ink.corpus.near_duplicates import near_duplicates
from ink.metrics.bleu import Bleu
from ink.metrics.metric import Texts
from ink.results.contents import experiment_config
from ink.results.records.scores import read_hypotheses, read_references, read_scores
from ink.runtime.whole_files import read_lines
from ink.systems.layout import Layout


@click.command()
@click.argument("results", type=click.Path(path_type=Path))
@click.argument("domain")
def main(results: Path, domain: str) -> None:
    """Print a line a system and seed of RESULTS (results/software) on DOMAIN."""
    config = load_resolved(experiment_config(results))
    corpus = Path(Layout(config).corpus(domain))
    language = config["data"]["source_language"]
    test, train = (read_lines(corpus / f"{split}.{language}") for split in ("test", "train"))
    known = near_duplicates(test, train)
    references = read_references(results, domain)
    bleu = Bleu(config["evaluation"]["sacrebleu_tokeniser"])

    def score(hypotheses: list[str], wanted: bool) -> float:
        chosen = [number for number, found in enumerate(known) if found is wanted]
        return bleu.score(Texts([hypotheses[n] for n in chosen], [references[n] for n in chosen])).score

    print(f"| system, seed | {sum(known)} lines with a near-duplicate | {known.count(False)} without |\n|---|---|---|")
    for found in read_scores(results):
        if found.domain == domain:
            hypotheses = read_hypotheses(results, found.system, domain, found.seed)
            print(f"| {found.system}, {found.seed} | {score(hypotheses, True):.2f} | {score(hypotheses, False):.2f} |")


if __name__ == "__main__":
    main()
