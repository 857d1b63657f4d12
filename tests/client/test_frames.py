from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.frames import without_frames
from tests.support.frames import shown_by_frames

NEEDLE = "s3cr3tt0k3n"


def raise_it(error, *, cause=None):
    token = NEEDLE
    try:
        raise KeyError(len(token))  # noqa: TRY301
    except KeyError:
        if cause is None:
            raise error  # noqa: B904 - the context is what this is about
        raise error from cause


def caught(error, **options):
    with pytest.raises(type(error)) as raised:
        raise_it(error, **options)
    return raised.value


def grouped():
    return ExceptionGroup("several", [caught(ValueError("a")), ExceptionGroup("inner", [caught(OSError("b"))])])


@pytest.mark.parametrize(
    "error",
    [
        caught(ValueError("a")),
        caught(ValueError("a"), cause=caught(OSError("b"))),
        caught(grouped()),
        caught(ValueError("a"), cause=grouped()),
        caught(KeyboardInterrupt(), cause=caught(OSError("b"))),
    ],
    ids=["context", "cause and context", "group", "cause that is a group", "interruption"],
)
def test_no_frame_of_an_exception_or_of_what_led_to_it_is_left(error):
    assert NEEDLE in "".join(shown_by_frames(error))
    shown = "".join(shown_by_frames(without_frames(error)))
    assert NEEDLE not in shown
    assert ("in raise_it" in shown) is isinstance(error, Exception)
