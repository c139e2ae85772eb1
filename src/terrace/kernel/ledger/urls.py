from django.urls import path

from terrace.kernel.ledger import views

app_name = "ledger"
urlpatterns = [
    path("", views.totals, name="totals"),
    path("totals.json", views.totals_json, name="totals_json"),
    path("totals.csv", views.totals_csv, name="totals_csv"),
    path("accounts/", views.accounts, name="accounts"),
    path("accounts.json", views.accounts_json, name="accounts_json"),
    path("accounts.csv", views.accounts_csv, name="accounts_csv"),
    path("accounts/<int:account_id>/", views.account, name="account"),
    path("accounts/<int:account_id>.json", views.account_json, name="account_json"),
    path("accounts/<int:account_id>.csv", views.account_csv, name="account_csv"),
    path("entries/<int:entry_id>/", views.entry, name="entry"),
    path("entries/<int:entry_id>.json", views.entry_json, name="entry_json"),
    path("entries/<int:entry_id>.csv", views.entry_csv, name="entry_csv"),
]
