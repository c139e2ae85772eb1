from django.apps import AppConfig


class OrgsConfig(AppConfig):
    name = "terrace.kernel.orgs"
    label = "orgs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from terrace.kernel.audit.queries import name_organisations_by
        from terrace.kernel.orgs.queries import organisation_names
        from terrace.kernel.orgs.services.wording import register_own_decisions

        register_own_decisions()
        name_organisations_by(organisation_names)
