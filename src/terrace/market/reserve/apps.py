from django.apps import AppConfig


class ReserveConfig(AppConfig):
    name = "terrace.market.reserve"
    label = "reserve"
    verbose_name = "政府储备"

    def ready(self) -> None:
        from terrace.kernel.procedures.procedures import register
        from terrace.market.reserve import procedures

        register(procedures.INTAKE)
        register(procedures.PLAN)
