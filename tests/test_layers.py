"""The layout: imports run downwards, one module a task, small rooms."""

import ast
from pathlib import Path

from tests.engines import ROOT

BENCH = ROOT / "bench"

#: From the ground up; a module imports only from lines above its own, function-level imports included.
LAYERS = (
    "errors", "digests", "resources", "controls", "cpus", "process", "cell", "bound", "matrix.file", "matrix", "plan",
    "pipeline",
    "records", "verification", "observations", "fingerprints", "store", "machines", "where", "collector", "bundle",
    "supplied", "hostsettings", "emulators", "engine", "images", "sharing", "inventory",
    "executors", "executors.docker", "executors.here", "sbom", "attempts", "campaign", "distance",
    "elements", "jsonlines", "sources", "divergence",
    "tensors", "tensors.mapped", "tensors.archive", "tensors.npy", "tensors.npz", "tensors.hdf5", "tensors.safetensors",
    "tensors.text", "tensors.files", "tensors.histogram", "tensors.median", "tensors.tally", "tensors.elementwise",
    "tensors.walk", "tensors.comparison",
    "comparability", "index", "baseline", "explanation", "classes", "history", "classifiers", "comparison", "groups",
    "starts", "switches", "proportion", "placement", "published", "claim", "precision", "distributions", "variance",
    "judgement", "nights", "drift", "fleet", "likeness", "changes", "expectations", "findings", "analysis",
    "report", "report.slugs", "report.statistics", "report.cells", "report.switches", "report.pairs",
    "report.environment", "report.machines", "report.overview", "report.traces", "report.page", "report.junit",
    "report.json", "report.markdown", "report.controls", "report.plots", "report.html", "report.writing",
    "report.serving", "report.terminal",
    "cli", "cli.options", "cli.refusals", "cli.executing", "cli.progress", "cli.plan", "cli.build", "cli.report",
    "cli.run", "cli.gate", "cli.bless", "cli.compare_files", "cli.compare", "cli.classes", "cli.controls", "cli.claim",
    "cli.show", "cli.export", "cli.collect", "cli.history", "cli.images", "cli.doctor", "cli.clean", "cli.main",
    "__main__",
)  # fmt: skip


def modules() -> dict[str, Path]:
    """Every module of the host, by its name below `bench`."""
    found = {}
    for path in BENCH.rglob("*.py"):
        name = ".".join(path.relative_to(BENCH).with_suffix("").parts).removesuffix(".__init__")
        if not name.startswith("guest") and name != "__init__":
            found[name] = path
    return found


def imported(path: Path) -> set[str]:
    """Names of all modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {str(node.module)} | {f"{node.module}.{name.name}" for name in node.names}
    return found


def test_every_module_has_its_layer() -> None:
    assert sorted(modules()) == sorted(LAYERS)


def test_imports_run_downwards_only() -> None:
    for name, path in modules().items():
        above = {f"bench.{other}" for other in LAYERS[LAYERS.index(name) :]}
        assert not imported(path) & above, f"{name} imports from its own layer or above"


def test_guest_and_host_do_not_know_each_other() -> None:
    for path in (BENCH / "guest").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                assert str(node.module).split(".")[0] != "bench", path
            if isinstance(node, ast.Import):
                assert all(name.name.split(".")[0] != "bench" for name in node.names), path
    for name, path in modules().items():
        assert not [one for one in imported(path) if one.startswith("bench.guest")], name


def test_every_guest_file_starts_for_python_2() -> None:
    for path in (BENCH / "guest").rglob("*.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        code = [node for node in body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]
        first = code[0]
        assert path.name == "__init__.py" or (isinstance(first, ast.ImportFrom) and first.module == "__future__"), path


def test_one_module_talks_to_the_engine_and_one_starts_programs() -> None:
    users = {outside: {name for name, path in modules().items() if imported(path) & {outside, f"{outside}.errors"}}
             for outside in ("docker", "subprocess")}  # fmt: skip
    assert users == {"docker": {"engine"}, "subprocess": {"process"}}


def test_only_the_command_line_prints_and_exits() -> None:
    for name, path in modules().items():
        if name.startswith("cli") or name == "__main__":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            assert called not in ("print", "sys.exit", "exit"), name


def test_heavy_libraries_wait_until_they_are_used() -> None:
    """`bench --help` must not load what only some commands need."""
    for name, path in modules().items():
        top = {alias.name for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.Import)
               for alias in node.names}  # fmt: skip
        assert not top & {"jinja2", "plotly", "pandas", "fsspec", "paramiko", "h5py", "scipy", "statsmodels"}, name


def test_rooms_are_small() -> None:
    for path in BENCH.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 400, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert int(node.end_lineno or 0) - node.lineno < 60, f"{path}: {node.name}"
