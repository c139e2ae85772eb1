from django.apps import AppConfig


class SettlementConfig(AppConfig):
    name = "terrace.market.settlement"
    label = "settlement"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from terrace.kernel.base.texts import Text
        from terrace.kernel.documents import rules as documents
        from terrace.kernel.documents.access import register_reader
        from terrace.kernel.documents.procedures import register_kind as register_document_kind
        from terrace.kernel.ledger.queries import register_region_words, register_subject
        from terrace.kernel.orgs.services import on_decision
        from terrace.kernel.procedures.procedures import on_deadline, register
        from terrace.kernel.publication.procedures import NoticeKind, register_kind
        from terrace.market.settlement import access, procedures, queries, services
        from terrace.market.settlement.models import Purpose

        register_region_words(queries.region_label)
        for procedure in procedures.PROCEDURES:
            register(procedure)
        deadlines = {
            "publish_result": services.publish_result_by_deadline,
            "close_publicity": services.close_publicity,
            "escalate": services.escalate_objection,
            "contract_overdue": services.contract_overdue,
            "seller_sign_overdue": services.seller_sign_overdue,
            "payment_overdue": services.payment_overdue,
        }
        for transition, handler in deadlines.items():
            on_deadline(procedures.TRADE, transition, handler)
        for transition in services.REMINDERS:
            on_deadline(procedures.TRADE, transition, services.remind)
        on_deadline(procedures.REFUND, "remind", services.remind_refund)
        services.on_paid(Purpose.PRICE, services.price_paid)
        services.on_paid(Purpose.REFUND, services.refund_paid)
        services.on_paid(Purpose.SELLER_PAYOUT, services.seller_paid)
        on_decision(
            access.ACCOUNT_CHANGE,
            label=Text("变更结算账户登记", "Change of an account of record"),
            url=lambda approval: f"/settlement/accounts/changes/{approval.pk}/",
            facts=services.account_facts,
        )
        on_decision(
            access.CERTIFICATE_REISSUE,
            label=Text("换发鉴证书", "A certificate issued again"),
            url=lambda approval: f"/certificates/{approval.subject_id}/reissue/",
            facts=services.reissue_facts_of,
        )
        for code, label in (
            ("settlement.result", Text("成交公示", "Result")),
            ("settlement.delivered", Text("交割公告", "Delivery")),
            ("settlement.ended", Text("交易终止公告", "End of a trade")),
            ("settlement.reissued", Text("鉴证书换发公告", "Certificate replaced")),
        ):
            register_kind(NoticeKind(code, label))
        for code, label, types in (
            ("settlement.award", Text("成交通知书", "Notice of award"), (documents.FileType.PDF,)),
            ("settlement.contract", Text("交易合同", "Contract"), (documents.FileType.PDF,)),
            ("settlement.certificate", Text("交易鉴证书", "Certificate"), (documents.FileType.PDF,)),
            (
                "settlement.statement",
                Text("银行流水", "Bank statement"),
                (documents.FileType.CSV, documents.FileType.TXT, documents.FileType.XLSX),
            ),
        ):
            register_document_kind(documents.DocumentKind(code, label, types=types))
        register_subject("settlement.trade", lambda number: f"/trades/{number}/")
        register_subject("settlement.refund", lambda number: f"/settlement/refunds/{number}/")
        register_reader("settlement.trade", access.may_read_trade_document)
        register_reader("settlement.statement", access.may_read_statement_document)
