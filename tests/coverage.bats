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
		setns wants privileges and other namespaces
		unshare wants privileges
		capset wants privileges
		seccomp cannot be taken back
		landlock_restrict_self cannot be taken back
	END
}

# The names, without those that this CPU does not have.
table() {
	sed -n 's/^CALL\(_FILE\)\?(\([a-z0-9_]*\),.*/\2/p' "$root/shim/calls.def" | sort
}

@test "coverage: every answered call is made by a test program" {
	local program skip=' dump_target launcher_hello process_exec signal_daemon '

	mkdir "$BATS_TEST_TMPDIR/stats"
	cd "$BATS_TEST_TMPDIR"
	for program in "$programs"/*; do
		[ -x "$program" ] && [[ $skip != *" ${program##*/} "* ]] || continue
		GREENSHIM_STATS=$BATS_TEST_TMPDIR/stats/%p timeout -k 5 60 "$greenshim" "$program" >/dev/null 2>&1 </dev/null || true
	done
	for program in "$programs"/file_*; do # what --files pool adds
		[ -x "$program" ] || continue
		GREENSHIM_FILES=pool GREENSHIM_STATS=$BATS_TEST_TMPDIR/stats/%p timeout -k 5 60 "$greenshim" "$program" >/dev/null 2>&1 </dev/null || true
	done
	cat stats/* | sed -n 's/^calls\.\([a-z0-9_]*\) .*/\1/p' | sort -u >made
	table >all
	not_made | cut -d' ' -f1 | sort >excused
	comm -23 all made | comm -23 - excused >missing
	cat missing
	[ ! -s missing ]
}
