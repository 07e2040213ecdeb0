"""A service is asked how it is, once or over a while; the clock is moved by hand."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from incidents.catalog import Environment
from incidents.errors import ToolFailed
from incidents.tools import health
from incidents.tools.health import Stats, Watched
from tests.clock import START, ManualClock

Look = tuple[int, int, int, str]  # status of the health address; requests, errors and release of the stats address


class Scripted:
    """A service that goes from look to look, and stays at the last."""

    def __init__(self, server: HTTPServer, looks: list[Look]) -> None:
        self._looks: Iterator[Look] = iter(looks)
        self._look = looks[0]
        server.expect_request("/health").respond_with_handler(self._health)
        server.expect_request("/stats").respond_with_handler(self._stats)
        self.environment = Environment(
            health=server.url_for("/health"), stats=server.url_for("/stats"), max_error_rate=0.02
        )

    def _health(self, _: Request) -> Response:
        self._look = next(self._looks, self._look)
        return Response("ok", status=self._look[0])

    def _stats(self, _: Request) -> Response:
        _, requests, errors, release = self._look
        return Response(f'{{"requests": {requests}, "errors": {errors}, "release": "{release}"}}')


async def watch(environment: Environment, clock: ManualClock, seconds: float = 3) -> Watched:
    async def sleep(seconds: float) -> None:
        clock.advance(timedelta(seconds=seconds))

    return await health.watch(
        environment, clock, period=timedelta(seconds=seconds), every=timedelta(seconds=1), sleep=sleep
    )


async def test_a_healthy_service_is_healthy(httpserver: HTTPServer, clock: ManualClock) -> None:
    shop = Scripted(httpserver, [(200, 1200, 3, "41")])
    look = await health.probe(shop.environment, clock)
    assert (look.healthy, look.status, look.at) == (True, 200, START)
    assert look.stats == Stats(requests=1200, errors=3, release="41")
    assert "3 of 1200 requests failed" in look.evidence.summary


async def test_a_service_that_says_503_is_not(httpserver: HTTPServer, clock: ManualClock) -> None:
    look = await health.probe(Scripted(httpserver, [(503, 10, 5, "41")]).environment, clock)
    assert (look.healthy, look.status) == (False, 503)


async def test_a_service_that_is_down_is_an_answer(clock: ManualClock, unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}"
    look = await health.probe(Environment(health=f"{url}/health", stats=f"{url}/stats"), clock)
    assert (look.healthy, look.status, look.stats) == (False, None, None)
    assert "no answer" in look.trouble


async def test_stats_that_make_no_sense_are_left_out(httpserver: HTTPServer, clock: ManualClock) -> None:
    httpserver.expect_request("/health").respond_with_data("ok")
    httpserver.expect_request("/stats").respond_with_data("<html>")
    environment = Environment(health=httpserver.url_for("/health"), stats=httpserver.url_for("/stats"))
    look = await health.probe(environment, clock)
    assert look.healthy
    assert look.stats is None
    assert "<html>" in look.evidence.excerpt


async def test_without_a_health_address_it_is_said_what_to_add(clock: ManualClock) -> None:
    with pytest.raises(ToolFailed, match="No health address"):
        await health.probe(Environment(), clock)


async def test_the_error_rate_is_that_of_the_time_watched(httpserver: HTTPServer, clock: ManualClock) -> None:
    looks = [(200, 1000, 400, "42"), (200, 1010, 400, "42"), (200, 1020, 400, "42"), (200, 1030, 401, "42")]
    seen = await watch(Scripted(httpserver, looks).environment, clock)
    assert (seen.checks, seen.requests, seen.errors) == (4, 30, 1)
    assert seen.error_rate == pytest.approx(1 / 30)
    assert not seen.healthy, "3.3 % is above 2 %"
    assert seen.seconds == 3


async def test_a_restart_in_between_loses_no_count(httpserver: HTTPServer, clock: ManualClock) -> None:
    looks = [(200, 1000, 400, "41"), (200, 1010, 402, "41"), (200, 4, 1, "42"), (200, 14, 1, "42")]
    seen = await watch(Scripted(httpserver, looks).environment, clock)
    assert (seen.requests, seen.errors) == (24, 3)


async def test_recovery_counts_from_the_first_healthy_look_of_the_last_run(
    httpserver: HTTPServer, clock: ManualClock
) -> None:
    looks = [(200, 0, 0, "42"), (503, 0, 0, "42"), (200, 10, 0, "42"), (200, 20, 0, "42")]
    seen = await watch(Scripted(httpserver, looks).environment, clock)
    assert seen.healthy
    assert seen.failed_checks == 1
    assert seen.recovered_at == START + timedelta(seconds=2)


async def test_a_service_that_fails_at_the_end_has_not_recovered(httpserver: HTTPServer, clock: ManualClock) -> None:
    looks = [(200, 0, 0, "42"), (200, 10, 0, "42"), (200, 20, 0, "42"), (503, 30, 0, "42")]
    seen = await watch(Scripted(httpserver, looks).environment, clock)
    assert not seen.healthy
    assert seen.recovered_at is None


async def test_without_requests_there_is_no_error_rate(httpserver: HTTPServer, clock: ManualClock) -> None:
    seen = await watch(Scripted(httpserver, [(200, 7, 0, "42")]).environment, clock)
    assert seen.error_rate is None
    assert seen.healthy
    assert "no requests" in seen.evidence.summary
