from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from sacrebleu.metrics import BLEU
from sacrebleu.significance import PairedTest

from ink.errors import InkError
from ink.reporting import gains
from ink.reporting.comparisons import Comparisons

Add = Callable[..., Path]
Write = Callable[..., tuple[list[str], list[str]]]
SYSTEMS = ["off_the_shelf", "v_knn", "adapter", "ink"]


def render(folder: Path, domains: list[str], systems: list[str]) -> list[Path]:
    return gains.render(folder, domains, systems, Comparisons(folder, domains, systems, 1, 200, 12345, "13a"))


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
    pairs = [("v_knn", "off_the_shelf"), ("adapter", "off_the_shelf"), ("ink", "off_the_shelf"), ("ink", "adapter")]
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
    present = rows.dropna()
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
    asked = ["ink_r_knn", "ink", "off_the_shelf"]
    table = pd.read_csv(render(tmp_path, ["law"], asked)[0])
    pairs = table[table["domain"] == "law"].set_index(["system", "baseline"])["gain"]
    assert list(pairs.index) == [("ink", "off_the_shelf"), ("ink_r_knn", "off_the_shelf"), ("ink_r_knn", "ink")]
    assert pairs["ink_r_knn", "ink"] == pytest.approx(
        pairs["ink_r_knn", "off_the_shelf"] - pairs["ink", "off_the_shelf"]
    )
    assert pairs["ink_r_knn", "ink"] > 0


def test_nothing_to_compare_is_said(tmp_path: Path, write_run: Write) -> None:
    write_run("ink", "law", 0.4)
    csv, markdown, *_ = render(tmp_path, ["law"], ["ink"])
    assert csv.read_text() == "system,baseline,domain,gain,lower,upper,p_value,samples,seed\n"
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
