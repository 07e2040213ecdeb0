"""A form that was sent, and the key that names it: the same for as long as the form says the same."""

import contextlib
import hashlib
import json
from typing import Any

from bot.ids import Form
from bot.listeners import payloads
from bot.listeners.payloads import Submission, View
from bot.values import DeclareMeta
from incidents.errors import Conflict


def submission(body: dict[str, Any]) -> Submission:
    """Return a view submission; the same modal sent twice without a change between has the same key.

    So has one that was drawn again because it was not stored in time, for as long as the same is typed into it.
    """
    view = payloads.view_of(body["view"])
    return Submission(key=_key(view), place=payloads.place_of(body), view=view)


def as_if(sent: Submission, *, meta: str, shape: dict[str, Any]) -> Submission:
    """Return a form as it would have been sent with other metadata, drawn as `shape`: its key is that of what it says.

    So what was pressed in it and is not shown yet makes it a new one, as changed words do.
    """
    view = sent.view.model_copy(update={"meta": meta, "shape": shape})
    return sent.model_copy(update={"key": _key(view), "view": view})


def _key(view: View) -> str:
    before, _, key = str(view.shape.get("external_id") or "").partition(" ")
    return key if before == _digest(view) else f"view:{view.id}:{view.hash}"


def kept(sent: Submission) -> str:
    """Return the external id under which a form that is drawn again keeps the key of what was typed into it."""
    return f"{_digest(sent.view)} {sent.key}"


def _digest(view: View) -> str:
    typed = {
        f"{field} {action}": said
        for field, states in view.values.items()
        for action, state in states.items()
        if (said := _said(state))  # a form that was drawn with more fields says the same
    }
    return hashlib.sha256(json.dumps([_pressed(view), typed], sort_keys=True).encode()).hexdigest()[:16]


def _said(state: dict[str, Any]) -> list[str]:
    """Return what stands in a field and which of its boxes are ticked; nothing where it is empty."""
    ticked = sorted(str(each["value"]) for each in state.get("selected_options") or ())
    return [said for said in (payloads.shown(state), *ticked) if said]


def _pressed(view: View) -> str:
    """Return what was pressed in a form, which stands in its metadata."""
    if view.callback == Form.DECLARE:
        with contextlib.suppress(Conflict):  # written by another version: all of it
            return DeclareMeta.decode(view.meta).pressed
    return view.meta
