"""Who makes a request, where the service says it by itself: on `request.state`, as `request.user`, or by a hook of its own.

Looked at when the handler has run, and only where `set_user` was not called. Nothing is loaded for it: of an ORM's objects only what is in
memory is read.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from importlib import import_module
from typing import Any

from .. import context
from ..guard import say_once

USERS = ("user", "current_user", "principal", "account")
"""Names under which a user stands on `request.state` or `flask.g`."""
IDS = ("id", "user_id", "pk", "uuid", "sub", "identity", "username")
ROLES = ("role", "user_role", "roles", "user_roles")
SESSIONS = ("session_id",)
OF_ORMS = {"_sa_instance_state", "_state", "__data__"}
"""What an object of SQLAlchemy, Django or Peewee has: an attribute that is not loaded would be a query."""
Hook = Callable[[Any], Any]


def load(name: str) -> Hook | None:
    """The service's own function, `module:name`; None where there is none of that name."""
    module, _, attribute = name.partition(":")
    try:
        hook = getattr(import_module(module), attribute)
    except Exception as error:  # noqa: BLE001 - it is the service's code
        say_once(f"OTELPOND_USER_HOOK={name} is not used", error)
        return None
    return hook if callable(hook) else None


def find(request: Any, hook: Hook | None, users: Iterable[Any], state: Mapping[str, Any]) -> None:
    """Set user, role and session of the current request as far as they are not known.

    Args:
        request: what the hook is given.
        hook: answers None, an id, or a mapping with `user_id`, `role` and `session_id`.
        users: objects that may be the user, the first that has an id is.
        state: what the service has put on the request. Its session id may be the session's cookie, who has that is the user: its digest
            is sent.
    """
    known = context.current()
    told = hook(request) if hook is not None else None
    said: Mapping[str, Any] = told if isinstance(told, Mapping) else {"user_id": told}
    if context.USER_ID not in known:
        user_id, roles = _user(said, users, state)
        if user_id is not None:
            context.set_user(user_id, roles)
    if context.SESSION_ID not in known:
        session_id = _id(_first(said, SESSIONS)) or _digest(_id(_first(state, SESSIONS)))
        if session_id is not None:
            context.set_session(session_id)


def _user(said: Mapping[str, Any], users: Iterable[Any], state: Mapping[str, Any]) -> tuple[str | None, tuple[str, ...]]:
    user_id = _id(_first(said, IDS))
    if user_id is not None:
        return user_id, _roles(_first(said, ROLES))
    for user in (*users, *(state[name] for name in USERS if name in state)):
        user_id, roles = _of(user)
        if user_id is not None:
            return user_id, roles or _roles(_first(state, ROLES))
    return _id(state.get("user_id")), _roles(_first(state, ROLES))


def _of(user: Any) -> tuple[str | None, tuple[str, ...]]:
    """Id and roles of what stands for a user: an id, a mapping, or any object."""
    loaded = getattr(user, "__dict__", {})
    if "_wrapped" in loaded:  # Django's lazy object: to ask what it is would load it
        return _of(loaded["_wrapped"])
    if isinstance(user, (str, int, uuid.UUID)):
        return _id(user), ()
    if isinstance(user, Mapping):
        return _id(_first(user, IDS)), _roles(_first(user, ROLES))
    if not OF_ORMS.isdisjoint(loaded):
        columns = loaded.get("__data__", loaded)
        return _id(_first(columns, IDS)), _roles(_first(columns, ROLES))
    if getattr(user, "is_authenticated", True) is False:
        return None, ()
    return _id(_attribute(user, IDS)), _roles(_attribute(user, ROLES))


def _first(values: Mapping[str, Any], names: Iterable[str]) -> Any:
    return next((values[name] for name in names if values.get(name) is not None), None)


def _attribute(user: Any, names: Iterable[str]) -> Any:
    for name in names:
        try:
            value = getattr(user, name, None)
        except Exception:  # noqa: BLE001, S112 - Starlette's `identity` raises where a class does not say it
            continue
        if value is not None and not callable(value):
            return value
    return None


def _id(value: Any) -> str | None:
    return str(value) if isinstance(value, (str, int, uuid.UUID)) and not isinstance(value, bool) and str(value) else None


def _digest(session_id: str | None) -> str | None:
    return hashlib.sha256(session_id.encode(errors="surrogatepass")).hexdigest()[:32] if session_id else None


def _roles(value: Any) -> tuple[str, ...]:
    if isinstance(value, Enum):
        return (str(value.value),)
    if isinstance(value, str):
        return (value,) if value else ()
    if isinstance(value, (list, tuple, set, frozenset)):
        return tuple(role for each in value for role in _roles(each))
    return ()
