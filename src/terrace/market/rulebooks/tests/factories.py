"""Cases to decide: a paper mill in Guan county, and what differs from it."""

from __future__ import annotations

import copy
from typing import Any

PAPER_MILL: dict[str, Any] = {
    "project": {
        "new": True,
        "area": "guanxian",
        "basin": "tuhai",
        "sector": "paper",
        "thermal_power": False,
        "agriculture": False,
        "attainment": {"water": True, "air": True},
        "needs_t": {"COD": "0.1", "NH3N": "0.01"},
        "voluntary": False,
    }
}
LOT: dict[str, Any] = {
    "pollutant": "COD",
    "area": "guanxian",
    "basin": "tuhai",
    "sector": "dyeing",
    "thermal_power": False,
    "agriculture": False,
    "frozen": False,
    "mortgaged": False,
    "leased": False,
}
BUYER: dict[str, Any] = {"penalties": False, "dishonest": False}


def case_document(
    *,
    lot: dict[str, Any] | None = None,
    buyer: dict[str, Any] | None = None,
    seller: Any = None,
    **project: Any,
) -> dict[str, Any]:
    """The paper mill's case with changes; `lot` and `buyer` change the plain ones, `seller` stands as it is."""
    document = copy.deepcopy(PAPER_MILL)
    document["project"].update(project)
    if lot is not None:
        document["lot"] = {**LOT, **lot}
    if buyer is not None:
        document["buyer"] = {**BUYER, **buyer}
    if seller is not None:
        document["seller"] = seller
    return document
