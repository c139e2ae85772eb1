"""E4 as data: the agreement with the only qualified bidder, at or above the floor, with a second person."""

from __future__ import annotations

from dataclasses import replace

from terrace.kernel.base.texts import Text
from terrace.kernel.procedures.rules import Deadline, Procedure, State, Transition

AGREEMENT = "auctions.agreement"
CLAUSE_STOP = "公告期间因故中止或终止交易"
CLAUSE = "E4 只有一名合格竞买人的，以不低于底价的价格协议出让；任何一方不同意的，未成交"
CLAUSE_SECOND = "协议出让的成交须经交易机构复核"
ANSWER_WORKDAYS = 5

BUYER = "FIRM_APPROVER@buyer"
SELLER = ("RESERVE_CHECKER@seller", "FIRM_APPROVER@seller")

agreement = Procedure(
    code=AGREEMENT,
    version=1,
    title=Text("协议出让", "Sale by agreement"),
    initial="OFFERED",
    states=(
        State(
            "OFFERED",
            Text("待受让方报价", "Waiting for the buyer's price"),
            Text("协议出让中", "Agreement under way"),
            deadline=Deadline(ANSWER_WORKDAYS, "workdays", "lapse", CLAUSE, proposed=True),
        ),
        State(
            "PRICED",
            Text("待出让方确认价格", "Waiting for the seller to agree"),
            Text("协议出让中", "Agreement under way"),
            deadline=Deadline(ANSWER_WORKDAYS, "workdays", "lapse", CLAUSE, proposed=True),
        ),
        State(
            "AGREED",
            Text("双方已同意，待送复核", "Agreed by both"),
            Text("协议出让中", "Agreement under way"),
        ),
        State(
            "CHECKING",
            Text("待第二人复核", "Waiting for the second person"),
            Text("协议出让中", "Agreement under way"),
        ),
        State("AWARDED", Text("已成交", "Awarded"), Text("已成交", "Sold"), final=True),
        State("FAILED", Text("未达成协议", "No agreement"), Text("未成交", "Not sold"), final=True),
    ),
    transitions=(
        Transition(
            "propose", ("OFFERED",), "PRICED", (BUYER,), Text("提出协议价格", "Propose a price"), CLAUSE
        ),
        Transition("accept", ("PRICED",), "AGREED", SELLER, Text("同意价格", "Agree to the price"), CLAUSE),
        Transition(
            "return_price",
            ("PRICED",),
            "OFFERED",
            SELLER,
            Text("退回重新报价", "Ask for another price"),
            CLAUSE,
            needs_reason=True,
            expected=False,
        ),
        Transition(
            "ask",
            ("AGREED",),
            "CHECKING",
            ("EXCHANGE_MAKER",),
            Text("送第二人复核", "Ask the second person"),
            CLAUSE_SECOND,
        ),
        Transition(
            "award",
            ("CHECKING",),
            "AWARDED",
            ("EXCHANGE_CHECKER",),
            Text("复核通过，成交", "Approve and award"),
            CLAUSE_SECOND,
            other_person_than=("ask",),
        ),
        Transition(
            "send_back",
            ("CHECKING",),
            "AGREED",
            ("EXCHANGE_CHECKER",),
            Text("退回经办人", "Send back"),
            CLAUSE_SECOND,
            needs_reason=True,
            other_person_than=("ask",),
            expected=False,
        ),
        Transition(
            "refuse",
            ("OFFERED", "PRICED", "AGREED"),
            "FAILED",
            (BUYER, *SELLER),
            Text("不同意，终止协议", "Refuse"),
            CLAUSE,
            needs_reason=True,
            expected=False,
        ),
        Transition(
            "lapse",
            ("OFFERED", "PRICED"),
            "FAILED",
            ("SYSTEM",),
            Text("逾期未答复", "No answer in time"),
            CLAUSE,
            expected=False,
        ),
    ),
)

# Version 2: the offer may end while both sides still talk (a court's freeze).
agreement_2 = replace(
    agreement,
    version=2,
    transitions=(
        *agreement.transitions,
        Transition(
            "stop",
            ("OFFERED", "PRICED", "AGREED", "CHECKING"),
            "FAILED",
            ("SYSTEM",),
            Text("标的终止，协议结束", "The offer ended"),
            CLAUSE_STOP,
            needs_reason=True,
            expected=False,
        ),
    ),
)
