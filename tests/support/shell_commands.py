"""The shell commands that pages show."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = re.compile(
    r"(?:^ *<!-- not run: (?P<reason>[^\n]+) -->\n)?^ *```shell\n(?P<code>.*?)^ *```$", flags=re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, kw_only=True)
class ShellCommand:
    """A command of a page, and why CI does not run it where the page says so.

    :param words: as a shell splits it, without its comment.
    :param reason: from the comment ``<!-- not run: REASON -->`` before the block.
    """

    words: tuple[str, ...]
    reason: str | None

    def __str__(self) -> str:
        return shlex.join(self.words)


def shell_commands(page: str) -> Iterator[ShellCommand]:
    """Yield the commands of a page's shell blocks. One that a quote continues takes several lines."""
    for block in _BLOCK.finditer(page):
        begun = ""
        for line in block["code"].splitlines():
            begun += line
            try:
                words = shlex.split(begun, comments=True)
            except ValueError:  # a quote is open
                begun += "\n"
                continue
            begun = ""
            if words:
                yield ShellCommand(words=tuple(words), reason=block["reason"])
        if begun:
            raise ValueError(f"A quote is not closed: {begun!r}")
