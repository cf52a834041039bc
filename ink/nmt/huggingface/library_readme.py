"""The README of an adapter for AdapterHub's library: what it is, the code that loads it, and where care is needed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ink.nmt.adapter_file import described
from ink.nmt.huggingface.hub_record import HubRecord
from ink.nmt.huggingface.library_interface import LAYERS

# the hub finds adapters of the library by the first of them
_TAGS = ("adapter-transformers", "translation")
# as `ink.nmt.huggingface.architectures.FSMT` does
_WHOLE_PREFIX = (
    "",
    "def whole_prefix(input_ids, **kwargs):",
    '    named = ("past_key_values", "attention_mask", "encoder_outputs", "use_cache", "cache_position")',
    '    return {"decoder_input_ids": input_ids, **{name: kwargs.get(name) for name in named}}',
    "",
    "model.prepare_inputs_for_generation = whole_prefix",
)


@dataclass(frozen=True)
class Described:
    """What a README is of.

    name: of the adapter. kind: the model's type. metadata: what the adapter's file says. folder: where it is written.
    base_model: the model's folder, and `record` where that is from. interface: the file's name. norm_first: as
    `Architecture` has it. card: the name of the card beside it, None where there is none.
    """

    name: str
    kind: str
    metadata: Mapping[str, Any]
    folder: Path
    base_model: Path
    record: HubRecord | None
    interface: str
    norm_first: bool
    card: str | None

    @property
    def model(self) -> str:
        """What `from_pretrained` is asked for."""
        if self.record is None:
            return _quoted(str(self.base_model))
        return f"{_quoted(self.record.hub)}, revision={_quoted(self.record.commit)}"


def readme(adapter: Described) -> str:
    """Return the README, in Markdown, with the properties that the Hugging Face hub reads."""
    return "\n".join([*_properties(adapter), *_text(adapter)]) + "\n"


def loading_code(adapter: Described) -> list[str]:
    """Return the lines of Python that load the model with the adapter and translate, with no need of ink."""
    return [
        "import json",
        "import adapters",
        "from transformers import AutoModelForSeq2SeqLM, AutoTokenizer",
        "",
        f"model = AutoModelForSeq2SeqLM.from_pretrained({adapter.model})",
        f"model.base_model.{LAYERS} = [*model.get_encoder().layers, *model.get_decoder().layers]",
        f"with open({_quoted(str(adapter.folder / adapter.interface))}) as file:",
        '    interface = adapters.AdapterModelInterface(**json.load(file)["interface"])',
        "adapters.init(model, interface=interface)",
        f"model.load_adapter({_quoted(str(adapter.folder))}, use_safetensors=True, set_active=True)",
        *(_WHOLE_PREFIX if adapter.kind == "fsmt" else ()),
        "",
        f"tokeniser = AutoTokenizer.from_pretrained({adapter.model})",
        'found = model.generate(**tokeniser("Guten Tag.", return_tensors="pt"))',
        "print(tokeniser.batch_decode(found, skip_special_tokens=True))",
    ]


def _properties(adapter: Described) -> Iterator[str]:
    yield from ("---", "library_name: adapters", "tags:", *(f"- {tag}" for tag in (*_TAGS, adapter.kind)))
    if adapter.record is not None:
        yield f"base_model: {_quoted(adapter.record.hub)}"
    yield from ("---", "")


def _text(adapter: Described) -> Iterator[str]:
    yield from (f"# {adapter.name}", "")
    yield "An adapter behind every encoder and decoder layer, trained by ink and written for the library"
    yield "[adapters](https://adapterhub.ml) (`pip install adapters`). This loads it, and translates:"
    yield from ("", "```python", *loading_code(adapter), "```", "")
    yield "Languages, beam search and all else are the model's own, and are said as without the adapter."
    yield from _cautions(adapter)
    if adapter.card is not None:
        yield f"[{adapter.card}]({adapter.card}) says what it was trained on, whose its parts are, and its limits."
    yield from ("", "| what | value |", "| :--- | :--- |")
    licence = [] if adapter.record is None else [("licence of the base model", adapter.record.licence or "unknown")]
    for name, value in [*described(adapter.metadata), *licence]:
        yield f"| {name} | {_cell(value)} |"


def _cautions(adapter: Described) -> Iterator[str]:
    if adapter.norm_first:
        yield "Call the whole model, or `generate`. Its encoder on its own lacks a sum that the adapter needs."
    if adapter.kind == "fsmt":
        yield "Without `whole_prefix` transformers 4.57 puts every token of an FSMT at the first position."


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _cell(value: str) -> str:
    """Write what somebody else has named as it is: a pipe would end the cell, a backtick the code."""
    return f"`{value.replace('`', chr(39))}`".replace("|", chr(92) + "|")
