"""What the terminal says when the demo city stands: the accounts by role and one walk of five steps."""

from __future__ import annotations

PASSWORD_LINE = "password of every demo account: terrace-demo"  # noqa: S105 - the published demo password


def welcome(address: str) -> str:
    """The first minute of a newcomer, as text."""
    return f"""  Demo city: Liaocheng 聊城, December 2023 (synthetic data unless a page names its source)

  Sign in with one click at {address}/demo/   ({PASSWORD_LINE})
    reserve, reserve2        reserve body 储备机构: maker and checker
    exchange, exchange2      trading institution 交易机构: maker and checker
    bureau, branch-…         city ecology bureau 市局 and county branches 分局
    buyer1…buyer9            firms; buyer1-approver is the second person
    finance, permit, auditor treasury, permit office, auditor

  A walk of five steps
    1. {address}/                 what is on sale, and until when
    2. {address}/demo/            become buyer1: the desk says what waits for you
    3. {address}/lots/            open a lot, see why you may or may not buy, and apply
    4. become exchange: check the papers; become buyer1 and buyer4: bid against each other
    5. become auditor: follow any figure down to its ledger entries
"""
