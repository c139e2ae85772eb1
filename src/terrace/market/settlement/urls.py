"""Addresses of settlement; mounted at the root of the site."""

from __future__ import annotations

from django.urls import path

from terrace.market.settlement.views import accounts, certificates, money, public, trades

app_name = "settlement"
urlpatterns = [
    path("results/", public.results, name="results"),
    path("results.json", public.results_json, name="results_json"),
    path("results.csv", public.results_csv, name="results_csv"),
    path("results/<str:number>/", public.result, name="result"),
    path("results/<str:number>.json", public.result_json, name="result_json"),
    path("results/<str:number>.csv", public.result_csv, name="result_csv"),
    path("results/<str:number>/objection/", public.objection, name="raise_objection"),
    path("certificates/check/", public.check, name="check"),
    path("certificates/signer.pem", public.signer_pem, name="signer_pem"),
    path("certificates/<str:number>/", public.certificate, name="certificate"),
    path("certificates/<str:number>.json", public.certificate_json, name="certificate_json"),
    path("certificates/<str:number>/print/", public.certificate_print, name="certificate_print"),
    path("certificates/<str:number>/reissue/", certificates.reissue, name="reissue"),
    path("trades/", trades.trades, name="trades"),
    path("trades/<str:number>/", trades.trade, name="trade"),
    path("trades/<str:number>/sign/", trades.sign, name="sign"),
    path("trades/<str:number>/step/<str:name>/", trades.step, name="step"),
    path("settlement/objections/", trades.objections, name="objections"),
    path("settlement/objections/<int:objection_id>/", trades.objection, name="objection"),
    path("settlement/payments/", money.payments, name="payments"),
    path("settlement/payments.csv", money.payments_csv, name="payments_csv"),
    path("settlement/payments/<str:reference>/", money.payment, name="payment"),
    path("settlement/accounts/", accounts.accounts, name="accounts"),
    path("settlement/accounts/changes/<int:change_id>/", accounts.change, name="account_change"),
    path("settlement/statements/", money.statements, name="statements"),
    path("settlement/statements/<int:statement_id>/", money.statement, name="statement"),
    path(
        "settlement/statements/<int:statement_id>/confirm/", money.statement_confirm, name="statement_confirm"
    ),
    path(
        "settlement/statements/<int:statement_id>/discard/", money.statement_discard, name="statement_discard"
    ),
    path("settlement/suspense/", money.suspense, name="suspense"),
    path("settlement/suspense/<int:line_id>/", money.suspense_line, name="suspense_line"),
    path("settlement/suspense/<int:line_id>/return/", money.suspense_return, name="suspense_return"),
    path("settlement/refunds/", money.refunds, name="refunds"),
    path("settlement/refunds/<str:number>/", money.refund, name="refund"),
]
