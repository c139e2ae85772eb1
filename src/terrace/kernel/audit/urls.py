"""Addresses of the journal, under /journal/."""

from __future__ import annotations

from django.urls import path

from terrace.kernel.audit import views

app_name = "audit"

urlpatterns = [
    path("", views.journal, name="journal"),
    path("journal.json", views.journal_json, name="journal_json"),
    path("journal.csv", views.journal_csv, name="journal_csv"),
    path("<int:entry_id>/", views.entry, name="entry"),
]
