"""`terrace serve`: the whole platform on one address; with --demo the demo city."""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path

from terrace.site.cli import BadInput

HELP = "start the platform (database, web, live events, worker) on one address"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=None, help="default 8000, or TERRACE_PORT")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--data-dir", type=Path, default=None, help="default TERRACE_DATA_DIR, or .terrace in the checkout"
    )
    parser.add_argument("--demo", action="store_true", help="the demo city Liaocheng, December 2023")


def run(options: argparse.Namespace) -> int:
    import uvloop

    from terrace.site.postgres import PostgresProblem
    from terrace.site.serve import Server, StartProblem

    port_text = os.environ.get("TERRACE_PORT", "8000")
    if options.port is None and not port_text.isdigit():
        raise BadInput(f"TERRACE_PORT must be a port number, is {port_text!r}")
    port = int(port_text) if options.port is None else options.port
    if not 0 <= port <= 65535:
        raise BadInput(f"the port must be between 0 and 65535, is {port}")
    root = Path(__file__).resolve().parents[4]
    data_dir = (
        (options.data_dir or Path(os.environ.get("TERRACE_DATA_DIR") or root / ".terrace"))
        .expanduser()
        .resolve()
    )
    settings_module = "terrace.site.settings.demo" if options.demo else "terrace.site.settings.prod"
    server = Server(
        data_dir=data_dir, host=options.host, port=port, settings_module=settings_module, is_demo=options.demo
    )
    try:
        server.claim()
        print("Terrace 梯田: preparing the database…", flush=True)
        server.prepare()
        uvloop.run(_serve(server))
    except (StartProblem, PostgresProblem) as error:
        server.stop()
        raise BadInput(str(error)) from error
    except BaseException:
        server.stop()
        raise
    return 0


async def _serve(server: object) -> None:
    from terrace.site.serve import Server

    assert isinstance(server, Server)
    ready = asyncio.Event()
    task = asyncio.create_task(server.run(ready))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if ready.is_set():
        address = f"http://{server.host}:{server.port}"
        print(f"\n  Terrace 梯田 is running: {address}\n", flush=True)
        if server.is_demo:
            from terrace.site.welcome import welcome

            print(welcome(address), flush=True)
        print("  Ctrl-C stops it; the data stays in " + str(server.data_dir), flush=True)
    await task
