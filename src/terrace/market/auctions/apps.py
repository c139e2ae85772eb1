from django.apps import AppConfig


class AuctionsConfig(AppConfig):
    name = "terrace.market.auctions"
    label = "auctions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from terrace.kernel.base.texts import Text
        from terrace.kernel.procedures.procedures import on_deadline, register
        from terrace.kernel.publication.procedures import NoticeKind, register_kind
        from terrace.market.auctions import procedures, queries, services
        from terrace.market.listings import services as listings
        from terrace.market.settlement.queries import register_bundle_link

        register(procedures.agreement)
        register(procedures.agreement_2)
        on_deadline(procedures.AGREEMENT, "lapse", services.lapse_agreement)
        register_kind(NoticeKind("auction_result", Text("竞价结果公告", "Result of an auction")))
        listings.on_mode("BIDDING", services.open_for_listing)
        listings.on_mode("AGREEMENT", services.agree_for_listing)
        listings.on_mode("FAILED", services.stop_for_listing)
        listings.on_admitted(services.admit_signup)
        listings.on_stop(services.stop_auction)
        listings.on_stop(services.stop_agreement)
        listings.link_sale(queries.sale_link)
        register_bundle_link("auction", lambda auction_id: f"/auctions/{auction_id}/bundle.json")
