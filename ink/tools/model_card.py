"""A trained system's card, in Markdown: what it was trained on, how it scores, whose its parts are, and its limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ink import __version__
from ink.config import given_base_model
from ink.nmt.adapter_file import described, read_metadata
from ink.nmt.huggingface.hub_record import read_hub_record
from ink.results.run_measures import Interval, Measure, RunMeasures
from ink.results.tables.markup import rounded
from ink.runtime.disk import bytes_in_words
from ink.runtime.whole_files import read_json, write_atomically
from ink.systems.known_systems import System, system_named
from ink.systems.layout import Layout, Run
from ink.tools.licences import licences

CARD = "card.md"
_SCORED_LATER = (
    "Not known when this was written: the test set is translated after training. They are in `{scores}`; "
    "`ink log-model` and `ink publish --models` write a card with them."
)
_NOT_SCORED = "Not on record: the test set has not been scored, or its scores were not kept here."


@dataclass(frozen=True)
class Subject:
    """What a card is of: a run of an experiment, and what it adds to the base model, as `Layout.system_files` names it.

    texts: the counts of its texts by domain, as far as they are on record.
    """

    config: Mapping[str, Any]
    run: Run
    parts: Mapping[str, Path]
    texts: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, layout: Layout, run: Run, results: Path, parts: Mapping[str, Path] | None = None) -> Subject:
        """Find what is on record of a run's texts, and its parts in their places unless they are given."""
        if parts is None:
            parts = {name: Path(path) for name, path in layout.system_files(*run).items()}
        domains = [run.domain, *([general] if (general := layout.config["data"]["general_domain"]) else [])]
        texts = {}
        for domain in domains:
            places = [results / "corpus" / f"{domain}.json", Path(layout.data(domain)) / "prepared.json"]
            if (place := next(filter(Path.is_file, places), None)) is not None:
                texts[domain] = read_json(place, "sentences", "tokens")
        return cls(layout.config, run, parts, texts)

    @property
    def system(self) -> System:
        """Which row of Table 2 it is."""
        return system_named(self.run.system)


def model_card(subject: Subject, measures: RunMeasures | None, *, in_training: bool = False) -> str:
    """Return the card of a trained system.

    measures: its scores, None where there are none; `in_training`: because they are still to come.
    """
    scores = Layout(subject.config).scores(*subject.run)
    unscored = _SCORED_LATER.format(scores=scores) if in_training else _NOT_SCORED
    sections = {
        "": _what(subject),
        "Trained on": _trained_on(subject),
        "Test scores": [unscored] if measures is None else _scores(subject, measures),
        "Licences of its parts": _licences(subject),
        "Limits": _limits(subject, measures),
    }
    title = f"# {subject.system.label} for {subject.run.domain}"
    return "\n".join([title, *_rendered(sections)]) + "\n"


def write_card(path: Path, card: str) -> None:
    """Write a card, whole or not at all."""
    with write_atomically(path) as temporary:
        temporary.write_text(card, encoding="utf-8")


def _rendered(sections: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for heading, lines in sections.items():
        if heading:
            yield f"\n## {heading}"
        yield ""
        yield from lines


def _what(subject: Subject) -> list[str]:
    config, system, run = subject.config, subject.system, subject.run
    data = config["data"]
    kind = "the base model"
    if system.own_checkpoint:
        kind = "a model of its own, taught by the base model's neighbours"
    elif system.has_adapter:
        kind = "the base model with an adapter behind every layer"
    searching = ", and a datastore of the training text that is searched for every token" if system.retrieves else ""
    if system.by_sentence:
        searching = ", and the training text, of whose most similar pairs each sentence gets a small datastore"
    lines = [
        f"Translates {data['source_language']} to {data['target_language']}: {kind}{searching}.",
        f"Trained as {_code(str(run))} of the experiment {_code(str(config['experiment']))}.",
        "",
    ]
    facts = [("system", run.system), ("domain", run.domain), ("seed", str(run.seed))]
    if "adapter" in subject.parts:
        facts = described(read_metadata(subject.parts["adapter"])) or facts
    else:
        facts.append(("version of ink", __version__))
    facts += [(f"size of {name}", bytes_in_words(_bytes(path))) for name, path in subject.parts.items()]
    return [*lines, *_table([("what", "value"), *((name, _code(value)) for name, value in facts)])]


def _trained_on(subject: Subject) -> list[str]:
    config, run = subject.config, subject.run
    given, general = given_base_model(config), config["data"]["general_domain"]
    lines = []
    if given is None:
        lines.append(f"- base model: trained here on {_text(subject, general)}")
    else:
        fetched = read_hub_record(Path(given))
        named = _code(given)
        if fetched is not None:
            named = f"{_code(fetched.hub)} of the Hugging Face hub, commit {fetched.commit}"
        lines.append(f"- base model: {named}, trained elsewhere")
    if subject.system.is_adapted:
        lines.append(f"- {subject.system.label}: {_text(subject, run.domain)}")
        lines += [f"- {line}" for line in _shared_with_test(subject.texts.get(run.domain))]
    if "datastore" in subject.parts:
        meta = read_json(subject.parts["datastore"] / "meta.json", "entries")
        lines.append(f"- datastore: {meta['entries']:,} entries, one for each target token of that text")
    record = next((path.with_name("record.json") for path in subject.parts.values()), None)
    if record is not None and record.is_file() and "dev_bleu" in (found := read_json(record)):
        lines.append(f"- chosen on {run.domain}'s dev set: dev BLEU {found['dev_bleu']:.2f}")
    return lines


def _text(subject: Subject, domain: str) -> str:
    """Say what the text of a domain is and how much of it there is."""
    data = subject.config["data"]
    source = data["source"]
    kinds = {
        "synthetic": lambda: f"generated by ink, seed {data['synthetic']['seed']}",
        "files": lambda: f"files {_code(data['files']['pattern'])}",
        "binarised": lambda: f"binarised text {_code(data['binarised']['folder'])}",
    }
    kind = kinds[source]()
    found = subject.texts.get(domain)
    if found is None or "train" not in found["sentences"]:
        return f"the text of {domain} ({kind}), whose size is not on record here"
    counted = found["tokens"].get("train", {})
    tokens = f", {counted['source']:,} source and {counted['target']:,} target subwords" if counted else ""
    held = ", ".join(f"{split} {count:,}" for split, count in found["sentences"].items() if split != "train")
    return f"{domain}, {found['sentences']['train']:,} pairs{tokens} ({kind}); held out: {held or 'nothing'}"


def _shared_with_test(text: Mapping[str, Any] | None) -> Iterator[str]:
    if text is not None and (shared := text.get("test_sources_in_train")):
        yield f"of its test sources {shared:,} are in its training text as well"


def _scores(subject: Subject, measures: RunMeasures) -> list[str]:
    beam = subject.config["decoding"]["beam"]
    lines = [f"The test set of {subject.run.domain}, {measures.sentences:,} sentences, beam {beam}.", ""]
    rows = [("metric", "score", "unadapted model", "gain")]
    rows += [
        (one.heading, _with_ends(one.score), "–" if one.base is None else _with_ends(one.base), _gain(one))
        for one in measures.measures
    ]
    lines += _table(rows)
    if any(one.score.ends for one in measures.measures):
        lines += [
            "",
            f"In brackets: 95 % intervals by the bootstrap over the test sentences, {measures.samples:,} resamples, "
            f"random seed {measures.seed}. They say nothing of other trainings.",
        ]
    else:
        lines += ["", "Without intervals: there are no translations here to resample."]
    lines += ["", *(f"- {one.heading}: {_code(one.signature)}" for one in measures.measures)]
    return lines


def _with_ends(score: Interval) -> str:
    if score.ends is None:
        return rounded(score.score)
    lower, upper = map(rounded, score.ends)
    return f"{rounded(score.score)} [{lower}, {upper}]"


def _gain(measure: Measure) -> str:
    if measure.gain is None:
        return "–"
    gain, lower, upper = (
        rounded(value, signed=True) for value in (measure.gain.gain, measure.gain.lower, measure.gain.upper)
    )
    return f"{gain} [{lower}, {upper}]"


def _licences(subject: Subject) -> list[str]:
    return _table([("part", "licence"), *licences(subject.config, subject.run.domain)])


def _limits(subject: Subject, measures: RunMeasures | None) -> list[str]:
    run, data = subject.run, subject.config["data"]
    lines = []
    if data["source"] == "synthetic":
        lines.append("- Its text comes from a small grammar: it translates sentences of that kind, and no others.")
    if subject.system.is_adapted:
        lines.append(f"- It is for text like that of {run.domain}; adapting forgets other text.")
    if measures is not None and measures.general is not None:
        name, forgotten = measures.general
        listed = ", ".join(
            f"{one.heading} {rounded(one.score)}"
            + ("" if one.base is None else f" (the unadapted model {rounded(one.base)})")
            for one in forgotten
        )
        lines.append(f"- On the test set of {name} it scores {listed}.")
    lines.append("- Nothing holds it to numbers, names, placeholders or markup: check them as those of any draft.")
    if subject.system.retrieves:
        lines.append(
            "- Its datastore is made of the training text, which can be read out of it in part; so can any example "
            "that is kept with it."
        )
    if subject.system.by_sentence:
        lines.append("- The training text is a part of it, and can be read out of it.")
    return lines


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    # a pipe inside a cell would end it
    head, *body = (f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)
    return [head, f"|{' :--- |' * len(rows[0])}", *body]


def _code(text: str) -> str:
    """Write what somebody else has named as it is, whatever it holds."""
    return f"`{text.replace('`', chr(39))}`"


def _bytes(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.iterdir() if file.is_file())
    return path.stat().st_size
