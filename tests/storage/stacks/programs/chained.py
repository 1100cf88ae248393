"""A cause and a context."""


def price(item):
    return {"apple": 1}[item]


def total(items):
    try:
        return sum(price(item) for item in items)
    except KeyError as error:
        raise LookupError(f"no price: {error}") from error


def checkout():
    try:
        total(["apple", "pear"])
    except LookupError:
        raise RuntimeError("checkout failed\nfor 2 items")


checkout()
