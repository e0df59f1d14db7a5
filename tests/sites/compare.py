#!/usr/bin/env python3
"""compare.py [--exact] OBJECT [SITES]: what greenshim-check --sites says of OBJECT (SITES: a file with its output, or stdin)
against objdump's disassembly, which knows nothing of it. Prints each difference, then a summary; fails if there is one.

Proved here, from objdump alone:
  every site is a syscall instruction; with --exact, every syscall instruction is a site
  a window consists of whole adjoining instructions, is long enough for the jump, and overlaps no other
  nothing leads into a window but to its first byte: no direct branch, function, symbol, relocation or landing pad;
  nor to the syscall instruction behind a `before` window, which would bypass the jump
  a site's number is what the last instruction that writes eax puts there, on the only way to it
  no call that greenshim answers is left native; __restore_rt is untouched"""
import bisect
import os
import re
import struct
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
LINE = re.compile(r"^ *([0-9a-f]+):\t((?:[0-9a-f]{2} )+) *\t?(.*)$")
BRANCH = re.compile(r"^(?:[a-z0-9.,]+ )*?(?:j[a-z]+|call[a-z]*|loop[a-z]*|xbegin)(?:,p[nt])? +([0-9a-f]+)\b")
NUMBER = re.compile(r"^mov[a-z]* +\$0x([0-9a-f]+),%[er]ax$")
ZERO = re.compile(r"^xor[a-z]* +%eax,%eax$")
# The last operand is the destination, in these it is read alone.
READS = re.compile(r"^(cmp|test|push|bt|j|nop|prefetch|ucomis|comis|endbr|mfence|lfence|sfence)")
WRITES = re.compile(r"(,|^[a-z0-9]+ +)%(eax|rax|ax|al|ah)$")
IMPLICIT = re.compile(r"^(call|syscall|cpuid|rdtsc|xgetbv|i?mul[a-z]? +[^,]*$|i?div|cltq|cwtl|lods|lock cmpxchg|cmpxchg|xchg|xadd)")
RESTORE_RT = bytes.fromhex("48c7c00f0000000f05")


class Problems:
    def __init__(self):
        self.count = 0

    def __call__(self, text):
        self.count += 1
        print("  " + text)


class Elf:
    """What leads to code without a branch: read from the file itself."""

    def __init__(self, path):
        with open(path, "rb") as f:
            self.data = f.read()
        shoff, = struct.unpack_from("<Q", self.data, 40)
        shentsize, shnum, shstrndx = struct.unpack_from("<HHH", self.data, 58)
        headers = [struct.unpack_from("<IIQQQQIIQQ", self.data, shoff + i * shentsize) for i in range(shnum)]
        names = headers[shstrndx][4]
        self.sections = {}
        for h in headers:
            end = self.data.index(b"\0", names + h[0])
            self.sections[self.data[names + h[0]:end].decode()] = h

    def section(self, name):
        h = self.sections.get(name)
        return (h[3], self.data[h[4]:h[4] + h[5]]) if h and h[1] != 8 else (0, b"")

    def symbols(self):
        for name in (".dynsym", ".symtab"):
            data = self.section(name)[1]
            for info, value in ((s[1], s[4]) for s in struct.iter_unpack("<IBBHQQ", data)):
                if info & 15 in (2, 10):
                    yield value

    def relocations(self):
        for name in (".rela.dyn", ".rela.plt"):
            for _, info, addend in struct.iter_unpack("<QQq", self.section(name)[1]):
                if info & 0xffffffff in (8, 37):  # RELATIVE, IRELATIVE
                    yield addend

    def functions(self):
        base, data = self.section(".eh_frame_hdr")
        if len(data) < 12 or data[1:4] != b"\x1b\x03\x3b":
            return
        count, = struct.unpack_from("<I", data, 8)
        for i in range(count):
            pc, fde = struct.unpack_from("<ii", data, 12 + 8 * i)
            yield base + pc, base + fde

    def landing_pads(self):
        frames, tables = self.section(".eh_frame"), self.section(".gcc_except_table")
        for start, fde in self.functions():
            lsda = self.lsda(frames, fde)
            if lsda and tables[0] <= lsda < tables[0] + len(tables[1]):
                yield from self.pads(tables[1], lsda - tables[0], start)

    @staticmethod
    def uleb(data, at):
        value = shift = 0
        while True:
            byte = data[at]
            value |= (byte & 127) << shift
            at, shift = at + 1, shift + 7
            if byte < 128:
                return value, at

    def lsda(self, frames, fde):
        """The address in the description's augmentation (DWARF's .eh_frame: pointers are pcrel sdata4)."""
        base, data = frames
        at = fde - base
        cie = at + 4 - struct.unpack_from("<I", data, at + 4)[0]
        end = data.index(b"\0", cie + 9)
        augmentation = data[cie + 9:end].decode()
        if "L" not in augmentation or data[at] == 0xff:
            return None
        _, field = self.uleb(data, at + 16)
        distance, = struct.unpack_from("<i", data, field)
        return base + field + distance if distance else None

    def pads(self, table, at, start):
        """LSDA: landing pads' base, types (skipped), then the call sites: start, length, pad, action."""
        if table[at] != 0xff:
            return
        at += 1
        if table[at] != 0xff:
            _, at = self.uleb(table, at + 1)
        else:
            at += 1
        encoding = table[at]
        size, at = self.uleb(table, at + 1)
        end = at + size
        while at < end:
            if encoding == 1:  # uleb128
                _, at = self.uleb(table, at)
                _, at = self.uleb(table, at)
                pad, at = self.uleb(table, at)
            else:
                pad, = struct.unpack_from("<I", table, at + 8)
                at += 12
            _, at = self.uleb(table, at)
            if pad:
                yield start + pad


class Listing:
    """objdump's instructions, in order, and where its direct branches lead."""

    def __init__(self, path):
        self.at, self.size, self.text, self.targets = [], [], [], {}
        command = ["objdump", "-d", "-w", "-z", path]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as dump:
            for line in dump.stdout:
                m = LINE.match(line)
                if m:
                    self.add(int(m[1], 16), len(m[2]) // 3, m[3])
        if dump.returncode:
            sys.exit("objdump failed")

    def add(self, at, size, text):
        text = text.split(" #")[0].strip()
        self.at.append(at)
        self.size.append(size)
        self.text.append(text)
        m = BRANCH.match(text)
        if m:
            self.targets.setdefault(int(m[1], 16), at)

    def index(self, at):
        i = bisect.bisect_left(self.at, at)
        return i if i < len(self.at) and self.at[i] == at else None

    def is_whole(self, start, end):
        i = self.index(start)
        while i is not None and i < len(self.at) and start < end:
            if self.at[i] != start:
                return False
            start += self.size[i]
            i += 1
        return i is not None and start == end

    def number(self, at):
        """What is in eax at a syscall instruction, or in words why that is not known."""
        i = self.index(at)
        while i > 0:
            if self.at[i] in self.targets:
                return "a branch from %x comes to %x" % (self.targets[self.at[i]], self.at[i])
            i -= 1
            text = self.text[i]
            if self.at[i] + self.size[i] != self.at[i + 1]:
                return "a gap before %x" % self.at[i + 1]
            m = NUMBER.match(text)
            if m:
                return int(m[1], 16)
            if ZERO.match(text):
                return 0
            if IMPLICIT.match(text) or (WRITES.search(text) and not READS.match(text)):
                return "%x: %s" % (self.at[i], text)
        return "the beginning"


class Site:
    def __init__(self, line):
        words = line.split(None, 5)
        self.at, self.nr, self.kind = int(words[0], 16), int(words[1]), words[2]
        self.start, self.end = int(words[3], 16), int(words[4], 16)
        self.why = words[5].strip() if len(words) > 5 else ""
        self.is_redirected = self.kind in ("before", "across")
        # What must stay as it is from the window's second byte on.
        self.last = self.at if self.kind == "before" else self.end - 1

    def __str__(self):
        return "site %x (call %d, %s %x-%x)" % (self.at, self.nr, self.kind, self.start, self.end)


def answered_numbers():
    """The numbers of the calls in shim/calls.def."""
    with open(os.path.join(ROOT, "shim", "calls.def")) as f:
        names = re.findall(r"^CALL(?:_ANYWHERE)?\((\w+),", f.read(), re.M)
    text = "#include <sys/syscall.h>\n" + "".join("%s=SYS_%s\n" % (n, n) for n in names)
    out = subprocess.run(["cc", "-E", "-P", "-xc", "-"], input=text, stdout=subprocess.PIPE, text=True, check=True).stdout
    return {int(n) for n in re.findall(r"=\s*(\d+)\s*$", out, re.M)}


def check_set(sites, listing, exact, problem):
    known = {listing.at[i] for i, text in enumerate(listing.text) if text == "syscall"}
    found = {s.at for s in sites}
    if len(found) != len(sites):
        problem("a site is listed twice")
    for at in sorted(found - known):
        problem("%x is no syscall instruction" % at)
    for at in sorted(known - found) if exact else ():
        problem("the syscall instruction at %x was not found" % at)
    return len(known)


def check_windows(sites, listing, problem):
    free = 0
    for s in sorted((s for s in sites if s.is_redirected), key=lambda s: s.start):
        if s.end - s.start < 5:
            problem("%s: too short for a jump" % s)
        if s.kind == "before" and s.end != s.at or s.kind == "across" and not s.start <= s.at <= s.end - 2:
            problem("%s: the syscall instruction is not where it should be" % s)
        if not listing.is_whole(s.start, s.end):
            problem("%s: no whole instructions" % s)
        if s.start < free:
            problem("%s: overlaps another" % s)
        free = max(s.end, s.at + 2)


def check_flow(sites, listing, elf, problem):
    """Every address that something leads to, against the windows."""
    ways = [(sorted(listing.targets), "a branch"), (sorted(elf.symbols()), "a symbol"),
            (sorted(elf.relocations()), "a relocation"), (sorted(pc for pc, _ in elf.functions()), "a function"),
            (sorted(elf.landing_pads()), "a landing pad")]
    for s in sites:
        if not s.is_redirected:
            continue
        for targets, what in ways:
            i = bisect.bisect_right(targets, s.start)
            if i < len(targets) and targets[i] <= s.last:
                problem("%s: %s leads to %x" % (s, what, targets[i]))
    return len(ways[4][0])


def check_numbers(sites, listing, problem):
    answered = answered_numbers()
    for s in sites:
        if s.nr < 0:
            if s.kind == "native":
                problem("%s: native, with an unknown number" % s)
            continue
        number = listing.number(s.at)
        if number != s.nr:
            problem("%s: objdump says %s" % (s, number))
        if (s.nr in answered) == (s.kind == "native"):
            problem("%s: greenshim %s this call" % (s, "answers" if s.nr in answered else "does not answer"))


def check_restore(sites, elf, problem):
    base, text = elf.section(".text")
    at = text.find(RESTORE_RT)
    while at >= 0:
        for s in sites:
            if s.is_redirected and s.start < base + at + len(RESTORE_RT) and base + at < max(s.end, s.at + 2):
                problem("%s: __restore_rt" % s)
        at = text.find(RESTORE_RT, at + 1)


def main(arguments):
    exact = "--exact" in arguments
    arguments = [a for a in arguments if a != "--exact"]
    path = arguments[0]
    with open(arguments[1]) if len(arguments) > 1 else sys.stdin as f:
        lines = f.read().splitlines()
    if not lines or not lines[-1].startswith("found "):
        sys.exit("%s: not the output of greenshim-check --sites" % path)
    sites = [Site(line) for line in lines[:-1]]
    kinds = [sum(s.kind == kind for s in sites) for kind in ("before", "across", "native", "left")]
    problem, listing, elf = Problems(), Listing(path), Elf(path)
    if lines[-1] != "found %d redirected %d native %d left %d" % (len(sites), kinds[0] + kinds[1], kinds[2], kinds[3]):
        problem("the last line does not add up: " + lines[-1])
    instructions = check_set(sites, listing, exact, problem)
    check_windows(sites, listing, problem)
    pads = check_flow(sites, listing, elf, problem)
    check_numbers(sites, listing, problem)
    check_restore(sites, elf, problem)
    for s in sites:
        if s.kind == "left":
            print("  %s is left: %s" % (s, s.why))
    print("%s: %d instructions, %d of them syscall, %d branch targets, %d landing pads; %d sites found, %d before, "
          "%d across, %d native, %d left; %d problems" % (os.path.basename(path), len(listing.at), instructions,
          len(listing.targets), pads, len(sites), *kinds, problem.count))
    return 1 if problem.count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
