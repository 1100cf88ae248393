"""Customers of the sample shop: requests with known answers, counted, so that the demo can tell whether every one arrived."""

from __future__ import annotations

import random
import threading
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, field

CUSTOMERS = 4
PAUSE_S = 0.08
TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Request:
    """One kind of request: how often it comes (relative), and how the shop answers."""

    weight: int
    method: str
    path: str
    status: int


REQUESTS = (
    Request(30, "GET", "/products?limit=5", 200),
    Request(30, "GET", "/products/{product}", 200),
    Request(12, "POST", "/orders?product_id={product}&quantity=2", 201),
    Request(4, "GET", "/products/999", 404),
    Request(4, "GET", "/search?q=oa", 200),
    Request(3, "POST", "/orders?product_id={product}&card=4000-0002", 402),
    Request(2, "GET", "/baskets/ann/average", 500),
    Request(2, "POST", "/products", 500),
    Request(2, "GET", "/reports/sales", 200),
    Request(1, "GET", "/wp-login.php", 404),
)


@dataclass
class Traffic:
    """Customers that ask until they are stopped.

    Attributes:
        shop: the shop's address, http://HOST:PORT.
        answered: how many requests got each status.
        surprises: what went otherwise than the shop should have it.
    """

    shop: str
    answered: Counter[int] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._shop, args=(number,), daemon=True) for number in range(CUSTOMERS)]

    def ask_each_once(self) -> None:
        """Send each kind of request once, so that nothing depends on chance."""
        for request in REQUESTS:
            self._ask(request, customer=0, product=1)

    def start(self) -> None:
        """Let the customers loose."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let every customer finish the request it waits for."""
        self._stopped.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def _shop(self, customer: int) -> None:
        choose = random.Random(customer)  # noqa: S311 - the same traffic in every run
        weights = [request.weight for request in REQUESTS]
        while not self._stopped.wait(choose.uniform(0, 2 * PAUSE_S)):
            self._ask(choose.choices(REQUESTS, weights)[0], customer, choose.randint(1, 12))

    def _ask(self, request: Request, customer: int, product: int) -> None:
        url = self.shop + request.path.format(product=product)
        headers = {"x-user": f"customer-{customer}", "x-session": f"session-{customer}"}
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method=request.method, headers=headers), timeout=TIMEOUT_S) as answer:  # noqa: S310
                status = answer.status
        except urllib.error.HTTPError as answer:
            status = answer.code
            answer.close()
        except OSError as error:
            with self._lock:
                self.surprises.append(f"{request.method} {url}: {error}")
            return
        with self._lock:
            self.answered[status] += 1
            if status != request.status:
                self.surprises.append(f"{request.method} {url}: expected {request.status}, got {status}")
