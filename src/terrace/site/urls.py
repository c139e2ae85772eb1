"""Every address of the site; each context brings its own list."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from terrace.site import health

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("accounts/", include("allauth.urls")),
]
