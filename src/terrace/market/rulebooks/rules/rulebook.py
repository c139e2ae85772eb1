"""Rulebooks as values: read from the packaged TOML files, dated, and changed only by approved parameters."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from typing import Any

from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.quantity import Pollutant, read_decimal
from terrace.kernel.base.texts import Text
from terrace.market.rulebooks.rules.case import FieldInvalid

KINDS = ("coverage", "scope", "exemption", "bar", "ratio")


class RulebookUnknown(Refusal):
    code = "rulebooks.unknown"
    text = Text(
        "没有名为 {name} 的规则集；可用：{known}。", "No rulebook is named {name}; there are: {known}."
    )
    http_status = 404


@dataclass(frozen=True, slots=True)
class Parameter:
    """One value of a rulebook from a day on. `proposed`: no source gives it, the platform suggests it."""

    name: str
    value: str
    clause: str
    unit: str = ""
    effective_from: dt.date = dt.date.min
    proposed: bool = False
    clause_en: str = ""

    @property
    def basis(self) -> Text:
        """The clause in both languages; an approved change keeps the words it was given."""
        return Text(self.clause, self.clause_en or self.clause)


@dataclass(frozen=True, slots=True)
class Rule:
    """One clause: what it says in a line, from when to when, and the predicate it feeds."""

    id: str
    kind: str
    predicate: str
    clause: str
    text: Text
    effective_from: dt.date = dt.date.min
    effective_to: dt.date = dt.date.max
    proposed: bool = False
    clause_en: str = ""

    @property
    def basis(self) -> Text:
        """The clause in both languages."""
        return Text(self.clause, self.clause_en or self.clause)

    def in_force(self, on: dt.date) -> bool:
        return self.effective_from <= on <= self.effective_to


@dataclass(frozen=True, slots=True)
class Rulebook:
    """A jurisdiction's rules under one name and version, in force from `effective_from` to `effective_to`."""

    name: str
    version: str
    jurisdiction: str
    title: Text
    note: Text
    effective_from: dt.date
    effective_to: dt.date
    rules: tuple[Rule, ...]
    parameters: tuple[Parameter, ...]
    aliases: tuple[str, ...] = ()
    city: str = ""
    areas: tuple[str, ...] = ()
    replaced_by: str = ""

    def in_force(self, on: dt.date) -> bool:
        return self.effective_from <= on <= self.effective_to

    def rules_on(self, on: dt.date) -> tuple[Rule, ...]:
        """The rules in force on a day, in the order they are explained."""
        return tuple(rule for rule in self.rules if rule.in_force(on))

    def parameter(self, name: str, on: dt.date) -> Parameter:
        """The value of a parameter on a day: the latest one that has begun. KeyError when there is none."""
        begun = [p for p in self.parameters if p.name == name and p.effective_from <= on]
        if not begun:
            raise KeyError(f"{self.name} has no parameter {name} on {on}")
        # Among equal days the later entry wins: an approved change comes after what it changes.
        return max(enumerate(begun), key=lambda pair: (pair[1].effective_from, pair[0]))[1]

    def with_parameters(self, changes: Iterable[Parameter]) -> Rulebook:
        """This rulebook with approved changes; the version tells how many."""
        added = tuple(changes)
        if not added:
            return self
        return dataclasses.replace(
            self, parameters=self.parameters + added, version=f"{self.version}+{len(added)}"
        )


def _rulebook(document: dict[str, Any]) -> Rulebook:
    rules = []
    for row in document["rules"]:
        if row["kind"] not in KINDS:
            raise ValueError(f"{document['name']} {row['id']}: kind {row['kind']!r}")
        rules.append(
            Rule(
                row["id"],
                row["kind"],
                row["predicate"],
                row["clause"],
                Text(row["text_zh"], row["text_en"]),
                row.get("effective_from", dt.date.min),
                row.get("effective_to", dt.date.max),
                row.get("proposed", False),
                row["clause_en"],
            )
        )
    return Rulebook(
        name=document["name"],
        aliases=tuple(document["aliases"]),
        version=document["version"],
        jurisdiction=document["jurisdiction"],
        city=document["city"],
        areas=tuple(document["areas"]),
        title=Text(document["title_zh"], document["title_en"]),
        note=Text(document["note_zh"], document["note_en"]),
        effective_from=document["effective_from"],
        effective_to=document.get("effective_to", dt.date.max),
        replaced_by=document.get("replaced_by", ""),
        rules=tuple(rules),
        parameters=tuple(Parameter(**row) for row in document["parameters"]),
    )


@functools.cache
def rulebooks() -> tuple[Rulebook, ...]:
    """The packaged rulebooks, oldest first."""
    folder = resources.files("terrace.market.rulebooks") / "data"
    found = [
        _rulebook(tomllib.loads(file.read_text(encoding="utf-8")))
        for file in folder.iterdir()
        if file.name.endswith(".toml") and file.name != "deposits.toml"
    ]
    return tuple(sorted(found, key=lambda book: (book.effective_from, book.name)))


def rulebook(name: str) -> Rulebook:
    """The packaged rulebook of that name or alias. Raises RulebookUnknown, which lists the names."""
    plain = name.strip().lower()
    for book in rulebooks():
        if plain == book.name or plain in book.aliases:
            return book
    known = ", ".join(
        book.name + (f" ({', '.join(book.aliases)})" if book.aliases else "") for book in rulebooks()
    )
    raise RulebookUnknown(name=name, known=known)


def check_parameter(name: str, value: str) -> str:
    """The value of a parameter as it is kept. Raises FieldInvalid for one that its predicate could not use."""
    where = Text(name, name)
    if name in ("exempt_boundary", "voluntary_allowed"):
        words = ("below", "at_most") if name == "exempt_boundary" else ("yes", "no")
        if value not in words:
            raise FieldInvalid(
                where=where,
                got=repr(value[:40]),
                expected=Text("或".join(words), " or ".join(words)),
            )
        return value
    if name == "covered":
        names = value.upper().split()
        if not names or len(set(names)) != len(names) or not set(names) <= {p.value for p in Pollutant}:
            raise FieldInvalid(
                where=where,
                got=repr(value[:40]),
                expected=Text(f"{' '.join(Pollutant)} 中的若干项", f"some of {' '.join(Pollutant)}"),
            )
        return " ".join(names)
    if name == "agriculture_sectors":
        return " ".join(value.casefold().split())
    number = read_decimal(value, where=where, places_max=3 if name.startswith("ratio_") else 6)
    low, high = (1, 10) if name.startswith("ratio_") else (0, 1_000_000)
    if not low <= number <= high:
        raise FieldInvalid(
            where=where,
            got=repr(value[:40]),
            expected=Text(f"{low}至{high}的数", f"a number from {low} to {high}"),
        )
    return f"{number.normalize():f}"


def rulebook_on(jurisdiction: str, on: dt.date) -> Rulebook:
    """The rulebook of a place on a day: the latest in force there, else the national one. Raises RulebookUnknown."""
    for place in (jurisdiction, "000000"):
        in_force = [book for book in rulebooks() if book.jurisdiction == place and book.in_force(on)]
        if in_force:
            return in_force[-1]
    raise RulebookUnknown(name=f"{jurisdiction} {on}", known=", ".join(book.name for book in rulebooks()))
