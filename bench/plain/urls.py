"""The peer's one address, the same as ours."""

from django.urls import path

from bench.plain.turn import TurnView

urlpatterns = [path("api/v1/sessions/<uuid:session>/turns/", TurnView.as_view())]
