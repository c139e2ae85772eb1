from django.urls import path

from terrace.market.rights import views

app_name = "rights"
urlpatterns = [
    path("rights/", views.mine, name="mine"),
    path("rights/units/new/", views.new_unit, name="new_unit"),
    path("rights/units/<int:unit_id>/", views.unit, name="unit"),
    path("rights/verifications/", views.verifications, name="verifications"),
    path("rights/verifications/new/", views.new_verification, name="new_verification"),
    path("rights/verifications/<int:verification_id>/", views.verification, name="verification"),
    path(
        "rights/verifications/<int:verification_id>/papers/",
        views.verification_paper,
        name="verification_paper",
    ),
    path("rights/parcels/<int:parcel_id>/", views.parcel, name="parcel"),
    path("projects/", views.projects, name="projects"),
    path("projects/new/", views.new_project, name="new_project"),
    path("projects/<int:project_id>/", views.project, name="project"),
    path("projects/needs/<int:need_id>/", views.need, name="need"),
]
