from django.urls import path

from terrace.kernel.notify import views

app_name = "notify"
urlpatterns = [
    path("", views.inbox, name="inbox"),
    path("<int:message_id>/", views.follow, name="follow"),
]
