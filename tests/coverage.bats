#!/usr/bin/env bats
# Every call of shim/calls.def is made by some program of tests/programs, under greenshim.

load helpers

# What no program makes, and why.
not_made() {
	cat <<-'END'
		creat glibc makes it by openat
		epoll_wait glibc makes it by epoll_wait or epoll_pwait, by version
		fork glibc makes it by clone
		pipe glibc makes it by pipe2
		sync writes out what is everybody's, and takes its time
		landlock_restrict_self cannot be taken back
	END
}

# The names, without those that this CPU does not have.
table() {
	sed -n 's/^CALL\(_FILE\|_ANYWHERE\)\?(\([a-z0-9_]*\),.*/\2/p' "$root/shim/calls.def" | sort
}

# under_greenshim [OPTION]... <PROGRAMS: each of them, a few at a time: most of their time is waiting.
under_greenshim() {
	GREENSHIM_STATS=$PWD/stats/%p xargs -P 4 -I{} sh -c 'timeout -k 5 60 "$@" >/dev/null 2>&1 || :' sh "$greenshim" "$@" {}
}

@test "coverage: every answered call is made by a test program" {
	local program skip=' code_made dump_target file_slow launcher_hello process_exec signal_daemon '

	cd "$BATS_TEST_TMPDIR"
	mkdir stats
	for program in "$programs"/*; do
		[ -x "$program" ] && [[ $skip != *" ${program##*/} "* ]] || continue
		echo "$program"
	done | under_greenshim
	# What --files pool adds. Without it file_slow waits for itself.
	find "$programs" -name 'file_*' -type f -executable | under_greenshim --files pool
	cat stats/* | sed -n 's/^calls\.\([a-z0-9_]*\) .*/\1/p' | sort -u >made
	table >all
	not_made | cut -d' ' -f1 | sort >excused
	comm -23 all made | comm -23 - excused >missing
	cat missing
	[ ! -s missing ]
}

# Those of --files pool are named in part, as "open and its like".
@test "coverage: the README counts the calls that are answered, and names those that are without an option" {
	local name files others

	others=$(sed -n 's/^CALL\(_ANYWHERE\)\?(\([a-z0-9_]*\),.*/\2/p' "$root/shim/calls.def")
	files=$(grep -c '^CALL_FILE(' "$root/shim/calls.def")
	tr '\n' ' ' <"$root/README.md" | grep -qF "$(wc -w <<<"$others") on x86-64, and $files more with \`--files pool\`"
	grep -qF "$(wc -w <<<"$others") system calls are intercepted, and $files more on files" "$root/CHANGELOG.md"
	for name in $others; do
		grep -qE "^\|.*\`$name\`" "$root/README.md" || { echo "not in the README's table: $name" && return 1; }
	done
}

# Every function that these headers declare and the C library has is used by some program of tests/programs.
covered_headers='pthread.h semaphore.h threads.h sched.h sys/eventfd.h sys/timerfd.h sys/epoll.h
	signal.h mqueue.h aio.h spawn.h ucontext.h setjmp.h sys/signalfd.h sys/inotify.h sys/ipc.h sys/sem.h sys/msg.h sys/shm.h
	sys/wait.h sys/file.h poll.h sys/poll.h sys/select.h sys/uio.h sys/socket.h sys/sendfile.h'

# Those that no program uses, and why.
not_used() {
	cat <<-'END'
		__cmsg_nxthdr gcc makes it inline
		__getpagesize asks for nothing
		__sysv_signal is sysv_signal
		clock_adjtime sets everybody's clock
		getopt asks for nothing
		siggetmask the linker warns of every use
		sigreturn the linker warns of every use, and that it fails
		sigstack the linker warns of every use
	END
}

# Where gcc has seen each declaration: those headers, and the parts of theirs in bits/.
declared_functions() {
	local name

	for name in $covered_headers; do
		echo "#include <$name>"
	done >headers.c
	cc -D_GNU_SOURCE -aux-info declarations -fsyntax-only headers.c
	sed -nE 's,^/\* [^ ]*/include/([^:]*):.*[ *]([A-Za-z_0-9]+) \(.*,\1 \2,p' declarations |
		sed -E "s,^$(cc -print-multiarch)/,," |
		awk -v headers="$covered_headers" 'BEGIN { for (n = split(headers, h); n; n--) own[h[n]] } $1 in own || $1 ~ /^bits\// { print $2 }'
}

# Public ones, by their default version; and the few that are linked statically.
library_functions() {
	nm -D --defined-only "$(cc -print-file-name=libc.so.6)" | sed -n 's/^[0-9a-f]* [TWi] \([A-Za-z_0-9]*\)@@GLIBC_[0-9.]*$/\1/p'
	nm "$(cc -print-file-name=libc_nonshared.a)" 2>/dev/null | awk '$2 == "T" { print $3 }'
}

used_symbols() {
	find "$programs" -maxdepth 1 -type f -executable -exec nm {} + | awk 'NF > 1 { sub(/@.*/, "", $NF); print $NF }'
}

@test "coverage: every function of the headers about threads, signals, waiting and IPC is used by a test program" {
	cd "$BATS_TEST_TMPDIR"
	declared_functions | sort -u >declared
	library_functions | sort -u >exported
	used_symbols | sort -u >used
	not_used | cut -d' ' -f1 | sort >excused
	comm -12 declared exported >all
	[ "$(wc -l <all)" -gt 150 ] # the lists were made at all
	comm -23 all used | comm -23 - excused | sed 's/^/not used: /' >missing
	comm -12 excused used | sed 's/^/used, and excused: /' >>missing
	comm -23 excused all | sed 's/^/excused, and nowhere declared: /' >>missing
	cat missing
	[ ! -s missing ]
}
