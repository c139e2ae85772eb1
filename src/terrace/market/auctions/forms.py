"""What a bidder types on the auction page."""

from __future__ import annotations

from django import forms

from terrace.kernel.base.errors import InputInvalid
from terrace.kernel.base.quantity import Money
from terrace.kernel.base.texts import Text

PRICE = Text("报价", "Quote")


class QuoteForm(forms.Form):
    """A price in yuan per tonne; `quick` is the value of the one-click button that was used instead."""

    quick = forms.CharField(required=False, max_length=40)
    price = forms.CharField(required=False, max_length=40)
    confirm = forms.BooleanField(required=False)
    idempotency_key = forms.CharField(required=False, max_length=100)

    def price_fen(self) -> int:
        """The price in fen. Raises InputInvalid, with what was typed and what is expected."""
        typed = self.data.get("quick") or self.data.get("price") or ""
        fen = Money.from_yuan(typed, where=PRICE).fen
        if fen <= 0:
            raise InputInvalid(
                where=PRICE, got=repr(typed[:40]), expected=Text("大于零的价格", "a price above zero")
            )
        return fen
