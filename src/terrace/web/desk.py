"""The desk: one layout for every role. Contexts bring what is particular to a role as blocks.

A block names the roles it is for, a template and a function that reads what the template shows. Blocks
are listed here and not registered from below, because contexts do not know `web`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from terrace.kernel.base.actor import Actor
from terrace.kernel.orgs.roles import Role


@dataclass(frozen=True, slots=True)
class Block:
    """One part of the desk. `load(actor)` returns what `template` shows; a fixed number of queries."""

    roles: frozenset[Role]
    template: str
    load: Callable[[Actor], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class LoadedBlock:
    template: str
    data: dict[str, Any]


BLOCKS: tuple[Block, ...] = ()


def blocks_for(actor: Actor) -> list[LoadedBlock]:
    """The blocks of the actor's roles, in the order of BLOCKS."""
    return [
        LoadedBlock(block.template, block.load(actor)) for block in BLOCKS if actor.has_role(*block.roles)
    ]
