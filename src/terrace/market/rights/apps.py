from django.apps import AppConfig


class RightsConfig(AppConfig):
    name = "terrace.market.rights"
    label = "rights"
    verbose_name = "排污权登记"

    def ready(self) -> None:
        from terrace.kernel.documents.access import register_reader
        from terrace.kernel.documents.procedures import register_kind
        from terrace.kernel.documents.rules import DocumentKind
        from terrace.kernel.procedures.procedures import register
        from terrace.market.rights import access, procedures
        from terrace.market.rights.rules import CourtPaper, PaperKind

        register(procedures.VERIFICATION)
        register(procedures.NEED)
        for kind in PaperKind:
            register_kind(DocumentKind(kind.value, kind.label))
        for paper in CourtPaper:
            register_kind(DocumentKind(paper.value, paper.label))
        register_reader("court_order", access.may_read_court_paper)
        register_reader("verification", access.may_read_paper)
