"""Acts and facts in plain words."""

from __future__ import annotations

import pytest

from terrace.kernel.audit import rules
from terrace.kernel.base.db import acts_catalogue


@pytest.mark.parametrize(
    ("act", "zh", "en"),
    [
        ("listings.signup.send", "报名：提交", "signup: send"),
        ("auction.open", "竞价：开始", "auction: open"),
        ("orgs.role.propose_end", "角色变更：提出结束", "role: propose end"),
        ("nobody.knows.this", "nobody.knows.this", "nobody.knows.this"),
        ("listings.signup.unknown", "listings.signup.unknown", "listings.signup.unknown"),
        ("single", "single", "single"),
    ],
)
def test_an_act_in_plain_words_or_as_it_is(act: str, zh: str, en: str) -> None:
    label = rules.act_label(act)
    assert (label.zh, label.en) == (zh, en)


def test_every_act_of_organisations_has_plain_words() -> None:
    acts = [a for a in acts_catalogue if a.startswith("orgs.")]
    assert acts
    assert [a for a in acts if rules.act_label(a).zh == a] == []


def test_facts_by_name_or_by_the_last_part_of_it() -> None:
    assert rules.fact_label("role").zh == "角色"
    assert rules.fact_label("terms.state").en == "state"
    assert rules.fact_label("strange").zh == "strange"
