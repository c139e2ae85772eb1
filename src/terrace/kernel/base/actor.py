"""Who acts: the value that every service takes first. It is built at the edge and never guessed."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Actor:
    """A person acting as a member of an organisation, or the system itself (a deadline, a job).

    `person_id` is what the two-person rule compares: one human with two sign-ins is one person.
    """

    user_id: int | None
    person_id: int | None
    organisation_id: int | None
    membership_id: int | None
    roles: frozenset[str] = field(default_factory=frozenset)
    area: str = ""
    name: str = ""
    via: str = "web"

    @property
    def is_system(self) -> bool:
        return self.user_id is None and self.via == "system"

    def has_role(self, *roles: str) -> bool:
        return not self.roles.isdisjoint(roles)


SYSTEM = Actor(
    user_id=None, person_id=None, organisation_id=None, membership_id=None, name="system", via="system"
)
ANONYMOUS = Actor(user_id=None, person_id=None, organisation_id=None, membership_id=None, name="", via="web")
