from django.apps import AppConfig


class ReserveConfig(AppConfig):
    name = "terrace.market.reserve"
    label = "reserve"
    verbose_name = "政府储备"

    def ready(self) -> None:
        from terrace.kernel.base.texts import Text
        from terrace.kernel.documents.access import register_reader
        from terrace.kernel.documents.procedures import register_kind
        from terrace.kernel.documents.rules import DocumentKind
        from terrace.kernel.orgs.services import on_decision
        from terrace.kernel.procedures.procedures import register
        from terrace.market.reserve import access, procedures
        from terrace.market.reserve.rules import PaperKind

        register(procedures.INTAKE)
        register(procedures.PLAN)
        for kind in PaperKind:
            register_kind(DocumentKind(kind.value, kind.label))
        register_reader("intake", access.may_read_paper)
        on_decision(
            "reserve.intake.decide",
            label=Text("储备入库复核", "Check of an intake"),
            url=lambda approval: f"/reserve/intakes/{approval.subject_id}/",
        )
        on_decision(
            "reserve.plan.decide",
            label=Text("出让计划复核", "Check of a release plan"),
            url=lambda approval: f"/reserve/plans/{approval.subject_id}/",
        )
