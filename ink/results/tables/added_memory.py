"""Added memory, taken apart: what each system needs at inference on each domain beyond the base model.

The CSV has one row per system and domain:

- system, domain
- bytes: of all files that inference reads
- megabytes: 10^6 of these bytes
- entries: of the datastore, where the system searches one
- bytes_an_entry: of the datastore's files (index, values and, where they are read, log-probabilities, keys, counts and
  projection, and source tokens, which are read in place of the index)
- parameters: of the adapter, where there is one
- bytes_a_parameter
- tokens: target tokens of the training text
- parameters_a_token
- paper_parameters_a_token: what the released adapter of the paper's domain of that name has

The paper's own table stands below ours in the other formats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ink.results.records.json_fields import Fields
from ink.results.records.paper import read_paper
from ink.results.records.scores import Score, Selection
from ink.results.tables.table_files import Column, Table, domain_column, domain_label, frame_of, write_tables
from ink.systems.known_systems import system_named

ADAPTER = "adapter.safetensors"
VALUES = "values.npy"
SOURCE_TOKENS = ("representations.npy", "type_starts.npy", "link_starts.npy", "entries.npy")
DATASTORE = (
    *("index.faiss", VALUES, "log_probs.npy", "keys.npy", "counts.npy", "projection.npy", "hidden.npy"),
    *SOURCE_TOKENS,
)
NPY_HEADER, VALUE = 128, 4  # bytes of a file of values before the first, and of each
FP32 = 4
# the base model of WMT'19: its width, and its layers of encoder and decoder
PAPER_DIMENSION, PAPER_LAYERS = 1024, 12
PLACE = ("system", "domain")
COUNTS = ("bytes", "entries", "parameters", "tokens")
NUMBERS = (
    *("bytes", "megabytes", "entries", "bytes_an_entry", "parameters", "bytes_a_parameter", "tokens"),
    *("parameters_a_token", "paper_parameters_a_token"),
)


def render(runs: Selection, output: Path) -> list[Path]:
    """Write `output`/memory.{csv,md,tex,html} of the scores that are there; InkError where none is."""
    paper = paper_adapters(runs.results)
    printed = dict(zip(paper["domain"], paper["parameters_a_token"], strict=True))
    tokens: dict[str, int] = {}
    records, estimated = [], False
    for system in runs.labels:
        for domain in runs.domains:
            keys = [(system, domain, seed) for seed in runs.seeds if (system, domain, seed) in runs.scores]
            # another seed changes values, not sizes; a system that adds nothing has nothing to take apart
            if not keys or not (score := runs.scores[keys[0]]).added_memory:
                continue
            if domain not in tokens:
                tokens[domain] = _training_tokens(runs.results, domain)
            records.append(_record(score, tokens[domain], printed))
            estimated |= ADAPTER in score.added_memory and score.adapter_parameters is None
    frame = frame_of(records, texts=PLACE, counts=COUNTS, columns=[*PLACE, *NUMBERS])
    columns = _columns(runs.labels, runs.domains)
    reduced = any(system_named(record["system"]).reduction is not None for record in records)
    caption = "Memory added at inference, taken apart."
    by_tokens = any(system_named(record["system"]).by_source_tokens for record in records)
    own = Table(frame, caption, _notes(estimated, reduced, by_tokens), columns, blocks=("system",))
    return write_tables(Path(output) / "memory", [own, _paper_table(paper)])


def adapter_parameters(dimension: int, inner_dimension: int, layers: int) -> int:
    """Count what adapters behind so many layers hold: two matrices with biases, and a layer norm's two vectors."""
    return layers * (2 * dimension * inner_dimension + inner_dimension + dimension + 2 * dimension)


def paper_adapters(results: Path) -> pd.DataFrame:
    """Count the released adapters: domain, inner_dimension, entries, parameters, megabytes in fp32, a token."""
    printed = read_paper(results, "memory").astype({"inner_dimension": "int64", "datastore_entries": "int64"})
    frame = printed.rename(columns={"datastore_entries": "entries"})
    frame["parameters"] = [
        adapter_parameters(PAPER_DIMENSION, inner, PAPER_LAYERS) for inner in frame["inner_dimension"]
    ]
    frame["megabytes"] = frame["parameters"] * FP32 / 1e6
    frame["parameters_a_token"] = frame["parameters"] / frame["entries"]
    return frame


def _training_tokens(results: Path, domain: str) -> int:
    """Read the target tokens of a domain's training text, ends of sentence included: its datastore's entries."""
    path = Path(results) / "corpus" / f"{domain}.json"
    return Fields.of_file(path).fields("tokens").fields("train").count("target")


def _record(score: Score, tokens: int, printed: Mapping[str, float]) -> dict[str, Any]:
    memory = score.added_memory
    record: dict[str, Any] = {"system": score.system, "domain": score.domain, "tokens": tokens}
    record["bytes"] = sum(memory.values())
    record["megabytes"] = record["bytes"] / 1e6
    if VALUES in memory:
        # a reduced one has fewer than the text has tokens, and a value for each
        reduced = system_named(score.system).reduction is not None
        record["entries"] = entries = (memory[VALUES] - NPY_HEADER) // VALUE if reduced else tokens
        record["bytes_an_entry"] = sum(memory.get(name, 0) for name in DATASTORE) / entries
    if ADAPTER in memory:
        counted = score.adapter_parameters
        parameters = memory[ADAPTER] // FP32 if counted is None else counted
        record |= {"parameters": parameters, "bytes_a_parameter": memory[ADAPTER] / counted if counted else None}
        record["parameters_a_token"] = parameters / tokens
        record["paper_parameters_a_token"] = printed.get(domain_label(score.domain))
    return record


def _columns(names: Mapping[str, str], domains: Sequence[str]) -> list[Column]:
    return [
        Column("System", "system", names=names),
        domain_column(domains),
        Column("MB", "megabytes", decimals=2),
        Column("Entries", "entries", decimals=0, group="Datastore"),
        Column("bytes an entry", "bytes_an_entry", decimals=1, group="Datastore"),
        Column("Parameters", "parameters", decimals=0, group="Adapter"),
        Column("bytes each", "bytes_a_parameter", decimals=2, group="Adapter"),
        Column("a token", "parameters_a_token", decimals=1, group="Adapter"),
        Column("the paper's", "paper_parameters_a_token", decimals=1, group="Adapter"),
    ]


def _notes(estimated: bool, reduced: bool, by_tokens: bool) -> list[str]:
    notes = [
        "MB: 10^6 bytes of the files that inference reads beyond the base model, combiners' weights included. A system "
        "that adds none has no row: kNN-KD's model takes the base model's place.",
        "Datastore: bytes of index, values and, where they are read, log-probabilities and keys, divided by the "
        "entries: the target tokens of the training text, ends of sentence included. The index's centroids and "
        "codebooks count, and weigh the more the fewer entries there are.",
        "Adapter, bytes each: the file's, names included. A token: parameters divided by those target tokens, which "
        "says how much room it has to learn them by heart. The paper's: of the released adapter in the domain of that "
        "name, counted below.",
    ]
    if reduced:
        notes.append(
            "A reduced datastore has as many entries as its file of values; counts and projection are among its bytes."
        )
    if by_tokens:
        notes.append("What searches by source tokens reads these and the keys, and no index.")
    if estimated:
        notes.append(
            "Adapters' parameters were not counted when this experiment ran: they are a quarter of the file's bytes, "
            "names and all, and so a little too many."
        )
    return notes


def _paper_table(frame: pd.DataFrame) -> Table:
    columns = [
        Column("Domain", "domain"),
        Column("Inner dimension", "inner_dimension", decimals=0),
        Column("Parameters", "parameters", decimals=0),
        Column("MB in fp32", "megabytes", decimals=1),
        Column("Datastore entries", "entries", decimals=0),
        Column("Parameters a token", "parameters_a_token", decimals=1),
    ]
    notes = [
        f"Counted, not printed in the paper: inner dimensions of the released scripts, adapters behind {PAPER_LAYERS} "
        f"layers of width {PAPER_DIMENSION}, layer norms included; entries as kNN-box counts them."
    ]
    return Table(frame, "The paper's adapters and datastores.", notes, columns)
