from django.apps import AppConfig


class ListingsConfig(AppConfig):
    name = "terrace.market.listings"
    label = "listings"
    verbose_name = "挂牌交易"
