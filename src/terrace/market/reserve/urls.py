from django.urls import path

from terrace.market.reserve import views

app_name = "reserve"
urlpatterns = [
    path("desk/", views.desk, name="desk"),
    path("intakes/new/", views.new_intake, name="new_intake"),
    path("intakes/<int:intake_id>/", views.intake, name="intake"),
    path("intakes/<int:intake_id>/papers/", views.intake_paper, name="intake_paper"),
    path("plans/new/", views.new_plan, name="new_plan"),
    path("plans/<int:plan_id>/", views.plan, name="plan"),
    path("lots/<int:planned_lot_id>/remove/", views.remove_lot, name="remove_lot"),
]
