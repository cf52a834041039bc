"""SK-MT in a folder of its own: its training text comes along, and it translates there as in its experiment."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ink.config.slices.commands import settings_for
from ink.config.slices.result_slices import TranslationSettings
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_lines
from ink.serving.answers import answers
from ink.serving.system_folder import load_system_folder, make_system_folder
from ink.systems.layout import Layout, Run
from ink.tools.explanation.explainer import load_explainer
from ink.tools.translation.translator import load_translator

RUN = Run("sk_mt", "koran", 1)


@pytest.fixture
def layout(tiny_experiment: Callable[..., Layout]) -> Layout:
    return tiny_experiment(["sk_mt"])


def test_it_takes_its_text_along(tiny: Any, layout: Layout, tmp_path: Path) -> None:
    lines = read_lines(tiny.corpus / "test.xx")[:6]
    settings = settings_for(layout.config, TranslationSettings, "koran")
    here = answers(load_translator(layout, settings, *RUN, print), lines)
    make_system_folder(layout, RUN, tmp_path / "elsewhere")
    shutil.rmtree(layout.work)
    there = load_system_folder(tmp_path / "elsewhere", print)
    assert answers(there, lines) == here
    assert {"train.xx-yy.xx.bin", "train.xx-yy.yy.bin"} <= set(there.system.files)
    assert not any(path.name.startswith(("valid.", "test.")) for path in (tmp_path / "elsewhere").rglob("*"))


def test_it_keeps_no_neighbours_to_explain(layout: Layout) -> None:
    settings = settings_for(layout.config, TranslationSettings, "koran")
    with pytest.raises(InkError, match=r"SK-MT .* keeps no neighbours to explain; systems that do: v_knn, "):
        load_explainer(layout, settings, *RUN, print)
