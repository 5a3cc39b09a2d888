"""Many matrix products by BLAS: each on one thread, shared out among as many threads as Numba has.

BLAS could use its threads within each product. For the small products of attention that was tried and is much worse:
its threads wait for each other by spinning, so that beside Numba's threads, or any other program that keeps the
processors busy, a small product took as long as several time slices of the system, hundreds of times what it needs.
"""

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numba import get_num_threads

try:
    from threadpoolctl import ThreadpoolController
except ImportError:  # BLAS then keeps its own threads, on whose number results may depend; products go one by one
    ThreadpoolController = None

Product = tuple[np.ndarray, np.ndarray, np.ndarray]  # a (m, k), b (k, n), out (m, n)


def multiply(products: list[Product]) -> None:
    """out = a @ b for each; a product is cut into blocks of rows where there are fewer products than threads."""
    threads = get_num_threads()
    blocks = -(-2 * threads // max(1, len(products))) if threads > 1 else 1
    if ThreadpoolController is None:
        _work(products)
        return
    waiting = iter([part for product in products for part in _cut(product, blocks)])  # shared: each part goes to one
    with single_blas_thread():
        others = [_pool(threads).submit(_work, waiting) for _ in range(threads - 1)]
        _work(waiting)
        for other in others:
            other.result()


def _cut(product: Product, blocks: int) -> Iterable[Product]:
    a, b, out = product
    rows = -(-len(a) // blocks)
    for start in range(0, len(a), max(1, rows)):
        yield a[start : start + rows], b, out[start : start + rows]


def _work(products: Iterable[Product]) -> None:
    with np.errstate(invalid="ignore", over="ignore"):
        for a, b, out in products:
            np.matmul(a, b, out=out)  # lets other Python threads run meanwhile


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)


@contextmanager
def single_blas_thread() -> Iterator[None]:
    """BLAS on one thread, for all Python threads of this process, until the last that asked for it is done.

    Without threadpoolctl BLAS keeps what it has.
    """
    if ThreadpoolController is None:
        yield
        return
    with _lock:
        if not _limits:
            _limits.append(_blas().limit(limits=1, user_api="blas"))
        _limits.append(None)  # one for each that asked
    try:
        yield
    finally:
        with _lock:
            _limits.pop()
            if len(_limits) == 1:
                _limits.pop().restore_original_limits()


_lock = threading.Lock()
_limits: list[Any] = []


@cache
def _blas() -> Any:
    """Made once: finding the loaded libraries takes a millisecond."""
    return ThreadpoolController()
