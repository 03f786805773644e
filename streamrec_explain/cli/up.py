"""`streamrec up`: Dagster UI, MLflow UI, service, shipper and auditor app together, ended together."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click

from streamrec_explain.cli.launching import check_home
from streamrec_explain.cli.options import home_option
from streamrec_explain.cli.output import Output, with_output
from streamrec_explain.cli.service_process import HOST, command, shipper_command
from streamrec_explain.errors import SettingsError
from streamrec_explain.home import Home

GRACE_S = 15.0
# The jobs of MLflow's server would start eight more processes.
ENVIRONMENT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}


@dataclass(frozen=True)
class Program:
    """One thing that runs: its name, its page where it has one, its command and what it needs in the environment."""

    name: str
    port: int | None
    page: str
    command: list[str]
    environment: dict[str, str]


@click.command()
@home_option
@click.option("--dagster-port", default=3000, show_default=True, help="Port of the Dagster UI.")
@click.option("--mlflow-port", default=5000, show_default=True, help="Port of the MLflow UI.")
@click.option("--service-port", default=8000, show_default=True, help="Port of the service.")
@click.option("--auditor-port", default=8001, show_default=True, help="Port of the auditor app.")
@with_output
def up(home: Path, dagster_port: int, mlflow_port: int, service_port: int, auditor_port: int, output: Output) -> None:
    """Run everything a person looks at, until Ctrl-C.

    Exit codes: 0 ended when asked, 1 one of the programs ended by itself (the others are stopped too), 2 a port is
    busy (said by name, before anything starts) or there is no home folder.
    """
    ports = {"dagster": dagster_port, "mlflow": mlflow_port, "service": service_port, "auditor": auditor_port}
    found = programs(check_home(home), ports)
    require_free(found)
    sys.exit(run_together(found))


def programs(home: Path, ports: dict[str, int]) -> list[Program]:
    """The programs of a home folder."""
    stored, python = Home(home.resolve()), [sys.executable, "-W", "ignore", "-m"]
    dagster = [*python, "dagster", "dev", "-m", "orchestration.definitions", "-h", HOST, "-p", str(ports["dagster"])]
    store = ["--backend-store-uri", stored.registry_uri, "--artifacts-destination", str(stored.artifacts)]
    mlflow = [*python, "mlflow", "server", *store, "--host", HOST, "--port", str(ports["mlflow"]), "--workers", "1"]
    instance = {"DAGSTER_HOME": str(stored.dagster), "STREAMREC_HOME": str(stored.root)}
    return [
        Program("Dagster", ports["dagster"], "/asset-groups", dagster, instance),
        Program("MLflow", ports["mlflow"], "/#/models", mlflow, {}),
        Program("service", ports["service"], "/docs", command("explain", home, ports["service"]), {}),
        Program("shipper", None, "", shipper_command(home), {}),
        Program("auditor", ports["auditor"], "/docs", command("auditor", home, ports["auditor"]), {}),
    ]


def require_free(found: list[Program]) -> None:
    """SettingsError naming every port that somebody listens on already."""
    busy = [f"{each.port} ({each.name})" for each in found if each.port is not None and _is_busy(each.port)]
    if busy:
        raise SettingsError(f"busy: port {', '.join(busy)}; end what listens there or choose others (--help)")


def run_together(found: list[Program]) -> int:
    """Start all, wait for a signal or the first end, stop all; 0 if asked to end, 1 if one ended by itself."""
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda given, _: asked.append(given))
    children: list[subprocess.Popen[bytes]] = []
    try:
        for each in found:
            children.append(_start(each))
            page = "" if each.port is None else f" http://{HOST}:{each.port}{each.page}"
            click.echo(f"{each.name:<8}{page}", err=True)
        while not asked and all(child.poll() is None for child in children):
            time.sleep(0.2)
        ended = [each.name for each, child in zip(found, children, strict=True) if child.poll() is not None]
        if not asked:
            click.echo(f"{', '.join(ended)} ended by itself; stopping the others", err=True)
    finally:
        _stop(children)
    return 0 if asked else 1


def _start(program: Program) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, **ENVIRONMENT, **program.environment}
    # A session of its own: its children can be ended with it, and Ctrl-C reaches only this process.
    return subprocess.Popen(program.command, env=environment, start_new_session=True)


def _stop(children: "list[subprocess.Popen[bytes]]") -> None:
    """End every process group: asked first, after a grace period made to."""
    for child in children:
        _signal_group(child, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_S
    for child in children:
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=max(0.1, deadline - time.monotonic()))
        _signal_group(child, signal.SIGKILL)
        child.wait()


def _signal_group(child: "subprocess.Popen[bytes]", number: int) -> None:
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        return


def _is_busy(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False
