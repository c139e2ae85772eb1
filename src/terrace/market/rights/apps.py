from django.apps import AppConfig


class RightsConfig(AppConfig):
    name = "terrace.market.rights"
    label = "rights"
    verbose_name = "排污权登记"

    def ready(self) -> None:
        from terrace.kernel.procedures.procedures import register
        from terrace.market.rights import procedures

        register(procedures.VERIFICATION)
        register(procedures.NEED)
