from django.apps import AppConfig


class PublicationConfig(AppConfig):
    name = "terrace.kernel.publication"
    label = "publication"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from terrace.kernel.publication.procedures import CORRECTION, register_kind

        register_kind(CORRECTION)
