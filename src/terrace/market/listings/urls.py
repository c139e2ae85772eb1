from django.urls import path

from terrace.market.listings import views

app_name = "listings"
urlpatterns = [
    path("lots/", views.lots, name="lots"),
    path("lots.json", views.lots_json, name="lots_json"),
    path("lots.csv", views.lots_csv, name="lots_csv"),
    path("lots/<int:lot_id>/", views.lot, name="lot"),
    path("lots/<int:lot_id>/apply/", views.apply, name="apply"),
    path("lots/notice/<str:number>/", views.listing_by_number, name="listing"),
    path("signups/", views.signups, name="signups"),
    path("signups/<int:signup_id>/", views.signup, name="signup"),
    path("signups/<int:signup_id>/need/", views.signup_need, name="signup_need"),
    path("signups/<int:signup_id>/papers/<str:kind>/", views.signup_paper, name="signup_paper"),
    path("exchange/", views.desk, name="desk"),
    path("exchange/lots/<int:planned_lot_id>/list/", views.new_listing, name="new_listing"),
    path("exchange/listings/<int:listing_id>/", views.listing_case, name="listing_case"),
    path("exchange/listings/<int:listing_id>/change/", views.change_listing, name="change_listing"),
    path("exchange/listings/<int:listing_id>/relist/", views.relist, name="relist"),
]
