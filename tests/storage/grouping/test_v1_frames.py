"""What counts of a stack: types and frames that say where, and nothing that only a deployment, a run or a compiler decides."""

from __future__ import annotations

from typing import Any

import pytest
from otelpond.storage.grouping.v1_frames import culprit, read
from otelpond.storage.stacks.trace import Error, Frame, Trace


def frame(function: str | None, module: str = "shop.orders", **others: Any) -> Frame:
    """An in-app frame."""
    return Frame(function, module, f"/app/{module}", **others)


def trace(*frames: Frame, type: str = "ValueError", language: str = "python", errors: tuple[Error, ...] = ()) -> Trace:  # noqa: A002
    """A trace of one error with these frames, and others behind it."""
    return Trace(language, (Error(type, "", frames), *errors))


def parts(given: Trace, kind: str = "") -> tuple[str, ...]:
    """What counts of a trace."""
    return read(kind, given).grouping.parts


def test_an_in_app_frame_is_module_function_and_source() -> None:
    """Line numbers do not count, and white space in a line does not."""
    moved = (trace(frame("total", line=line, source=source)) for line, source in ((5, "return a / b"), (99, "  return  a / b ")))
    assert [("ValueError", "shop.orders total: return a / b")] * 2 == [parts(each) for each in moved]


def test_frames_of_libraries_count_only_where_there_are_no_others() -> None:
    """And then without their source, which another version of the library has changed."""
    library = frame("send", "requests.adapters", in_app=False, source="raise ConnectionError(e)")
    found = read("", trace(frame("pay"), library))
    assert ("in_app_frames", ("ValueError", "shop.orders pay")) == (found.grouping.by, found.grouping.parts)
    found = read("", trace(library))
    assert ("frames", ("ValueError", "requests.adapters send")) == (found.grouping.by, found.grouping.parts)


def test_callers_count_so_that_a_shared_helper_is_not_one_issue() -> None:
    """All in-app frames do, not the innermost alone."""
    assert parts(trace(frame("pay"), frame("parse", "shop.money"))) != parts(trace(frame("refund"), frame("parse", "shop.money")))


def test_recursion_counts_once_however_deep() -> None:
    """Of one function and of two that call each other."""
    shallow, deep = ([frame("walk"), frame("visit")] * times for times in (2, 40))
    assert parts(trace(*shallow)) == parts(trace(*deep)) == ("ValueError", "shop.orders walk", "shop.orders visit")


def test_wrappers_count_only_where_the_error_was_raised_in_them() -> None:
    """A decorator that is put around a function makes no new issue; an error of the decorator itself is one."""
    assert parts(trace(frame("pay"))) == parts(trace(frame("wrapper", "shop.timing"), frame("pay")))
    assert ("ValueError", "shop.orders pay", "shop.timing wrapper") == parts(trace(frame("pay"), frame("wrapper", "shop.timing")))
    assert parts(trace(frame("pay"), language="javascript")) == parts(trace(frame("__awaiter"), frame("pay"), language="javascript"))


def test_the_chain_of_types_counts() -> None:
    """A cause of another type or from another place is another bug; what was suppressed is not told by the bug."""
    causes = [Error(kind, "", (frame("load", "shop.db"),), "cause") for kind in ("KeyError", "OSError")]
    assert ("ValueError", "shop.orders pay", "KeyError", "shop.db load") == parts(trace(frame("pay"), errors=(causes[0],)))
    assert parts(trace(frame("pay"), errors=(causes[0],))) != parts(trace(frame("pay"), errors=(causes[1],)))
    suppressed = Error("IOException", "", (frame("close"),), "suppressed")
    assert parts(trace(frame("pay"))) == parts(trace(frame("pay"), errors=(suppressed,)))


def test_members_of_a_group_count_once_each_in_any_order() -> None:
    """Which of several tasks failed first, and how many in the same way, is chance."""
    one, other = (Error(kind, "", (frame(function),), "member") for kind, function in (("KeyError", "fetch"), ("OSError", "store")))
    assert parts(trace(frame("run"), errors=(one, other))) == parts(trace(frame("run"), errors=(other, one, one, other)))
    assert parts(trace(frame("run"), errors=(one, other))) != parts(trace(frame("run"), errors=(one,)))


@pytest.mark.parametrize(
    ("language", "names", "expected"),
    [
        ("python", ["<lambda>"], "<anonymous>"),
        ("javascript", ["OrderService.total", "total", "cart/total"[5:]], "total"),
        ("javascript", [None, "<anonymous>", "_callee$", "Object.<anonymous>"], "<anonymous>"),
        ("java", ["lambda$total$3", "lambda$total$17", "total"], "total"),
        ("go", ["(*Server).total.func1", "(*Server).total", "(*Server).total.func2.1"], "(*Server).total"),
        ("dotnet", ["<Total>d__5.MoveNext", "<Total>b__0_1"], "Total"),
        ("ruby", ["block (2 levels) in total", "rescue in total", "total"], "total"),
        ("php", ["Shop\\{closure}", "{closure:Shop\\Orders::total():12}"], "<anonymous>"),
    ],
)
def test_names_are_what_their_author_wrote(language: str, names: list[str | None], expected: str) -> None:
    """Without numbers of compilers."""
    assert {("ValueError", f"shop.orders {expected}")} == {parts(trace(frame(name), language=language)) for name in names}


def test_comprehensions_are_part_of_their_function() -> None:
    """Python 3.12 has no frames for them any more."""
    old = trace(frame("total", source="return [f(x) for x in xs]"), frame("<listcomp>", source="return [f(x) for x in xs]"))
    assert parts(old) == parts(trace(frame("total", source="return [f(x) for x in xs]")))


def test_proxies_and_generated_classes_are_those_that_they_stand_for() -> None:
    """Another start of a service numbers them anew."""
    names = ("com.shop.Orders", "com.shop.Orders$$SpringCGLIB$$0", "com.shop.Orders$$EnhancerBySpringCGLIB$$1a2b", "com.shop.Orders$1")
    assert 1 == len({parts(trace(frame("total", name), language="java")) for name in names})


def test_minified_names_do_not_count_and_then_the_message_does() -> None:
    """Another build calls the same function otherwise."""
    builds = [
        read(
            "",
            trace(
                frame(name, "main.js", line=1, column=9_000),
                frame("componentDidMount", "main.js", line=1, column=20),
                language="javascript",
            ),
        )
        for name in ("t", "Ze")
    ]
    assert builds[0].grouping.parts == builds[1].grouping.parts
    assert builds[0].is_nameless
    nameless = read("", trace(frame("t", "main.js", line=1, column=9_000), language="javascript"))
    assert nameless.is_nameless
    assert ("ValueError", "main.js <anonymous>") == nameless.grouping.parts


def test_the_type_is_the_traces_but_of_javascript_the_reports() -> None:
    """Engines write none, or the base class's, into the text."""
    assert "ValueError" == parts(trace(frame("pay")), "shop.errors.Other")[0]
    assert "OrderError" == parts(trace(frame("pay"), type="Error", language="javascript"), "OrderError")[0]
    assert "Other" == parts(Trace("python", (Error(None, "", (frame("pay"),)),)), "shop.errors.Other")[0]


def test_the_culprit_is_the_innermost_in_app_frame_of_the_reported_error() -> None:
    """Else that of its cause, else the innermost frame."""
    library = frame("send", "requests.adapters", in_app=False)
    assert "pay in shop.orders" == culprit(trace(frame("main"), frame("pay"), library))
    assert "load in shop.db" == culprit(trace(library, errors=(Error("KeyError", "", (frame("load", "shop.db"), library), "cause"),)))
    assert "send in requests.adapters" == culprit(trace(library))
    assert "shop.orders" == culprit(trace(frame(None)))
    assert culprit(trace()) is None


def test_hostile_traces_are_bounded() -> None:
    """Many errors, many frames, long names and sources."""
    many = tuple(
        Error("E" * 5_000, "", tuple(frame(f"f{n}", "m" * 5_000, source="s" * 5_000) for n in range(500)), "cause") for _ in range(100)
    )
    found = read("", trace(frame("f" * 5_000), errors=many))
    assert 20 * 51 >= len(found.grouping.parts)
    assert 700 > max(map(len, found.grouping.parts))
