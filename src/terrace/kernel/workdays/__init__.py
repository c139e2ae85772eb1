"""Working days of mainland China. `from terrace.kernel import workdays; workdays.add(date, 5)`."""

from terrace.kernel.workdays.rules import (
    Calendar,
    CalendarInvalid,
    CalendarMissing,
    add,
    calendar,
    count,
    deadline,
    is_workday,
    workdays_left,
)

__all__ = [
    "Calendar",
    "CalendarInvalid",
    "CalendarMissing",
    "add",
    "calendar",
    "count",
    "deadline",
    "is_workday",
    "workdays_left",
]
