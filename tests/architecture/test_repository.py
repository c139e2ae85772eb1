"""The repository holds only what we wrote: no machine paths, no registry hosts, nothing large or generated."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# In pieces, so that this file does not hold them whole.
FORBIDDEN = re.compile(
    "|".join(
        [
            "/wo" + "rk/",
            "/fa" + "rm/",
            r"py" + r"pi\.org",
            "python" + r"hosted\.org",
            r"registry\.npm" + r"js\.org",
            r"deb\.deb" + r"ian\.org",
        ]
    )
)


def tracked() -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]


def test_no_machine_paths_and_no_registry_hosts() -> None:
    hits = []
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        hits += [
            f"{path.relative_to(ROOT)}:{n}"
            for n, line in enumerate(text.splitlines(), 1)
            if FORBIDDEN.search(line)
        ]
    assert hits == []


def test_nothing_large() -> None:
    assert [str(p.relative_to(ROOT)) for p in tracked() if p.stat().st_size > 1_500_000] == []


def test_no_skipped_tests_and_nothing_left_to_do() -> None:
    words = re.compile(
        "|".join(
            [
                r"pytest\.sk" + r"ip\(",
                r"mark\.(sk" + "ip|xf" + "ail)",
                "raise NotImplemented" + "Error",
                "TO" + "DO",
                "FIX" + "ME",
            ]
        )
    )
    hits = [
        f"{path.relative_to(ROOT)}:{n}"
        for path in tracked()
        if path.suffix in (".py", ".html", ".js", ".css")
        for n, line in enumerate(path.read_text().splitlines(), 1)
        if words.search(line)
    ]
    assert hits == []


def test_file_names_inside_a_context_are_the_agreed_ones() -> None:
    agreed = {
        "__init__", "models", "rules", "procedures", "events", "queries", "access", "services", "forms", "schemas",
        "views", "api", "tasks", "receivers", "urls", "apps", "registry",
    }  # fmt: skip
    beyond = (ROOT / "docs" / "adr" / "0005-files-beyond-the-list.md").read_text()
    odd = []
    for tier in ("kernel", "market"):
        for context in (ROOT / "src" / "terrace" / tier).iterdir():
            if not context.is_dir() or context.name in ("base", "__pycache__"):
                continue
            odd += [
                str(path.relative_to(ROOT))
                for path in context.glob("*.py")
                if path.stem not in agreed and f"{tier}/{context.name}/{path.name}" not in beyond
            ]
    assert odd == []
