"""The range of a number that a person writes into a setting or an argument. Pure and light to import."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from airflow_provider_bitrix24.client.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRange:
    """Finite numbers from ``minimum`` on.

    :param exclusive: whether the minimum itself is out of the range.
    :param whole: whether only whole numbers are in it.
    :param unit: such as ``seconds``.
    """

    minimum: float = 0
    exclusive: bool = False
    whole: bool = False
    unit: str = ""

    def __contains__(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        return self.minimum < value < inf or (value == self.minimum and not self.exclusive)

    def __str__(self) -> str:
        kind = f"{'whole ' if self.whole else ''}number{' of ' if self.unit else ''}{self.unit}"
        if self.exclusive:
            return f"{kind} above {self.minimum:g}"
        return f"{kind}{',' if self.unit else ' of'} at least {self.minimum:g}"

    def refusal(self, name: str, shown: str) -> ConfigurationError:
        """The error for a value that is not in the range.

        :param shown: the value, as a message may show it.
        """
        return ConfigurationError(f"{name} is {shown}.", hint=f"Use a {self}.")

    def check(self, name: str, value: object) -> None:
        """Refuse a value that is not in the range.

        :raises ConfigurationError: the message names the value and the range.
        """
        if value not in self:
            from airflow_provider_bitrix24.client.plain import quoted

            raise self.refusal(name, quoted(value))


SECONDS = NumberRange(unit="seconds")
SECONDS_ABOVE_ZERO = NumberRange(exclusive=True, unit="seconds")
