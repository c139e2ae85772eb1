"""The `terrace` command. Each command is one module in `terrace.site.commands`; only the one called is imported.

A command module has `HELP`, `add_arguments(parser)` and `run(options) -> Output | int`. Bad input exits 2 with
one line on standard error; a refused case is a normal result and exits 0 (interfaces.md). Nothing ends in a
traceback: a fault of ours is one line and exit code 70, and the whole with TERRACE_TRACEBACK=1.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import os
import pkgutil
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

LANGUAGES = ("zh", "en")
SIZE_MAX = 2_000_000_000
CHUNK = 16_000_000
# Names in a foreign file must not steer the terminal that shows them; line ends and tabs are harmless.
_CONTROLS = {code: "\ufffd" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


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
        _complain(f"{self.prog}: {message}")
        raise SystemExit(2)


def read_file(path: str, size_max: int = SIZE_MAX, *, text: bool = True) -> bytes:
    """A file whole, at most `size_max` bytes; a text file without NUL bytes. Raises BadInput.

    It is read in pieces, so that an endless device is refused and not waited for.
    """
    pieces: list[bytes] = []
    size = 0
    try:
        with Path(path).open("rb") as file:
            while piece := file.read(CHUNK):
                if text and b"\0" in piece:
                    raise BadInput(f"{path}: expected a text file in UTF-8, not binary data")
                pieces.append(piece)
                size += len(piece)
                if size > size_max:
                    raise BadInput(f"{path}: expected a file of at most {size_max // 1_000_000} MB")
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from None
    except ValueError:
        raise BadInput(f"{path!r}: expected the name of a file") from None
    return b"".join(pieces)


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For `json.loads(object_pairs_hook=…)`: a field that stands twice is an error, not a choice."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"field {name!r} expected once, found twice")
        found[name] = value
    return found


def no_constant(name: str) -> NoReturn:
    """For `json.loads(parse_constant=…)`: NaN and Infinity are no numbers."""
    raise ValueError(f"expected a number, not {name}")


def width(text: str) -> int:
    """Columns that a text takes in a terminal: Chinese characters take two."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def table(rows: Sequence[Sequence[str]], left: int) -> list[str]:
    """Rows as lines with even columns: the first `left` columns to the left, the others to the right."""
    widths = [max(width(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        gaps = [" " * (widths[i] - width(cell)) for i, cell in enumerate(row)]
        cells = [c + g if i < left else g + c for i, (c, g) in enumerate(zip(row, gaps, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return lines


def command_names() -> list[str]:
    folder = Path(__file__).parent / "commands"
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules([str(folder)]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = f"terrace {words[0]}" if words else "terrace"
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that lacks a character shows its number
            stream.reconfigure(errors="backslashreplace")
    try:
        return _main(words)
    except BadInput as error:
        _complain(f"{name}: {error}")
        return 2
    except BrokenPipeError:  # the reader (head, a closed pager) has seen enough
        _give_up_output()
        return 0
    except KeyboardInterrupt:
        return 130
    except MemoryError:
        _complain(f"{name}: the input does not fit into the memory of this machine")
        return 2
    except Exception as error:
        if os.environ.get("TERRACE_TRACEBACK"):
            raise
        _complain(
            f"{name}: a fault of the program ({type(error).__name__}: {error}); TERRACE_TRACEBACK=1 shows where"
        )
        return 70


def _main(words: list[str]) -> int:
    names = command_names()
    if not words or words[0] in ("-h", "--help", "help"):
        lines = [f"  {name:20} {_module(name).HELP}" for name in names]
        _print("\n".join(["terrace COMMAND [options]; `terrace COMMAND --help` says more\n", *lines]))
        return 0
    name = words[0]
    if name not in names:
        _complain(f"terrace: unknown command {name!r}; known: {', '.join(names)}")
        return 2
    module = _module(name)
    parser = _Parser(prog=f"terrace {name}", description=module.HELP, allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a readable text")
    preferred = os.environ.get("TERRACE_LANG", "zh")
    parser.add_argument(
        "--lang",
        choices=LANGUAGES,
        default=preferred if preferred in LANGUAGES else "zh",
        help="language of texts and errors",
    )
    module.add_arguments(parser)
    try:
        options = parser.parse_args(words[1:])
    except SystemExit as stop:
        return int(stop.code or 0)
    answer = module.run(options)
    if not isinstance(answer, Output):
        return int(answer)
    if options.json:
        plain = getattr(sys.stdout, "encoding", None) or "utf-8"
        _print(json.dumps(answer.data, ensure_ascii=not plain.lower().startswith("utf")))
    else:
        _print(answer.text.translate(_CONTROLS))
    return answer.code


def _print(text: str) -> None:
    """Raises BadInput when standard output takes nothing, such as a full disk."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        _give_up_output()
        raise BadInput(f"standard output cannot be written ({error.strerror or error})") from None


def _give_up_output() -> None:
    """What is still buffered goes nowhere, so that the end of the process does not complain again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _complain(line: str) -> None:
    """One line on standard error, if there is one."""
    if sys.stderr is not None:
        sys.stderr.write(" ".join(line.split()).translate(_CONTROLS) + "\n")


def _module(name: str) -> Any:
    return importlib.import_module(f"terrace.site.commands.{name.replace('-', '_')}")
