from __future__ import absolute_import, division, print_function

import io
import json
import os
import shutil
import tempfile
import unittest

from guest import files


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def test_write_leaves_the_file_and_nothing_else(self):
        files.write(self.folder, "a.bin", b"\x00\xff")
        self.assertEqual(os.listdir(self.folder), ["a.bin"])
        with io.open(self.path("a.bin"), "rb") as stream:
            self.assertEqual(stream.read(), b"\x00\xff")

    def test_json_refuses_nan(self):
        self.assertRaises(ValueError, files.write_json, self.folder, "r.json", {"x": float("nan")})
        self.assertEqual(os.listdir(self.folder), [])

    def test_json_has_sorted_keys_and_ascii(self):
        files.write_json(self.folder, "r.json", {"b": 1, "a": u"\xe9"})
        with io.open(self.path("r.json"), "rb") as stream:
            self.assertEqual(stream.read(), b'{"a": "\\u00e9", "b": 1}\n')

    def test_job_of_another_schema_is_refused(self):
        for schema in (0, 2, "1", None):
            with io.open(self.path("job.json"), "wb") as stream:
                stream.write(json.dumps({"schema": schema}).encode("ascii"))
            self.assertRaises(ValueError, files.read_job, self.folder)

    def test_native_lane_has_no_supplied_weights(self):
        self.assertEqual(files.read_supplied(self.folder, {"supplied": None}), (None, None))
        self.assertEqual(files.read_supplied(self.folder, {}), (None, None))


if __name__ == "__main__":
    unittest.main()
