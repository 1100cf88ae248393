"""A small Django service that knows nothing of otelpond; its database is SQLite by Django's own backend."""

from __future__ import annotations

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    ROOT_URLCONF=__name__,
)


def who(_request: HttpRequest) -> HttpResponse:
    """Which process answers."""
    return HttpResponse(str(os.getpid()))


def item(_request: HttpRequest, number: int) -> JsonResponse:
    """What is there of that number: nothing."""
    with connection.cursor() as cursor:
        cursor.execute("select name from sqlite_master where rootpage = %s", [-number])
        return JsonResponse(cursor.fetchall(), safe=False)


def broken(_request: HttpRequest) -> HttpResponse:
    """Fails by itself."""
    raise ValueError("out of order")


def wrong(_request: HttpRequest) -> HttpResponse:
    """Fails in the database."""
    with connection.cursor() as cursor:
        return HttpResponse(cursor.execute("select price from article"))


urlpatterns = [path("", who), path("items/<int:number>", item), path("broken", broken), path("wrong", wrong)]
application = get_wsgi_application()
