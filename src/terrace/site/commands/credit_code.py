"""`terrace credit-code CODE…`: unified social credit codes, valid or not, and why (GB 32100-2015)."""

from __future__ import annotations

import argparse

from terrace.kernel.base import credit_code
from terrace.site.cli import Output

HELP = "check unified social credit codes (GB 32100-2015)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("code", nargs="+", metavar="CODE")


def run(options: argparse.Namespace) -> Output:
    checks = [credit_code.check(code) for code in options.code]
    rows = [{"code": c.code, "valid": c.valid, "reason": c.reason.of(options.lang)} for c in checks]
    return Output(
        {"codes": rows}, "\n".join(f"{r['code']}  {'✓' if r['valid'] else '✗'}  {r['reason']}" for r in rows)
    )
