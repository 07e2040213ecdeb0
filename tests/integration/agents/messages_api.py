"""A stand-in for the Messages API on loopback: answers what a test tells it to, and keeps what it was asked."""

import json
from collections.abc import Callable
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

Answer = Callable[[dict[str, Any]], Response]


def message(text: str, *, stop_reason: str = "end_turn", **more: Any) -> Answer:
    """Answer with `text` as the model's only block."""

    def answer(asked: dict[str, Any]) -> Response:
        body = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": asked["model"],
            "content": [{"type": "text", "text": text}] if text else [],
            "stop_reason": stop_reason,
            "stop_sequence": None,
            "usage": {
                "input_tokens": 1000,
                "output_tokens": 500,
                "cache_read_input_tokens": 2000,
                "cache_creation_input_tokens": 400,
            },
            **more,
        }
        return Response(json.dumps(body), content_type="application/json")

    return answer


def calls(*tools: tuple[str, dict[str, Any]]) -> Answer:
    """Answer by calling tools, each a name and its input."""

    def answer(asked: dict[str, Any]) -> Response:
        number = len(asked["messages"])
        content = [
            {"type": "tool_use", "id": f"toolu_{number}_{place}", "name": name, "input": given}
            for place, (name, given) in enumerate(tools)
        ]
        return message("", stop_reason="tool_use", content=content)(asked)

    return answer


def error(status: int, kind: str, **headers: str) -> Answer:
    """Answer with an API error."""

    def answer(_asked: dict[str, Any]) -> Response:
        body = {"type": "error", "error": {"type": kind, "message": "stand-in"}}
        return Response(json.dumps(body), status=status, headers=headers, content_type="application/json")

    return answer


class MessagesApi:
    """The stand-in; `answers` are given in order, the last one again and again."""

    def __init__(self, server: HTTPServer) -> None:
        self.answers: list[Answer] = []
        self.asked: list[dict[str, Any]] = []
        self.url = server.url_for("")
        server.expect_request("/v1/messages", method="POST").respond_with_handler(self._respond)

    def _respond(self, request: Request) -> Response:
        asked = json.loads(request.get_data())
        self.asked.append(asked)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(asked)
