"""Documents and keys of these tests lie in a folder of their own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def _data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("settlement")


@pytest.fixture(autouse=True)
def _own_folders(settings: object, _data_folder: Path) -> None:
    settings.DATA_DIR = _data_folder  # type: ignore[attr-defined]
    settings.TERRACE_DOCUMENT_DIR = _data_folder / "documents"  # type: ignore[attr-defined]
