from __future__ import absolute_import, division, print_function

import io
import os
import shutil
import tempfile
import unittest

from guest import scrub, stack

RECORD = b"""pkg/__init__.py,sha256=aaa,10
pkg/core.so,sha256=bbb,20
pkg/__pycache__/core.pyc,,
../../bin/tool,sha256=ccc,30
pkg-1.dist-info/INSTALLER,sha256=ddd,4
pkg-1.dist-info/RECORD,,
"""


class Stack(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name, content):
        path = os.path.join(self.folder, name)
        if not os.path.isdir(os.path.dirname(path)):
            os.makedirs(os.path.dirname(path))
        with io.open(path, "wb") as stream:
            stream.write(content)

    def test_record_hash_ignores_order_scripts_and_pips_notes(self):
        lines = RECORD.splitlines()
        other = [line.replace(b"ccc", b"zzz").replace(b"ddd", b"yyy") for line in reversed(lines)]
        self.assertEqual(stack.record_hash(RECORD), stack.record_hash(b"\n".join(other) + b"\n"))

    def test_record_hash_sees_a_changed_file(self):
        self.assertNotEqual(stack.record_hash(RECORD), stack.record_hash(RECORD.replace(b"bbb", b"bbc")))

    def test_distributions_have_name_version_and_record(self):
        self.write("pkg-1.dist-info/METADATA", b"Metadata-Version: 2.1\nName: Pkg_Name\nVersion: 1.2\n")
        self.write("pkg-1.dist-info/RECORD", RECORD)
        self.write("old.egg-info", b"Name: old\nVersion: 0.1\n")
        self.assertEqual(stack.distributions([self.folder]),
                         ["old 0.1 no-record", "Pkg_Name 1.2 " + stack.record_hash(RECORD)])

    def test_the_first_distribution_on_the_path_counts(self):
        self.write("a/pkg-1.dist-info/METADATA", b"Name: pkg\nVersion: 1\n")
        self.write("b/pkg-2.dist-info/METADATA", b"Name: pkg\nVersion: 2\n")
        paths = [os.path.join(self.folder, name) for name in ("a", "b")]
        self.assertEqual(stack.distributions(paths), ["pkg 1 no-record"])

    def test_guest_source_sees_names_and_contents_of_python_files_only(self):
        self.write("guest/a.py", b"x = 1\n")
        root = os.path.join(self.folder, "guest")
        first = stack.guest_source(root)
        self.write("guest/a.pyc", b"compiled")
        self.assertEqual(stack.guest_source(root), first)
        self.write("guest/sub/b.py", b"")
        second = stack.guest_source(root)
        self.assertNotEqual(second, first)
        self.write("guest/a.py", b"x = 2\n")
        self.assertNotEqual(stack.guest_source(root), second)

    def test_fingerprint_digest_repeats(self):
        self.assertEqual(stack.fingerprint()["digest"], stack.fingerprint()["digest"])


class Scrub(unittest.TestCase):
    def test_home_folders_do_not_stay(self):
        home = os.path.expanduser("~")
        text = scrub.scrub("File \"%s/x.py\", /home/alice/y and /Users/bob/z" % home)
        for name in (home + "/", "alice", "bob"):
            self.assertNotIn(name, text)

    def test_other_text_stays(self):
        self.assertEqual(scrub.scrub("ValueError: 3 != 4"), "ValueError: 3 != 4")


if __name__ == "__main__":
    unittest.main()
