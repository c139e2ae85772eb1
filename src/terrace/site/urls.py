"""Every address of the site; each context brings its own list."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from terrace.kernel.orgs import views as orgs_views
from terrace.site import health
from terrace.site.api import api
from terrace.web import views as web_views

handler400 = "terrace.web.errors.bad_request"
handler403 = "terrace.web.errors.not_allowed"
handler404 = "terrace.web.errors.not_found"
handler500 = "terrace.web.errors.fault"

urlpatterns: list[URLPattern | URLResolver] = [
    path("reserve/", include("terrace.market.reserve.urls")),  # before web: its lists end in two free words
    path("", include("terrace.web.urls")),
    path("language/", orgs_views.set_language, name="set_language"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("api/v1/", api.urls),
    path("accounts/", include("allauth.urls")),
    path("demo/", orgs_views.demo, name="demo"),
    path("demo/sign-in/", orgs_views.demo_sign_in, name="demo_sign_in"),
    path("orgs/", include("terrace.kernel.orgs.urls")),
    path("journal/", include("terrace.kernel.audit.urls")),
    path("rulebooks/", include("terrace.market.rulebooks.urls")),
    path("", include("terrace.kernel.publication.urls")),
    path("documents/", include("terrace.kernel.documents.urls")),
    path("inbox/", include("terrace.kernel.notify.urls")),
    path("ledger/", include("terrace.kernel.ledger.urls")),
    path("", include("terrace.market.rights.urls")),
    path("", include("terrace.market.listings.urls")),
    path("auctions/", include("terrace.market.auctions.urls")),
    path("", include("terrace.market.settlement.urls")),
    path("<path:address>.xlsx", web_views.workbook, name="workbook"),  # last: the Excel twin of any list
]
