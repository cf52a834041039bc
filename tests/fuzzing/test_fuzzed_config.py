"""Configs that were broken by hand or by software."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from fuzzing.mutations import Handed, mutated, revalued
from fuzzing.trial import COUNTS, Trial
from hypothesis import strategies as st

from ink.config import Config, check, data_domains, figures_of, load, variations
from ink.config.slices.commands import READS, settings_for
from ink.results import contents
from ink.tools.costs.workload import workload_of
from ink.tools.doctor.space import space

MICRO = Path(__file__).resolve().parents[1] / "workflow" / "micro.yaml"
# of commands that other sources of text have, and own models
ELSEWHERE = ("ingest-corpus", "restore-corpus", "adopt-corpus")
LAUGHS = b"".join(b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 12))
FRAGMENTS = [
    b"&a [*a]",
    b"&a {b: *a}",
    b"*a",
    b"<<: *a",
    b"!!python/object/apply:os.system [id]",
    b"!!binary =",
    b"!!timestamp x",
    b"2001-99-99",
    b"!!int x",
    b"0x_",
    b"0b_",
    b"1:99:99",
    b".nan",
    b"-.inf",
    b"=",
    b"yes",
    b"? [a]\n: b",
    b"{? {a: b} : c}",
    b"|\n  text",
    b"---\n",
    b"...\n",
    b"%YAML 9.9\n---\n",
    b"experiment: twice\n",
    b"[" * 3000,
    b"{a: " * 2000,
    b"a0: &a0 [x]\n" + LAUGHS,
    b"experiment: &a0 [x]\n" + LAUGHS,
    b"[1, 2, 3]",
    b"{koran: 1, law: 2}",
]


@pytest.mark.parametrize("count", COUNTS)
def test_a_config_is_refused_or_taken(count: int, project: Path, tmp_path: Path, record_property: Any) -> None:
    valid, path = MICRO.read_bytes(), tmp_path / "config.yaml"

    def parse(given: bytes) -> Config:
        path.write_bytes(given)
        return load(path)

    def dumped(config: Handed) -> Handed:
        return Handed(yaml.dump(config.data, allow_unicode=True).encode(), config.how)

    inputs = st.one_of(mutated(valid, FRAGMENTS), revalued(yaml.safe_load(valid)).map(dumped))
    Trial(project, parse, check_and_plan).run("config", valid, inputs, count, record_property)


def check_and_plan(config: Config) -> None:
    """Check a config and do with it what the workflow and `ink doctor` do before the first job."""
    check(config)
    trained = config["base_model"]["path"] is None
    elsewhere = {*ELSEWHERE, *(("adopt-vocabulary",) if trained else ("learn-vocabulary", "train-base"))}
    for domain in data_domains(config):
        for command in READS:
            if command not in elsewhere and domain in config["domains"]:
                settings_for(config, READS[command], domain)
    variations(config)
    figures_of(config)
    contents.tables(config)
    space(workload_of(config, {}), 0)
