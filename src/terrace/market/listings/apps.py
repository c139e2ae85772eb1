from django.apps import AppConfig


class ListingsConfig(AppConfig):
    name = "terrace.market.listings"
    label = "listings"
    verbose_name = "挂牌交易"

    def ready(self) -> None:
        from terrace.kernel.base.texts import Text
        from terrace.kernel.documents.access import register_reader
        from terrace.kernel.documents.procedures import register_kind
        from terrace.kernel.documents.rules import DocumentKind
        from terrace.kernel.procedures.procedures import on_deadline, register
        from terrace.kernel.publication.procedures import NoticeKind
        from terrace.kernel.publication.procedures import register_kind as register_notice_kind
        from terrace.market.listings import access, procedures, services
        from terrace.market.listings.rules import PaperKind
        from terrace.market.rights.services import on_court_freeze, on_court_lift
        from terrace.market.settlement.services import on_ended, on_paid

        register(procedures.LISTING)
        register(procedures.LISTING_2)
        register(procedures.LISTING_3)
        register(procedures.SIGN_UP)
        on_deadline("listings.listing", "open_quoting", services.pass_listing_deadline)
        for transition in ("lapse", "qualification_missed", "deposit_missed"):
            on_deadline("listings.signup", transition, services.pass_signup_deadline)
        on_paid("DEPOSIT", services.deposit_paid)
        for origin in ("auction", "agreement"):  # the trading forms that sell what is listed
            on_ended(origin, services.sale_ended)
        on_court_freeze("listing", services.stop_for_court)
        on_court_lift(services.lifted_by_court)
        for kind in PaperKind:
            register_kind(DocumentKind(kind.value, kind.label))
        register_reader("signup", access.may_read_paper)
        for code, label in (
            ("listing_notice", Text("出让公告", "Notice of offer")),
            ("listing_suspended", Text("中止公告", "Offer suspended")),
            ("listing_resumed", Text("恢复公告", "Offer resumed")),
            ("listing_terminated", Text("终止公告", "Offer terminated")),
        ):
            register_notice_kind(NoticeKind(code, label))
