"""A call's arguments, whether they came as a query, a form or JSON."""

import json
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request

from bot.workspace.contents.model import Json
from bot.workspace.rules.errors import SlackError


async def read(request: Request) -> Json:
    """Return the arguments of a request; a JSON body and a form override the query.

    Raises:
        SlackError: invalid_json or json_not_object.
    """
    arguments: Json = dict(request.query_params)
    if request.method != "POST":
        return arguments
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            body = json.loads(await request.body() or b"{}")
        except ValueError as fault:
            raise SlackError("invalid_json") from fault
        if not isinstance(body, dict):
            raise SlackError("json_not_object")
        return arguments | body
    form = await request.form()
    return arguments | {name: value for name, value in form.items() if not isinstance(value, UploadFile)}


def missing(name: str) -> SlackError:
    """Return the error for a required argument that is not there."""
    return invalid(f"missing required field: {name}")


def invalid(message: str) -> SlackError:
    """Return the error for an argument that cannot be used."""
    return SlackError("invalid_arguments", response_metadata={"messages": [f"[ERROR] {message}"]})


class Arguments:
    """Typed access to arguments; forms carry everything as text, lists and objects as JSON in it."""

    def __init__(self, values: Json) -> None:
        self.values = {name: value for name, value in values.items() if value is not None}

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str, default: str = "") -> str:
        """Return an argument as text."""
        value = self.values.get(name, default)
        return value if isinstance(value, str) else json.dumps(value)

    def required(self, name: str) -> str:
        """Return an argument that must not be empty.

        Raises:
            SlackError: invalid_arguments.
        """
        value = self.text(name)
        if not value:
            raise missing(name)
        return value

    def flag(self, name: str) -> bool:
        """Return whether a switch is on."""
        return str(self.values.get(name, "")).lower() in ("1", "true")

    def number(self, name: str, default: int) -> int:
        """Return a whole number.

        Raises:
            SlackError: invalid_arguments.
        """
        value = self.values.get(name, default)
        try:
            return int(float(value)) if value != "" else default
        except (TypeError, ValueError) as fault:
            raise invalid(f"must provide a number: {name}") from fault

    def limit(self, default: int, most: int) -> int:
        """Return the page size.

        Raises:
            SlackError: invalid_limit.
        """
        limit = self.number("limit", default)
        if limit < 0:
            raise SlackError("invalid_limit")
        return min(limit or default, most)

    def names(self, name: str) -> list[str]:
        """Return a list that may come as a list, as JSON or separated by commas."""
        value = self.values.get(name, "")
        if isinstance(value, str) and value.startswith("["):
            value = self.document(name)
        if isinstance(value, list):
            return [str(entry) for entry in value]
        return [entry.strip() for entry in str(value).split(",") if entry.strip()]

    def document(self, name: str) -> Any:
        """Return an argument that holds an object or a list, None without it.

        Raises:
            SlackError: invalid_arguments when it is not JSON.
        """
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            return json.loads(value)
        except ValueError as fault:
            raise invalid(f"must provide valid JSON: {name}") from fault
