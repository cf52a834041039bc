from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pytest
from sacrebleu.metrics import BLEU
from sacrebleu.significance import PairedTest

from ink.metrics.bleu import Bleu
from ink.metrics.metric import Metric
from ink.metrics.ter import Ter
from ink.results.paired_comparisons import Comparisons
from ink.results.records.scores import Selection
from ink.results.tables import gains
from ink.runtime.errors import InkError
from ink.systems.known_systems import BEST_KNN, System
from ink.systems.known_systems import SYSTEMS as ROWS

Add = Callable[..., Path]
Write = Callable[..., tuple[list[str], list[str]]]
BLEU_METRIC = Bleu("13a")
SYSTEMS = ["off_the_shelf", "v_knn", "adapter", "ink"]


def render(
    folder: Path, domains: list[str], systems: list[str], metrics: Sequence[Metric] = (BLEU_METRIC,)
) -> list[Path]:
    runs = Selection(folder, domains, systems, [1])
    return gains.render(folder, [Comparisons(runs, metric, 200, 12345) for metric in metrics])


def test_gains_agree_with_sacrebleu(tmp_path: Path, write_run: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SACREBLEU_SEED", "12345")
    errors = {"off_the_shelf": 0.5, "v_knn": 0.45, "adapter": 0.4, "ink": 0.2}
    for system, error in errors.items():
        write_run(system, "law", error)
    before, _ = write_run("off_the_shelf", "koran", 0.5)
    after, references = write_run("v_knn", "koran", 0.45)
    _, scores = PairedTest(
        [("before", before), ("after", after)], {"BLEU": BLEU()}, [references], "bs", n_samples=200
    )()

    csv, markdown, latex, _ = render(tmp_path, ["law", "koran"], SYSTEMS)
    table = pd.read_csv(csv, float_precision="round_trip")
    compared = list(table[["system", "baseline", "domain"]].itertuples(index=False, name=None))
    pairs = [("v_knn", "off_the_shelf"), ("adapter", "off_the_shelf"), ("ink", "off_the_shelf")]
    pairs += [("ink", "adapter"), ("ink", "v_knn")]
    assert compared == [(*pair, domain) for pair in pairs for domain in ("law", "koran", "average")]
    rows = table.set_index(["system", "baseline", "domain"])
    koran = rows.loc[("v_knn", "off_the_shelf", "koran")]
    assert koran["gain"] == pytest.approx(scores["BLEU"][1].score - scores["BLEU"][0].score)
    assert koran["p_value"] == scores["BLEU"][1].p_value
    average = rows.loc[("v_knn", "off_the_shelf", "average")]
    assert average["gain"] == pytest.approx((koran["gain"] + rows.loc[("v_knn", "off_the_shelf", "law"), "gain"]) / 2)
    assert rows.loc[("ink", "adapter", "law"), "gain"] == pytest.approx(
        rows.loc[("ink", "off_the_shelf", "law"), "gain"] - rows.loc[("adapter", "off_the_shelf", "law"), "gain"]
    )
    assert rows.loc[("ink", "off_the_shelf", "koran")].isna().all()
    assert rows.loc[("ink", "off_the_shelf", "average")].isna().all()
    assert rows["deviation"].isna().all()
    present = rows.drop(columns="deviation").dropna()
    assert ((present["lower"] <= present["gain"]) & (present["gain"] <= present["upper"])).all()
    assert set(present["samples"]) == {200}

    text = markdown.read_text(encoding="utf-8")
    assert "200 resamples, random seed 12345" in text
    assert "| INK | Adapter | Koran | – | – | – |" in text
    assert "–: one of the two systems has no score there" in text
    assert r"INK & Adapter & Koran & -- & -- & -- \\" in latex.read_text(encoding="utf-8")


def test_ink_with_r_knn_is_compared_with_ink(tmp_path: Path, write_run: Write) -> None:
    for system, error in {"off_the_shelf": 0.5, "ink": 0.4, "ink_r_knn": 0.2}.items():
        write_run(system, "law", error)
    requested = ["ink_r_knn", "ink", "off_the_shelf"]
    table = pd.read_csv(render(tmp_path, ["law"], requested)[0])
    pairs = table[table["domain"] == "law"].set_index(["system", "baseline"])["gain"]
    assert list(pairs.index) == [("ink", "off_the_shelf"), ("ink_r_knn", "off_the_shelf"), ("ink_r_knn", "ink")]
    assert pairs["ink_r_knn", "ink"] == pytest.approx(
        pairs["ink_r_knn", "off_the_shelf"] - pairs["ink", "off_the_shelf"]
    )
    assert pairs["ink_r_knn", "ink"] > 0


def test_ink_is_compared_with_r_knn_and_the_best_knn_system(tmp_path: Path, write_run: Write) -> None:
    errors = {"v_knn": 0.3, "a_knn": 0.2, "r_knn": 0.4, "adapter": 0.35, "ink": 0.25, "ink_r_knn": 0.1}
    for system, error in errors.items():
        for domain in ("law", "koran"):
            write_run(system, domain, error)
    csv, markdown, *_ = render(tmp_path, ["law", "koran"], [*errors])
    pairs = pd.read_csv(csv)[["system", "baseline"]].drop_duplicates().itertuples(index=False, name=None)
    # INK + R-kNN retrieves and is better than all: it is no rival
    assert [*pairs] == [("ink", "adapter"), ("ink", "r_knn"), ("ink", "a_knn"), ("ink_r_knn", "ink")]
    assert "The kNN system with the best average BLEU on these test sets is A-kNN." in markdown.read_text()
    csv, *_ = render(tmp_path, ["law", "koran"], ["v_knn", "r_knn", "ink"])
    assert set(pd.read_csv(csv)["baseline"]) == {"r_knn", "v_knn"}
    csv, markdown, *_ = render(tmp_path, ["law", "koran"], ["r_knn", "ink"])
    assert pd.read_csv(csv)["baseline"].tolist() == ["r_knn"] * 3  # which is the best as well, and stands once


def test_training_seeds_are_pooled_and_their_deviation_is_beside(tmp_path: Path, write_run: Write) -> None:
    """V-kNN trains nothing and has run once; Adapter lacks the third seed on one domain."""
    bleu: dict[tuple[str, str, int], float] = {}
    runs = [("v_knn", 0.5, (4,)), ("adapter", 0.4, (4, 5, 6)), ("ink", 0.3, (4, 5, 6))]
    for system, error, seeds in runs:
        for domain in ("law", "koran"):
            for seed in seeds:
                if (system, domain, seed) != ("adapter", "koran", 6):
                    hypotheses, references = write_run(system, domain, error, seed)
                    bleu[system, domain, seed] = BLEU().corpus_score(hypotheses, [references]).score
    domains, systems = ["law", "koran"], ["v_knn", "adapter", "ink"]
    comparisons = Comparisons(Selection(tmp_path, domains, systems, [4, 5, 6]), Bleu("13a"), 200, 12345)
    csv, markdown, *_ = gains.render(tmp_path, [comparisons])
    rows = pd.read_csv(csv).set_index(["system", "baseline", "domain"])

    def gain(seed: int, baseline: str, domain: str) -> float:
        return bleu["ink", domain, seed] - bleu[baseline, domain, 4 if baseline == "v_knn" else seed]

    for baseline, domain, seeds in [
        *[("v_knn", domain, (4, 5, 6)) for domain in (*domains, "average")],
        *(("adapter", "law", (4, 5, 6)), ("adapter", "koran", (4, 5)), ("adapter", "average", (4, 5))),
    ]:
        row = rows.loc[("ink", baseline, domain)]
        of = domains if domain == "average" else [domain]
        by_seed = [statistics.fmean(gain(seed, baseline, one) for one in of) for seed in seeds]
        assert row["gain"] == pytest.approx(statistics.fmean(by_seed)), (baseline, domain)
        assert row["deviation"] == pytest.approx(statistics.stdev(by_seed)), (baseline, domain)
        assert row["training_seeds"] == len(seeds)
        assert row["lower"] < row["gain"] < row["upper"]
    text = markdown.read_text(encoding="utf-8")
    shown = rows.loc[("ink", "v_knn", "average")]
    assert f"| INK | V-kNN | Average | +{shown['gain']:.2f} ± {shown['deviation']:.2f} |" in text
    assert "mean over the training seeds 4, 5, 6, as far as both systems have them" in text


def test_nothing_to_compare_is_said(tmp_path: Path, write_run: Write) -> None:
    write_run("ink", "law", 0.4)
    csv, markdown, *_ = render(tmp_path, ["law"], ["ink"])
    assert csv.read_text() == (
        "system,baseline,domain,gain,lower,upper,p_value,samples,seed,training_seeds,deviation\n"
    )
    assert "Nothing to compare" in markdown.read_text()


def test_hypotheses_that_do_not_give_the_score_on_record(tmp_path: Path, write_run: Write, add_score: Add) -> None:
    write_run("off_the_shelf", "law", 0.4)
    write_run("ink", "law", 0.4)
    add_score("ink", "law", 99, sentences=40)
    with pytest.raises(InkError, match=r"ink on law, seed 1: its hypotheses give BLEU \d.*says 99\.00"):
        render(tmp_path, ["law"], SYSTEMS)


def test_lost_hypotheses_are_named(tmp_path: Path, write_run: Write) -> None:
    write_run("off_the_shelf", "law", 0.4)
    write_run("v_knn", "law", 0.3)
    path = tmp_path / "hypotheses" / "off_the_shelf" / "law" / "seed1.en"
    path.write_text(path.read_text().split("\n", 1)[1])
    with pytest.raises(InkError, match="off_the_shelf on law, seed 1: 39 hypotheses for 40 references"):
        render(tmp_path, ["law"], SYSTEMS)
    path.unlink()
    with pytest.raises(InkError, match=r"seed1\.LANGUAGE does not exist"):
        render(tmp_path, ["law"], SYSTEMS)


def test_a_new_row_says_whom_it_is_compared_with(
    tmp_path: Path, write_run: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = System("New", "base", (), "evaluate", section="v_knn", compared_with=("v_knn", BEST_KNN))
    monkeypatch.setitem(ROWS, "new", new)
    for system, error in (("off_the_shelf", 0.6), ("v_knn", 0.5), ("r_knn", 0.3), ("new", 0.45)):
        write_run(system, "law", error)
    csv, *_ = render(tmp_path, ["law"], ["new", "v_knn", "r_knn", "off_the_shelf"])
    table = pd.read_csv(csv)
    assert table.loc[table["system"] == "new", "baseline"].unique().tolist() == ["off_the_shelf", "v_knn", "r_knn"]


def test_an_error_rate_gains_by_falling(tmp_path: Path, write_run: Write, add_ter: Callable[..., float]) -> None:
    errors = {"off_the_shelf": 0.5, "v_knn": 0.45, "r_knn": 0.3, "ink": 0.2}
    ter = {}
    for system, error in errors.items():
        write_run(system, "law", error)
        ter[system] = add_ter(tmp_path, system, "law")
    alone = [path.read_text(encoding="utf-8") for path in render(tmp_path, ["law"], [*errors])]
    csv, markdown, _, html = render(tmp_path, ["law"], [*errors], [BLEU_METRIC, Ter()])
    table = pd.read_csv(csv).set_index(["system", "baseline", "domain"])
    assert table.columns.tolist() == [
        *("gain", "lower", "upper", "p_value", "samples", "seed", "training_seeds", "deviation"),
        *("ter_gain", "ter_lower", "ter_upper", "ter_p_value", "ter_training_seeds", "ter_deviation"),
    ]
    row = table.loc[("ink", "off_the_shelf", "law")]
    assert row["ter_gain"] == pytest.approx(ter["off_the_shelf"] - ter["ink"])
    assert 0 < row["ter_lower"] < row["ter_gain"] < row["ter_upper"]
    text = markdown.read_text(encoding="utf-8")
    assert "| Average |" not in text and {"law", "average"} == set(table.index.get_level_values("domain"))
    assert text.startswith(alone[1]) and html.read_text(encoding="utf-8").startswith(alone[3])
    of_ter = text.removeprefix(alone[1])
    assert of_ter.startswith("\n**Gain in TER over another system, with its certainty.**")
    assert "TER gains by falling" in of_ter and "TER gains by falling" not in alone[1]
    assert "The kNN system with the best TER on this test set is R-kNN." in of_ter


def test_each_metric_s_best_knn_system_is_compared(
    tmp_path: Path, write_run: Write, add_ter: Callable[..., float]
) -> None:
    for system, error in (("v_knn", 0.1), ("r_knn", 0.4), ("ink", 0.2)):
        write_run(system, "law", error)
        add_ter(tmp_path, system, "law")
    path = tmp_path / "scores" / "v_knn" / "law" / "seed1.ter.json"
    path.unlink()
    table = pd.read_csv(render(tmp_path, ["law"], ["v_knn", "r_knn", "ink"], [BLEU_METRIC, Ter()])[0])
    assert table.loc[table["domain"] == "law", "baseline"].tolist() == ["r_knn", "v_knn"]
    assert table.loc[table["baseline"] == "v_knn", "ter_gain"].isna().all()
