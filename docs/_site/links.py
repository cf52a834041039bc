"""What MkDocs does beyond its pages: README becomes the start page, and links into the repository lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

REPOSITORY = Path(__file__).resolve().parents[2]
# pages made of files outside docs/
OUTSIDE = {"index.md": "README.md", "contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s#]*)(#[^)\s]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Add README, CONTRIBUTING and CHANGELOG as pages, the published figures that pages show, and the style."""
    for page, source in OUTSIDE.items():
        files.append(File.generated(config, page, content=(REPOSITORY / source).read_text(encoding="utf-8")))
    for figure in sorted((REPOSITORY / "results/published").glob("*/figures/*.png")):
        name = "/".join(("published", figure.parts[-3], figure.name))
        files.append(File.generated(config, name, abs_src_path=str(figure)))
    files.append(File.generated(config, "style.css", abs_src_path=str(REPOSITORY / "docs/_site/style.css")))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Return a page whose links into the repository are links in the site, or the path as text."""
    name = page.file.src_uri
    folder = REPOSITORY if name in OUTSIDE else (REPOSITORY / "docs" / name).parent
    up = "../" * name.count("/")

    def link(found: re.Match[str]) -> str:
        mark, text, path, anchor = found[1], found[2], found[3], found[4] or ""
        if not path or path.startswith(("http:", "https:", "mailto:")):
            return found[0]
        target = (folder / path).resolve()
        if target.is_relative_to(REPOSITORY / "docs"):
            return f"{mark}[{text}]({up}{target.relative_to(REPOSITORY / 'docs')}{anchor})"
        inside = str(target.relative_to(REPOSITORY))
        for made, source in OUTSIDE.items():
            if inside == source:
                return f"{mark}[{text}]({up}{made}{anchor})"
        if mark:
            return f"![{text}]({up}published/{target.parts[-3]}/{target.name})"
        return f"`{inside}`" if text in (inside, Path(inside).name) else f"{text} (`{inside}`)"

    return _LINK.sub(link, markdown)
