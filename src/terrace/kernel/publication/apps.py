from django.apps import AppConfig


class PublicationConfig(AppConfig):
    name = "terrace.kernel.publication"
    label = "publication"
    default_auto_field = "django.db.models.BigAutoField"
