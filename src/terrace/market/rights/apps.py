from django.apps import AppConfig


class RightsConfig(AppConfig):
    name = "terrace.market.rights"
    label = "rights"
    verbose_name = "排污权登记"
