from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.significance import PairedTest

from ink.metrics.bleu import Bleu
from ink.metrics.chrf import Chrf
from ink.results.comparison_text import as_text
from ink.results.records.metric_scores import statistics_of
from ink.results.records.scores import read_references, read_scores
from ink.results.records.sentence_statistics import SentenceStatistics, fingerprint, write_statistics
from ink.results.run_comparison import ABSENT, Setting, as_plain, compare, differing, write_csv
from ink.runtime.errors import InkError

from .conftest import score_of

REFERENCES = [
    "the line is long and old",
    "a manager leads the old line",
    "it is a long way to go",
    "here it is and there",
]
WORSE = ["the line is long and a", "a manager leads a line", "it is a way", "here it is and there"]
CONFIG: dict[str, Any] = {
    "experiment": "one",
    "ink": {"k": 8, "alpha": 0.1},
    "evaluation": {"sacrebleu_tokeniser": "13a", "bootstrap_samples": 200, "bootstrap_seed": 12345},
}


class Results:
    """Experiments as the workflow leaves them, under results/ of the current folder."""

    def config(self, experiment: str, **changes: Any) -> None:
        path = Path("results") / experiment / "config.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump({**CONFIG, "experiment": experiment, **changes}, sort_keys=False))

    def run(
        self,
        experiment: str,
        system: str,
        hypotheses: list[str],
        domain: str = "koran",
        references: list[str] = REFERENCES,
        **other: Any,
    ) -> None:
        folder = Path("results") / experiment
        if not (folder / "config.yaml").exists():
            self.config(experiment)
        chrf = {"score": CHRF().corpus_score(hypotheses, [references]).score, "signature": "chrF2"}
        bleu = BLEU().corpus_score(hypotheses, [references]).score
        score = score_of(system, domain, bleu, sentences=len(hypotheses), chrf=chrf, **other)
        for path, text in (
            (folder / "scores" / system / domain / "seed1.json", json.dumps(score)),
            (folder / "hypotheses" / system / domain / "seed1.en", "".join(f"{line}\n" for line in hypotheses)),
            (folder / "references" / f"{domain}.en", "".join(f"{line}\n" for line in references)),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Results:
    monkeypatch.chdir(tmp_path)
    return Results()


def test_two_runs_side_by_side_agree_with_sacrebleu(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    results.run("one", "adapter", WORSE, added_memory={"adapter.safetensors": 1500})
    results.run("one", "ink", REFERENCES, added_memory={"adapter.safetensors": 1500, "index": 500})
    found = compare("one:adapter/koran/seed1", "one:ink/koran/seed1")
    (row,) = found.rows.to_dict("records")
    assert (row["run_a"], row["run_b"]) == ("results/one:adapter/koran/seed1", "results/one:ink/koran/seed1")
    bleu = BLEU().corpus_score(WORSE, [REFERENCES]).score
    assert (row["bleu_a"], row["bleu_b"]) == pytest.approx((bleu, 100.0))
    assert row["gain"] == pytest.approx(100.0 - bleu)
    assert row["chrf_gain"] == pytest.approx(100.0 - CHRF().corpus_score(WORSE, [REFERENCES]).score)
    assert (row["added_bytes_a"], row["added_bytes_b"]) == (1500, 2000)
    assert row["lower"] <= row["gain"] <= row["upper"]
    monkeypatch.setenv("SACREBLEU_SEED", "12345")
    named = [("before", WORSE), ("after", REFERENCES)]
    _, scores = PairedTest(named, {"BLEU": BLEU()}, [REFERENCES], "bs", n_samples=200)()
    assert row["p_value"] == pytest.approx(scores["BLEU"][1].p_value)
    assert (row["samples"], row["bootstrap_seed"]) == (200, 12345)
    assert (found.only_a, found.only_b, found.settings) == ([], [], [])
    text = as_text(found)
    assert text.startswith("A: results/one:adapter/koran/seed1\nB: results/one:ink/koran/seed1\n")
    assert "1.5 kB" in text
    assert text.endswith("Their experiments have the same settings.")


def test_how_long_adapters_were_trained_stands_beside_their_scores(results: Results) -> None:
    results.run("one", "off_the_shelf", WORSE)
    results.run("one", "adapter", WORSE, passes=25)
    results.run("two", "adapter", REFERENCES, passes=51)
    results.run("two", "off_the_shelf", WORSE)
    found = compare("one", "two")
    assert found.rows["passes_a"].tolist() == [25, pd.NA] and found.rows["passes_b"].tolist() == [51, pd.NA]
    lines = as_text(found).splitlines()
    assert lines[3].split()[-4:] == ["B", "passes", "A", "B"]
    (adapter,) = (line for line in lines if line.startswith("adapter/koran/seed1"))
    (other,) = (line for line in lines if line.startswith("off_the_shelf/koran/seed1"))
    assert adapter.split()[-2:] == ["25", "51"] and other.split()[-2:] == [ABSENT, ABSENT]
    assert [row["passes_b"] for row in as_plain(found)["rows"]] == [51, None]


def test_the_other_way_round_the_signs_change(results: Results) -> None:
    results.run("one", "adapter", WORSE)
    results.run("one", "ink", REFERENCES)
    there, back = (
        compare(*pair).rows.iloc[0]
        for pair in (
            ("one:adapter/koran/seed1", "one:ink/koran/seed1"),
            ("one:ink/koran/seed1", "one:adapter/koran/seed1"),
        )
    )
    assert back["gain"] == -there["gain"]
    assert (back["lower"], back["upper"]) == pytest.approx((-there["upper"], -there["lower"]))
    assert back["p_value"] == there["p_value"]


def test_two_experiments_have_a_row_for_each_run_of_both_and_name_the_others(results: Results) -> None:
    results.run("one", "adapter", WORSE)
    results.run("one", "ink", WORSE)
    results.run("one", "off_the_shelf", WORSE)
    results.run("two", "adapter", WORSE)
    results.run("two", "ink", REFERENCES)
    results.run("two", "ink", REFERENCES, domain="it")
    results.config("two", ink={"k": {"koran": 4, "it": 8}, "alpha": 0.1}, speed={"repeats": None})
    for names in (("one", "two"), ("results/one", "results/two")):
        found = compare(*names)
        assert found.rows["run_a"].tolist() == ["results/one:adapter/koran/seed1", "results/one:ink/koran/seed1"]
        assert found.rows["gain"].tolist() == pytest.approx([0.0, 100.0 - found.rows["bleu_a"].iloc[1]])
        assert found.rows["p_value"].iloc[0] == 1.0
        assert (found.only_a, found.only_b) == (["off_the_shelf/koran/seed1"], ["ink/it/seed1"])
        assert found.settings == [
            Setting("ink.k", "8", '{"koran": 4, "it": 8}'),
            Setting("speed.repeats", ABSENT, "null"),
        ]
    lines = as_text(found).splitlines()
    assert lines[:2] == ["A: results/one", "B: results/two"]
    assert " ".join(lines[3].split()) == "Run BLEU A B B − A 95% interval p chrF A B B − A added A B"
    (adapter,) = (line for line in lines if line.startswith("adapter/koran/seed1"))
    assert "+0.00 [+0.00, +0.00] 1.000" in " ".join(adapter.split())
    assert lines[lines.index("Only A has:") + 1] == "  off_the_shelf/koran/seed1"
    assert lines[lines.index("Only B has:") + 1] == "  ink/it/seed1"
    assert any(line.split()[:2] == ["ink.k", "8"] for line in lines)


def test_a_run_of_one_domain_against_another_s_is_refused_by_its_references(results: Results) -> None:
    results.run("one", "ink", WORSE)
    results.run("two", "ink", WORSE, references=[*REFERENCES[:2], "something else is here", REFERENCES[3]])
    results.run("two", "ink", WORSE[:3], domain="it", references=REFERENCES[:3])
    with pytest.raises(
        InkError, match=r"results/one/references/koran and results/two/references/koran differ \(line 3 is"
    ):
        compare("one", "two")
    with pytest.raises(InkError, match=r"two/references/it differ \(they have 4 and 3 lines\); scores on different"):
        compare("one:ink/koran/seed1", "two:ink/it/seed1")


def without_text(experiment: str) -> None:
    """Put counts by sentence in the text's place, as `ink publish --without-text` does."""
    folder = Path("results") / experiment
    references = fingerprint(read_references(folder, "koran"))
    for score in read_scores(folder):
        run = (score.system, score.domain, score.seed)
        counted = {metric.name: statistics_of(metric, folder, score) for metric in (Bleu("13a"), Chrf())}
        write_statistics(folder, *run, SentenceStatistics(counted, "", references))
    for name in ("hypotheses", "references"):
        shutil.rmtree(folder / name)


@pytest.mark.parametrize("stripped", [["one"], ["two"], ["one", "two"]])
def test_copies_without_text_compare_as_the_text_does(results: Results, stripped: list[str]) -> None:
    results.run("one", "ink", WORSE)
    results.run("two", "ink", REFERENCES)
    expected = compare("one", "two").rows
    for experiment in stripped:
        without_text(experiment)
    pd.testing.assert_frame_equal(compare("one", "two").rows, expected)


def test_copies_without_text_are_told_by_their_references(results: Results) -> None:
    results.run("one", "ink", WORSE)
    results.run("two", "ink", WORSE, references=[*REFERENCES[:3], "another line"])
    without_text("two")
    with pytest.raises(InkError, match=r"references of koran in results/one and of koran in results/two differ;"):
        compare("one", "two")


def test_what_was_scored_otherwise_is_refused(results: Results) -> None:
    results.run("one", "ink", WORSE)
    results.run("two", "ink", WORSE)
    results.config("two", evaluation={**CONFIG["evaluation"], "sacrebleu_tokeniser": "intl"})
    with pytest.raises(InkError, match="results/one is scored with sacrebleu's tokeniser 13a, results/two with intl"):
        compare("one", "two")
    results.config("two", evaluation={})
    with pytest.raises(InkError, match=r"results/two/config\.yaml: evaluation\.sacrebleu_tokeniser is missing"):
        compare("one", "two")


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ("one", "three", "there is no experiment three: neither three/scores nor results/three/scores exists"),
        ("one", "two:ink/koran/seed1", "are a run and an experiment; name two experiments, or two runs"),
        ("one:ink/koran/seed7", "two:ink/koran/seed1", "has no scores of ink/koran/seed7; it has ink/koran/seed1"),
        ("one:ink/koran", "two", "one:ink/koran is no run; write EXPERIMENT:SYSTEM/DOMAIN/seedN"),
        ("one", "other", "have no run in common: the first has ink/koran/seed1, the second adapter/koran"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_named(results: Results, a: str, b: str, message: str) -> None:
    results.run("one", "ink", WORSE)
    results.run("two", "ink", WORSE)
    results.run("other", "adapter", WORSE)
    with pytest.raises(InkError) as refused:
        compare(a, b)
    assert message in str(refused.value)


def test_settings_differ_by_dotted_key() -> None:
    a = {"same": [1, 2], "deep": {"er": {"x": 1, "y": True}}, "only": 0, "text": "per_round"}
    b = {"same": [1, 2], "deep": {"er": {"x": 2, "y": True}, "new": None}, "text": "per_batch"}
    assert list(differing(a, b)) == [
        Setting("deep.er.x", "1", "2"),
        Setting("deep.new", ABSENT, "null"),
        Setting("only", "0", ABSENT),
        Setting("text", "per_round", "per_batch"),
    ]
    assert list(differing(a, a)) == []


def test_the_command_prints_and_writes_csv(results: Results) -> None:
    results.run("one", "ink", WORSE)
    results.run("two", "ink", REFERENCES)
    ink = Path(sys.executable).with_name("ink")
    command = [str(ink), "compare", "one", "results/two", "--csv", "out/rows.csv"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = compare("one", "two")
    assert done.stdout == as_text(found) + "\n"
    assert done.stderr == ""
    pd.testing.assert_frame_equal(pd.read_csv("out/rows.csv"), found.rows)
    write_csv(found, Path("again.csv"))
    assert Path("again.csv").read_bytes() == Path("out/rows.csv").read_bytes()
    # a row's names are what the command takes
    run = pd.read_csv("out/rows.csv").iloc[0]
    pd.testing.assert_frame_equal(compare(run["run_a"], run["run_b"]).rows, found.rows)


def test_the_command_says_the_same_to_scripts(results: Results) -> None:
    results.run("one", "ink", WORSE)
    results.run("one", "adapter", WORSE)
    results.run("two", "ink", REFERENCES)
    results.config("two", ink={"k": 4, "alpha": 0.1})
    ink = Path(sys.executable).with_name("ink")
    done = subprocess.run([str(ink), "compare", "one", "two", "--json"], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    pd.testing.assert_frame_equal(pd.DataFrame(found["rows"]), compare("one", "two").rows)
    assert (found["only_a"], found["only_b"]) == (["adapter/koran/seed1"], [])
    assert found["settings"] == [{"key": "ink.k", "a": "8", "b": "4"}]


def test_what_a_run_lacks_is_null_to_scripts(results: Results) -> None:
    results.run("one", "ink", WORSE)
    results.run("two", "ink", REFERENCES)
    found = compare("one", "two")
    found.rows["ter_a"] = math.nan
    (row,) = json.loads(json.dumps(as_plain(found), allow_nan=False))["rows"]
    assert row["ter_a"] is None and row["bleu_a"] == found.rows["bleu_a"].iloc[0]
