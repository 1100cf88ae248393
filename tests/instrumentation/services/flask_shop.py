"""A small Flask service that knows nothing of otelpond; its database is SQLite by SQLAlchemy."""

from __future__ import annotations

import os

from flask import Flask
from sqlalchemy import create_engine, text
from sqlalchemy.pool import StaticPool

app = Flask(__name__)
engine = create_engine("sqlite://", poolclass=StaticPool)
with engine.begin() as connection:
    connection.execute(text("create table item (number integer, name text)"))


@app.get("/")
def who() -> str:
    """Which process answers."""
    return str(os.getpid())


@app.post("/items/<int:number>")
def item(number: int) -> list[str]:
    """What is there of that number: nothing."""
    with engine.connect() as connection:
        return [row.name for row in connection.execute(text("select name from item where number = :number"), {"number": number})]


@app.get("/broken")
def broken() -> str:
    """Fails by itself."""
    raise ValueError("out of order")


@app.get("/wrong")
def wrong() -> str:
    """Fails in the database."""
    with engine.connect() as connection:
        return str(connection.execute(text("select price from article")).scalar())
