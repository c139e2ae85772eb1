from __future__ import annotations

from django.urls import path

from terrace.market.rulebooks import views

app_name = "rulebooks"

urlpatterns = [
    path("", views.rulebooks, name="list"),
    path("check/", views.self_check, name="check"),
    path("parameters.json", views.parameters_json, name="parameters_json"),
    path("parameters.csv", views.parameters_csv, name="parameters_csv"),
    path("decisions/<int:decision_id>/", views.decision, name="decision"),
    path("parameters/", views.parameters, name="parameters"),
    path("parameters/new/", views.propose, name="propose"),
    path("parameters/<int:parameter_id>/", views.parameter, name="parameter"),
    path("<slug:name>/", views.rulebook, name="rulebook"),
]
