"""The WSGI entry: pages and API."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "terrace.site.settings.demo")
pages = get_wsgi_application()

from terrace.site.quotes import ShortWay  # noqa: E402 - Django is set up first

application = ShortWay(pages)
