"""Bid deposits by preset (R26): the printed rules of several places as data."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from importlib import resources

from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.quantity import (
    FEN_PER_YUAN,
    GRAMS_PER_TONNE,
    Money,
    Price,
    PriceBasis,
    Quantity,
    half_up,
)
from terrace.kernel.base.texts import Text

KINDS = ("rate_of_amount", "rate_of_listing", "per_lot")


class DepositPresetUnknown(Refusal):
    code = "rulebooks.deposit_unknown"
    text = Text(
        "没有名为 {name} 的保证金规则；可用：{known}。",
        "No deposit rule is named {name}; there are: {known}.",
    )
    http_status = 404


@dataclass(frozen=True, slots=True)
class DepositPreset:
    """One place's deposit rule. `value` is a rate, or yuan per lot."""

    name: str
    kind: str
    value: Decimal
    clause: str
    text: Text
    proposed: bool = False
    clause_en: str = ""

    @property
    def basis(self) -> Text:
        """The clause in both languages."""
        return Text(self.clause, self.clause_en or self.clause)

    def deposit(self, price: Price, quantity: Quantity) -> Money:
        """The deposit for a lot at its starting price, half up to the fen."""
        if self.kind == "per_lot":
            return Money(int(self.value * FEN_PER_YUAN))
        times = price.years if self.kind == "rate_of_amount" and price.basis is PriceBasis.PER_YEAR else 1
        numerator, denominator = self.value.as_integer_ratio()
        return Money(
            half_up(
                quantity.grams_per_year * price.fen_per_tonne * times * numerator,
                GRAMS_PER_TONNE * denominator,
            )
        )


@functools.cache
def deposit_presets() -> tuple[DepositPreset, ...]:
    """The packaged deposit rules, by name."""
    file = resources.files("terrace.market.rulebooks") / "data" / "deposits.toml"
    presets = []
    for name, row in sorted(tomllib.loads(file.read_text(encoding="utf-8")).items()):
        if row["kind"] not in KINDS:
            raise ValueError(f"deposit {name}: kind {row['kind']!r}")
        presets.append(
            DepositPreset(
                name,
                row["kind"],
                Decimal(row["value"]),
                row["clause"],
                Text(row["text_zh"], row["text_en"]),
                row.get("proposed", False),
                row["clause_en"],
            )
        )
    return tuple(presets)


def deposit_preset(name: str) -> DepositPreset:
    """The deposit rule of that name. Raises DepositPresetUnknown, which lists the names."""
    for preset in deposit_presets():
        if preset.name == name.strip().lower():
            return preset
    raise DepositPresetUnknown(name=name, known=", ".join(p.name for p in deposit_presets()))
