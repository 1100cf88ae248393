"""A script that is careless with secrets, in every place that telemetry has."""

from __future__ import annotations

import logging

from opentelemetry import trace
from otelpond.instrumentation import set_user, track

CARD, PASSWORD, MAIL = "4111 1111 1111 1111", "hunter2-hunter2", "bob@example.com"


def pay(card: str) -> None:
    """Fail, and tell why."""
    raise ValueError(f"card {card} of {MAIL} was declined by https://shop:{PASSWORD}@bank.example/pay")


def main() -> None:
    """Be careless."""
    set_user("u-17")
    sent = {
        "http.request.header.authorization": (f"Basic {PASSWORD}",),
        "url.full": f"https://h/?token={PASSWORD}&to={MAIL}",
        "url.query": f"token={PASSWORD}&to={MAIL}",
        "db.system.name": "postgresql",
        "db.query.text": f"select 1 from users where mail = '{MAIL}' and password = '{PASSWORD}'",
        "app.userPassword": PASSWORD,
        "app.note": f"paid with {CARD}",
        "order.id": "A-17",
    }
    with trace.get_tracer("careless").start_as_current_span("request", kind=trace.SpanKind.SERVER, attributes=sent):
        try:
            pay(CARD)
        except ValueError:
            logging.getLogger("shop").exception("password=%s of order A-17", PASSWORD)
            track("order.failed", {"order_id": "A-17", "card_number": CARD, "details": {"mail": MAIL, "secret": PASSWORD}})
            raise


main()
