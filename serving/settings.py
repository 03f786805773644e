"""Settings: what a deployment may choose, read once from the environment by the process that starts."""

import ipaddress
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from streamrec_explain.errors import SettingsError
from streamrec_explain.home import Home

PREFIX = "STREAMREC_"
Value = TypeVar("Value")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the service and of the auditor; the environment variable of a field is STREAMREC_<FIELD>.

    `registry_uri` is MLflow's sqlite file or server; `keys` the key ring of user pseudonyms; `auditors` a file
    {"name": "bearer token"} of who may ask the auditor. Beyond this machine (`host` no loopback address) neither
    is made up: SettingsError asks for them. Times are seconds, sizes bytes.
    """

    home: Home
    registry_uri: str
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    keys: Path
    auditors: Path | None = None
    poll_s: float = 1.0
    drain_s: float = 1.0
    max_body_bytes: int = 1 << 20
    max_in_flight: int = 256
    max_wait_s: float = 1.0
    journal_max_bytes: int = 4 << 30
    key_ring_given: bool = False

    def __post_init__(self) -> None:
        for name in ("workers", "max_body_bytes", "max_in_flight", "max_wait_s", "journal_max_bytes", "poll_s"):
            if getattr(self, name) <= 0:
                raise SettingsError(f"{PREFIX}{name.upper()} is {getattr(self, name)}; it must be positive")
        if not 0 <= self.port <= 65_535:
            raise SettingsError(f"{PREFIX}PORT is {self.port}; a port is 0 to 65535")
        if not self.is_local and not self.key_ring_given:
            raise SettingsError(
                f"{self.host} is reachable from other machines: name the key ring of the deployment in {PREFIX}KEYS "
                "(one made up here would be lost with this machine, and every pseudonym with it)"
            )

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the address."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def require_auditors(self) -> None:
        """SettingsError if the auditor would answer strangers: beyond this machine it needs named auditors."""
        if not self.is_local and self.auditors is None:
            raise SettingsError(
                f"{self.host} is reachable from other machines: list who may ask in {PREFIX}AUDITORS, "
                'a file {"name": "bearer token"}'
            )


def read_settings(environment: Mapping[str, str], **given: Any) -> Settings:
    """Settings from the environment; what is given by name (and not None) wins. SettingsError names the variable."""
    known = {name: value for name, value in given.items() if value is not None}
    home = Home(Path(known.pop("home", None) or environment.get(f"{PREFIX}HOME", ".streamrec")))
    read: dict[str, Any] = {}
    for name, convert in _READERS.items():
        text = environment.get(f"{PREFIX}{name.upper()}")
        if text:
            read[name] = _converted(name, text, convert)
    key_ring_given = "keys" in read or "keys" in known
    defaults = {"registry_uri": home.registry_uri, "keys": home.keys}
    return Settings(home=home, key_ring_given=key_ring_given, **{**defaults, **read, **known})


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables that give a child process the same settings."""
    values = {name: getattr(settings, name) for name in _READERS}
    if not settings.key_ring_given:
        del values["keys"]
    named = {f"{PREFIX}{name.upper()}": str(value) for name, value in values.items() if value is not None}
    return {f"{PREFIX}HOME": str(settings.home.root.resolve()), **named}


_READERS: dict[str, Callable[[str], Any]] = {
    "registry_uri": str,
    "host": str,
    "port": int,
    "workers": int,
    "keys": Path,
    "auditors": Path,
    "poll_s": float,
    "drain_s": float,
    "max_body_bytes": int,
    "max_in_flight": int,
    "max_wait_s": float,
    "journal_max_bytes": int,
}


def _converted(name: str, text: str, convert: Callable[[str], Value]) -> Value:
    try:
        return convert(text)
    except ValueError:
        kind = "a whole number" if convert is int else "a number"
        raise SettingsError(f"{PREFIX}{name.upper()} is {text!r}; it must be {kind}") from None
