from django.urls import path

from terrace.kernel.documents import views

app_name = "documents"
urlpatterns = [path("<int:document_id>/", views.download, name="download")]
