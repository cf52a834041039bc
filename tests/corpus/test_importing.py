"""Translation memories and text files made into train, dev and test."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
from click.testing import CliRunner

from ink.cli import ink as ink_command
from ink.config.languages import LanguagePair
from ink.corpus.importing import Wanted, import_text
from ink.corpus.own_text import OwnFiles, ingest
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, read_lines

NOUNS = ("Datei", "Tabelle", "Grafik", "Seite", "Zelle", "Formel")
VERBS = {"öffnen": "Open", "drucken": "Print", "sperren": "Lock", "verwerfen": "Discard", "umbenennen": "Rename"}
PAIRS = [(f"{noun} {verb}", f"{english} {noun}") for noun in NOUNS for verb, english in VERBS.items()]


def write_tmx(path: Path, pairs: list[tuple[str, str]]) -> Path:
    units = "".join(
        f'<tu><tuv xml:lang="en-US"><seg>{escape(target)}</seg></tuv>'
        f'<tuv xml:lang="de-DE"><seg>{escape(source)}</seg></tuv></tu>'
        for source, target in pairs
    )
    path.write_text(f'<tmx version="1.4"><header/><body>{units}</body></tmx>', encoding="utf-8")
    return path


def wanted(dev: int = 0, test: int = 0, **more: Any) -> Wanted:
    return Wanted(LanguagePair("de", "en"), {"dev": dev, "test": test}, 1, **more)


def read(folder: Path, split: str) -> list[tuple[str, str]]:
    return list(zip(*(read_lines(folder / f"{split}.{side}") for side in ("de", "en")), strict=True))


def test_train_dev_and_test_are_written_as_an_experiment_takes_them(tmp_path: Path) -> None:
    output = tmp_path / "text" / "office"
    imported = import_text([write_tmx(tmp_path / "memory.tmx", PAIRS)], [], wanted(4, 5), output)
    assert imported.sentences == {"train": 21, "dev": 4, "test": 5}
    assert sorted(pair for split in imported.sentences for pair in read(output, split)) == sorted(PAIRS)
    pattern = f"{tmp_path}/text/{{domain}}/{{split}}.{{language}}"
    counts = ingest(
        OwnFiles(pattern, ["train", "dev", "test"]), "office", LanguagePair("de", "en"), tmp_path / "corpus", 1, {}
    )
    assert counts["sentences"] == imported.sentences
    record = read_json(output / "import.json")
    assert record["inputs"][str(tmp_path / "memory.tmx")]["pairs"] == 30
    assert record["sentences"] == imported.sentences
    before = read(output, "test")
    import_text([write_tmx(tmp_path / "memory.tmx", PAIRS[::-1])], [], wanted(4, 5), output)
    assert sorted(read(output, "test")) == sorted(before), "neither the order of the file matters nor a second time"


def test_without_sizes_everything_is_train(tmp_path: Path) -> None:
    imported = import_text([write_tmx(tmp_path / "m.tmx", PAIRS)], [], wanted(), tmp_path / "out")
    assert imported.sentences == {"train": 30}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["import.json", "train.de", "train.en"]


def test_repeats_go_and_other_translations_of_a_source_stay(tmp_path: Path) -> None:
    pairs = [("Datei", "File"), ("Datei", "file"), (" Datei\n", "File "), ("Datei", "File"), ("Ordner", "")]
    output = tmp_path / "out"
    imported = import_text([write_tmx(tmp_path / "m.tmx", pairs)], [], wanted(), output)
    assert read(output, "train") == [("Datei", "File"), ("Datei", "file")]
    assert imported.repeats == 2
    (found,) = imported.inputs.values()
    assert found.left_out == {"with an empty side": 1}


def test_other_translations_of_a_held_out_source_leave_train(tmp_path: Path) -> None:
    twice = [*PAIRS, *((source, f"{target}, please") for source, target in PAIRS)]
    imported = import_text([write_tmx(tmp_path / "m.tmx", twice)], [], wanted(4, 5), tmp_path / "out")
    assert imported.sentences == {"train": 42, "dev": 4, "test": 5}
    assert imported.sources_held_out == 9
    held = {source for split in ("dev", "test") for source, _ in read(tmp_path / "out", split)}
    assert not held & {source for source, _ in read(tmp_path / "out", "train")}


def test_a_segment_is_a_line_and_keeps_its_keys_unless_told_otherwise(tmp_path: Path) -> None:
    memory = write_tmx(
        tmp_path / "m.tmx", [("&Datei\n  öffnen: <b>%s</b>", "&Open\nfile: <b>%s</b>"), ("~Neu", "~New")]
    )
    import_text([memory], [], wanted(), tmp_path / "kept")
    assert read(tmp_path / "kept", "train")[0] == ("&Datei öffnen: <b>%s</b>", "&Open file: <b>%s</b>")
    import_text([memory], [], wanted(accelerators=["&", "~"]), tmp_path / "stripped")
    assert read(tmp_path / "stripped", "train") == [("Datei öffnen: <b>%s</b>", "Open file: <b>%s</b>"), ("Neu", "New")]


def test_text_files_and_memories_come_together(tmp_path: Path) -> None:
    for side, text in (("de", "Datei öffnen\nEins\n\nZwei"), ("en", "Open Datei\nOne\nNothing\nTwo")):
        (tmp_path / f"text.{side}").write_text(text, encoding="utf-8")
    memory = write_tmx(tmp_path / "m.tmx", PAIRS[:2])
    text = (tmp_path / "text.de", tmp_path / "text.en")
    imported = import_text([memory], [text], wanted(), tmp_path / "out")
    assert read(tmp_path / "out", "train") == [*PAIRS[:2], ("Eins", "One"), ("Zwei", "Two")]
    assert (imported.repeats, imported.inputs[f"{text[0]}, {text[1]}"].left_out) == (1, {"with an empty side": 1})


def test_near_duplicates_of_train_are_counted_a_split(tmp_path: Path) -> None:
    numbered = [(f"Die Seite {number} konnte nicht gedruckt werden", f"Page {number}") for number in range(20)]
    imported = import_text([write_tmx(tmp_path / "m.tmx", numbered)], [], wanted(2, 3), tmp_path / "out")
    assert imported.near_duplicates == {"dev": 2, "test": 3}
    (printed,) = [line for line in imported.lines(tmp_path / "out", ("de", "en")) if "test.de" in line]
    assert printed.endswith(
        "3 pairs; 3 (100.0%) have a near-duplicate in train: 70% or more of the source's letter trigrams in common"
    )


def test_what_stands_in_another_text_is_left_out(tmp_path: Path) -> None:
    import_text([write_tmx(tmp_path / "m.tmx", PAIRS[:12])], [], wanted(3, 3), tmp_path / "product")
    field = write_tmx(tmp_path / "field.tmx", [(source, f"{target}!") for source, target in PAIRS])
    imported = import_text([field], [], wanted(apart_from=[tmp_path / "product"]), tmp_path / "field")
    assert imported.elsewhere == 12
    assert {source for source, _ in read(tmp_path / "field", "train")} == {source for source, _ in PAIRS[12:]}
    with pytest.raises(InkError, match=r"nowhere has no train\.de; name a folder that `ink import-text` wrote"):
        import_text([field], [], wanted(apart_from=[tmp_path / "nowhere"]), tmp_path / "more")


@pytest.mark.failure(
    "Text and vocabulary",
    "an import into a folder that holds other files",
    "refused; nothing is replaced [folder/not-empty]",
)
def test_a_folder_with_other_files_is_not_replaced(tmp_path: Path) -> None:
    memory = write_tmx(tmp_path / "m.tmx", PAIRS)
    for place, message in (
        (tmp_path, "holds files that `ink import-text` did not write"),
        (memory, "is a file; name a folder"),
    ):
        with pytest.raises(InkError, match=message):
            import_text([memory], [], wanted(), place)
    assert [path.name for path in tmp_path.iterdir()] == ["m.tmx"]
    (tmp_path / "empty").mkdir()
    import_text([memory], [], wanted(), tmp_path / "empty")
    with pytest.raises(
        InkError, match=r"m\.tmx is too small to hold out 20 for dev and 10 for test: its 30 lines have 30"
    ):
        import_text([memory], [], wanted(20, 10), tmp_path / "empty")
    assert len(read(tmp_path / "empty", "train")) == 30, "what was there is whole"


def test_a_memory_of_which_nothing_is_left_is_named(tmp_path: Path) -> None:
    memory = write_tmx(tmp_path / "m.tmx", [("", "a"), ("b", " ")])
    with pytest.raises(InkError, match=r"m\.tmx: no pair is left; .*2 units, 0 pairs; left out: 2 with an empty side"):
        import_text([memory], [], wanted(), tmp_path / "out")


def test_the_command_says_what_it_did_and_takes_codes_with_regions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_tmx(Path("memory.tmx"), PAIRS)
    command = "import-text memory.tmx --target-language en-US --dev 4 --test 5 --output text/office --source-language"
    done = CliRunner().invoke(ink_command, [*command.split(), "de"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    printed = done.output.splitlines()
    assert printed[0] == "memory.tmx: 30 units, 30 pairs"
    assert printed[1] == "text/office/train.de, .en_us: 21 pairs"
    assert printed[3].startswith("text/office/test.de, .en_us: 5 pairs; ")
    assert len(printed) == 4


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        ("--source-language de --target-language en", "name a TMX file, a catalogue or a folder"),
        ("m.tmx --source-language german --target-language en", "'german' is no language code"),
        ("m.tmx --source-language de --target-language DE", "is --source-language as well"),
        ("m.tmx --source-language de --target-language en --strip-accelerators &amp;", "'&amp;' is not one sign"),
        ("m.tmx --source-language de --target-language en --dev -1", "-1 is not in the range"),
    ],
)
def test_a_command_that_cannot_be_meant(tmp_path: Path, arguments: str, printed: str) -> None:
    done = CliRunner().invoke(ink_command, ["import-text", *arguments.split(), "--output", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert printed in done.output
