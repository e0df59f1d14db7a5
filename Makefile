# greenshim: `make` builds, `make help` tells the rest. A new file in core/, shim/ or tests/ needs no edit here.

VERSION := $(shell sed -n "s,^version=,,p" scripts/greenshim)
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
ARCH ?= $(firstword $(subst -, ,$(shell $(CC) -dumpmachine 2>/dev/null || uname -m)))
OBJCOPY ?= objcopy
LIBEV ?= $(shell $(CC) -print-file-name=libev.a 2>/dev/null)

CPPFLAGS += -D_GNU_SOURCE= -iquote core -iquote shim -DGREENSHIM_VERSION='"$(VERSION)"'
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror
LIBRARY := -std=gnu11 -fPIC -fvisibility=hidden -ftls-model=initial-exec -fno-stack-protector $(WARNINGS)
# What runs below a system call of the program keeps its vector registers by never using them.
HOOK_x86_64 := -mgeneral-regs-only
# And it shares the program's stack, of which a thread that waits should need no second page.
SMALL_FRAMES := $(shell $(CC) -fconserve-stack -E -x c /dev/null >/dev/null 2>&1 && echo -fconserve-stack)
HOOK := $(HOOK_$(ARCH)) -fno-tree-loop-distribute-patterns $(SMALL_FRAMES)

# Run once, at start, or only on the hub's stack: these may use any register.
COLD := object decode known sites sites_flow sites_window patch patch_stub patch_text loaded loader symbol init options stats dump modules unwind others
# What the shim needs of core: no greenlets, and not gevent's vocabulary.
SHIM_CORE := account check cpu context context-$(ARCH) fiber hub hub_turn hub_open timer waitq fdwait stack reserve loop highfd

asm_of = $(wildcard $(1)/*-$(ARCH).S)
CORE_NAMES := $(sort $(patsubst core/%.c,%,$(wildcard core/*.c)) $(patsubst core/%.S,%,$(call asm_of,core)))
SHIM_NAMES := $(sort $(patsubst shim/%.c,%,$(wildcard shim/*.c)) $(patsubst shim/%.S,%,$(call asm_of,shim)))
TOOL_NAMES := $(sort $(patsubst shim/tool/%.c,%,$(wildcard shim/tool/*.c)))

CORE_OBJ := $(CORE_NAMES:%=$(BUILD)/core/%.o)
HOOK_CORE_OBJ := $(patsubst %,$(BUILD)/shim/core/%.o,$(filter $(SHIM_CORE),$(CORE_NAMES)))
SHIM_OBJ := $(SHIM_NAMES:%=$(BUILD)/shim/%.o)
SITES_OBJ := $(patsubst %,$(BUILD)/shim/%.o,$(filter object object_% decode decode_% sites sites_%,$(SHIM_NAMES)))
# patch itself needs the entry.
PATCH_OBJ := $(patsubst %,$(BUILD)/shim/%.o,$(filter patch_%,$(SHIM_NAMES)))
TOOL_OBJ := $(TOOL_NAMES:%=$(BUILD)/shim/tool/%.o)

names_of = $(basename $(notdir $(wildcard $(1))))
PROGRAMS := $(addprefix $(BUILD)/tests/programs/,$(call names_of,tests/programs/*.c tests/programs/*.cc))
CORE_TESTS := $(addprefix $(BUILD)/tests/core/,$(call names_of,tests/core/*.c tests/core/*.cc))
SITES_TESTS := $(addprefix $(BUILD)/tests/sites/,$(call names_of,tests/sites/*.c))
EXAMPLES := $(addprefix $(BUILD)/tests/examples/,$(call names_of,tests/examples/*.c))
# The peers of the benchmarks are C++, and built where Boost.Fiber is.
FIBER := $(wildcard /usr/include/boost/fiber/all.hpp)
BENCHES := $(addprefix $(BUILD)/tests/bench/,$(call names_of,tests/bench/*.c $(if $(FIBER),tests/bench/*.cc))) \
	$(BUILD)/tests/bench/origin

LIBGREENLET := $(BUILD)/libgreenlet.so $(BUILD)/libgreenlet.so.1 $(BUILD)/libgreenlet.a $(BUILD)/greenlet.pc
# The shim is built where it has an entry for the CPU; core is built everywhere.
ifneq ($(wildcard shim/entry-$(ARCH).S),)
LIBGREENSHIM := $(BUILD)/libgreenshim.so $(if $(TOOL_NAMES),$(BUILD)/greenshim-check)
endif

.PHONY: all tests check suites demo bench soak seeds random lint format asan asan-tests ubsan install uninstall clean setup help
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:

# V=1 shows the commands, -s nothing.
quiet = $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),$(if $(V),,@),@printf '  %-8s%s\n' '$(1)' '$@';)

all: $(LIBGREENSHIM) $(LIBGREENLET)

# libev's archive is not position independent in one place, its use of stderr; its descriptors are core/loop.c's to number;
# what are points of cancellation in libc must be none on the hub, and no call of its own comes from libc's sites, which a
# filter may watch; and none of its timers is used, so its clock may stand.
LIBEV_OWN := stderr epoll_create1 eventfd epoll_ctl epoll_wait read write close clock_gettime gettimeofday
$(BUILD)/libev.a: $(LIBEV) Makefile | $(BUILD)/
	$(call quiet,OBJCOPY)$(OBJCOPY) $(foreach s,$(LIBEV_OWN),--redefine-sym $(s)=libev_$(s)) $< $@

SHARED := -shared -Wl,-z,defs -Wl,-z,now,-z,relro,-z,noexecstack,-z,nodelete -Wl,--exclude-libs,ALL

$(BUILD)/libgreenshim.so: $(SHIM_OBJ) $(HOOK_CORE_OBJ) $(BUILD)/libev.a shim/libgreenshim.map
	$(call quiet,LINK)$(CC) $(SHARED) -Wl,-soname,libgreenshim.so -Wl,--version-script=shim/libgreenshim.map $(LDFLAGS) \
		-o $@ $(filter %.o %.a,$^) -lpthread -ldl

$(BUILD)/libgreenlet.so.1: $(CORE_OBJ) $(BUILD)/libev.a core/libgreenlet.map
	$(call quiet,LINK)$(CC) $(SHARED) -Wl,-soname,libgreenlet.so.1 -Wl,--version-script=core/libgreenlet.map $(LDFLAGS) \
		-o $@ $(filter %.o %.a,$^) -lpthread

$(BUILD)/libgreenlet.so: $(BUILD)/libgreenlet.so.1
	@ln -sf libgreenlet.so.1 $@

# One object, so that hidden names and libev's stay inside.
$(BUILD)/libgreenlet.a: $(CORE_OBJ) $(BUILD)/libev.a
	$(call quiet,AR)$(CC) -r -nostdlib -o $(BUILD)/greenlet.o $(filter %.o,$^) -Wl,--whole-archive $(filter %.a,$^)
	@$(OBJCOPY) --localize-hidden --wildcard --localize-symbol='ev_*' --localize-symbol='event_*' $(BUILD)/greenlet.o
	@rm -f $@
	@$(AR) rcs $@ $(BUILD)/greenlet.o

$(BUILD)/greenlet.pc: core/greenlet.pc.in Makefile | $(BUILD)/
	@sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' $< >$@

$(BUILD)/greenshim-check: $(TOOL_OBJ) $(SITES_OBJ)
	$(call quiet,LINK)$(CC) $(LDFLAGS) -o $@ $^

# What starting need not search for: the sites of the C library beside which this is built.
KNOWN := libc.so.6 ld-linux-x86-64.so.2 libpthread.so.0 librt.so.1 libanl.so.1
$(BUILD)/known.inc: $(BUILD)/greenshim-check
	$(call quiet,SITES)$< --table $(foreach name,$(KNOWN),$(shell $(CC) -print-file-name=$(name))) >$@ || : >$@
$(BUILD)/shim/known.o: CPPFLAGS += -iquote $(BUILD)
$(BUILD)/shim/known.o: $(BUILD)/known.inc

define compile
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CPPFLAGS) $(CFLAGS) $(LIBRARY) $(1) -MMD -MP -c -o $@ $<
endef
hook_unless = $(if $(filter $(1),$(basename $(notdir $@))),,$(HOOK))

$(BUILD)/core/%.o: core/%.c
	$(call compile)
$(BUILD)/core/%.o: core/%.S
	$(call compile)
# libev speaks in doubles.
$(BUILD)/shim/core/%.o: core/%.c
	$(call compile,$(call hook_unless,loop))
$(BUILD)/shim/core/%.o: core/%.S
	$(call compile)
$(BUILD)/shim/tool/%.o: shim/tool/%.c
	$(call compile)
$(BUILD)/shim/%.o: shim/%.c
	$(call compile,$(call hook_unless,$(COLD)))
$(BUILD)/shim/%.o: shim/%.S
	$(call compile)

# Test programs are ordinary programs. Their first line may say /* CFLAGS: -O2 LDLIBS: -lrt */
TEST_FLAGS := -O1 -g -Wall -Wextra -pthread
said = $$(sed -n '1{s/.*\b$(1): *\([^*]*\).*/\1/;T;s/[A-Z]*:.*//;p}' $<)
define program
	@mkdir -p $(@D)
	$(call quiet,CC)$(1) $(CPPFLAGS) $(TEST_FLAGS) $(call said,CFLAGS) $(TEST_SANITIZE) -MMD -MP -MF $@.d -o $@ $(filter %.c %.cc %.o %.a,$^) \
		$(call said,LDLIBS)
endef

tests: $(PROGRAMS) $(CORE_TESTS) $(SITES_TESTS) $(EXAMPLES) $(BENCHES)

$(BUILD)/tests/programs/%: tests/programs/%.c
	$(call program,$(CC))
$(BUILD)/tests/programs/%: tests/programs/%.cc
	$(call program,$(CXX) -U_GNU_SOURCE)
$(BUILD)/tests/core/%: tests/core/%.c $(CORE_OBJ) $(BUILD)/libev.a
	$(call program,$(CC))
$(BUILD)/tests/core/%: tests/core/%.cc $(CORE_OBJ) $(BUILD)/libev.a
	$(call program,$(CXX) -U_GNU_SOURCE)
# Examples see no more than the installed library.
$(BUILD)/tests/examples/%: private CPPFLAGS = -I$(BUILD)/include
$(BUILD)/tests/examples/%: tests/examples/%.c $(BUILD)/libgreenlet.a $(BUILD)/include/greenlet.h
	$(call program,$(CC))
$(BUILD)/include/greenlet.h: core/greenlet.h
	@mkdir -p $(@D)
	@cp $< $@
$(BUILD)/tests/sites/%: tests/sites/%.c $(SITES_OBJ) $(PATCH_OBJ)
	$(call program,$(CC))
$(BUILD)/tests/bench/switch: $(CORE_OBJ) $(BUILD)/libev.a
$(BUILD)/tests/bench/%: tests/bench/%.c
	$(call program,$(CC))
$(BUILD)/tests/bench/%: tests/bench/%.cc
	$(call program,$(CXX) -U_GNU_SOURCE)

# The web server behind the proxies that are measured.
$(BUILD)/tests/bench/origin: tests/real/origin.c
	$(call program,$(CC))

# Each begins by installing what is missing, which takes no time when nothing is.
setup:
	@scripts/setup all

check:
	@scripts/setup build test
	+@$(MAKE) --no-print-directory all tests
	@BUILD='$(abspath $(BUILD))' scripts/check $(TESTS)

# What `check` has of the suites that others wrote, and the rest of them. A line for each of their programs at the end.
SUITES := $(foreach s,cpython glib rt-tests stress-ng,tests/real/$(s).bats) tests/real/suites/*.bats
suites:
	@scripts/setup build test
	+@$(MAKE) --no-print-directory all tests
	@rm -f '$(abspath $(BUILD))/suites.txt'
	@BUILD='$(abspath $(BUILD))' BATS_TEST_TIMEOUT=7200 SUITES_REPORT='$(abspath $(BUILD))/suites.txt' \
		scripts/check $(or $(TESTS),$(SUITES)); status=$$?; cat '$(abspath $(BUILD))/suites.txt'; exit $$status

demo:
	@scripts/setup build demo
	+@$(MAKE) --no-print-directory all
	@BUILD='$(abspath $(BUILD))' scripts/demo

bench:
	@scripts/setup build bench
	+@$(MAKE) --no-print-directory all tests
	@BUILD='$(abspath $(BUILD))' scripts/bench $(ONLY)

seeds:
	@scripts/setup build test
	+@$(MAKE) --no-print-directory all tests
	@BUILD='$(BUILD)' scripts/seeds $(SEEDS)

random:
	@scripts/setup build test
	+@$(MAKE) --no-print-directory all tests
	@BUILD='$(BUILD)' scripts/random $(SEEDS)

SOAK_SECONDS ?= 3600
soak:
	@scripts/setup build test
	+@$(MAKE) --no-print-directory all
	@GREENSHIM_LIBRARY='$(abspath $(BUILD))/libgreenshim.so' scripts/soak $(SOAK_SECONDS)

lint: all tests
	@BUILD='$(abspath $(BUILD))' scripts/lint

format:
	clang-format -i $(wildcard core/*.[ch] shim/*.[ch] shim/tool/*.[ch] $(foreach d,programs core sites late bench examples real,tests/$(d)/*.[ch]))

SANITIZE := -fsanitize=address,undefined -fno-omit-frame-pointer
asan:
	+@$(MAKE) --no-print-directory BUILD='$(BUILD)/asan' CFLAGS='-O1 -g $(SANITIZE)' TEST_SANITIZE='$(SANITIZE)' asan-tests

asan-tests: $(CORE_TESTS)
	@scripts/check --programs $(CORE_TESTS)

# The shim runs below libc, where no sanitizer's runtime can: what is undefined traps, and the program dies by SIGILL. Its
# arguments are the program's, and may be as little aligned as the kernel allows.
UNDEFINED := -fsanitize=undefined -fno-sanitize=alignment -fsanitize-undefined-trap-on-error
ubsan:
	+@$(MAKE) --no-print-directory BUILD='$(BUILD)/ubsan' CFLAGS='-O1 -g $(UNDEFINED)' all tests
	@BUILD='$(abspath $(BUILD))/ubsan' scripts/check $(or $(TESTS),$(wildcard tests/*.bats))

LIBDIR := $(DESTDIR)$(PREFIX)/lib
# `greenshim bench`
KIT := $(wildcard scripts/kit/*.py scripts/kit/*.html)
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(LIBDIR)/greenshim $(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include \
		$(DESTDIR)$(PREFIX)/libexec/greenshim
	install -m 755 scripts/greenshim $(DESTDIR)$(PREFIX)/bin/greenshim
	install -d $(DESTDIR)$(PREFIX)/libexec/greenshim/kit
	install -m 644 $(KIT) $(DESTDIR)$(PREFIX)/libexec/greenshim/kit/
	$(foreach f,$(filter %.so,$(LIBGREENSHIM)),install -m 755 $(f) $(LIBDIR)/greenshim/)
	$(foreach f,$(filter %-check,$(LIBGREENSHIM)),install -m 755 $(f) $(DESTDIR)$(PREFIX)/libexec/greenshim/)
	install -m 755 $(BUILD)/libgreenlet.so.1 $(LIBDIR)/libgreenlet.so.1
	ln -sf libgreenlet.so.1 $(LIBDIR)/libgreenlet.so
	install -m 644 $(BUILD)/libgreenlet.a $(LIBDIR)/libgreenlet.a
	install -m 644 core/greenlet.h $(DESTDIR)$(PREFIX)/include/greenlet.h
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' core/greenlet.pc.in >$(LIBDIR)/pkgconfig/greenlet.pc

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/greenshim $(LIBDIR)/greenshim/libgreenshim.so \
		$(DESTDIR)$(PREFIX)/libexec/greenshim/greenshim-check $(LIBDIR)/libgreenlet.so.1 $(LIBDIR)/libgreenlet.so \
		$(LIBDIR)/libgreenlet.a $(DESTDIR)$(PREFIX)/include/greenlet.h $(LIBDIR)/pkgconfig/greenlet.pc \
		$(addprefix $(DESTDIR)$(PREFIX)/libexec/greenshim/kit/,$(notdir $(KIT)))
	-rmdir --ignore-fail-on-non-empty $(LIBDIR)/greenshim $(DESTDIR)$(PREFIX)/libexec/greenshim/kit \
		$(DESTDIR)$(PREFIX)/libexec/greenshim

clean:
	rm -rf $(BUILD)

help:
	@echo 'make            build/libgreenshim.so, build/libgreenlet.so and the tools'
	@echo 'make check      install what is missing, build, run every test (TESTS=tests/signal.bats for some)'
	@echo 'make suites     the test suites of CPython, GLib, stress-ng and rt-tests, whole, compared: over half an hour'
	@echo 'make demo       a real threaded server natively and under greenshim, compared'
	@echo 'make bench      greenshim beside native threads, a peer and epoll, a quarter of an hour; in build/bench (ONLY="echo memory")'
	@echo 'make ubsan      the suites with a shim in which undefined behaviour traps'
	@echo 'make seeds      the test programs in twenty orders of ready threads (SEEDS="1 20"), a turn every ms, 2 and 4 OS threads'
	@echo 'make random     random calls by several threads, natively and under greenshim, for 200 seeds (SEEDS="1 200")'
	@echo 'make soak       servers with clients of every kind for an hour, or SOAK_SECONDS'
	@echo 'make lint       format, static analysis, and what the architecture forbids'
	@echo 'make format     clang-format over the sources'
	@echo 'make asan       the tests of core under AddressSanitizer and UBSan'
	@echo 'make install    PREFIX=/usr/local, DESTDIR= ; make uninstall takes it back'
	@echo 'make setup      install every Debian package that any target needs'
	@echo 'make clean      remove $(BUILD)/'

$(BUILD)/:
	@mkdir -p $@

-include $(CORE_OBJ:.o=.d) $(HOOK_CORE_OBJ:.o=.d) $(SHIM_OBJ:.o=.d) $(TOOL_OBJ:.o=.d)
-include $(addsuffix .d,$(PROGRAMS) $(CORE_TESTS) $(SITES_TESTS) $(EXAMPLES) $(BENCHES))
