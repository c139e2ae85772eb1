from django.urls import path

from terrace.market.auctions import views

app_name = "auctions"
urlpatterns = [
    path("agreements/<int:agreement_id>/", views.agreement_page, name="agreement"),
    path("<int:auction_id>/", views.auction_page, name="auction"),
    path("<int:auction_id>/bids/", views.post_bid, name="post_bid"),
    path("<int:auction_id>/bids.csv", views.bids_csv, name="bids_csv"),
    path("<int:auction_id>/bids.json", views.bids_json, name="bids_json"),
    path("<int:auction_id>/bundle.json", views.bundle_json, name="bundle"),
]
