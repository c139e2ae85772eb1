from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "terrace.web"
    label = "web"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from terrace.web import subjects

        subjects.register()
