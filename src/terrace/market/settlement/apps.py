from django.apps import AppConfig


class SettlementConfig(AppConfig):
    name = "terrace.market.settlement"
    label = "settlement"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from terrace.kernel.procedures.procedures import register
        from terrace.market.settlement.procedures import PROCEDURES

        for procedure in PROCEDURES:
            register(procedure)
