"""The roles of a city's market and what each is called. One list for code, pages, docs and tests."""

from __future__ import annotations

import enum

from terrace.kernel.base.texts import Text


class Role(enum.StrEnum):
    """What a member may be in an organisation. Maker and checker of one act are never one person."""

    RESERVE_MAKER = "RESERVE_MAKER"
    RESERVE_CHECKER = "RESERVE_CHECKER"
    EXCHANGE_MAKER = "EXCHANGE_MAKER"
    EXCHANGE_CHECKER = "EXCHANGE_CHECKER"
    BUREAU = "BUREAU"
    BUREAU_CHECKER = "BUREAU_CHECKER"
    BRANCH = "BRANCH"
    FINANCE = "FINANCE"
    PERMIT = "PERMIT"
    FIRM_CLERK = "FIRM_CLERK"
    FIRM_APPROVER = "FIRM_APPROVER"
    AUDITOR = "AUDITOR"
    MONITOR = "MONITOR"
    ADMIN = "ADMIN"
    ADMIN_CHECKER = "ADMIN_CHECKER"

    @property
    def label(self) -> Text:
        return _LABELS[self]


_LABELS = {
    Role.RESERVE_MAKER: Text("储备机构经办", "Reserve body, maker"),
    Role.RESERVE_CHECKER: Text("储备机构复核", "Reserve body, checker"),
    Role.EXCHANGE_MAKER: Text("交易机构经办", "Trading institution, maker"),
    Role.EXCHANGE_CHECKER: Text("交易机构复核", "Trading institution, checker"),
    Role.BUREAU: Text("市生态环境局经办", "City ecology bureau, officer"),
    Role.BUREAU_CHECKER: Text("市生态环境局审核", "City ecology bureau, checker"),
    Role.BRANCH: Text("县(市、区)分局", "County branch"),
    Role.FINANCE: Text("财政部门", "Finance"),
    Role.PERMIT: Text("排污许可审批", "Permit office"),
    Role.FIRM_CLERK: Text("企业经办人", "Firm's clerk"),
    Role.FIRM_APPROVER: Text("企业审批人", "Firm's approver"),
    Role.AUDITOR: Text("审计", "Auditor"),
    Role.MONITOR: Text("市场监察", "Market monitor"),
    Role.ADMIN: Text("平台管理", "Platform administrator"),
    Role.ADMIN_CHECKER: Text("平台管理复核", "Platform administrator, checker"),
}
