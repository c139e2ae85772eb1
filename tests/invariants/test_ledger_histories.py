"""Random histories: the single form, the batch form and a model in Python agree on every step.

Two mirrored sets of accounts live through the same history. On one side each entry is posted alone, on the
other whole chunks go through `post_batch`; a chunk with a refusal must refuse as a whole, with the refusal
that the first refused entry met alone. The model knows nothing of SQL.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from terrace.kernel.base.actor import SYSTEM
from terrace.kernel.base.errors import Refusal
from terrace.kernel.ledger import queries, services
from terrace.kernel.ledger.rules import BALANCE_MAX
from terrace.kernel.ledger.services import Direct, Hold, Movement, NewEntry, Post, Posted, Void

pytestmark = pytest.mark.django_db

AT = dt.datetime(2023, 12, 4, 9, 0, tzinfo=dt.UTC)
MONEY, RIGHTS = "money", "rights"
#           asset, may be overdrawn
ACCOUNTS = [(MONEY, True), (MONEY, False), (MONEY, False), (RIGHTS, True), (RIGHTS, False)]
NOBODY = len(ACCOUNTS)  # stands for an account that does not exist

# A movement of the plan: phase, debit, credit, amount (None: all), which hold (index among those made so far).
Plan = tuple[str, int, int, int | None, int]

account = st.integers(0, NOBODY)
amount = st.integers(1, 12) | st.just(10**17)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    phase = draw(st.sampled_from(["DIRECT", "DIRECT", "HOLD", "HOLD", "POST", "VOID"]))
    debit, credit = draw(account), draw(account)
    if debit == credit:
        credit = (credit + 1) % len(ACCOUNTS)
    quantity = draw(amount | st.none()) if phase == "POST" else draw(amount)
    which = draw(st.integers(0, 5))
    # What a movement does not say is always written alike, so that equal plans are equal requests.
    if phase in ("DIRECT", "HOLD"):
        return (phase, debit, credit, quantity, 0)
    return (phase, 0, 1, quantity if phase == "POST" else None, which)


entries = st.tuples(st.integers(0, 25), st.lists(plans(), min_size=1, max_size=3))  # key, movements
chunks = st.lists(entries, min_size=1, max_size=6)
histories = st.lists(chunks, min_size=1, max_size=6)

FUNDED: list[tuple[int, list[Plan]]] = [
    (1_000, [("DIRECT", 0, 1, 20, 0), ("DIRECT", 0, 2, 20, 0), ("DIRECT", 3, 4, 20, 0)]),
    (1_001, [("HOLD", 1, 2, 5, 0), ("HOLD", 1, 0, 3, 0), ("HOLD", 4, 3, 9, 0)]),
]


class Refused(Exception):
    """The model refuses; the argument is the code it expects."""


@dataclass
class Model:
    """The rules of the ledger in thirty lines of Python."""

    posted: list[int] = field(default_factory=lambda: [0] * len(ACCOUNTS))
    held: list[int] = field(default_factory=lambda: [0] * len(ACCOUNTS))
    holds: list[tuple[int, int, int]] = field(default_factory=list)
    resolved: set[int] = field(default_factory=set)
    keys: dict[int, list[Plan]] = field(default_factory=dict)

    def copy(self) -> Model:
        return Model(
            list(self.posted), list(self.held), list(self.holds), set(self.resolved), dict(self.keys)
        )

    def post(self, key: int, movements: list[Plan], holds_known: int) -> bool:
        """True when the key repeats. `holds_known`: holds made later have no number yet."""
        if key in self.keys:
            if self.keys[key] != movements:
                raise Refused("ledger.key.reused")
            return True
        self.keys[key] = movements
        for movement in movements:
            self._move(movement, holds_known)
        return False

    def _move(self, movement: Plan, holds_known: int) -> None:
        phase, debit, credit, quantity, which = movement
        release = 0
        if phase in ("POST", "VOID"):
            if which >= holds_known:
                raise Refused("ledger.hold.unknown")
            if which in self.resolved:
                raise Refused("ledger.hold.resolved")
            debit, credit, release = self.holds[which]
            quantity = release if quantity is None or phase == "VOID" else quantity
            if quantity > release:
                raise Refused("ledger.hold.exceeded")
            self.resolved.add(which)
        assert quantity is not None
        if NOBODY in (debit, credit):
            raise Refused("ledger.account.unknown")
        if ACCOUNTS[debit][0] != ACCOUNTS[credit][0]:
            raise Refused("ledger.transfer.other_asset")
        moved = quantity if phase in ("DIRECT", "POST") else 0
        if phase == "HOLD":
            release = -quantity
        posted, held = self.posted[debit] - moved, self.held[debit] - release
        if posted < held and not ACCOUNTS[debit][1]:
            raise Refused("ledger.balance.insufficient")
        if posted < -BALANCE_MAX or held > BALANCE_MAX or self.posted[credit] + moved > BALANCE_MAX:
            raise Refused("ledger.balance.limit")
        self.posted[debit], self.held[debit] = posted, held
        self.posted[credit] += moved
        if phase == "HOLD":
            self.holds.append((debit, credit, quantity))


@dataclass
class World:
    """One set of accounts in the real ledger, and the numbers of the holds made on it."""

    name: str
    accounts: list[int]
    holds: list[int] = field(default_factory=list)

    @classmethod
    def open(cls, name: str) -> World:
        rights = services.right_asset(
            pollutant="COD", region="t", term_start=dt.date(2023, 1, 1), term_end=dt.date(2028, 1, 1)
        )
        assets = {MONEY: services.money_asset(), RIGHTS: rights}
        numbers = [
            services.account_of(
                owner_type="test",
                owner_id=f"{name}{place}",
                asset=assets[asset],
                kind="HOLDER",
                may_overdraw=over,
            )
            for place, (asset, over) in enumerate(ACCOUNTS)
        ]
        return cls(name, [*numbers, 10**15])

    def entry(self, key: int, movements: list[Plan]) -> NewEntry:
        return NewEntry(
            key=f"{self.name}:{key}",
            code="test.history",
            at=AT,
            subject_type="test",
            subject_id=1,
            transfers=tuple(self._movement(plan) for plan in movements),
        )

    def _movement(self, plan: Plan) -> Movement:
        phase, debit, credit, quantity, which = plan
        hold = self.holds[which] if which < len(self.holds) else 10**15 + which
        if phase == "POST":
            return Post(hold, quantity)
        if phase == "VOID":
            return Void(hold)
        assert quantity is not None
        return (Direct if phase == "DIRECT" else Hold)(self.accounts[debit], self.accounts[credit], quantity)

    def keep_holds(self, movements: list[Plan], posted: Posted) -> None:
        if not posted.repeated:
            self.holds += [
                n for n, plan in zip(posted.transfer_ids, movements, strict=True) if plan[0] == "HOLD"
            ]

    def balances(self) -> tuple[list[int], list[int]]:
        found = [queries.balance_of(number) for number in self.accounts[:-1]]
        return [b.posted for b in found], [b.held for b in found]


def live(alone: World, together: World, model: Model, chunk: list[tuple[int, list[Plan]]]) -> None:
    """One chunk, three times: in the model, one by one, as a batch."""
    known = len(model.holds)
    trial, expected, outcome = model.copy(), [], None
    for place, (key, movements) in enumerate(chunk):
        try:
            expected.append(trial.post(key, movements, known))
        except Refused as refused:
            outcome = (str(refused), place)
            break

    # The numbers that movements name are those before the chunk, on both sides.
    singles = [alone.entry(key, movements) for key, movements in chunk]
    batch = [together.entry(key, movements) for key, movements in chunk]

    one_by_one: list[Posted] = []
    met = None
    point = transaction.savepoint()
    for place, entry in enumerate(singles):
        try:
            one_by_one.append(
                services.post_entry(
                    key=entry.key,
                    code=entry.code,
                    at=entry.at,
                    actor=SYSTEM,
                    reason="",
                    subject_type="test",
                    subject_id=1,
                    transfers=entry.transfers,
                )
            )
        except Refusal as refusal:
            met = (refusal, place)
            break
    assert (met and (met[0].code, met[1])) == outcome
    if met is not None:
        transaction.savepoint_rollback(point)
    else:
        transaction.savepoint_commit(point)

    point = transaction.savepoint()
    try:
        posted = services.post_batch(actor=SYSTEM, entries=batch)
    except Refusal as refusal:
        transaction.savepoint_rollback(point)
        assert met is not None
        assert (refusal.code, refusal.facts.pop("position")) == outcome
        for fact in ("needed", "available", "held", "unit"):
            assert refusal.facts.get(fact) == met[0].facts.get(fact)
    else:
        transaction.savepoint_commit(point)
        assert outcome is None
        assert [p.repeated for p in posted] == expected == [p.repeated for p in one_by_one]
        for (_key, movements), a, b in zip(chunk, one_by_one, posted, strict=True):
            alone.keep_holds(movements, a)
            together.keep_holds(movements, b)
        model.__dict__.update(trial.__dict__)
    assert alone.balances() == together.balances() == (model.posted, model.held)


def remembered(world: World) -> list[list[tuple[object, ...]]]:
    """The statements of a world, without the numbers that differ between the two."""
    place = {number: n for n, number in enumerate(world.accounts)}
    return [
        [
            (
                x.phase,
                x.change,
                x.amount,
                x.posted_after,
                x.version,
                place[x.other_account_id],
                x.hold_of_id is None,
            )
            for x in queries.statement(number, limit=1_000)
        ]
        for number in world.accounts[:-1]
    ]


@given(histories)
@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_single_batch_and_model_agree(history: list[list[tuple[int, list[Plan]]]]) -> None:
    with transaction.atomic():
        alone, together, model = World.open("a"), World.open("b"), Model()
        for chunk in ([FUNDED[0]], [FUNDED[1]], *history):
            live(alone, together, model, chunk)
        assert remembered(alone) == remembered(together)
        assert queries.verify() is None
        assert all(total.difference == 0 for total in queries.totals())
        transaction.set_rollback(True)


def test_the_histories_meet_every_refusal() -> None:
    """The generator is worth something only if its histories get everywhere; these short ones show each corner."""
    seen = set()
    for movement in (
        ("DIRECT", 1, 2, 21, 0), ("DIRECT", 1, 4, 1, 0), ("DIRECT", NOBODY, 1, 1, 0), ("HOLD", 2, NOBODY, 1, 0),
        ("VOID", 0, 1, 1, 5), ("POST", 0, 1, 6, 0),
    ):  # fmt: skip
        model = Model()
        for key, movements in FUNDED:
            model.post(key, movements, len(model.holds))
        with pytest.raises(Refused) as refused:
            model.post(1, [movement], len(model.holds))
        seen.add(str(refused.value))
    model = Model()
    for key, movements in FUNDED:
        model.post(key, movements, 0)
    model.post(1, [("VOID", 0, 0, 1, 0)], 3)
    for key, plan in ((2, ("VOID", 0, 0, 1, 0)), (1, ("VOID", 0, 0, 1, 1))):
        with pytest.raises(Refused) as refused:
            model.post(key, [plan], 3)
        seen.add(str(refused.value))
    for key in range(3, 50):
        try:
            model.post(key, [("DIRECT", 0, 1, 10**17, 0)], 3)
        except Refused as limit:
            seen.add(str(limit))
            break
    assert seen == {
        "ledger.balance.insufficient", "ledger.transfer.other_asset", "ledger.account.unknown", "ledger.hold.unknown",
        "ledger.hold.exceeded", "ledger.hold.resolved", "ledger.key.reused", "ledger.balance.limit",
    }  # fmt: skip
