"""A group in a group, with notes and a member that has a cause."""


def fail(kind, text):
    raise kind(text)


def caught(kind, text):
    try:
        fail(kind, text)
    except kind as error:
        return error


def caused():
    try:
        try:
            fail(OSError, "disk")
        except OSError as error:
            raise ValueError("bad | value") from error
    except ValueError as error:
        error.add_note("a note\nof two lines")
        return error


inner = ExceptionGroup("inner", [caught(KeyError, "k"), TypeError("never raised")])
try:
    raise ExceptionGroup("outer", [caused(), inner])
except ExceptionGroup as group:
    raise RuntimeError("after all") from group
