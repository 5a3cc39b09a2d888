"""A config object, read key by key: every value is traced to the key it came from, and faults are collected.

The rules are those of `PreTrainedConfig` (transformers, `configuration_utils.py`): a key may have the class's own name
or the common one that `attribute_map` translates; a key that is absent has the class's default; `null` is a value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

LARGEST = 1 << 40  # no size of a model is near it; a number beyond would only be a slip
ABSENT: Any = object()


@dataclass(frozen=True)
class Fault:
    """What cannot be understood: the key where it stands, what is wrong there, and what to do."""

    where: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.remedy}" if self.where else f"{self.what}; {self.remedy}"


class NotUnderstood(ValueError):
    """A config that the formulas cannot be used for; `faults` are all of them."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


@dataclass
class Log:
    """What reading a config found out, over all its objects."""

    trace: dict[str, str] = field(default_factory=dict)  # value: the key that it came from
    asked: set[str] = field(default_factory=set)  # keys that were looked for
    notes: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def fault(self, where: str, what: str, remedy: str) -> None:
        found = Fault(where, what, remedy)
        if found not in self.faults:
            self.faults.append(found)

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


@dataclass(frozen=True)
class Keys:
    """One object of the file: `place` is its path in the file, "" at the top; `defaults` and `names` its class's."""

    values: Mapping[str, Any]
    log: Log
    place: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)  # common name: the class's own
    origin: str = "the class's default"

    def find(self, name: str) -> tuple[Any, str]:
        """The value and the key that it came from; `ABSENT` where neither file nor class has one."""
        own = self.names.get(name, name)
        others = [common for common, actual in self.names.items() if actual == own]
        for key in dict.fromkeys((own, name, *others)):
            self.log.asked.add(self.place + key)
            if key in self.values:
                return self.values[key], self.place + key
        for key in (own, name, *others):
            if key in self.defaults:
                return self.defaults[key], f"{self.place}{own} absent: {self.origin}"
        return ABSENT, f"{self.place}{own} absent"

    def value(self, name: str, fallback: Any = None) -> Any:
        """As it stands; `fallback` where it is absent or null."""
        found, source = self.find(name)
        if found is ABSENT or found is None:
            return fallback
        self.log.trace[self.place + name] = source
        return found

    def given(self, name: str) -> bool:
        """Whether there is a value that is not null, in the file or by the class."""
        return self.value(name) is not None

    def integer(self, name: str, fallback: int | None = None, least: int = 1, why: str = "") -> int:
        """A whole number of at least `least`; without a fallback it has to be there. `why` says what fallback is."""
        found, source = self.find(name)
        if found is ABSENT or found is None:
            if fallback is None:
                self.log.fault(self.place + name, "is missing, and its class has no default", "add it to the config")
                return max(least, 1)
            self.log.trace[self.place + name] = f"{source}: {why or fallback}"
            return fallback
        if isinstance(found, float) and found.is_integer():
            found = int(found)
        if isinstance(found, bool) or not isinstance(found, int) or not least <= found <= LARGEST:
            what = f"is {brief(found)}, not a whole number of {least} or more"
            self.log.fault(source, what, "set it as the model's own config.json does")
            return max(least, 1)
        self.log.trace[self.place + name] = source
        return found

    def flag(self, name: str, fallback: bool = False) -> bool:
        found = self.value(name, fallback)
        if not isinstance(found, bool):
            self.log.fault(self.place + name, f"is {brief(found)}, not true or false", "make it true or false")
            return fallback
        return found

    def number(self, name: str, fallback: float = 0.0) -> float:
        found = self.value(name, fallback)
        if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= LARGEST:
            self.log.fault(self.place + name, f"is {brief(found)}, not a number", "make it a positive number")
            return fallback
        return float(found)

    def list(self, name: str, kind: type = int) -> list[Any] | None:
        """A list of one kind of value; None where it is absent or null."""
        found = self.value(name)
        if found is None:
            return None
        if not isinstance(found, Sequence) or isinstance(found, str) or not all(type(x) is kind for x in found):
            what = f"is {brief(found)}, not a list of {'words' if kind is str else 'whole numbers'}"
            self.log.fault(self.place + name, what, "set it as the model's own config.json does")
            return None
        return list(found)

    def inside(self, name: str) -> "Keys":
        """The object under a key; what it lacks has the default that the class has inside."""
        found, default = self.value(name, {}), self.defaults.get(name, {})
        if not isinstance(found, Mapping):
            self.log.fault(self.place + name, f"is {brief(found)}, not an object", "make it an object of keys")
            found = {}
        inner = default if isinstance(default, Mapping) else {}
        return Keys(found, self.log, f"{self.place}{name}.", inner, {}, self.origin)


def brief(value: object) -> str:
    """A value as it may stand in a line."""
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "…"
