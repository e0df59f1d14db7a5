"""Runs one module of CPython's own tests and writes each test's result at once.

    cpython_run.py MODULE RESULTS [SECONDS]

RESULTS has two lines a test: `start NAME`, then `RESULT NAME`, RESULT being ok,
fail, error, skip, xfail or xpass. A test that hangs or crashes leaves only the
first. Tests that RESULTS already tells of are left out, so running it again
goes on after the one that ended the run before. A test may take SECONDS.
"""
import faulthandler
import os
import sys
import unittest

LEFT_OUT = {
    # Takes the one port of a kind that the whole machine shares, and waits for ever where the host does not answer.
    "test.test_socket.ThreadedVSOCKSocketStreamTest.testStream",
}
RANK = {"ok": 0, "skip": 1, "xfail": 2, "xpass": 3, "fail": 4, "error": 5}


def first_line(error):
    return str(error[1]).strip().split("\n")[0][:150]


class Results(unittest.TestResult):
    def __init__(self, file, seconds):
        super().__init__()
        self.file = file
        self.seconds = seconds

    def write(self, text):
        self.file.write(text + "\n")
        self.file.flush()

    def startTest(self, test):
        super().startTest(test)
        self.result, self.why = "ok", ""
        self.write(f"start {test.id()}")
        faulthandler.dump_traceback_later(self.seconds, exit=True, file=sys.__stderr__)

    def stopTest(self, test):
        faulthandler.cancel_dump_traceback_later()
        self.write(f"{self.result} {test.id()} {self.why}".rstrip())
        super().stopTest(test)

    def note(self, result, why=""):
        if RANK[result] > RANK[self.result]:
            self.result, self.why = result, why

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.note("fail", first_line(error))

    def addError(self, test, error):
        super().addError(test, error)
        if isinstance(test, unittest.TestCase):
            self.note("error", f"{error[0].__name__}: {first_line(error)}")
        else:
            self.write(f"error {test.id()} {first_line(error)}")

    def addSubTest(self, test, subtest, error):
        if error:
            self.note("fail", first_line(error))

    def addSkip(self, test, reason):
        if isinstance(test, unittest.TestCase):
            self.note("skip")
        else:
            self.write(f"skip {test.id()}")

    def addExpectedFailure(self, test, error):
        self.note("xfail")

    def addUnexpectedSuccess(self, test):
        self.note("xpass")


def without(suite, known):
    kept = unittest.TestSuite()
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            kept.addTest(without(test, known))
        elif test.id() not in known:
            kept.addTest(test)
    return kept


def main():
    module, results = sys.argv[1:3]
    seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 60
    known = set(LEFT_OUT)
    if os.path.exists(results):
        with open(results) as file:
            known |= {line.split()[1] for line in file}
    from test import support
    support.use_resources = ["network"]
    suite = unittest.defaultTestLoader.loadTestsFromName("test." + module)
    with open(results, "a") as file:
        without(suite, known).run(Results(file, seconds))
    print("complete")


if __name__ == "__main__": # multiprocessing imports it again in its children
    main()
