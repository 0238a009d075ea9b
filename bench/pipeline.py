"""A nightly's jobs, one a runner and backend or one a runner, and what GitHub and GitLab read them from."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import yaml

from bench.errors import UsageError, sentence
from bench.matrix import Matrix, Pool
from bench.matrix.file import RunnerEntry
from bench.plan import Run

#: https://docs.github.com/en/actions/reference/limits: jobs that one matrix of a workflow may generate.
GITHUB_JOBS = 256

#: What a job leaves for the one that collects.
BUNDLE = "bundle.zip"


@dataclass(frozen=True, kw_only=True)
class PipelineJob:
    """One job: `only` are patterns of the cells that `arguments`, given to `bench run`, make runs of. `name` is unique,
    and legal in the name of an artifact."""

    name: str
    machine: str
    only: tuple[str, ...]
    arguments: tuple[str, ...]
    github: tuple[str, ...]
    gitlab: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """Jobs in the order of the matrix, and the backends that none of the chosen runners can do."""

    jobs: tuple[PipelineJob, ...]
    left_out: tuple[str, ...]


def pipeline(
    matrix: Matrix, runs: Sequence[Run], *, pool: Pool, options: Sequence[str], names: Sequence[str] = ()
) -> Pipeline:
    """The jobs that together make `runs`, planned from `pool`, on the runners of these names (none: on all of the
    matrix). `options` go to every job's `bench run`. UsageError for an unknown runner, or if there is nothing to do."""
    runners = _runners(matrix, names)
    only = _only(matrix, runs, pool)
    jobs: list[PipelineJob] = []
    for name, runner in runners.items():
        mine = [one for one in only if matrix.backends[one].accelerator == runner.accelerator]
        if runner.jobs == "machine" and mine:
            jobs.append(_job(name, name, runner, [one for backend in mine for one in only[backend]], options))
        elif runner.jobs == "backend":  # the name's `_` is in no name of ours, so no two are alike
            jobs += [_job(f"{name}_{backend}", name, runner, only[backend], options) for backend in mine]
    served = {runner.accelerator for runner in runners.values()}
    if not jobs:
        has = ", ".join(f"{name} has accelerator {one.accelerator}" for name, one in runners.items())
        needs = ", ".join(sorted({matrix.backends[backend].accelerator for backend in only}))
        raise UsageError(
            f"no job: {has}, and what is planned needs {needs}; choose other runners (`runners` in matrix.yaml, "
            "`--runner`) or other cells (`--only`)"
        )
    return Pipeline(
        jobs=tuple(jobs),
        left_out=tuple(backend for backend in only if matrix.backends[backend].accelerator not in served),
    )


def _job(name: str, machine: str, runner: RunnerEntry, only: Sequence[str], options: Sequence[str]) -> PipelineJob:
    given = [word for pattern in only for word in ("--only", pattern)]
    return PipelineJob(
        name=name,
        machine=machine,
        only=tuple(only),
        arguments=("--machine", machine, *given, *options),
        github=tuple(runner.github),
        gitlab=tuple(runner.gitlab),
    )


def _runners(matrix: Matrix, names: Sequence[str]) -> Mapping[str, RunnerEntry]:
    known = matrix.file.runners
    for name in names:
        if name not in known:
            raise UsageError(sentence(path="--runner", what="unknown runner", seen=name, legal=known))
    if not known:
        raise UsageError("the matrix has no `runners`; the shipped matrix.yaml shows how they are declared")
    return {name: known[name] for name in known if name in names or not names}


def _only(matrix: Matrix, runs: Sequence[Run], pool: Pool) -> dict[str, list[str]]:
    """backend -> what selects its planned cells from the pool and no others: one pattern where all of its cells are
    planned, else their ids."""
    planned: dict[str, dict[str, None]] = {}
    for run in runs:
        planned.setdefault(run.cell.backend, {})[str(run.cell)] = None
    whole: dict[str, set[str]] = {}
    for one in matrix.pool(pool):
        whole.setdefault(one.cell.backend, set()).add(str(one.cell))
    return {
        backend: [f"*/{backend}/*"] if set(cells) == whole[backend] else list(cells)
        for backend, cells in planned.items()
    }


def github(jobs: Sequence[PipelineJob]) -> str:
    """One line of JSON, the `matrix` of a job's `strategy`: `${{ fromJSON(needs.plan.outputs.matrix) }}`. `labels` is
    for `runs-on`. UsageError for more jobs than GitHub takes."""
    if len(jobs) > GITHUB_JOBS:
        raise UsageError(
            f"{len(jobs)} jobs; GitHub makes at most {GITHUB_JOBS} of one matrix: give runners `jobs: machine` in "
            "matrix.yaml, or plan less with `--runner` or `--only`"
        )
    entries = []
    for job in jobs:
        entry = asdict(job)
        entry["labels"] = entry.pop("github")
        del entry["gitlab"]
        entries.append(entry)
    return json.dumps({"include": entries}, separators=(",", ":"))


def gitlab(jobs: Sequence[PipelineJob]) -> str:
    """A child pipeline (https://docs.gitlab.com/ci/pipelines/downstream_pipelines/#dynamic-child-pipelines). The
    pipeline's date is the campaign of all jobs, however late they start. The store stays in a cache, as history."""
    night = '--campaign "${CI_PIPELINE_CREATED_AT%%T*}"'
    document: dict[str, object] = {"stages": ["run", "collect"]}
    for job in jobs:
        folder = f"bundles/{job.name}"
        document[f"run {job.name}"] = {
            "stage": "run",
            "tags": list(job.gitlab),
            "script": [
                f"./scripts/nightly --part run {night} --bundle {folder}/{BUNDLE} -- {shlex.join(job.arguments)}",
            ],
            "artifacts": {"when": "always", "paths": [folder], "expire_in": "1 week"},
        }
    document["collect"] = {
        "stage": "collect",
        "when": "always",
        "tags": list(jobs[0].gitlab),
        "cache": {"key": "bench-nightly", "paths": ["results"], "when": "always"},
        "script": [f"./scripts/nightly --part collect {night} --site site --collect bundles/*/{BUNDLE}"],
        "artifacts": {
            "when": "always",
            "paths": ["site"],
            "reports": {"junit": "site/gate.xml"},
            "expire_in": "3 months",
        },
    }
    return "# Made by `bench plan --format gitlab`; do not edit.\n" + yaml.safe_dump(
        document, sort_keys=False, width=200
    )
