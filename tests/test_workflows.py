"""The workflows are sound by the schemas of GitHub and GitLab and by zizmor; and a planted fault is found."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.cli.main import main
from tests.engines import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
GITHUB, GITLAB = "vendor.github-workflows", "vendor.gitlab-ci"


def run(program: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """One of the checking programs, beside this interpreter; without it the test is skipped, or fails where
    BENCH_REQUIRE_WORKFLOWS is set."""
    found = shutil.which(program, path=str(Path(sys.executable).parent))
    if found is None and not os.environ.get("BENCH_REQUIRE_WORKFLOWS"):
        pytest.skip(f"no {program} in this environment; tox -e workflows has it")
    assert found is not None, program
    return subprocess.run([found, *words], capture_output=True, text=True, check=False)


def schema(name: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    """By a schema that check-jsonschema carries: nothing is fetched."""
    transform = ["--data-transform", "gitlab-ci"] if name == GITLAB else []
    return run("check-jsonschema", "--builtin-schema", name, *transform, *paths)


def zizmor(path: Path) -> subprocess.CompletedProcess[str]:
    return run("zizmor", "--offline", "--no-progress", "--color", "never", path)


def parsed() -> dict[str, dict[str, Any]]:
    return {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in WORKFLOWS}


def steps() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{name}: {job}", step)
        for name, document in parsed().items()
        for job, body in document["jobs"].items()
        for step in body["steps"]
    ]


@pytest.mark.workflows
def test_the_workflows_keep_githubs_schema() -> None:
    done = schema(GITHUB, *WORKFLOWS)
    assert done.returncode == 0, done.stdout
    done = schema("vendor.dependabot", ROOT / ".github" / "dependabot.yml")
    assert done.returncode == 0, done.stdout


@pytest.mark.workflows
def test_zizmor_finds_nothing() -> None:
    done = zizmor(ROOT / ".github")
    assert done.returncode == 0, done.stdout


OPTIONS = "          options=()\n"
INJECTED = "          echo ${{ github.event.head_commit.message }}\n"
PLANTED: list[tuple[str, str, str, str]] = [
    ("zizmor", OPTIONS, OPTIONS + INJECTED, "template-injection"),
    ("zizmor", "\n        with:\n          persist-credentials: false", "", "artipacked"),
    ("zizmor", "@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2", "@v6", "unpinned-uses"),
    ("zizmor", "    permissions:\n      contents: read\n", "    permissions: write-all\n", "excessive-permissions"),
    ("schema", "runs-on: ubuntu-24.04", "runs_on: ubuntu-24.04", "runs_on"),
    ("schema", "      pages: write", "      pages: yes please", "yes please"),
]


@pytest.mark.workflows
@pytest.mark.parametrize(("checker", "sound", "faulty", "said"), PLANTED, ids=[one[3] for one in PLANTED])
def test_a_planted_fault_is_found_and_named(tmp_path: Path, checker: str, sound: str, faulty: str, said: str) -> None:
    """In the nightly's own text, so that the checks are seen to read it."""
    text = (ROOT / ".github" / "workflows" / "nightly.yml").read_text(encoding="utf-8")
    assert sound in text
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "nightly.yml").write_text(text.replace(sound, faulty, 1), encoding="utf-8")
    done = zizmor(folder / "nightly.yml") if checker == "zizmor" else schema(GITHUB, folder / "nightly.yml")
    assert done.returncode != 0
    assert said in done.stdout


@pytest.mark.workflows
def test_what_bench_plan_makes_for_gitlab_keeps_its_schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And so does the parent of that pipeline in docs/nightly.md; with a wrong key neither would."""
    assert main(["plan", "--format", "gitlab"]) == 0
    page = (ROOT / "docs" / "nightly.md").read_text(encoding="utf-8")
    [parent] = re.findall(r"```yaml\n(# \.gitlab-ci\.yml\n.*?)```", page, flags=re.DOTALL)
    for name, text in (("child.yml", capsys.readouterr().out), ("parent.yml", parent)):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        done = schema(GITLAB, path)
        assert done.returncode == 0, done.stdout
        path.write_text(text.replace("  script:", "  skript:", 1), encoding="utf-8")
        assert schema(GITLAB, path).returncode != 0


def test_only_publishing_may_write_and_it_runs_no_code_of_ours() -> None:
    """Every job names its permissions; a token that may write is never in a job with a shell."""
    for name, document in parsed().items():
        assert document["permissions"] == {}, name
        for job, body in document["jobs"].items():
            writes = {key for key, value in body["permissions"].items() if value != "read"}
            assert writes == ({"id-token", "pages"} if job == "publish" else set()), job
            assert not writes or not [step for step in body["steps"] if "run" in step], job


def test_every_action_is_pinned_by_sha_with_its_release_beside() -> None:
    """One SHA an action and release, wherever it is used."""
    uses = re.findall(r"uses: (.*)", "".join(path.read_text(encoding="utf-8") for path in WORKFLOWS))
    pins = {re.fullmatch(r"(actions/[a-z-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)", one) for one in uses}
    assert None not in pins
    assert len({pin[1] for pin in pins if pin}) == len(set(uses))


def test_expressions_reach_shells_as_variables_only() -> None:
    assert [where for where, step in steps() if "${{" in step.get("run", "")] == []


def test_a_machine_that_failed_does_not_hide_the_others() -> None:
    jobs = parsed()["nightly.yml"]["jobs"]
    assert jobs["run"]["strategy"]["fail-fast"] is False
    assert jobs["collect"]["if"].startswith("${{ !cancelled()")
    assert jobs["run"]["steps"][-1]["if"] == "${{ !cancelled() }}"  # the bundle, with the failed runs in it


def test_what_the_workflows_and_scripts_start_is_there() -> None:
    """Scripts and tox environments that a step names."""
    scripts, environments = set(), set()
    for _, step in steps():
        scripts |= set(re.findall(r"(?:^|\s)\./((?:scripts|\.ci)/\w[\w-]*)", step.get("run", "")))
        environments |= set(re.findall(r"scripts/(?:tox|test)(?: -q)? -e (\w+)", step.get("run", "")))
    assert {"scripts/nightly", ".ci/run", "scripts/tox"} <= scripts
    assert [name for name in scripts if not os.access(ROOT / name, os.X_OK)] == []
    text = (ROOT / "tox.ini").read_text(encoding="utf-8")
    assert environments
    assert [name for name in environments if f"[testenv:{name}]" not in text] == []
