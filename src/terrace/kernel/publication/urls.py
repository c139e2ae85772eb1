from django.urls import path

from terrace.kernel.publication import views

app_name = "publication"
urlpatterns = [
    path("digests/", views.digests, name="digests"),
    path("digests.json", views.digests_json, name="digests_json"),
    path("digests.csv", views.digests_csv, name="digests_csv"),
    path("notices/", views.notices, name="list"),
    path("notices.json", views.notices_json, name="list_json"),
    path("notices.csv", views.notices_csv, name="list_csv"),
    path("notices/feed.json", views.feed, name="feed"),
    path("notices/feed.atom", views.feed_atom, name="feed_atom"),
    path("notices/<int:sequence>/", views.notice, name="notice"),
    path("notices/<int:sequence>.json", views.notice_json, name="notice_json"),
    path("notices/<int:sequence>/correct/", views.correct, name="correct"),
]
