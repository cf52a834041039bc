"""Decoding speed of an experiment's systems relative to the off-the-shelf model's, and where the time goes.

python benchmarks/decoding.py --config results/EXPERIMENT/config.yaml --domain DOMAIN

Beam search alone is timed, in the process's wall and CPU seconds, after a pass to warm up. Every repeat takes the
systems in turn and a ratio compares two of one repeat, so that what else the machine does meets all of them.
"""

from __future__ import annotations

import functools
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import pandas as pd

    from ink.config.slices.result_slices import EvaluationSettings
    from ink.datastore.storage import Datastore
    from ink.nmt.generation import Translations
    from ink.systems.inference import AssembledSystem

BASE = "off_the_shelf"
REST = "rest of beam search"
SAMPLE = 200_000  # keys at once
SEARCH, LOOKED_UP, KEYS, COMBINER, MIXTURE = NEIGHBOURS = (
    "search in the index",
    "values and log-probabilities",
    "keys and distances",
    "combiner",
    "search strategy, and the rest of the mixture",
)


class Profile:
    """CPU seconds of the parts of a program, each without other parts that it calls; what belongs to none is REST."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._running = [REST]
        self._since = 0.0
        self._replaced: list[tuple[Any, str, Any]] = []

    def watch(self, owner: Any, name: str, part: str) -> None:
        """Count what `owner.name` takes, of an object, a class or a module, for `part`."""
        original = getattr(owner, name)
        self._replaced.append((owner, name, vars(owner).get(name)))

        @functools.wraps(original)
        def watched(*arguments: Any, **options: Any) -> Any:
            self._switch(part)
            try:
                return original(*arguments, **options)
            finally:
                self._switch(None)

        setattr(owner, name, watched)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count from here to the end, where everything watched is put back as it was."""
        self._since = time.process_time()
        try:
            yield
        finally:
            self._switch(None)
            for owner, name, own in reversed(self._replaced):
                if own is None:
                    delattr(owner, name)
                else:
                    setattr(owner, name, own)

    def _switch(self, part: str | None) -> None:
        now = time.process_time()
        self.seconds[self._running[-1]] += now - self._since
        self._since = now
        if part is None:
            self._running.pop()
        else:
            self._running.append(part)


def profile_of(system: AssembledSystem) -> Profile:
    """Make a profile that watches what a system does in beam search."""
    from fairseq.models import FairseqIncrementalDecoder

    from ink.combiners.combiner import Combiner
    from ink.combiners.knn_mixture import KnnMixture

    profile, model = Profile(), system.model.network
    profile.watch(model.encoder, "forward", "encoder")
    profile.watch(model.encoder, "reorder_encoder_out", "encoder's output reordered")
    profile.watch(model.decoder, "extract_features", "decoder")
    # of whichever decoder beam search sees
    profile.watch(FairseqIncrementalDecoder, "reorder_incremental_state_scripting", "decoder's state reordered")
    profile.watch(model.decoder, "output_layer", "output layer and softmax")
    profile.watch(model.decoder, "get_normalized_probs", "output layer and softmax")
    if system.mixture is not None:
        searcher = system.mixture.searcher
        profile.watch(KnnMixture, "__call__", MIXTURE)
        profile.watch(searcher.index, "search", SEARCH)
        profile.watch(searcher, "search", LOOKED_UP)
        profile.watch(searcher, "_with_keys", KEYS)
        profile.watch(Combiner, "__call__", COMBINER)
    return profile


@dataclass
class Runner:
    """Decodes the same sentences with any system, and scores them."""

    systems: Mapping[str, AssembledSystem]
    indices: Sequence[int]
    dataset: Any
    references: Sequence[str]
    text: Any
    settings: EvaluationSettings

    def decode(self, system: str, batch: int) -> Translations:
        from ink.metrics.speed import decoder_of

        return decoder_of(self.systems, self.dataset.part(self.indices), self.settings.decoding)(system, batch)

    def work(self, system: str, batch: int) -> dict[str, float]:
        """Decode, and count what a sentence takes: steps of beam search, and positions, those of every beam."""
        steps = positions = 0

        def add(_layer: Any, inputs: Any) -> None:
            nonlocal steps, positions
            length, rows = inputs[0].shape[:2]
            steps, positions = steps + 1, positions + length * rows

        hook = self.systems[system].model.network.decoder.layers[0].register_forward_pre_hook(add)
        self.decode(system, batch)
        hook.remove()
        return {"steps": steps / len(self.indices), "positions": positions / len(self.indices)}

    def bleu(self, found: Translations) -> float:
        from ink.metrics.score_files import score_translations

        lines = [self.text.decode_target(line) for line in found.hypotheses]
        scores = score_translations(lines, self.references, self.settings.evaluation.sacrebleu_tokeniser)
        return float(scores["bleu"]["score"])


def measured(runner: Runner, batches: Sequence[int], repeats: int) -> pd.DataFrame:
    """Time every system `repeats` times with each size of batch: a row a run, sentences a second on either clock."""
    import pandas as pd

    from ink.metrics.speed import WARM_UP, in_turn

    count = len(runner.indices)
    # to warm up as well
    work = {(system, batch): runner.work(system, batch) for batch in batches for system in runner.systems}
    rows = []
    for repeat, batch, system in in_turn(list(runner.systems), batches, repeats):
        if repeat == WARM_UP:
            continue
        found = runner.decode(system, batch)
        row = {"batch": batch, "system": system, "repeat": repeat, **work[system, batch]}
        row |= {"wall": count / found.seconds, "cpu": count / found.cpu_seconds, "BLEU": runner.bleu(found)}
        click.echo(row, err=True)
        rows.append(row)
    return pd.DataFrame(rows)


def compared(runs: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each batch size and system: sentences a second, and their ratio to the base model's.

    Ratios are those of runs of one repeat: mean (lowest-highest). Systems do not have the same to decode: `steps` and
    `positions` of a sentence. A few beams that do not end cost many steps, each nearly as dear as one of a full batch.
    """
    import pandas as pd

    base = runs[runs["system"] == BASE].set_index(["batch", "repeat"])
    rows = []
    for (batch, system), group in runs.groupby(["batch", "system"], sort=False):
        own = group.set_index(["batch", "repeat"])
        theirs = base.loc[own.index]
        row: dict[str, Any] = {"batch": batch, "system": system}
        for clock in ("wall", "cpu"):
            ratios = own[clock] / theirs[clock]
            row[f"sentences/{clock} s"] = f"{own[clock].mean():.2f}"
            row[f"{clock} ratio"] = f"{ratios.mean():.2f} ({ratios.min():.2f}-{ratios.max():.2f})"
        row["steps"], row["positions"] = f"{own['steps'].mean():.2f}", f"{own['positions'].mean():.0f}"
        row["BLEU"] = f"{own['BLEU'].iloc[0]:.2f}"
        rows.append(row)
    return pd.DataFrame(rows)


def profiled(runner: Runner, batch: int) -> pd.DataFrame:
    """Return CPU milliseconds a sentence, a row for each part of decoding and a column for each system.

    The last row is how fast a system is relative to itself without what neighbours add, on the very same beams.
    """
    import pandas as pd

    columns = {}
    for name, system in runner.systems.items():
        profile = profile_of(system)
        with profile.running():
            runner.decode(name, batch)
        columns[name] = {part: 1000 * spent / len(runner.indices) for part, spent in profile.seconds.items()}
    table = pd.DataFrame(columns)
    total, added = table.sum(), table[table.index.isin(NEIGHBOURS)].sum()
    table.loc["together"] = total
    table.loc["ratio to the same without neighbours"] = 1 - added / total
    return table.reset_index(names="part")


def by_search(runner: Runner, batch: int, searches: Sequence[str]) -> pd.DataFrame:
    """Return BLEU, CPU milliseconds a sentence and of its searches, and speed relative to the same without neighbours.

    A row for each system that retrieves and each of `searches`: a number of probes, `exact`, or FACTORY:PROBES, an
    index of that FAISS description which is trained on 200,000 of the datastore's keys.
    """
    import pandas as pd

    made: dict[tuple[str, Path], Any] = {}
    rows = []
    for search in searches:
        for name, system in runner.systems.items():
            if system.mixture is None:
                continue
            searcher = system.mixture.searcher
            own, store = searcher.index, searcher.datastore
            if search.isdigit():
                own.nprobe = int(search)
            else:
                factory, _, probes = search.partition(":")
                index = made.setdefault((factory, store.path), None) or index_of(store, factory)
                made[factory, store.path] = searcher.index = index
                if probes:
                    index.nprobe = int(probes)
            positions_before, searched_before = system.mixture.positions, system.mixture.searched
            profile = profile_of(system)
            with profile.running():
                found = runner.decode(name, batch)
            searcher.index = own
            parts = {part: 1000 * spent / len(runner.indices) for part, spent in profile.seconds.items()}
            total, added = sum(parts.values()), sum(parts.get(part, 0.0) for part in NEIGHBOURS)
            positions = system.mixture.positions - positions_before
            row = {"index": search, "system": name, "BLEU": runner.bleu(found), "CPU ms": total}
            row |= {"searches": parts[SEARCH], "searched": (system.mixture.searched - searched_before) / positions}
            rows.append(row | {"ratio to the same without neighbours": 1 - added / total})
            click.echo(rows[-1], err=True)
    return pd.DataFrame(rows)


def index_of(store: Datastore, factory: str) -> Any:
    """Index all keys of a datastore as the FAISS factory string says, or `exact`."""
    import faiss
    import numpy as np

    if factory == "exact":
        # a matrix product for few queries too: without it exact search reads all keys again for each of them
        faiss.cvar.distance_compute_blas_threshold = 1
        index: Any = faiss.IndexFlatL2(store.meta.dimension)
    else:
        index = faiss.index_factory(store.meta.dimension, factory)
        drawn = np.random.default_rng(0).choice(len(store.keys), min(len(store.keys), SAMPLE), replace=False)
        index.train(np.asarray(store.keys[np.sort(drawn)], dtype=np.float32))
    for start in range(0, len(store.keys), SAMPLE):
        index.add(np.asarray(store.keys[start : start + SAMPLE], dtype=np.float32))
    return index


@click.command(help=__doc__)
@click.option("--config", type=click.Path(path_type=Path), required=True, help="results/EXPERIMENT/config.yaml.")
@click.option("--domain", required=True)
@click.option("--systems", default="off_the_shelf,v_knn,a_knn,r_knn_without_keys,r_knn", show_default=True)
@click.option("--sentences", default=256, show_default=True, help="Test sentences, drawn with seed 0; 0: all.")
@click.option("--batch", "batches", default="1,8,32,128", show_default=True, help="Sentences of a batch.")
@click.option("--repeats", default=3, show_default=True, help="0 measures no speed.")
@click.option("--threads", default=2, show_default=True)
@click.option("--profile", is_flag=True, help="CPU milliseconds a sentence of each part, at the first batch size.")
@click.option("--probes", default="", help="BLEU with so many probes, or exact: 4,8,exact; at the first batch size.")
@click.option("--indexes", default="", help="The same with other indexes: 'IVF4096,PQ64np:8;IVF2048,PQ64np:4'.")
def main(
    config: Path,
    domain: str,
    systems: str,
    sentences: int,
    batches: str,
    repeats: int,
    threads: int,
    profile: bool,
    probes: str,
    indexes: str,
) -> None:
    """Print the tables."""
    # as `ink --threads` does, before numerical libraries are imported
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from ink.cli.threads import use_machine
    from ink.runtime.errors import InkError
    from ink.runtime.hardware import processor

    use_machine()
    try:
        runner = make_runner(config, domain, systems.split(","), sentences)
    except InkError as error:
        raise click.ClickException(str(error)) from None
    sizes = [int(size) for size in batches.split(",")]
    click.echo(f"{processor()}, {threads} threads, {len(runner.indices)} sentences, {repeats} repeats")
    if repeats:
        click.echo(compared(measured(runner, sizes, repeats)).to_string(index=False))
    if profile:
        click.echo(f"\nCPU milliseconds a sentence, batch {sizes[0]}")
        click.echo(profiled(runner, sizes[0]).to_string(index=False, float_format="%.2f", na_rep=""))
    searches = [search for search in [*probes.split(","), *indexes.split(";")] if search]
    if searches:
        click.echo(f"\nBLEU and CPU milliseconds a sentence by index and lists looked into, batch {sizes[0]}")
        click.echo(by_search(runner, sizes[0], searches).to_string(index=False, float_format="%.2f"))


def make_runner(config: Path, domain: str, systems: Sequence[str], sentences: int) -> Runner:
    """Load systems that the experiment has trained, the base model first."""
    import numpy as np

    from ink.cli.options import load_config
    from ink.config.slices.commands import settings_for
    from ink.config.slices.result_slices import EvaluationSettings, TranslationSettings
    from ink.corpus.prepared_corpus import PreparedCorpus
    from ink.runtime.whole_files import read_lines
    from ink.systems.layout import Layout
    from ink.tools.translation.translator import load_translator

    whole = load_config(config)
    settings = settings_for(whole, EvaluationSettings, domain)
    loading = settings_for(whole, TranslationSettings, domain)
    layout = Layout(whole)
    loaded = {
        name: load_translator(layout, loading, name, domain, None, click.echo)
        for name in dict.fromkeys([BASE, *systems])
    }
    base = loaded[BASE]
    data = PreparedCorpus(Path(layout.data(domain)), settings.data.languages)
    dataset = base.system.model.parallel_text(data, "test")
    references = read_lines(Path(layout.corpus(domain)) / f"test.{settings.data.target_language}")
    count = min(sentences or len(dataset), len(dataset))
    indices = np.sort(np.random.default_rng(0).choice(len(dataset), count, replace=False)).tolist()
    return Runner(
        {name: translator.system for name, translator in loaded.items()},
        indices,
        dataset,
        [references[index] for index in indices],
        base.text,
        settings,
    )


if __name__ == "__main__":
    main()
