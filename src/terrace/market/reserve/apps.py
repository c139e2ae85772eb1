from django.apps import AppConfig


class ReserveConfig(AppConfig):
    name = "terrace.market.reserve"
    label = "reserve"
    verbose_name = "政府储备"
