from __future__ import annotations

from django.urls import path

from terrace.web import views

app_name = "web"

urlpatterns = [
    path("", views.home, name="home"),
    path("how-to/", views.how_to, name="how_to"),
    path("desk/", views.desk, name="desk"),
    path("prices/", views.prices, name="prices"),
    path("prices.csv", views.prices_csv, name="prices_csv"),
    path("prices.json", views.prices_json, name="prices_json"),
    path("reserve/", views.reserve, name="reserve"),
    path("reserve.csv", views.reserve_csv, name="reserve_csv"),
    path("reserve.json", views.reserve_json, name="reserve_json"),
    path("reserve/figures/<slug:pollutant>/<slug:region>/", views.reserve_line, name="reserve_line"),
    path("operator/", views.operator_page, name="operator"),
    path(
        "reserve/figures/<slug:pollutant>/<slug:region>.csv", views.reserve_line_csv, name="reserve_line_csv"
    ),
    path(
        "reserve/figures/<slug:pollutant>/<slug:region>.json",
        views.reserve_line_json,
        name="reserve_line_json",
    ),
    path("desk/views/save/", views.save_view, name="save_view"),
    path("desk/views/<int:view_id>/remove/", views.remove_view, name="remove_view"),
    path("stages.csv", views.stages_csv, name="stages_csv"),
    path("stages.json", views.stages_json, name="stages_json"),
    path("map/", views.area_map, name="map"),
    path("map.csv", views.map_csv, name="map_csv"),
    path("map.json", views.map_json, name="map_json"),
    path("flow/", views.flow, name="flow"),
    path("flow.csv", views.flow_csv, name="flow_csv"),
    path("flow.json", views.flow_json, name="flow_json"),
    path("demo/clock/", views.demo_clock, name="demo_clock"),
]
