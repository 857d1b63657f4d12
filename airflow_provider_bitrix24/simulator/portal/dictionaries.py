"""The dictionaries of a fresh portal besides stages: sources, types of deals and clients, industries ..."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_FRESH: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "SOURCE": (
        "Sources",
        {
            "CALL": "Call",
            "EMAIL": "E-mail",
            "WEB": "Website",
            "ADVERTISING": "Advertising",
            "PARTNER": "Existing client",
            "RECOMMENDATION": "By recommendation",
            "TRADE_SHOW": "Show or exhibition",
            "WEBFORM": "CRM form",
            "CALLBACK": "Callback",
            "RC_GENERATOR": "Sales boost",
            "STORE": "Online store",
            "OTHER": "Other",
        },
    ),
    "DEAL_TYPE": (
        "Deal types",
        {
            "SALE": "Sales",
            "COMPLEX": "Integrated sales",
            "GOODS": "Sale of goods",
            "SERVICES": "Services",
            "SERVICE": "After-sales service",
        },
    ),
    "CONTACT_TYPE": (
        "Contact types",
        {"CLIENT": "Clients", "SUPPLIER": "Suppliers", "PARTNER": "Partners", "OTHER": "Other"},
    ),
    "COMPANY_TYPE": (
        "Company types",
        {
            "CUSTOMER": "Client",
            "SUPPLIER": "Supplier",
            "COMPETITOR": "Competitor",
            "PARTNER": "Partner",
            "OTHER": "Other",
        },
    ),
    "EMPLOYEES": (
        "Number of employees",
        {
            "EMPLOYEES_1": "Less than 50",
            "EMPLOYEES_2": "50 to 250",
            "EMPLOYEES_3": "250 to 500",
            "EMPLOYEES_4": "More than 500",
        },
    ),
    "INDUSTRY": (
        "Industries",
        {
            "IT": "Information technology",
            "TELECOM": "Telecommunication",
            "MANUFACTURING": "Manufacturing",
            "BANKING": "Banking services",
            "CONSULTING": "Consulting",
            "FINANCE": "Finance",
            "GOVERNMENT": "Government",
            "DELIVERY": "Delivery",
            "ENTERTAINMENT": "Entertainment",
            "NOTPROFIT": "Non-profit",
            "OTHER": "Other",
        },
    ),
    "HONORIFIC": ("Salutations", {"HNR_EN_1": "Mr.", "HNR_EN_2": "Mrs.", "HNR_EN_3": "Ms.", "HNR_EN_4": "Dr."}),
}


@dataclass(slots=True)
class DictionaryEntry:
    """One value of a dictionary."""

    id: int
    dictionary: str
    status_id: str
    name: str
    sort: int


class Dictionaries:
    """The entries of all dictionaries, by id."""

    def __init__(self) -> None:
        self._entries: dict[int, DictionaryEntry] = {}
        self._last_id = 0
        for dictionary, (_, entries) in _FRESH.items():
            for rank, (status_id, name) in enumerate(entries.items(), 1):
                self.add(dictionary, status_id, name, 10 * rank)

    def __iter__(self) -> Iterator[DictionaryEntry]:
        return iter(tuple(self._entries.values()))

    @property
    def names(self) -> dict[str, str]:
        """The label of each dictionary by its ``ENTITY_ID``."""
        return {dictionary: label for dictionary, (label, _) in _FRESH.items()}

    def get(self, entry_id: int) -> DictionaryEntry | None:
        """The entry of that id, ``None`` if there is none."""
        return self._entries.get(entry_id)

    def add(self, dictionary: str, status_id: str, name: str, sort: int) -> DictionaryEntry:
        """Add an entry.

        :raises KeyError: when there is no such dictionary.
        :raises ValueError: when the dictionary has such a value already.
        """
        if dictionary not in _FRESH:
            raise KeyError(dictionary)
        if any(each.dictionary == dictionary and each.status_id == status_id for each in self._entries.values()):
            raise ValueError(f"{dictionary} has {status_id} already")
        self._last_id += 1
        entry = self._entries[self._last_id] = DictionaryEntry(self._last_id, dictionary, status_id, name, sort)
        return entry

    def remove(self, entry_id: int) -> None:
        """Delete an entry."""
        del self._entries[entry_id]
