"""`make bench`: run every bench/<name>/run.py in a process of its own; each writes bench/results/<name>.json.

`bench/run.py ledger clearing` runs only those. Exit code 1 when one of them failed to run; a missed target
is printed by the benchmark and does not fail the run: speed depends on the machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"


def main(chosen: list[str]) -> int:
    found = sorted(path.parent.name for path in HERE.glob("*/run.py"))
    unknown = set(chosen) - set(found)
    if unknown:
        print(f"bench: no benchmark named {', '.join(sorted(unknown))}; there are: {', '.join(found)}")
        return 2
    RESULTS.mkdir(exist_ok=True)
    failed = []
    for name in chosen or found:
        print(f"== {name}", flush=True)
        started = time.monotonic()
        environment = {**os.environ, "PYTHONPATH": str(HERE.parent / "src")}
        done = subprocess.run(
            [sys.executable, str(HERE / name / "run.py"), str(RESULTS)], env=environment, check=False
        )
        print(f"   {time.monotonic() - started:.0f} s", flush=True)
        if done.returncode:
            failed.append(name)
    if failed:
        print(f"bench: failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
