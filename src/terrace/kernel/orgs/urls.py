"""Addresses of organisations, under /orgs/."""

from __future__ import annotations

from django.urls import path

from terrace.kernel.orgs import views

app_name = "orgs"

urlpatterns = [
    path("apply/", views.apply, name="apply"),
    path("apply/check/", views.apply_check, name="apply_check"),
    path("apply/receipt/<str:number>/", views.apply_receipt, name="apply_receipt"),
    path("apply/<slug:topic_name>/", views.apply_step, name="apply_step"),
    path("mine/", views.mine, name="mine"),
    path("mine/roles/new/", views.role_propose, name="role_propose"),
    path("mine/roles/<int:membership_id>/end/", views.role_end, name="role_end"),
    path("mine/bank/", views.bank, name="bank"),
    path("mine/letters/new/", views.letter_give, name="letter_give"),
    path("mine/letters/<int:letter_id>/revoke/", views.letter_revoke, name="letter_revoke"),
    path("second-factors/reset/", views.factor_reset, name="factor_reset"),
    path("act-for/", views.act_for, name="act_for"),
    path("approvals/", views.approvals, name="approvals"),
    path("approvals/<int:approval_id>/", views.approval, name="approval"),
    path("approvals/<int:approval_id>/withdraw/", views.withdraw, name="withdraw"),
    path("organisations/", views.organisations, name="organisations"),
    path("organisations/<int:organisation_id>/", views.organisation, name="organisation"),
    path("organisations/<int:organisation_id>/roles/new/", views.role_propose, name="role_propose_in"),
    path(
        "organisations/<int:organisation_id>/<slug:step>/", views.organisation_step, name="organisation_step"
    ),
    path("applications/<int:application_id>/decide/", views.application_decide, name="application_decide"),
]
