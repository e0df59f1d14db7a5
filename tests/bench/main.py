"""scripts/bench: see there. Runs the benchmarks that were asked for, or writes the README's tables of what was found."""
import sys

import curves
import measure
import micro
import real
import servers
import tables

ALL = {**micro.ALL, **servers.ALL, **curves.ALL, **real.ALL}


def main(names):
    if names == ["--readme"]:
        return tables.readme(list(ALL))
    wrong = [name for name in names if name not in ALL]
    if wrong:
        print("usage: bench [--readme | %s]..." % " | ".join(ALL), file=sys.stderr)
        return 2
    if not measure.fiber("jump"):
        measure.warn("without Boost.Fiber (libboost-fiber-dev): scripts/setup bench, and make tests")
    for name in names or ALL:
        measure.heading(name)
        book = measure.Book(name)
        try:
            ALL[name](book)
        finally:
            book.write()
    tables.write(names or list(ALL))
    return 0


sys.exit(main(sys.argv[1:]))
