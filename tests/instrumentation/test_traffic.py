"""What goes through a process."""

from __future__ import annotations

from otelpond.instrumentation.traffic import Traffic


def test_a_request_is_active_until_it_ends() -> None:
    """Started less ended."""
    traffic = Traffic()
    traffic.start()
    traffic.start()
    traffic.end(failed=False)
    assert (1, 2, 1, 0) == (traffic.active, traffic.started, traffic.ended, traffic.failed)


def test_a_failed_request_has_ended_too() -> None:
    """One counter more, not another one."""
    traffic = Traffic()
    traffic.start()
    traffic.end(failed=True)
    assert (0, 1, 1) == (traffic.active, traffic.ended, traffic.failed)


def test_a_forked_child_has_no_request_that_its_parent_was_answering() -> None:
    """Whose end the child may still see."""
    traffic = Traffic()
    traffic.start()
    traffic.reset()
    traffic.end(failed=False)
    assert 0 == traffic.active
