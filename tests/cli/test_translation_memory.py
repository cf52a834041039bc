"""TMX in, translations out: every command of docs/translation-memory.md behind another, on a small memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
import yaml
from click.testing import CliRunner

from ink.cli import ink as ink_command
from ink.config import check, load
from ink.runtime.whole_files import read_lines
from ink.systems.layout import Layout

IMPORT = "import-text memory.tmx --source-language xx --target-language yy --dev 6 --test 5 --output text/product"
MODEL = "--base-model model.pt --vocabulary {work}/vocabulary --data {work}/binarised/product"
LEARNS = f"--domain product --seed 1 {MODEL} --corpus {{work}}/corpus/product"
# as the workflow runs them, for one domain and seed
STEPS = (
    "adopt-vocabulary --output {work}/vocabulary",
    "ingest-corpus --domain product --output {work}/corpus/product",
    "prepare-corpus --corpus {work}/corpus/product --vocabulary {work}/vocabulary --output {work}/binarised/product "
    "--summary summary.json --references references.yy",
    f"build-datastore --domain product --key decoder_output {MODEL} --output {{work}}/datastore",
    f"train-ink-round {LEARNS} --round 1 --datastore {{work}}/datastore --output {{work}}/round",
    f"finish-ink {LEARNS} --round {{work}}/round --output {{adapter}}",
)


def write_tmx(path: Path, pairs: list[tuple[str, str]]) -> None:
    segments = '<tuv xml:lang="xx-AT"><seg>{}</seg></tuv><tuv xml:lang="yy"><seg>{}</seg></tuv>'
    units = (f"<tu>{segments.format(*map(escape, pair))}</tu>" for pair in pairs)
    path.write_text(f'<tmx version="1.4"><header/><body>{"".join(units)}</body></tmx>', encoding="utf-8")


def write_config(trained: Any, folder: Path) -> dict[str, Any]:
    config = load(trained.path("config.yaml"))
    config |= {"experiment": "memory", "domains": ["product"], "systems": ["off_the_shelf", "ink"]}
    config["data"] |= {"source": "files", "general_domain": None, "synthetic": None}
    config["data"]["files"] = {
        "pattern": "text/{domain}/{split}.{language}",
        "splits": {"product": ["train", "dev", "test"]},
        "split_seed": 1,
        "held_out": {"dev": 5, "test": 5},
    }
    codes, *dictionaries = (
        str(trained.path("vocabulary") / name) for name in ("bpecodes", "dict.xx.txt", "dict.yy.txt")
    )
    named = dict(zip(("source_dictionary", "target_dictionary"), dictionaries, strict=True))
    config["base_model"] = {"path": "model.pt", "bpe_codes": codes, **named, "train": None}
    config["text"]["bpe_merges"] = None
    config["knn_accuracy"]["domains"], config["speed"]["domain"] = [], None
    check(config)
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return config


def test_tmx_in_translations_out(trained: Any, commands: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = {}
    for split in ("train", "dev", "test"):
        sides = (read_lines(trained.path("corpus") / f"{split}.{side}") for side in ("xx", "yy"))
        pairs |= dict(zip(*sides, strict=True))
    write_tmx(tmp_path / "memory.tmx", [*pairs.items(), next(iter(pairs.items()))])
    imported = commands(*IMPORT.split(), folder=tmp_path)
    assert imported.code == 0, imported.err
    kept = len([source for source, target in pairs.items() if source.strip() and target.strip()])
    assert "1 repeated pairs are left out" in imported.out
    assert f"text/product/train.xx, .yy: {kept - 11} pairs" in imported.out
    (tmp_path / "model.pt").symlink_to(trained.path("model.pt"))
    config = write_config(trained, tmp_path)
    places = {"work": "work/memory", "adapter": Path(Layout(config).adapter("ink", "product", 1)).parent}
    for step in STEPS:
        name, *arguments = step.format(**places).split()
        ended = commands(name, "--config", "config.yaml", *arguments, folder=tmp_path)
        assert ended.code == 0, ended.err
    assert read_lines(tmp_path / "references.yy") == read_lines(tmp_path / "text" / "product" / "test.yy")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ink.cli.translation.use_machine", lambda: None)
    text = (tmp_path / "text" / "product" / "test.xx").read_text(encoding="utf-8")
    chosen = "translate --config config.yaml --system ink --domain product"
    shown = CliRunner().invoke(ink_command, chosen.split(), text)
    assert shown.exit_code == 0, shown.output
    translations = shown.stdout.splitlines()
    assert len(translations) == 5
    assert all(translations)
