"""What the config says goes before what is known, and the list says both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from ink.cli import ink
from ink.config import check, load
from ink.config.schema import schema
from ink.runtime.errors import InkError
from ink.tools.download.artefacts import ARTEFACTS
from ink.tools.download.sources import direct_address, shown_address, sources

REPOSITORY = Path(__file__).resolve().parents[3]
MINI = load(REPOSITORY / "config" / "config.yaml")
NOTHING = {"url": None, "path": None, "sha256": None}


def with_downloads(**entries: dict[str, Any]) -> dict[str, Any]:
    return {**MINI, "downloads": entries}


def written(folder: Path, config: dict[str, Any]) -> str:
    path = folder / "experiment.yaml"
    path.write_text(yaml.safe_dump(config))
    return str(path)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(ink, ["download", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_schema_knows_every_artefact() -> None:
    assert set(schema()["properties"]["downloads"]["properties"]) == set(ARTEFACTS)


def test_no_two_artefacts_share_a_place() -> None:
    places = [artefact.file for artefact in ARTEFACTS.values()]
    places += [artefact.unpacked for artefact in ARTEFACTS.values() if artefact.unpacked is not None]
    assert len(set(places)) == len(places)
    assert not any(Path(place).is_absolute() or ".." in Path(place).parts for place in places)


def test_comet_finds_its_settings_two_folders_above_its_checkpoint() -> None:
    checkpoint, settings = (Path(ARTEFACTS[name].file) for name in ("comet_model", "comet_settings"))
    assert checkpoint.parents[1] / "hparams.yaml" == settings


def test_null_takes_what_is_known(tmp_path: Path) -> None:
    (source,) = sources(with_downloads(wmt19_model=NOTHING), folder=tmp_path)
    assert (source.url, source.local_copy, source.sha256) == (ARTEFACTS["wmt19_model"].url, None, None)
    assert source.file == tmp_path / "wmt19.de-en.ffn8192.tar.gz"
    assert source.unpacked == tmp_path / "wmt19_model"


def test_the_config_goes_before_what_is_known() -> None:
    entry = {"url": "https://mirror.example/data.zip", "path": "my data.zip", "sha256": "AB" * 32}
    (source,) = sources(with_downloads(multi_domain_data=entry))
    assert source.url == "https://mirror.example/data.zip"
    assert source.local_copy == Path("my data.zip")
    assert source.sha256 == "ab" * 32


def test_names_go_before_the_section() -> None:
    config = with_downloads(wmt19_model=NOTHING, comet_model={**NOTHING, "sha256": "0" * 64})
    assert [source.artefact.name for source in sources(config)] == ["wmt19_model", "comet_model"]
    found = sources(config, ["comet_model", "comet_settings"])
    assert [(source.artefact.name, source.sha256) for source in found] == [
        ("comet_model", "0" * 64),
        ("comet_settings", None),
    ]
    assert sources(MINI) == []
    with pytest.raises(InkError, match="'wmt' is no download; known: wmt19_model, "):
        sources(config, ["wmt"])


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"url": None, "path": None}, "downloads.wmt19_model.sha256: missing"),
        ({**NOTHING, "url": "ftp://host/file"}, "downloads.wmt19_model.url: found 'ftp://host/file'"),
        ({**NOTHING, "url": "file://host/etc/passwd"}, "downloads.wmt19_model.url: found 'file://host/etc/passwd'"),
        ({**NOTHING, "path": ""}, "downloads.wmt19_model.path: found ''"),
        ({**NOTHING, "sha256": "abc"}, "downloads.wmt19_model.sha256: found 'abc'"),
        ({**NOTHING, "sha256": 0}, "downloads.wmt19_model.sha256: found 0"),
        ({**NOTHING, "md5": None}, "downloads.wmt19_model.md5: unknown key"),
        (None, "downloads.wmt19_model: found null"),
    ],
)
def test_a_wrong_entry_is_named(entry: Any, message: str) -> None:
    with pytest.raises(InkError) as raised:
        check(with_downloads(wmt19_model=entry))
    assert message in str(raised.value)


def test_an_unknown_artefact_is_named() -> None:
    with pytest.raises(InkError, match=r"downloads\.wmt19_modell: unknown key.*did you mean .*wmt19_model\?"):
        check(with_downloads(wmt19_modell=NOTHING))


def test_the_section_may_be_absent_or_empty() -> None:
    assert "downloads" not in MINI
    check(MINI)
    check(with_downloads())


@pytest.mark.parametrize(
    "shared",
    [
        "https://drive.google.com/file/d/18TXCWzoKuxWKHAaCRgddd6Ub64klrVhV",
        "https://drive.google.com/file/d/18TXCWzoKuxWKHAaCRgddd6Ub64klrVhV/view?usp=sharing",
        "https://drive.google.com/uc?export=download&id=18TXCWzoKuxWKHAaCRgddd6Ub64klrVhV",
        "https://drive.google.com/open?id=18TXCWzoKuxWKHAaCRgddd6Ub64klrVhV",
    ],
)
def test_a_link_shared_on_google_drive_becomes_the_file_s_address(shared: str) -> None:
    assert direct_address(shared) == (
        "https://drive.usercontent.google.com/download?id=18TXCWzoKuxWKHAaCRgddd6Ub64klrVhV&export=download&confirm=t"
    )


@pytest.mark.parametrize("other", ["https://example.org/file/d/abc", "https://drive.google.com/drive/folders/abc"])
def test_other_addresses_stay(other: str) -> None:
    assert direct_address(other) == other


def test_a_password_is_not_shown() -> None:
    assert shown_address("https://me:secret@host.example:8080/a?b=c") == "https://host.example:8080/a?b=c"


def test_the_list_says_what_where_from_how_large_licence_where_to_and_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    listed = run("--list")
    assert [line.partition(":")[0] for line in listed.splitlines() if not line.startswith(" ")] == list(ARTEFACTS)
    data = listed[listed.index("multi_domain_data:") : listed.index("comet_model:")]
    assert [line.split()[0] for line in data.splitlines()[1:]] == [
        "from",
        "size",
        "licence",
        "sha256",
        "goes",
        "state",
    ]
    assert "from     https://drive.google.com/file/d/18TXCWzoKuxWKHAaCRgddd6Ub64klrVhV\n" in data
    assert "size     not stated\n" in data
    assert "licence  not stated\n" in data
    assert "goes to  downloads/data-bin.zip, unpacked to downloads/multi_domain_data\n" in data
    assert "state    not there\n" in data
    assert not list(tmp_path.iterdir())


def test_the_list_for_scripts_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = {entry["name"]: entry for entry in json.loads(run("--list", "--json"))}
    assert list(found) == list(ARTEFACTS)
    assert found["multi_domain_data"] == {
        "name": "multi_domain_data",
        "what": ARTEFACTS["multi_domain_data"].what,
        "from": "https://drive.google.com/file/d/18TXCWzoKuxWKHAaCRgddd6Ub64klrVhV",
        "size": None,
        "licence": "not stated",
        "sha256": None,
        "file": "downloads/data-bin.zip",
        "unpacked": "downloads/multi_domain_data",
        "state": "not there",
    }


def test_the_list_of_a_config_shows_what_it_says_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    entry = {"url": "https://me:secret@mirror.example/x", "path": None, "sha256": "0" * 64}
    path = written(tmp_path, with_downloads(comet_model=entry, comet_settings={**NOTHING, "path": "here.yaml"}))
    listed = run("--list", path)
    assert listed.count("licence") == 2
    assert "from     https://mirror.example/x\n" in listed and f"sha256   {'0' * 64}\n" in listed
    assert "from     here.yaml\n" in listed
    # a config that names nothing: everything that could be named
    assert run("--list", written(tmp_path, MINI)).count("licence") == len(ARTEFACTS)
    assert run("--list", path, "wmt19_model").startswith("wmt19_model: ")


def test_the_list_tells_parts_files_and_unpacked_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "downloads"
    (folder / "wmt19_model").mkdir(parents=True)
    (folder / "data-bin.zip.part").write_bytes(b"x" * 1500)
    (folder / "wmt19.de-en.ffn8192.tar.gz").write_bytes(b"x" * 20)
    states = [line.split(maxsplit=1)[1] for line in run("--list").splitlines() if line.startswith("  state")]
    assert states[:3] == [
        "there, 20 bytes, not yet checked, not yet unpacked",
        "not there; 1.5 kB have come",
        "not there",
    ]
    (folder / "wmt19.de-en.ffn8192.tar.gz.sha256").write_text(f"{'0' * 64}  wmt19.de-en.ffn8192.tar.gz\n")
    (folder / "wmt19_model" / ".unpacked.json").write_text('{"sha256": "0"}')
    assert "  state    there, 20 bytes, unpacked\n" in run("--list")


def test_the_command_fetches_what_the_config_names(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("settings")
    served = {**NOTHING, "url": server.then(b'{"layers": 24}').url}
    path = written(
        tmp_path, with_downloads(comet_encoder_settings=served, comet_settings={**NOTHING, "path": "mine.yaml"})
    )
    first = run(path).splitlines()
    assert "comet_encoder_settings: downloads/xlm-roberta-large/config.json fetched, 14 bytes, sha256 " in first[0]
    assert "(unverified: not pinned in the config, see downloads/xlm-roberta-large/config.json.sha256)" in first[0]
    assert (tmp_path / "downloads" / "xlm-roberta-large" / "config.json").read_bytes() == b'{"layers": 24}'
    assert (tmp_path / "downloads" / "wmt20-comet-da" / "hparams.yaml").read_text() == "settings"
    assert "was there" in run(path, "comet_settings")
    assert len(server.requests) == 1


def test_a_config_that_names_nothing_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "its section downloads names nothing" in run(written(tmp_path, MINI))
    assert not (tmp_path / "downloads").exists()


def test_without_a_config_it_is_not_clear_what_to_fetch() -> None:
    result = CliRunner().invoke(ink, ["download"])
    assert result.exit_code == 2
    assert "Name the experiment's config file" in result.output
