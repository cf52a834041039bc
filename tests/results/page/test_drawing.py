from __future__ import annotations

from pathlib import Path

import pytest

from ink.results.page.drawing import inline_svg
from ink.runtime.errors import InkError

DRAWING = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<svg xmlns:xlink="http://www.w3.org/1999/xlink" width="100pt" height="50pt" viewBox="0 0 100 50"
 xmlns="http://www.w3.org/2000/svg" version="1.1">
 <metadata><date>today</date></metadata>
 <defs><style type="text/css">*{stroke-linejoin: round}</style><clipPath id="a"><path d="M0 0"/></clipPath></defs>
 <script>alert(1)</script>
 <g id="b" clip-path="url(#a)" style="fill: url(#a)"><use xlink:href="#b" x="3"/></g>
</svg>
"""


def test_what_it_names_is_its_own(tmp_path: Path) -> None:
    path = tmp_path / "figure3.svg"
    path.write_text(DRAWING, encoding="utf-8")
    svg = inline_svg(path, 'BLEU & "size"')
    assert svg.startswith("<svg ")
    for part in (
        'id="figure3-a"',
        'id="figure3-b"',
        'clip-path="url(#figure3-a)"',
        'style="fill: url(#figure3-a)"',
        'xlink:href="#figure3-b"',
        "#figure3-drawing { *{stroke-linejoin: round} }",
        'viewBox="0 0 100 50"',
        'style="min-width: 7.8rem; max-width: 11.2rem"',
        'role="img"',
        'aria-label="BLEU &amp; &quot;size&quot;"',
    ):
        assert part in svg, part
    for part in ("today", "alert", "<!DOCTYPE", "<?xml", "100pt"):
        assert part not in svg, part


@pytest.mark.parametrize("text", ["", "<svg", "<html xmlns='http://www.w3.org/1999/xhtml'/>"])
def test_what_is_no_svg(tmp_path: Path, text: str) -> None:
    path = tmp_path / "figure3.svg"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InkError, match=r"figure3\.svg .*render it again"):
        inline_svg(path, "")
