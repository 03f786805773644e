"""Settings: read from the environment, refused by name, unsafe defaults only on one's own machine."""

from pathlib import Path
from typing import Any

import pytest

from serving.settings import environment_of, read_settings
from streamrec_explain.errors import SettingsError


def test_defaults_are_local() -> None:
    """Without any variable everything lies below .streamrec and only this machine is answered."""
    settings = read_settings({})
    assert (Path(".streamrec"), "127.0.0.1", True) == (settings.home.root, settings.host, settings.is_local)
    assert (settings.home.keys, settings.home.registry_uri) == (settings.keys, settings.registry_uri)


def test_what_is_given_wins_over_the_environment() -> None:
    """An option beats a variable, a variable beats the default; an option that was not given is None."""
    variables = {"STREAMREC_PORT": "1", "STREAMREC_WORKERS": "3", "STREAMREC_HOME": "/a"}
    settings = read_settings(variables, port=2, workers=None, home="/b")
    assert (2, 3, Path("/b")) == (settings.port, settings.workers, settings.home.root)


def test_child_reads_the_same_settings(tmp_path: Path) -> None:
    """The variables handed to a worker mean what its launcher read."""
    settings = read_settings({"STREAMREC_POLL_S": "0.5", "STREAMREC_KEYS": "/k"}, home=tmp_path, port=9, drain_s=0.0)
    assert settings == read_settings(environment_of(settings))


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        pytest.param({"STREAMREC_PORT": "http"}, "STREAMREC_PORT is 'http'; it must be a whole number", id="port"),
        pytest.param({"STREAMREC_PORT": "70000"}, "STREAMREC_PORT is 70000", id="port out of range"),
        pytest.param(
            {"STREAMREC_MAX_WAIT_S": "soon"}, "STREAMREC_MAX_WAIT_S is 'soon'; it must be a number", id="time"
        ),
        pytest.param({"STREAMREC_WORKERS": "0"}, "STREAMREC_WORKERS is 0; it must be positive", id="no worker"),
        pytest.param({"STREAMREC_HOST": "0.0.0.0"}, "STREAMREC_KEYS", id="open to all without a key ring"),
        pytest.param({"STREAMREC_HOST": "explain.example"}, "STREAMREC_KEYS", id="open by name without a key ring"),
    ],
)
def test_bad_setting_is_named(variables: dict[str, str], message: str) -> None:
    """The error says which variable, and what it must be."""
    with pytest.raises(SettingsError, match=message):
        read_settings(variables)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_loopback_needs_no_secret(host: str) -> None:
    """Every loopback address is this machine."""
    read_settings({}, host=host).require_auditors()


@pytest.mark.parametrize("given", [{}, {"auditors": Path("/auditors.json")}], ids=["nobody named", "named"])
def test_auditor_beyond_this_machine_needs_names(given: dict[str, Any]) -> None:
    """The auditor never answers strangers."""
    settings = read_settings({"STREAMREC_KEYS": "/keys.json"}, host="0.0.0.0", **given)
    if given:
        settings.require_auditors()
    else:
        with pytest.raises(SettingsError, match="STREAMREC_AUDITORS"):
            settings.require_auditors()
