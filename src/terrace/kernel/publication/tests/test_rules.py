"""Masking, and the digest of what was shown."""

from __future__ import annotations

import pytest

from terrace.kernel.base.texts import Text
from terrace.kernel.publication.rules import GENESIS, NoticeKind, mask, notice_digest


@pytest.mark.parametrize(
    ("rule", "value", "shown"),
    [
        ("initials", "张三丰", "张**"),
        ("initials", "王", "王*"),
        ("initials", "John Smith", "J. S."),
        ("last4", "6222020200112233", "************2233"),
        ("last4", "1234", "****"),
        ("bidder", "甲公司", "01"),
    ],
)
def test_each_rule(rule: str, value: str, shown: str) -> None:
    assert mask({"x": value}, {"x": rule}) == {"x": shown}


def test_hide_takes_the_field_out_and_the_original_stays() -> None:
    content = {"a": {"phone": "1", "b": 2}, "list": ["x"]}
    assert mask(content, {"a.phone": "hide", "list[]": "hide"}) == {"a": {"b": 2}, "list": []}
    assert content == {"a": {"phone": "1", "b": 2}, "list": ["x"]}


def test_one_firm_keeps_one_number_through_all_fields() -> None:
    content = {
        "bids": [{"bidder": "乙"}, {"bidder": "甲"}, {"bidder": "乙"}],
        "winner": "甲",
        "names": ["丙", "乙"],
    }
    assert mask(content, {"bids[].bidder": "bidder", "winner": "bidder", "names[]": "bidder"}) == {
        "bids": [{"bidder": "01"}, {"bidder": "02"}, {"bidder": "01"}],
        "winner": "02",
        "names": ["03", "01"],
    }


def test_absent_and_empty_fields_are_no_fault() -> None:
    assert mask(
        {"a": "", "b": None, "c": 1}, {"a": "last4", "b": "initials", "x.y": "hide", "c[].d": "hide"}
    ) == {
        "a": "",
        "b": None,
        "c": 1,
    }


def test_an_unknown_mask_is_refused_when_declared() -> None:
    with pytest.raises(ValueError, match="blur"):
        NoticeKind("k", Text("公告", "notice"), {"a": "blur"})


def test_the_digest_covers_content_and_chain_but_not_key_order() -> None:
    digest = notice_digest({"a": 1, "b": "梯田"}, GENESIS)
    assert digest == notice_digest({"b": "梯田", "a": 1}, GENESIS)
    assert digest != notice_digest({"a": 2, "b": "梯田"}, GENESIS)
    assert digest != notice_digest({"a": 1, "b": "梯田"}, digest)
