"""A reader's questions: the page that answers each, how many clicks from README it is, and what the answer names."""

from __future__ import annotations

import re
from collections import deque
from pathlib import Path

import pytest
from docs.prose import REPOSITORY

from ink.datastore.reductions.known_reductions import METHODS

CLICKS = 2
README = REPOSITORY / "README.md"

# question -> the page and heading that answers it, and words of the answer below that heading
QUESTIONS = {
    "score with chrF only": ("docs/running.md", "Metrics", ("[chrf, bleu]", "chrF alone")),
    "use two GPUs": ("docs/gpu.md", "Two GPUs, one training", ("processes: 2", "training")),
    "what alpha does": ("docs/ink.md", "What alpha does", ("weight of L_i", "0.1")),
    "why a file was refused": ("docs/failures.md", "Text and vocabulary", ("refused", "line")),
    "run on Slurm": ("docs/cluster.md", "On a cluster", ("--workflow-profile profiles/slurm", "make slurm")),
    "add a metric": ("docs/adding-a-metric.md", "The entry", ("METRICS[", "evaluation")),
    "add a combiner": ("docs/adding-a-system.md", "The module", ("COMBINER =", "weights")),
    "use NLLB": ("docs/huggingface.md", "Set up", ("nllb", "deu_Latn")),
    "import a TMX": ("docs/translation-memory.md", "The product's text", ("ink import-text", ".tmx")),
    "shrink a datastore": ("docs/reducing.md", "2. Name it in the experiment", ("reductions:", "v_knn+")),
    "resume after a crash": ("docs/running.md", "When it is interrupted", ("the same command continues", "kill -9")),
    "compare two runs with p-values": ("docs/comparing-runs.md", "In the terminal", ("ink compare", "p-values")),
    "carry an adapter to another machine": (
        "docs/translating.md",
        "Adapters in one file",
        ("--adapter", "same base model"),
    ),
    "serve over HTTP": ("docs/serving.md", "Serve", ("mlflow models serve", "/invocations")),
    "run without network": ("docs/offline.md", "Run without a network", ("ink download", "--offline")),
    "choose k and lambda": ("docs/choosing.md", "V-kNN's k and lambda", ("lambda: [", "dev")),
    "what the paper's code does differently": ("docs/paper-and-code.md", "Settings", ("released code", "paper")),
    "how long it takes at the paper's scale": ("docs/scale.md", "How long it takes", ("A100", "hours")),
    "where MLflow's database is": ("docs/comparing-runs.md", "MLflow", ("mlflow.db", "folder of the run")),
    "how to cite": ("README.md", "Cite", ("@inproceedings", "CITATION.cff")),
}


def linked(page: Path) -> set[Path]:
    """The pages of the project that a page links to."""
    links = re.findall(r"\]\(([^)\s#]+\.md)[^)]*\)", page.read_text(encoding="utf-8"))
    return {(page.parent / link).resolve() for link in links if not link.startswith("http")}


def clicks_from(start: Path) -> dict[Path, int]:
    """Breadth first over links: how many clicks each page is from this one."""
    clicks, waiting = {start: 0}, deque([start])
    while waiting:
        page = waiting.popleft()
        for target in sorted(linked(page) - clicks.keys()):
            clicks[target] = clicks[page] + 1
            waiting.append(target)
    return clicks


def below(page: Path, heading: str) -> str:
    """The text below a heading, up to the next of its level or above, code blocks included."""
    inside, level, found, code = False, 0, [], False
    for line in page.read_text(encoding="utf-8").splitlines():
        code ^= line.startswith("```")
        marks = re.match(r"(#+) (.+)", line)
        if marks and not code:
            if inside and len(marks[1]) <= level:
                break
            if marks[2] == heading:
                inside, level = True, len(marks[1])
        if inside:
            found.append(line)
    return "\n".join(found)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_is_answered_in_two_clicks_at_most(question: str) -> None:
    name, heading, words = QUESTIONS[question]
    page = REPOSITORY / name
    assert clicks_from(README)[page] <= CLICKS
    answer = below(page, heading)
    assert answer, f"{name} has no heading {heading!r}"
    assert [word for word in words if word not in answer] == []


def test_the_page_on_shrinking_names_every_method() -> None:
    answer = below(REPOSITORY / "docs" / "reducing.md", "1. Choose a method")
    assert {*re.findall(r"^\| `(\w+)`", answer, flags=re.MULTILINE)} == {*METHODS}


def test_clicks_are_counted_along_the_shortest_way(tmp_path: Path) -> None:
    for name, text in {
        "README.md": "[a](a.md) [b](b.md#x)",
        "a.md": "[b](b.md)",
        "b.md": "[c](c.md)",
        "c.md": "",
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert {page.name: number for page, number in clicks_from(tmp_path / "README.md").items()} == {
        "README.md": 0,
        "a.md": 1,
        "b.md": 1,
        "c.md": 2,
    }
    (tmp_path / "c.md").write_text("# One\n\n```\n# no heading\n```\n\n## Two\n\nx\n\n# Three\n\ny\n", encoding="utf-8")
    assert "x" in below(tmp_path / "c.md", "One") and "y" not in below(tmp_path / "c.md", "One")


if __name__ == "__main__":
    pages = clicks_from(README)
    for question, (name, heading, _) in QUESTIONS.items():
        print(f"{pages.get(REPOSITORY / name)} clicks: {question}: {name}, {heading}")
