"""The terms under which bids are cleared: everything that decides besides the bids themselves."""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.quantity import read_decimal
from terrace.kernel.base.texts import Text

# Named in every bundle. A change of any result for any input is a new version.
RULE_VERSION = "clearing/1"
PLACES_MAX = 6
PRICE_PLACES_MAX = 2  # prices are whole cents (E8, step 1)
YEARS_MAX = 100
VALUE_MAX = 10**18


class Method(enum.StrEnum):
    """How units are given and what is paid."""

    UNIFORM = "uniform"
    PAY_AS_BID = "pay-as-bid"
    VICKREY = "vickrey"
    TOP_SHARE = "top-share"
    DESCENDING = "descending"


class PriceRule(enum.StrEnum):
    """The uniform price: the lowest price that gets anything, or the highest that gets nothing or loses units."""

    LOWEST_ACCEPTED = "lowest-accepted"
    HIGHEST_REJECTED = "highest-rejected"


class Tie(enum.StrEnum):
    """How the rest is shared among the bids at the marginal price."""

    TIME = "time"
    RANDOM = "random"
    PRO_RATA = "pro-rata"
    PRO_RATA_MINIMUM = "pro-rata-minimum"


class IfShort(enum.StrEnum):
    """What happens when demand stays below supply."""

    SELL = "sell"
    CANCEL = "cancel"


class TermsInvalid(Refusal):
    """An option that cannot be read or does not fit the method."""

    code = "auctions.clearing.terms_invalid"
    text = Text("选项 {option}：应为{expected}。", "Option {option}: expected {expected}.")
    http_status = 422


def _expected(option: str, zh: str, en: str) -> TermsInvalid:
    return TermsInvalid(option=option, expected=Text(zh, en))


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a clearing is run with. Quantities and prices are exact decimals in the units of the bid file.

    `bidder_cap` is a quantity, `bidder_cap_percent` a share of supply; at most one is given.
    """

    method: Method = Method.UNIFORM
    supply: Decimal | None = None
    reserve: Decimal = Decimal(0)
    lot: Decimal | None = None
    price_rule: PriceRule = PriceRule.LOWEST_ACCEPTED
    tie: Tie = Tie.TIME
    seed: str = ""
    if_short: IfShort = IfShort.SELL
    bidder_cap: Decimal | None = None
    bidder_cap_percent: Decimal | None = None
    share: Decimal = Decimal("0.7")
    years: int = 1

    def __post_init__(self) -> None:
        """Raise TermsInvalid where options do not fit each other."""
        ranked = self.method in (Method.TOP_SHARE, Method.DESCENDING)
        if self.supply is None and self.method is not Method.TOP_SHARE:
            raise _expected("--supply", "可供数量", "the quantity on sale")
        if self.supply is not None and self.supply <= 0:
            raise _expected("--supply", "大于零的数量", "a quantity above zero")
        if self.lot is not None and self.lot <= 0:
            raise _expected("--lot", "大于零的数量", "a quantity above zero")
        if self.bidder_cap is not None and self.bidder_cap_percent is not None:
            raise _expected("--bidder-cap", "数量或百分比之一", "a quantity or a percentage")
        if self.bidder_cap_percent is not None and not 0 < self.bidder_cap_percent <= 100:
            raise _expected("--bidder-cap", "0%至100%", "a share from above 0% to 100%")
        if self.bidder_cap_percent is not None and self.supply is None:
            raise _expected("--supply", "可供数量(上限按其百分比)", "the supply of which the cap is a share")
        try:
            self.seed.encode()
        except UnicodeEncodeError:
            raise _expected("--seed", "UTF-8 文字", "a text in UTF-8") from None
        if not 0 < self.share <= 1:
            raise _expected("--share", "大于0且不超过1的比例", "a share above 0 and at most 1")
        if not 1 <= self.years <= YEARS_MAX:
            raise _expected("--years", f"1至{YEARS_MAX}的整数", f"a whole number from 1 to {YEARS_MAX}")
        if ranked and self.tie is not Tie.TIME:
            raise _expected(
                "--tie", "time(该方式按价格、时间排序)", "time: this method ranks by price, then time"
            )
        if self.method is not Method.UNIFORM and self.price_rule is not PriceRule.LOWEST_ACCEPTED:
            raise _expected("--price-rule", "仅用于 uniform", "no price rule: it belongs to uniform only")

    @property
    def seed_commitment(self) -> str | None:
        """What is published before the opening so that the seed cannot be chosen afterwards."""
        return hashlib.sha256(self.seed.encode()).hexdigest() if self.seed else None

    def as_dict(self) -> dict[str, Any]:
        """The canonical document of a bundle: decimals in their shortest form."""
        return {
            "method": self.method.value,
            "supply": plain(self.supply),
            "reserve": plain(self.reserve),
            "lot": plain(self.lot),
            "price_rule": self.price_rule.value,
            "tie": self.tie.value,
            "seed": self.seed,
            "if_short": self.if_short.value,
            "bidder_cap": plain(self.bidder_cap),
            "bidder_cap_percent": plain(self.bidder_cap_percent),
            "share": plain(self.share),
            "years": self.years,
            "rounding": "half-up",
        }

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Terms:
        """Read what `as_dict` wrote. Raises TermsInvalid."""
        try:
            if document["rounding"] != "half-up":
                raise _expected("rounding", "half-up", "half-up")
            return cls(
                method=Method(document["method"]),
                supply=_optional("supply", document["supply"]),
                reserve=decimal_option("reserve", document["reserve"], PRICE_PLACES_MAX),
                lot=_optional("lot", document["lot"]),
                price_rule=PriceRule(document["price_rule"]),
                tie=Tie(document["tie"]),
                seed=str(document["seed"]),
                if_short=IfShort(document["if_short"]),
                bidder_cap=_optional("bidder_cap", document["bidder_cap"]),
                bidder_cap_percent=_optional("bidder_cap_percent", document["bidder_cap_percent"]),
                share=decimal_option("share", document["share"]),
                years=int(document["years"]),
            )
        except (KeyError, ValueError, TypeError) as error:
            raise _expected("terms", f"完整的选项({error})", f"complete terms ({error})") from None


def plain(value: Decimal | None) -> str | None:
    """A decimal in its shortest exact form without exponent: `0.5`, `1000`."""
    return None if value is None else f"{value.normalize():f}"


def places_of(value: Decimal | None) -> int:
    """Decimals that a number really uses: 0 for `50.0`."""
    if value is None:
        return 0
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def decimal_option(option: str, text: object, places_max: int = PLACES_MAX) -> Decimal:
    """A number of at least zero with at most `places_max` decimals. Raises TermsInvalid."""
    try:
        value = read_decimal(str(text), where=Text(option, option), places_max=places_max)
    except Refusal:
        value = Decimal(-1)
    if not 0 <= value <= VALUE_MAX:
        raise _expected(
            option,
            f"不小于零、最多{places_max}位小数的数字",
            f"a number of at least zero with at most {places_max} decimals",
        )
    return value


def _optional(option: str, text: object) -> Decimal | None:
    return None if text is None else decimal_option(option, text)
