"""The `terrace` command. Each command is one module in `terrace.site.commands`; only the one called is imported.

A command module has `HELP`, `add_arguments(parser)` and `run(options) -> Output | int`. Bad input exits 2 with
one line on standard error; a refused case is a normal result and exits 0 (interfaces.md).
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn


@dataclass(frozen=True, slots=True)
class Output:
    """What a command answers: one JSON object, the same as a readable text, and the exit code."""

    data: dict[str, Any]
    text: str
    code: int = 0


class BadInput(Exception):
    """One line: file, line, field and what is expected. Exit code 2."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: {message}\n")
        raise SystemExit(2)


def command_names() -> list[str]:
    folder = Path(__file__).parent / "commands"
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules([str(folder)]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    names = command_names()
    if not words or words[0] in ("-h", "--help", "help"):
        print("terrace COMMAND [options]; `terrace COMMAND --help` says more\n")
        for name in names:
            print(f"  {name:20} {_module(name).HELP}")
        return 0
    name = words[0]
    if name not in names:
        sys.stderr.write(f"terrace: unknown command {name!r}; known: {', '.join(names)}\n")
        return 2
    module = _module(name)
    parser = _Parser(prog=f"terrace {name}", description=module.HELP, allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a readable text")
    parser.add_argument(
        "--lang",
        choices=("zh", "en"),
        default=os.environ.get("TERRACE_LANG", "zh"),
        help="language of texts and errors",
    )
    module.add_arguments(parser)
    try:
        options = parser.parse_args(words[1:])
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        answer = module.run(options)
    except BadInput as error:
        sys.stderr.write(f"terrace {name}: {' '.join(str(error).split())}\n")
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    if not isinstance(answer, Output):
        return int(answer)
    try:
        print(json.dumps(answer.data, ensure_ascii=False) if options.json else answer.text, flush=True)
    except BrokenPipeError:  # the reader (head, a closed pager) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return answer.code


def _module(name: str) -> Any:
    return importlib.import_module(f"terrace.site.commands.{name.replace('-', '_')}")
