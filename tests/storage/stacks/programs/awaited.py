"""Coroutines, a decorator, a comprehension, a class in a function, and the standard library."""

import asyncio
import functools
import json


def retried(function):
    @functools.wraps(function)
    async def wrapper(*args):
        return await function(*args)

    return wrapper


class Basket:
    @retried
    async def load(self, texts):
        class BasketError(ValueError):
            pass

        try:
            return [json.loads(text) for text in texts]
        except ValueError as error:
            raise BasketError(
                "cannot read",
                len(texts),
            ) from error


asyncio.run(Basket().load(["{}", "{"]))
