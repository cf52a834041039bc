"""The models of an experiment in the copy for readers, ready to translate: base model, vocabulary, INK's adapters.

Of one domain the datastore, the combiner and the training text of INK + R-kNN may go along, which explaining reads.
Files have the names that they have in work/EXPERIMENT.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from ink.config import Config, adapted_domains, given_base_model, load_resolved
from ink.runtime.errors import InkError
from ink.runtime.project import project_path
from ink.systems.known_systems import system_named
from ink.systems.layout import Layout, Run

FOLDER = "models"
DEMO = "results/published/mini"
TRANSLATING, EXPLAINED = "ink", "ink_r_knn"


def copy_models(config: Config, folder: Path, explained: str | None = None) -> None:
    """Copy what translates with INK on every adapted domain, of the first seed; `explained` names a domain.

    InkError where the base model is a file of somebody else's, or where anything has not been made yet.
    """
    layout = Layout(config)
    if (given := given_base_model(config)) is not None:
        raise InkError(
            f"the base model is {given}, which the experiment did not train: publish without --models, and say "
            "where the model is from",
            code="results/unpublishable",
        )
    for path in _files(layout, explained):
        if not path.is_file():
            raise InkError(
                f"{path} does not exist; run the workflow to its end (snakemake --cores all)", code="results/incomplete"
            )
        target = folder / path.relative_to(layout.work)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)


def write_cards(config: Config, folder: Path, results: Path) -> None:
    """Write the card of each of INK's adapters below `folder` beside it, with the scores that are under `results`.

    InkError where these are another model's.
    """
    # the card of a copy needs torch for the adapter's fingerprint, what looks for the demo does not
    from ink.nmt.adapter import adapted_fingerprint, read_adapter
    from ink.results.run_measures import measures_of
    from ink.tools.model_card import Subject, model_card, write_card

    layout = Layout(config, str(folder))
    for domain in adapted_domains(dict(config)):
        run = Run(TRANSLATING, domain, config["seeds"][0])
        weights, metadata = read_adapter(Path(layout.adapter(*run)))
        measures = measures_of(results, config, run, adapted_fingerprint(metadata["base_model"], weights))
        write_card(Path(layout.card(*run)), model_card(Subject.of(layout, run, results), measures))


def demo(domain: str, system: str) -> Layout:
    """Return where the published `mini` has what a system, TRANSLATING or EXPLAINED, needs on a domain.

    InkError where nothing is published for the domain, naming those that there are.
    """
    published = project_path(DEMO)
    layout = Layout(load_resolved(published / "config.yaml"), str(published / FOLDER))
    seed = layout.config["seeds"][0]

    def is_there(name: str) -> bool:
        return all(Path(path).exists() for path in layout.system_files(system, name, seed).values())

    if not is_there(domain):
        found = [name for name in adapted_domains(dict(layout.config)) if is_there(name)]
        label = system_named(system).label
        remedy = f"take one of {', '.join(found)}" if found else "this copy of ink comes without models"
        raise InkError(f"--demo: no model of {label} is published for {domain!r}; {remedy}", code="config/unknown-name")
    return layout


def _files(layout: Layout, explained: str | None) -> Iterator[Path]:
    config = dict(layout.config)
    source, target = config["data"]["source_language"], config["data"]["target_language"]
    seed = config["seeds"][0]
    yield Path(layout.base_model)
    yield from (Path(layout.vocabulary) / name for name in ("bpecodes", f"dict.{source}.txt", f"dict.{target}.txt"))
    for domain in adapted_domains(config):
        yield Path(layout.adapter(TRANSLATING, domain, seed))
    if explained is not None:
        files = layout.system_files(EXPLAINED, explained, seed)
        for folder in (files["datastore"], str(Path(files["combiner"]).parent)):
            yield from (path for path in sorted(Path(folder).glob("[!.]*")) if path.name != "record.json")
        data = Path(layout.data(explained))
        yield from (data / name for name in ("prepared.json", "kept.npy", f"train.bpe.{target}"))
        yield from (Path(layout.corpus(explained)) / f"train.{language}" for language in (source, target))
