from typing import Any

from django.apps import AppConfig
from django.core import checks


class ProceduresConfig(AppConfig):
    name = "terrace.kernel.procedures"
    label = "procedures"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        checks.register(check_procedures)


def check_procedures(**_: Any) -> list[checks.CheckMessage]:
    """What `register` cannot see alone: deadline acts for transitions that no deadline calls."""
    from terrace.kernel.procedures.procedures import wiring_faults

    return [checks.Error(fault, id="procedures.E001") for fault in wiring_faults()]
