"""The routes of the front door."""

from starlette.routing import Route

from bot.workspace.client import control, interactions, reading, submissions
from bot.workspace.client.people import people
from bot.workspace.client.requests import Answer, front_door

_READING: dict[str, Answer] = {
    "boot": reading.boot,
    "view": reading.view,
    "canvas": reading.canvas,
    "ephemerals": reading.ephemerals,
    "log": control.log,
    "faults": control.get_faults,
}
_ACTING: dict[str, Answer] = {
    "command": interactions.command,
    "action": interactions.action,
    "options": interactions.options,
    "shortcut": interactions.shortcut,
    "view_submit": submissions.submit,
    "view_close": submissions.close,
    "home": reading.home,
    "dm": reading.dm,
    "read": reading.read,
    "faults": control.post_faults,
    "deactivate": control.deactivate,
}


def routes() -> list[Route]:
    """Return every route below /client/."""
    return [
        *(Route(f"/client/{name}", front_door(answer), methods=["GET"]) for name, answer in _READING.items()),
        *(Route(f"/client/{name}", front_door(answer), methods=["POST"]) for name, answer in _ACTING.items()),
        Route("/client/faults", front_door(control.delete_faults), methods=["DELETE"]),
        Route("/client/people", people, methods=["GET"]),
    ]
