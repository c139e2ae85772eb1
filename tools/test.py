"""`make check` and `make test`: format, lint, types, import contracts, then every test, in parallel."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

CHECKS = {
    "format": [BIN / "ruff", "format", "--check", "--quiet", "."],
    "lint": [BIN / "ruff", "check", "--quiet", "."],
    "contracts": [BIN / "lint-imports"],
    "types": [BIN / "mypy"],
}


def main() -> int:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    failed = []
    for name, command in CHECKS.items():
        started = time.monotonic()
        done = subprocess.run(
            [str(c) for c in command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        print(
            f"{name:10} {'ok' if done.returncode == 0 else 'FAILED'} ({time.monotonic() - started:.0f} s)",
            flush=True,
        )
        if done.returncode:
            print(done.stdout[-6000:], done.stderr[-3000:], flush=True)
            failed.append(name)
    if failed:
        print(f"checks failed: {', '.join(failed)}", file=sys.stderr)
        return 1
    if "--check-only" in sys.argv:
        return 0
    workers = str(max(2, os.cpu_count() or 2))
    command = [
        BIN / "python",
        "-m",
        "pytest",
        "-n",
        workers,
        "--dist",
        "loadgroup",
        *[a for a in sys.argv[1:] if a != "--check-only"],
    ]
    return subprocess.run([str(c) for c in command], cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
