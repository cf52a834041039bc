"""`ink explain` with systems that the micro experiment has trained: text, page and refusals."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from warm.programme import INK

from ink.runtime.whole_files import read_lines

LINES = 'Der Text ist gut.\nWer sieht das <b>Wort</b>, & "wie"? \U0001f600\n'


def run(folder: Path, command: str, text: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    whole = ("--threads", "1", command, "--config", "results/micro/config.yaml", "--domain", "koran", *arguments)
    return INK.run(*whole, cwd=folder, input=text)


@pytest.mark.parametrize("system", ["v_knn", "ink_r_knn"])
def test_what_is_explained_is_what_is_translated(micro: Any, system: str) -> None:
    folder = micro[0].path
    translated = run(folder, "translate", LINES.encode(), "--system", system)
    explained = run(folder, "explain", LINES.encode(), "--system", system, "--neighbours", "2")
    assert (explained.returncode, explained.stderr.decode()) == (0, "")
    text = explained.stdout.decode()
    expected = zip(LINES.splitlines(), translated.stdout.decode().splitlines(), strict=True)
    for number, (source, translation) in enumerate(expected, start=1):
        assert f"\nline {number}\n  de  {source}\n  en  {translation}\n" in text
    training = [read_lines(folder / f"work/micro/corpus/koran/train.{language}") for language in ("de", "en")]
    lines = text.splitlines()
    neighbours = [number for number, line in enumerate(lines) if ", token " in line and " line " in line]
    assert len(neighbours) > 20
    for number in neighbours:
        line = int(lines[number].rpartition("line ")[2].partition(",")[0])
        source, target = (lines[number + side].strip()[4:] for side in (1, 2))
        assert source == training[0][line - 1]
        assert target.replace("⟦end⟧", "").replace("⟦", "").replace("⟧", "") == training[1][line - 1]


@pytest.mark.failure(
    "Looking into a translation",
    "a line without text, or not UTF-8, to explain",
    "left out, `line 1: empty, nothing to explain; left out`; of bytes that are no text, exit code 1 at the end",
)
def test_a_page_is_written_whole_and_lines_without_text_are_named(micro: Any, tmp_path: Path) -> None:
    page = tmp_path / "there" / "page.html"
    done = run(
        micro[0].path,
        "explain",
        b"\n\xff kaputt\nGott ist <script>gut</script>.\n",
        *("--system", "r_knn_without_keys", "--html", str(page)),
    )
    assert done.returncode == 1
    assert done.stdout == b""
    assert "line 1: empty, nothing to explain; left out" in done.stderr.decode()
    assert "line 2: not valid UTF-8" in done.stderr.decode()
    assert "1 of the input's lines could not be read and were left out" in done.stderr.decode()
    text = page.read_text(encoding="utf-8")
    assert text.count("<section>") == 1
    assert "Gott ist &lt;script&gt;gut&lt;/script&gt;." in text
    assert text.rstrip().endswith("</html>")


@pytest.mark.failure(
    "Looking into a translation",
    "no line with text to explain",
    "`nothing was explained: the input has no line with text [translation/no-text]`; no page is written",
)
def test_nothing_to_explain_writes_no_page(micro: Any, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = run(micro[0].path, "explain", b"", "--system", "v_knn", "--text", " ", "--html", str(page))
    assert done.returncode == 1
    message = "error: nothing was explained: the input has no line with text [translation/no-text]"
    assert done.stderr.decode().splitlines()[-1] == message
    assert not page.exists()


@pytest.mark.failure(
    "Looking into a translation",
    "a system that does not retrieve",
    "`INK does not retrieve while it translates, so that it has no neighbours to explain; systems that do: v_knn, ... "
    "[translation/no-retrieval]`",
)
def test_a_system_that_does_not_retrieve_is_refused_and_those_that_do_are_named(micro: Any) -> None:
    for system, label in (("off_the_shelf", "Off-the-shelf NMT"), ("adapter", "Adapter"), ("ink", "INK")):
        done = run(micro[0].path, "explain", b"Gott\n", "--system", system)
        assert done.returncode == 1
        message = done.stderr.decode()
        assert f"error: {label} does not retrieve while it translates" in message
        assert "systems that do: v_knn, a_knn, r_knn_without_keys, r_knn" in message


def test_a_system_without_training_is_named_with_the_command_that_trains_it(micro: Any) -> None:
    done = run(micro[0].path, "explain", b"Gott\n", "--system", "r_knn", "--seed", "7")
    assert done.returncode == 1
    assert "snakemake --cores all results/micro/scores/r_knn/koran/seed7.json" in done.stderr.decode()
