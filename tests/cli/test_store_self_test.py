"""`streamrec audit-log self-test`: a verdict on a store, by its URI or the home's own."""

import json
from pathlib import Path

from click.testing import CliRunner

from streamrec_explain.cli.audit_log import audit_log
from streamrec_explain.home import Home
from tests.audit_log.s3_server import SECRET, S3Server


def test_the_verdict_is_the_exit_code(tmp_path: Path) -> None:
    """0 for a store that bears concurrent writers, 1 for one that does not or is not there; no secret is shown."""
    home = Home(tmp_path / "home")
    home.root.mkdir()
    for flags, expected, words in (((), 0, "safe for concurrent"), (("--deaf",), 1, "NOT safe")):
        server = S3Server(*flags)
        home.audit_store.write_text(json.dumps({"uri": "s3://logs/a", "options": server.options}))
        home.audit_store.chmod(0o600)
        own = CliRunner().invoke(audit_log, ["self-test", "--races=5", f"--home={home.root}"])
        other = CliRunner().invoke(
            audit_log, ["self-test", "s3://logs/b", "--races=5", "--json", f"--home={home.root}"]
        )
        server.end()
        gone = CliRunner().invoke(audit_log, ["self-test", f"--home={home.root}"])
        assert (expected, expected, 1) == (own.exit_code, other.exit_code, gone.exit_code), own.output
        assert words in own.stdout
        assert (5, not expected) == ((found := json.loads(other.stdout))["races"], found["sound"])
        assert SECRET not in own.output + other.output + gone.output
