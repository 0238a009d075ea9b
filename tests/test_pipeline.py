"""The jobs of a nightly: together they make the planned runs, once on each machine, where they can be made."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench import matrix, pipeline, plan
from bench.cli.main import main
from bench.errors import UsageError
from bench.matrix import Matrix, Pool
from bench.pipeline import GITHUB_JOBS, Pipeline
from tests.engines import ROOT, SHIPPED
from tests.test_matrix import write


def made(
    only: list[str] | None = None, *, pool: Pool = "default", names: list[str] | None = None, of: Matrix = SHIPPED
) -> Pipeline:
    runs = plan.plan(of, campaign="", only=only or [], pool=pool)
    return pipeline.pipeline(of, runs, pool=pool, options=[], names=names or [])


def with_runners(tmp_path: Path, **runners: dict[str, Any]) -> Matrix:
    return matrix.load(write(tmp_path, lambda raw: raw.update(runners=runners)))


@pytest.mark.parametrize("pool", ["default", "all_workloads", "space"])
@pytest.mark.parametrize("only", [[], ["mlp/tf*", "mlp/*/numpy/supplied/float64"]])
def test_the_jobs_make_the_planned_runs_and_no_others(pool: Pool, only: list[str]) -> None:
    """What `bench run` selects with the patterns of all jobs is what was planned, each cell once."""
    if pool == "all_workloads" and only:
        only = ["mlp/tf*"]
    planned = [one.cell for one in SHIPPED.select(only, pool)]
    jobs = made(only, pool=pool).jobs
    selected = [one.cell for job in jobs for one in SHIPPED.select(job.only, pool)]
    assert sorted(selected) == sorted(planned)
    for job in jobs:
        assert [one for one in job.arguments if "/" in one] == list(job.only)


def test_every_machine_makes_the_runs_that_its_accelerator_can(tmp_path: Path) -> None:
    """Two CPU machines and a GPU's: the first with a job a backend, the others with one job."""
    here = {"github": ["self-hosted"], "gitlab": ["own"]}
    of = with_runners(tmp_path, hosted={"github": ["ubuntu-24.04"], "gitlab": ["cpu"]}, lab=here | {"jobs": "machine"},
                      cluster=here | {"jobs": "machine", "accelerator": "gpu"})  # fmt: skip
    found = made(["mlp/*/keras/native/default"], of=of)
    assert [(job.machine, job.name, len(job.only)) for job in found.jobs] == [
        ("hosted", "hosted_tf-cpu", 1), ("hosted", "hosted_jax-cpu", 1), ("hosted", "hosted_torch-cpu", 1),
        ("lab", "lab", 3), ("cluster", "cluster", 3)]  # fmt: skip
    assert found.left_out == ()
    assert {job.arguments[:2] for job in found.jobs} == {("--machine", one) for one in ("hosted", "lab", "cluster")}


def test_a_backend_that_no_chosen_runner_can_do_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """And not silently run on a CPU, nor queued for a runner that nobody has."""
    found = made(["mlp/tf-*/keras/native/default"], names=["hosted"])
    assert (len(found.jobs), found.left_out) == (1, ("tf-gpu",))
    assert main(["plan", "--format", "github", "--runner", "hosted", "--only", "mlp/tf-*/keras/native/default"]) == 0
    assert "no job for tf-gpu" in capsys.readouterr().err
    with pytest.raises(UsageError, match="no job: hosted has accelerator cpu, and what is planned needs gpu"):
        made(["mlp/tf-gpu/*"], names=["hosted"])


def test_names_are_unique_and_legal_in_an_artifact() -> None:
    names = [job.name for job in made(pool="space").jobs]
    assert len(set(names)) == len(names)
    assert not [name for name in names if set(name) & set('":<>|*?\r\n\\/ ')]


def test_github_reads_one_line_of_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`include` for a job matrix; `labels` for runs-on; the options that the plan was made with travel along. A file
    gets the same, where other programs print too."""
    assert main(["plan", "--format", "github", "-o", str(tmp_path / "jobs.json")]) == 0
    assert capsys.readouterr().out == ""
    assert main(["plan", "--format", "github"]) == 0
    assert capsys.readouterr().out == (tmp_path / "jobs.json").read_text(encoding="utf-8")
    assert main(["plan", "--format", "github", "--only", "mlp/tf-*/keras/*", "--runs", "5", "--seeds", "1", "2",
                 "--all"]) == 0  # fmt: skip
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    jobs = {job["name"]: job for job in json.loads(out)["include"]}
    assert jobs["hosted_tf-cpu"]["labels"] == ["ubuntu-24.04"]
    assert jobs["gpu"]["labels"] == ["self-hosted", "gpu"]
    assert jobs["gpu"]["arguments"][-6:] == ["--all", "--runs", "5", "--seeds", "1", "2"]


def test_more_jobs_than_github_takes_are_refused(tmp_path: Path) -> None:
    """At the limit there are as many as allowed, beyond it the message says what to do."""
    runner = {"github": ["x"], "gitlab": ["x"], "jobs": "machine"}
    most = {f"m{number}": runner for number in range(GITHUB_JOBS)}
    at = made(["mlp/tf-cpu/*"], of=with_runners(tmp_path, **most)).jobs
    assert len(json.loads(pipeline.github(at))["include"]) == GITHUB_JOBS
    beyond = made(["mlp/tf-cpu/*"], of=with_runners(tmp_path, **most, one=runner)).jobs
    with pytest.raises(UsageError, match=r"257 jobs; GitHub makes at most 256 .*`jobs: machine`"):
        pipeline.github(beyond)


def test_gitlab_reads_a_child_pipeline_that_collects_even_after_failures(capsys: pytest.CaptureFixture[str]) -> None:
    """Each job runs on its tags and leaves its bundle, failed or not; words of a shell stay whole."""
    assert main(["plan", "--format", "gitlab", "--only", "mlp/*/keras/native/default"]) == 0
    document = yaml.safe_load(capsys.readouterr().out)
    jobs = {name: job for name, job in document.items() if name.startswith("run ")}
    assert {name: job["tags"] for name, job in jobs.items()}["run gpu"] == ["gpu"]
    for job in jobs.values():
        words = shlex.split(job["script"][0])
        assert words[words.index("--bundle") + 1].startswith(job["artifacts"]["paths"][0] + "/")
        assert job["artifacts"]["when"] == "always"
        assert "mlp/*" not in words
        assert words[words.index("--only") + 1].startswith(("*/", "mlp/"))
    assert document["collect"]["when"] == "always"


def test_runners_are_checked_as_the_rest_of_the_matrix(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["plan", "--format", "github", "--runner", "hostd"]) == 2
    assert "unknown runner 'hostd'; legal: hosted, gpu; did you mean 'hosted'?" in capsys.readouterr().err
    assert main(["plan", "--runner", "hosted"]) == 2
    assert "--format github" in capsys.readouterr().err
    bare = write(tmp_path, lambda raw: raw.pop("runners"))
    assert main(["plan", "--format", "gitlab", "--matrix", str(bare)]) == 2
    assert "no `runners`" in capsys.readouterr().err
    assert main(["plan", "--matrix", str(bare)]) == 0


def test_the_shipped_runners_are_documented() -> None:
    text = (ROOT / "docs" / "nightly.md").read_text(encoding="utf-8")
    for name in SHIPPED.file.runners:
        assert f"`{name}`" in text
