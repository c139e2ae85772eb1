"""Who acts: the value that every service takes first. It is built at the edge and never guessed."""

from __future__ import annotations

from dataclasses import dataclass, field

from terrace.kernel.base.errors import NotAllowed
from terrace.kernel.base.texts import Text

OWN_ACTS = ("orgs.user.", "notify.", "document.", "web.view.")


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
    scope: frozenset[str] | None = None  # a delegation letter limits acts to these contexts; None: no limit

    @property
    def is_system(self) -> bool:
        return self.user_id is None and self.via == "system"

    def has_role(self, *roles: str) -> bool:
        return not self.roles.isdisjoint(roles)

    def covers(self, act: str) -> bool:
        """Whether a delegation letter lets this actor do `act`; the first word of the act counts.

        "listing.signup.submit" and "listings.…" are both covered by the scope "listings". What
        concerns only oneself (own settings, own inbox) and reading a file, which has its own check, need
        no letter.
        """
        if self.scope is None or act.startswith(OWN_ACTS):
            return True
        return act.partition(".")[0].rstrip("s") in {s.rstrip("s") for s in self.scope}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of an access predicate: allowed or not, and why, to be shown to the person."""

    allowed: bool
    reason: Text = Text("", "")

    def __bool__(self) -> bool:
        return self.allowed

    def require(self) -> None:
        """Raise NotAllowed with the reason when the answer is no."""
        if not self.allowed:
            raise NotAllowed(reason=self.reason)


SYSTEM = Actor(
    user_id=None, person_id=None, organisation_id=None, membership_id=None, name="system", via="system"
)
ANONYMOUS = Actor(user_id=None, person_id=None, organisation_id=None, membership_id=None, name="", via="web")
