# The C libraries of other Debian releases, each with its own loader: bullseye's 2.31 (threads in a libpthread.so.0, clone
# without clone3), trixie's 2.41 (cancellation compares the program counter at one site for all calls). Their sites are
# compared with objdump, and the test programs, compiled for them, run natively and under greenshim.

load helpers

# obtain SUITE: its C library to $folder, its compiler to $cc; skips where it cannot be had.
obtain() {
	suite=$1
	folder=$build/libc/$suite
	objects=$folder/lib/x86_64-linux-gnu
	cc="cc --sysroot=$folder -B$folder/usr/lib/x86_64-linux-gnu -L$folder/usr/lib/x86_64-linux-gnu -L$objects"
	cc+=" -Wl,--dynamic-linker=$objects/ld-linux-x86-64.so.2 -Wl,--disable-new-dtags,-rpath,$objects"
	old=
	[ "$suite" != bullseye ] || old="-include tests/libc/old.h -Wl,--no-as-needed,-lrt,-lutil"
	[ "$(uname -m)" = x86_64 ] || skip "for x86-64"
	mkdir -p "$folder"
	# Once a run is enough to learn that there is none.
	[ ! -e "$BATS_RUN_TMPDIR/$suite" ] || skip "$(cat "$BATS_RUN_TMPDIR/$suite")"
	"$root/scripts/fetch-libc" "$suite" "$folder" 2>"$BATS_TEST_TMPDIR/why" && return
	tail -n 1 "$BATS_TEST_TMPDIR/why" | tee "$BATS_RUN_TMPDIR/$suite"
	skip "$(cat "$BATS_RUN_TMPDIR/$suite")"
}

# compile NAME...: those of tests/programs, for that library and with its loader in them.
compile() {
	env -u MAKEFLAGS make -s -j2 -C "$root" BUILD="$folder" CC="$cc $old" "${@/#/$folder/tests/programs/}" \
		>"$BATS_TEST_TMPDIR/make" 2>&1 || { cat "$BATS_TEST_TMPDIR/make" && return 1; }
}

# both_with SUITE NAME...
both_with() {
	local name names newer=none

	obtain "$1"
	shift
	# pthread_attr_setsigmask_np came with 2.32, _Fork with 2.34, epoll_pwait2 with 2.35.
	[ "$suite" != bullseye ] || newer='attr_basic|attr_all|signal_handler|atfork_all|cancel_all'
	mapfile -t names < <(printf '%s\n' "$@" | grep -vxE "$newer")
	compile "${names[@]}"
	for name in "${names[@]}"; do
		echo "$name:"
		both "$folder/tests/programs/$name"
	done
}

compare_sites() {
	local object

	obtain "$1"
	for object in libc.so.6 ld-linux-x86-64.so.2 libpthread.so.0 librt.so.1 libanl.so.1; do
		"$build/greenshim-check" --sites "$objects/$object" >"$BATS_TEST_TMPDIR/sites"
		python3 "$root/tests/sites/compare.py" --exact "$objects/$object" "$BATS_TEST_TMPDIR/sites"
		grep ' left 0$' "$BATS_TEST_TMPDIR/sites"
	done | tee "$BATS_TEST_TMPDIR/summary"
	[ "$(grep -c '; 0 problems$' "$BATS_TEST_TMPDIR/summary")" -eq 5 ]
	[ "$(grep -c '^found' "$BATS_TEST_TMPDIR/summary")" -eq 5 ]
}

pthreads=(thread_basic thread_words thread_many thread_stack thread_guards attr_basic name_basic detach_basic mutex_kinds mutex_contend mutex_robust
	mutex_pi mutex_shared cond_basic sem_basic rwlock_basic barrier_basic once_basic key_basic spin_basic exit_main
	c11_basic lock_two sched_own attr_all join_all time_limits atfork_all mutex_ceiling c11_all thread_clocks shared_two)
cancellation=(cancel_points cancel_state signal_cancel cancel_all)
signals=(signal_handler signal_mask signal_wait signal_suspend signal_nested signal_timer signal_eintr signal_fault signal_faults
	signal_trap)
input_output=(io_pipe io_fifo io_tty io_event io_splice stdio_wait net_stream net_message net_connect net_accept net_many
	poll_basic poll_many select_basic epoll_basic fd_close fd_flags ipc_sysv dns_lookup)
processes=(process_fork process_system process_wait process_exec process_sandbox process_verdicts)

@test "libc: greenshim needs nothing that came after glibc 2.17" {
	objdump -T "$build/libgreenshim.so" | grep -oE 'GLIBC_[0-9.]+' | sort -uV >"$BATS_TEST_TMPDIR/versions"
	cat "$BATS_TEST_TMPDIR/versions"
	[ "$(printf '%s\n' GLIBC_2.17 "$(tail -n 1 "$BATS_TEST_TMPDIR/versions")" | sort -V | tail -n 1)" = GLIBC_2.17 ]
}

@test "libc: 2.31: every syscall instruction is found, none is left" {
	compare_sites bullseye
}

@test "libc: 2.31: pthreads" {
	both_with bullseye "${pthreads[@]}"
}

@test "libc: 2.31: cancellation" {
	both_with bullseye "${cancellation[@]}"
}

@test "libc: 2.31: signals" {
	both_with bullseye "${signals[@]}"
}

@test "libc: 2.31: input and output" {
	both_with bullseye "${input_output[@]}"
}

@test "libc: 2.31: processes" {
	both_with bullseye "${processes[@]}"
}

@test "libc: 2.31: a program without libpthread is left alone, and a library with it may come later" {
	obtain bullseye
	cd "$BATS_TEST_TMPDIR"
	cat >late.c <<-'END'
		#include <pthread.h>
		static void *run(void *arg) { return arg; }
		long late(void)
		{
			pthread_t t;
			void *result = 0;
			if (pthread_create(&t, 0, run, (void *)42L) || pthread_join(t, &result))
				return -1;
			return (long)result;
		}
	END
	cat >main.c <<-'END'
		#include <dlfcn.h>
		#include <stdio.h>
		int main(int argc, char **argv)
		{
			long (*late)(void);
			void *library;
			if (argc < 2)
				return puts("no thread") < 0;
			library = dlopen(argv[1], RTLD_NOW);
			late = library ? (long (*)(void))dlsym(library, "late") : 0;
			printf("%ld\n", late ? late() : -2L);
			return 0;
		}
	END
	$cc -shared -fPIC -o late.so late.c -pthread
	$cc -o main main.c -ldl
	refute grep -q libpthread <(readelf -d main)
	compare ./main
	[ "$(cat greenshim.out)" = "no thread" ]
	both "$PWD/main" ./late.so
	[ "$(cat greenshim.out)" = 42 ]
}

@test "libc: 2.41: every syscall instruction is found, none is left" {
	compare_sites trixie
}

# The one site of all cancellation points: the kernel must see a program counter in libc.
@test "libc: 2.41: the site of cancellation points keeps its instruction" {
	local address

	obtain trixie
	"$build/greenshim-check" --sites "$objects/libc.so.6" >"$BATS_TEST_TMPDIR/sites"
	# __syscall_cancel_arch puts the address of the flag aside, last of all before its instruction.
	address=$(objdump -d --no-show-raw-insn "$objects/libc.so.6" |
		awk '$2 == "syscall" && last == "mov %r11,0x8(%rsp)" { sub(":", "", $1); print $1 } { last = $2 " " $3 }')
	echo "$address"
	[ "$(wc -w <<<"$address")" -eq 1 ]
	grep -E "^$address -1 before " "$BATS_TEST_TMPDIR/sites"
}

@test "libc: 2.41: pthreads" {
	both_with trixie "${pthreads[@]}"
}

@test "libc: 2.41: cancellation" {
	both_with trixie "${cancellation[@]}"
}

@test "libc: 2.41: signals" {
	both_with trixie "${signals[@]}"
}

@test "libc: 2.41: input and output" {
	both_with trixie "${input_output[@]}"
}

@test "libc: 2.41: processes" {
	both_with trixie "${processes[@]}"
}

@test "libc: 2.41: programs of this release, by that loader" {
	local libraries name

	obtain trixie
	libraries=$objects:$(dirname "$(cc -print-file-name=libstdc++.so.6)")
	for name in thread_cpp thread_basic cancel_points net_stream signal_wait; do
		both "$objects/ld-linux-x86-64.so.2" --library-path "$libraries" "$programs/$name"
	done
}
