"""The HTTP server of a worker's tests, at another address in each of them.

It outlives a test, and a call that a test gave up may reach it later: nobody else is to hear that.
"""

from http import HTTPStatus

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response


class MovingServer(HTTPServer):
    """A server that moves when it is cleared; who calls where it was is told that it is gone."""

    _moves = 0

    def clear(self) -> None:
        """Forget what was expected and asked, and move."""
        self._moves += 1
        super().clear()

    def url_for(self, suffix: str) -> str:
        """Return the address of `suffix` for now."""
        return super().url_for(f"{self._home}/{suffix.removeprefix('/')}")

    def application(self, request: Request) -> Response:
        """Answer whoever calls where the server is, as if that were its root."""
        home = self._home
        if not request.path.startswith(f"{home}/"):
            return Response(status=HTTPStatus.GONE)
        here = Request({**request.environ, "SCRIPT_NAME": home, "PATH_INFO": request.path.removeprefix(home)})
        here.get_data()
        response = self.dispatch(here)
        if home == self._home:
            self.log.append((here, response))
        return response

    @property
    def _home(self) -> str:
        return f"/{self._moves}"
