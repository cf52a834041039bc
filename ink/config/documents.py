"""What is generated from the settings' models: the JSON schema, and the reference docs/configuration.md.

`python -m ink.config.documents` writes both (`make settings`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from ink.config.reference import reference
from ink.config.schema import SCHEMA_PATH, Schema
from ink.config.sections.experiment import Experiment
from ink.runtime.whole_files import write_atomically

REFERENCE_PATH = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"


class _Generator(GenerateJsonSchema):
    """Words settings as messages do: the titles are our own or none, and names of a mapping's keys have rules too."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        rules = super().model_schema(schema)
        if "title" not in schema["cls"].model_config:
            rules.pop("title", None)
        return rules

    def encode_default(self, dft: Any) -> Any:
        return {} if isinstance(dft, BaseModel) else dft  # a section's settings say their own

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        return {"enum": schema["expected"]}

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        rules: JsonSchemaValue = {"type": "object"}
        if (names := self.generate_inner(schema["keys_schema"])) != {"type": "string"}:
            rules["propertyNames"] = names
        rules["additionalProperties"] = self.generate_inner(schema["values_schema"])
        if "min_length" in schema:
            rules["minProperties"] = schema["min_length"]
        return rules


def generated_schema() -> Schema:
    """Make the JSON schema of an experiment's file from the models, in one piece without references."""
    rules = Experiment.model_json_schema(schema_generator=_Generator)
    definitions = rules.pop("$defs")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_plain(rules, definitions)}


def _plain(rules: Any, definitions: Schema) -> Any:
    """Put definitions in the place of references, and describe a mapping that may be null as one mapping."""
    if isinstance(rules, list):
        return [_plain(one, definitions) for one in rules]
    if not isinstance(rules, dict):
        return rules
    beside = {name: _plain(value, definitions) for name, value in rules.items() if name != "$ref"}
    if "$ref" in rules:
        beside = {**_plain(definitions[rules["$ref"].removeprefix("#/$defs/")], definitions), **beside}
    match beside.get("anyOf"):
        case [{"type": "object"} as mapping, {"type": "null"}]:
            beside = {**mapping, **beside, "type": ["object", "null"]}
            del beside["anyOf"]
    if isinstance(beside.get("description"), str):
        beside["description"] = " ".join(beside["description"].split())
    return beside


def documents() -> dict[Path, str]:
    """Return what is generated, by path."""
    schema = generated_schema()
    text = json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
    return {SCHEMA_PATH: text, REFERENCE_PATH: reference(schema)}


def main() -> None:
    """Write what is generated into the repository."""
    for path, text in documents().items():
        with write_atomically(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
