"""Runs the demo's service in production and staging, with traffic, and stops it without a trace."""

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from bot.demo import releases, repository
from bot.demo.pages import Pages
from bot.demo.repository import Built
from bot.demo.traffic import Traffic
from incidents import catalog
from incidents.clock import Clock, SystemClock
from incidents.errors import ToolFailed
from incidents.tools import health, processes
from incidents.tools.health import Probe
from incidents.tools.processes import Survivors

ENVIRONMENTS = ("production", "staging")
PRODUCTION_REQUESTS_PER_SECOND = 5
STAGING_REQUESTS_PER_SECOND = 2
_COMMAND_TIMEOUT = timedelta(seconds=40)  # starting Python on a busy machine, and the service's own 20 s
_BREAK_SECONDS = 30.0  # half the customers order again, so the first 500 comes within a second
_POLL_SECONDS = 0.05
_SAVED_CARTS = 40


class DemoService:
    """The shop *checkout*: use with `async with`. Everything it writes lies in `root`."""

    def __init__(self, root: Path, *, clock: Clock | None = None) -> None:
        self.root = root.resolve()
        self.home = self.root / "checkout-home"
        self.repository = self.root / "checkout"
        self.deploys = self.home / "deploys.jsonl"
        self.logs = (self.home / "production" / "checkout.log",)
        self._clock = clock or SystemClock()
        self._ports: dict[str, int] = {}
        self._customers: list[asyncio.Task[None]] = []
        self._built: Built | None = None
        self._pages = Pages(self.repository)

    @property
    def built(self) -> Built:
        """Return the repository as it was built."""
        if self._built is None:
            raise RuntimeError("the demo's service is not started")
        return self._built

    @property
    def production_url(self) -> str:
        """Return where production listens."""
        return f"http://127.0.0.1:{self._ports['production']}"

    @property
    def staging_url(self) -> str:
        """Return where staging listens."""
        return f"http://127.0.0.1:{self._ports['staging']}"

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:  # cancelled or failed half-way: what runs already must not stay
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    def service_yaml(self, *, watch: str = "20s") -> dict[str, object]:
        """Return the service as `sitrep.yml` describes it (`catalog.Service`); `watch` follows a deploy."""
        return {
            "title": "Checkout",
            "repository": str(self.repository),
            "branch": "main",
            "logs": [str(path) for path in self.logs],
            "deploys": str(self.deploys),
            "production": {**self._environment("production"), "watch": watch},
            "staging": {**self._environment("staging"), "watch": "6s"},
            "tests": {
                "command": [sys.executable, "-m", "unittest", "discover", "-v", "-t", ".", "-s", "tests"],
                "timeout": "1m",
            },
            "runbook": self._pages.runbook,
            "war_room": self._pages.war_room,
            "dashboard": f"{self.production_url}/stats",
            "areas": {"api": ["checkout/**", "ops/**"], "data": ["migrations/**"], "frontend": ["web/**"]},
        }

    async def break_it(self) -> None:
        """Deploy the newest commit to production, and wait until customers get errors and the health address says so.

        Raises:
            ToolFailed: when the deploy fails, or nothing broke.
        """
        await self._ops("deploy", self.built.bad, "--environment", "production", "--by", "mateo")

        async def broken() -> bool:
            return (await self.probe("production")).status == 503

        await self._wait(broken, _BREAK_SECONDS, "The bad release does not fail")

    async def healthy(self) -> bool:
        """Tell whether production is well."""
        return (await self.probe("production")).healthy

    async def probe(self, environment: str) -> Probe:
        """Return one look at `environment`."""
        url = self.production_url if environment == "production" else self.staging_url
        return await health.probe(catalog.Environment(health=f"{url}/health", stats=f"{url}/stats"), self._clock)

    def _environment(self, name: str) -> dict[str, object]:
        url = self.production_url if name == "production" else self.staging_url
        where = ["--environment", name, "--home", str(self.home), "--by", "sitrep"]
        return {
            "deploy": [sys.executable, str(self.repository / "ops" / "deploy"), "{commit}", *where],
            "rollback": [sys.executable, str(self.repository / "ops" / "rollback"), "{release}", *where],
            "health": f"{url}/health",
            "stats": f"{url}/stats",
            "max_error_rate": 0.02,
            "deploy_timeout": "1m",
        }

    async def _start(self) -> None:
        await self._stop()  # what a killed demo left running
        await asyncio.to_thread(shutil.rmtree, self.home, True)
        self._built = await repository.build(self.repository, self._clock.now())
        await self._pages.start()
        self._ports = dict(zip(ENVIRONMENTS, releases.free_ports(len(ENVIRONMENTS)), strict=True))
        saved = await asyncio.to_thread(self._furnish)
        for name in ENVIRONMENTS:
            await self._ops("start", "--environment", name)
        for url, rate in (
            (self.production_url, PRODUCTION_REQUESTS_PER_SECOND),
            (self.staging_url, STAGING_REQUESTS_PER_SECOND),
        ):
            self._customers.append(asyncio.create_task(Traffic(url, saved, per_second=rate).run()))

        async def served() -> bool:
            stats = (await self.probe("production")).stats
            return stats is not None and stats.requests > 0

        await self._wait(served, _BREAK_SECONDS, "The good release does not answer")

    def _furnish(self) -> list[str]:
        """Write what the installation has before its first start: ports, past deploys, carts that customers saved."""
        self.home.mkdir(parents=True)
        ports = {name: {"port": port} for name, port in self._ports.items()}
        (self.home / "environments.json").write_text(json.dumps(ports))
        self.deploys.write_text("".join(release.line() + "\n" for release in self.built.releases))
        saved = [f"c-{number:04d}" for number in range(1, _SAVED_CARTS + 1)]
        skus = ("mug", "poster", "shirt", "sticker", "notebook")
        for name in ENVIRONMENTS:
            folder = self.home / name / "data" / "carts"
            folder.mkdir(parents=True)
            for number, cart in enumerate(saved):
                items = [{"sku": skus[number % len(skus)], "quantity": 1 + number % 3}]
                (folder / f"{cart}.json").write_text(json.dumps({"id": cart, "country": "DE", "items": items}))
        return saved

    async def _ops(self, name: str, *arguments: str) -> None:
        await self._run(sys.executable, str(self.repository / "ops" / name), *arguments, "--home", str(self.home))

    async def _run(self, *argv: str) -> None:
        done = await processes.run(argv, timeout=_COMMAND_TIMEOUT, survivors=Survivors.KEEP)
        if not done.ok:
            said = (done.output.strip().splitlines() or ["no message"])[-1]
            raise ToolFailed(f"The demo's service: {said[:200]}.", remedy=f"Look into {self.logs[0]}.")

    async def _wait(self, condition: Callable[[], Awaitable[bool]], seconds: float, failure: str) -> None:
        end = time.monotonic() + seconds
        while not await condition():
            if time.monotonic() > end:
                raise ToolFailed(f"{failure} within {seconds:g} s.", remedy=f"Look into {self.logs[0]}.")
            await asyncio.sleep(_POLL_SECONDS)

    async def _stop(self) -> None:
        for customer in self._customers:
            customer.cancel()
        await asyncio.gather(*self._customers, return_exceptions=True)
        self._customers.clear()
        await self._pages.stop()
        await asyncio.to_thread(releases.stop, self.home)
