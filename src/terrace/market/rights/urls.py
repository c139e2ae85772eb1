from django.urls import path

from terrace.market.rights.views import bars, registry

app_name = "rights"
urlpatterns = [
    path("rights/", registry.mine, name="mine"),
    path("rights/units/new/", registry.new_unit, name="new_unit"),
    path("rights/units/<int:unit_id>/", registry.unit, name="unit"),
    path("rights/verifications/", registry.verifications, name="verifications"),
    path("rights/verifications/new/", registry.new_verification, name="new_verification"),
    path("rights/verifications/<int:verification_id>/", registry.verification, name="verification"),
    path(
        "rights/verifications/<int:verification_id>/papers/",
        registry.verification_paper,
        name="verification_paper",
    ),
    path("rights/parcels/<int:parcel_id>/", registry.parcel, name="parcel"),
    path("rights/parcels/<int:parcel_id>/freeze/", bars.freeze, name="freeze"),
    path("rights/court-orders/", bars.court_orders, name="court_orders"),
    path("rights/court-orders/<int:hold_id>/", bars.court_order, name="court_order"),
    path("rights/conduct/", bars.conduct, name="conduct"),
    path("rights/conduct/<int:conduct_id>/", bars.conduct_record, name="conduct_record"),
    path("projects/", registry.projects, name="projects"),
    path("projects/new/", registry.new_project, name="new_project"),
    path("projects/<int:project_id>/", registry.project, name="project"),
    path("projects/needs/<int:need_id>/", registry.need, name="need"),
]
