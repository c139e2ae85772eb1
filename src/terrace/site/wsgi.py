"""The WSGI entry: pages and API."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "terrace.site.settings.demo")
application = get_wsgi_application()
