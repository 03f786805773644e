"""Who may import whom: the layers of the house, read from the sources, and what a fresh process loads."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LIBRARY = "streamrec_explain"

# Leftmost first; a module may import from layers to its left and from its own package only.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"errors"}),
    frozenset({"durable", "files_naming", "hashing", "home", "pages", "pseudonym"}),
    frozenset({"records"}),
    frozenset({"events", "trees", "statistics"}),
    frozenset({"training_copy"}),
    frozenset({"features", "attribution", "audit_log"}),
    frozenset({"models"}),
    frozenset({"explanation"}),
    frozenset({"release"}),
    frozenset({"faithfulness", "event_sources"}),
    frozenset(
        {"trace", "replay", "trending", "monitoring", "experiment", "personal_data", "backup", "snapshot_retention"}
    ),
    frozenset({"investigation", "lineage"}),
    frozenset({"cli"}),
)
# The same within the audit log: rows and their table, then what brings them there, asks them, proves them, holds them.
AUDIT_LOG_LAYERS = (
    *("table", "journal", "shipping", "questions", "evidence", "custody", "maintenance"),
    *("home_log", "verification_process"),
)
DRIVERS = {"orchestration", "serving"}

# A third-party library and the places that may import it ("package/" or one module).
ONLY_IN = {
    "dagster": ("orchestration/",),
    "fastapi": ("serving/",),
    "uvicorn": ("serving/",),
    "mlflow": ("streamrec_explain/release/mlflow_registry.py",),
    "lightgbm": (
        "streamrec_explain/models/reranker_training.py",
        "streamrec_explain/attribution/shap_conformance.py",
    ),
    "jinja2": ("streamrec_explain/pages/",),
    "torch": ("streamrec_explain/models/", "streamrec_explain/attribution/integrated_gradients.py"),
    "captum": ("streamrec_explain/attribution/integrated_gradients.py",),
    "shap": ("streamrec_explain/attribution/shap_conformance.py",),
    "cryptography": ("streamrec_explain/audit_log/",),
    "deltalake": ("streamrec_explain/audit_log/",),
    "pandas": (),
    "pickle": (),
    "joblib": (),
}


def sources() -> list[Path]:
    """Every source file of the product."""
    return sorted(path for top in (LIBRARY, *DRIVERS) for path in (ROOT / top).rglob("*.py"))


def imported_modules(path: Path) -> Iterator[str]:
    """The absolute names a file imports, those inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield node.module or ""


def layer_of(package: str) -> int:
    """The position of a library package or module in the layers."""
    return next(index for index, layer in enumerate(LAYERS) if package in layer)


def violations(path: Path) -> list[str]:
    """What a library file imports although its layer forbids it."""
    package = path.relative_to(ROOT / LIBRARY).parts[0].removesuffix(".py")
    inner = [name.split(".")[1] for name in imported_modules(path) if name.startswith(f"{LIBRARY}.")]
    wrong = [name for name in inner if name != package and layer_of(name) >= layer_of(package)]
    drivers = [name for name in imported_modules(path) if name.split(".")[0] in DRIVERS]
    return [f"{path.relative_to(ROOT)} imports {name}" for name in (*wrong, *drivers)]


def test_library_imports_point_leftwards() -> None:
    """No library module imports a layer to its right, a sibling layer or a driver."""
    library = [path for path in sources() if LIBRARY in path.parts and path.name != "__init__.py"]
    assert [] == [line for path in library for line in violations(path)]


def test_audit_log_imports_point_leftwards() -> None:
    """Within the audit log no package imports one to its right."""
    root = ROOT / LIBRARY / "audit_log"
    wrong = []
    for path in (each for each in root.rglob("*.py") if each.name != "__init__.py"):
        own = AUDIT_LOG_LAYERS.index(path.relative_to(root).parts[0].removesuffix(".py"))
        inner = [name.split(".")[2] for name in imported_modules(path) if name.startswith(f"{LIBRARY}.audit_log.")]
        wrong += [f"{path.name} imports {name}" for name in inner if AUDIT_LOG_LAYERS.index(name) > own]
    assert [] == wrong


def test_drivers_never_import_each_other() -> None:
    """orchestration and serving meet only in stored things."""
    for path in sources():
        top = path.relative_to(ROOT).parts[0]
        if top in DRIVERS:
            others = (DRIVERS - {top}) & {name.split(".")[0] for name in imported_modules(path)}
            assert set() == others, path


@pytest.mark.parametrize("library", sorted(ONLY_IN))
def test_third_party_library_stays_in_its_place(library: str) -> None:
    """A heavy or dangerous library is imported only where the plan says."""
    for path in sources():
        if library in {name.split(".")[0] for name in imported_modules(path)}:
            place = path.relative_to(ROOT).as_posix()
            assert place.startswith(ONLY_IN[library] or ("nowhere",)), f"{place} imports {library}"


def test_package_inits_import_nothing() -> None:
    """Importing a package loads nothing but itself (the top one resolves its names lazily)."""
    for path in sources():
        if path.name == "__init__.py" and path.parent != ROOT / LIBRARY:
            assert [] == list(imported_modules(path)), path


@pytest.mark.parametrize("module", ["serving.app", "serving.auditor"])
def test_serving_loads_no_training_library(module: str) -> None:
    """A fresh serving process stays small: no trainer, registry, scheduler or plotting library."""
    heavy = ("dagster", "mlflow", "lightgbm", "shap", "captum", "torch", "pandas", "matplotlib", "sklearn")
    code = f"import sys, {module}; print(sorted(set(sys.modules) & set({heavy!r})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == done.stdout.strip()
