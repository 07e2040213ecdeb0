"""Light traffic: customers who browse, buy, and order their old carts again."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import httpx

TIMEOUT_SECONDS = 5.0
#: What ten customers do: five order again what they once saved, three buy something new (3 requests), two look around.
_VISITS = ("reorder", "buy", "reorder", "browse", "reorder", "buy", "reorder", "buy", "browse", "reorder")
_NEW_CARTS = (("DE", "EUR", "mug"), ("US", "USD", "shirt"), ("GB", "GBP", "poster"), ("JP", "JPY", "notebook"))


class Traffic:
    """Customers of the shop at `url`; those who order again do so with `saved` carts, in turn."""

    def __init__(self, url: str, saved: Sequence[str], *, per_second: float) -> None:
        self._url = url
        self._saved = itertools.cycle(saved)
        self._new = itertools.cycle(_NEW_CARTS)
        self._pause = 1 / per_second
        self.answers: Counter[int] = Counter()  #: answers by status; 0 counts requests without one

    async def run(self) -> None:
        """Send requests until cancelled."""
        async with httpx.AsyncClient(base_url=self._url, timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            async for _ in self._requests(client):
                await asyncio.sleep(self._pause)

    async def _requests(self, client: httpx.AsyncClient) -> AsyncIterator[None]:
        """Make one request each time it is asked for the next."""
        for visit in itertools.cycle(_VISITS):
            if visit == "browse":
                await self._send(client, "GET", "/products")
                yield
            elif visit == "reorder":
                await self._send(client, "POST", "/orders", cart=next(self._saved))
                yield
            else:
                country, currency, sku = next(self._new)
                made = await self._send(client, "POST", "/carts", country=country, currency=currency)
                yield
                if made is None or made.status_code != 201:
                    continue
                cart = made.json()["id"]
                await self._send(client, "POST", f"/carts/{cart}/items", sku=sku, quantity=2)
                yield
                await self._send(client, "POST", "/orders", cart=cart)
                yield

    async def _send(
        self, client: httpx.AsyncClient, method: str, path: str, **fields: str | int
    ) -> httpx.Response | None:
        try:
            answer = await client.request(method, path, json=fields or None)
        except httpx.TransportError:  # the service is down for a moment; customers go on
            self.answers[0] += 1
            return None
        self.answers[answer.status_code] += 1
        return answer
