"""The third-party front-end files that pages use, by name; everything else of node_modules stays unseen.

WhiteNoise lists every file of every finder at start-up, so the list is short on purpose.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage, Storage

VENDOR_FILES = {
    "vendor/tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
    "vendor/htmx.min.js": "htmx.org/dist/htmx.min.js",
    "vendor/echarts.min.js": "echarts/dist/echarts.common.min.js",
    "vendor/echarts-all.min.js": "echarts/dist/echarts.min.js",  # flows (Sankey) are not in the common build
}


class VendorStorage(FileSystemStorage):
    """Maps the address of a vendor file to its place in node_modules."""

    def path(self, name: str) -> str:
        return str(Path(settings.NODE_MODULES) / VENDOR_FILES[name])


class VendorFinder(BaseFinder):
    """Finds exactly the files of VENDOR_FILES."""

    storage = VendorStorage()

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        found = Path(self.storage.path(path)) if path in VENDOR_FILES else None
        if found is None or not found.is_file():
            return [] if find_all else None
        return [str(found)] if find_all else str(found)

    def list(
        self,
        ignore_patterns: Iterable[str] | None,
    ) -> Iterator[tuple[str, Storage]]:
        for name in VENDOR_FILES:
            if Path(self.storage.path(name)).is_file():
                yield name, self.storage

    def check(self, **kwargs: Any) -> Any:
        return []
