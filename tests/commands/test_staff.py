"""`terrace staff`: the first people of a body, entered on the machine."""

from __future__ import annotations

import io
from typing import Any

import pytest

from terrace.kernel.orgs import access
from terrace.kernel.orgs.models import User
from terrace.kernel.orgs.tests import factories as make
from terrace.site.cli import main

pytestmark = pytest.mark.django_db


def staff(monkeypatch: pytest.MonkeyPatch, number: str, **changes: str) -> int:
    options = {
        "code": make.credit(),
        "kind": "PLATFORM",
        "organisation": "平台运营测试单位",
        "role": "ADMIN",
        "username": "first-admin",
        "name": "张某",
        "email": "admin@example.com",
    } | changes
    monkeypatch.setattr("sys.stdin", io.StringIO(number + "\n"))
    return main(["staff", *(w for name, value in options.items() for w in (f"--{name}", value))])


def test_the_first_administrators_are_entered_and_invited(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, number = make.credit(), make.identity_number()
    assert staff(monkeypatch, number, code=code) == 0
    assert "first-admin" in capsys.readouterr().out
    user = User.objects.get(username="first-admin")
    assert access.actor_of(user).roles == {"ADMIN"}
    assert not user.has_usable_password()
    assert (
        staff(
            monkeypatch,
            make.identity_number(),
            code=code,
            role="ADMIN_CHECKER",
            username="second-admin",
            name="李某",
        )
        == 0
    )
    assert staff(monkeypatch, make.identity_number(), code=code, username="third-admin", name="王某") == 2
    assert "has a ADMIN already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"role": "EMPEROR"}, "EMPEROR"),
        ({"kind": "CASTLE"}, "CASTLE"),
        ({"code": "123"}, "18"),
        ({"role": "AUDITOR"}, "审计"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_entered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], changes: dict[str, str], said: str
) -> None:
    arguments: dict[str, Any] = changes
    assert staff(monkeypatch, make.identity_number(), **arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.strip().splitlines()) == 1
    assert not User.objects.filter(username="first-admin").exists()


def test_a_wrong_identity_number_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert staff(monkeypatch, "110105194912310021") == 2
    assert "校验码" in capsys.readouterr().err
