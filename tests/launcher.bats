# The greenshim command: what it accepts, what it says, what it leaves alone.

load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# launch ARGUMENT...: stdout to the file out, stderr to err, exit status to $status.
launch() {
	status=0
	timeout -k 5 60 "$greenshim" "$@" >out 2>err </dev/null || status=$?
}

# refused STATUS TEXT: nothing on stdout, and one line on stderr that says TEXT.
refused() {
	[ "$status" -eq "$1" ] || { echo "exit status $status, not $1" && cat err && return 1; }
	[ ! -s out ]
	[ "$(wc -l <err)" -eq 1 ] || { cat err && return 1; }
	grep -F -- "greenshim: " err
	grep -F -- "$2" err
}

# A small program made on the spot: its C text, then the compiler's flags.
compile() {
	printf '%s\n' "$1" >program.c
	shift
	cc -o program program.c "$@"
}

@test "launcher: wrong usage is one line and exit status 2" {
	launch
	refused 2 "no program given"
	launch --nonsense true
	refused 2 "nonsense"
	launch --no-children=yes true
	refused 2 "no-children"
	for size in 0 1 16383 15k -1 x 8x 8mm "" 99999999999999999999 2000000g; do
		launch --stack "$size" true
		refused 2 "--stack"
	done
}

@test "launcher: a program that is not there is 127, one that cannot be executed 126" {
	launch no-such-program-anywhere
	refused 127 "not found"
	launch ./no-such-file
	refused 127 "no such file"
	launch "$BATS_TEST_TMPDIR"
	refused 126 "is a directory"
	echo text >plain
	launch ./plain
	refused 126 "permission denied"
}

@test "launcher: a library that is missing or cannot be named is 125" {
	GREENSHIM_LIBRARY=/nowhere/lib.so launch true
	refused 125 "/nowhere/lib.so"
	mkdir "with space"
	cp "$build/libgreenshim.so" "with space/"
	GREENSHIM_LIBRARY="$PWD/with space/libgreenshim.so" launch true
	refused 125 "with space"
	mkdir -p tree/scripts
	cp "$greenshim" tree/scripts/
	greenshim=tree/scripts/greenshim
	GREENSHIM_LIBRARY='' launch true
	refused 125 "run make in"
}

@test "launcher: --help and --version go to stdout" {
	launch --help
	[ "$status" -eq 0 ]
	[ ! -s err ]
	grep -q '^usage: greenshim \[options\] program' out
	for option in $(sed -n 's/^known=//p' "$greenshim" | tr -d : | tr , ' '); do
		grep -q -- "--$option" out
		grep -qF -- "--$option" "$root/README.md"
	done
	[ "$option" = help ] # the last of them: there was a list
	launch --version
	[ "$status" -eq 0 ]
	[ ! -s err ]
	grep -xE 'greenshim [0-9]+\.[0-9]+\.[0-9]+' out
	cp out long
	launch -V
	cmp out long
}

@test "launcher: arguments, input, output and exit status are the program's own" {
	launch printf '<%s>' a '' 'b  c' '*' --stats -h
	[ "$status" -eq 0 ]
	[ ! -s err ]
	[ "$(cat out)" = "<a><><b  c><*><--stats><-h>" ]
	launch sh -c 'exit 7'
	[ "$status" -eq 7 ]
	launch -- sh -c 'kill -9 $$'
	[ "$status" -eq 137 ]
	[ "$(printf 'one\ntwo\n' | "$greenshim" cat)" = "$(printf 'one\ntwo\n')" ]
	launch sh -c 'echo "$0"'
	[ "$(cat out)" = sh ]
}

@test "launcher: what follows the program is never read as an option of greenshim's" {
	launch echo --version --nonsense
	[ "$(cat out)" = "--version --nonsense" ]
}

@test "launcher: threads are greenlets, and the program's output is the same" {
	both launcher_hello 20 3
	assert_stat threads_made 20
	assert_os_threads_one
}

@test "launcher: plain LD_PRELOAD does the same" {
	LD_PRELOAD=$GREENSHIM_LIBRARY GREENSHIM_STATS=stats timeout 60 "$programs/launcher_hello" 10 >out
	[ "$(wc -l <out)" -eq 10 ]
	grep -x 'threads_made 10' stats
	grep -x 'os_threads 1' stats
}

@test "launcher: an LD_PRELOAD of others stays, behind" {
	launch sh -c 'echo "$LD_PRELOAD"'
	[ "$(cat out)" = "$GREENSHIM_LIBRARY" ]
	libm=$(ldd /usr/bin/awk | sed -n 's/.*=> \(.*libm\.so\.6\) .*/\1/p')
	LD_PRELOAD=$libm launch sh -c 'echo "$LD_PRELOAD"'
	[ "$(cat out)" = "$GREENSHIM_LIBRARY:$libm" ]
	launch "$greenshim" sh -c 'echo "$LD_PRELOAD"'
	[ "$(cat out)" = "$GREENSHIM_LIBRARY" ]
}

@test "launcher: --stats writes to stderr, --stats=FILE to the file, and neither to stdout" {
	launch --stats "$programs/launcher_hello" 5
	[ "$status" -eq 0 ]
	[ "$(wc -l <out)" -eq 5 ]
	grep -x 'threads_made 5' err
	launch --stats=figures sh -c "cd / && exec $programs/launcher_hello 6"
	[ "$status" -eq 0 ]
	[ ! -s err ]
	grep -x 'threads_made 6' figures
	for key in threads_most_alive os_threads switches kernel_calls offloaded hub_blocked_ns sites_found sites_patched \
		sites_left; do
		grep -E "^$key [0-9]+$" figures
	done
	launch --stats=figures.%p "$programs/launcher_hello" 2
	[ "$(cat figures.[0-9]* | grep -c threads_made)" -eq 1 ]
}

@test "launcher: --stack is the size of stacks for which the program asks none" {
	compile '
		#define _GNU_SOURCE
		#include <pthread.h>
		#include <stdio.h>
		static void *size_of(void *arg)
		{
			pthread_attr_t a;
			size_t size;
			pthread_getattr_np(pthread_self(), &a);
			pthread_attr_getstacksize(&a, &size);
			printf("%zu\n", size);
			return arg;
		}
		int main(void)
		{
			pthread_t t;
			pthread_attr_t a;
			pthread_create(&t, NULL, size_of, NULL);
			pthread_join(t, NULL);
			pthread_attr_init(&a);
			pthread_attr_setstacksize(&a, 64 << 10);
			pthread_create(&t, &a, size_of, NULL);
			pthread_join(t, NULL);
			return 0;
		}' -pthread
	launch --stack 512k ./program
	[ "$status" -eq 0 ]
	[ "$(cat out)" = "$(printf '%s\n' $((512 << 10)) $((64 << 10)))" ]
}

@test "launcher: --no-children leaves what the program starts alone" {
	launch --no-children sh -c 'env | grep -E "GREENSHIM_(STATS|NO_CH|STACK)|PRELOAD"; true'
	[ "$status" -eq 0 ]
	[ ! -s out ]
	launch --no-children sh -c 'grep -c greenshim /proc/$$/maps; sh -c "grep -c greenshim /proc/\$\$/maps"'
	[ "$(head -n 1 out)" -gt 0 ]
	[ "$(tail -n 1 out)" -eq 0 ]
	launch sh -c 'sh -c "grep -c greenshim /proc/\$\$/maps"'
	[ "$(cat out)" -gt 0 ]
}

@test "launcher: a program that makes no thread is not touched" {
	launch --stats=figures grep -c '^' /proc/self/maps
	[ "$status" -eq 0 ]
	[ ! -e figures ] || refute grep -E '^(threads_made|sites_patched) [1-9]' figures
	launch sh -c 'grep -E " r-xp .*(memfd|libc.so)" /proc/$$/maps'
	[ "$(wc -l <out)" -eq 1 ]
	refute grep memfd out
}

@test "launcher: a static program runs natively, and one line says so" {
	compile 'int main(void) { return 3; }' -static
	launch ./program
	refused 3 "statically linked; it runs natively"
	compile 'int main(void) { return 4; }' -static-pie
	launch ./program
	refused 4 "statically linked; it runs natively"
	printf '#!%s/program\n' "$PWD" >script
	chmod +x script
	launch ./script
	refused 4 "statically linked; it runs natively"
}

@test "launcher: so do setuid programs, those of another C library and of another CPU" {
	compile 'int main(void) { return 5; }'
	cp program other
	# A byte of the ELF header: e_machine.
	printf '\x15' | dd of=other bs=1 seek=18 conv=notrunc status=none
	launch ./other
	grep -F "is for another CPU" err
	[ "$status" -eq 126 ]
	compile 'int main(void) { return 5; }' -Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1
	launch ./program
	grep -F "does not use the GNU C library" err
	[ "$(id -u)" -eq 0 ] || skip "not root: a setuid program of another user cannot be made"
	compile 'int main(void) { return 5; }'
	chown nobody program
	chmod u+s program
	launch ./program
	refused 5 "setuid or setgid); it runs natively"
}

@test "launcher: the loader as the program, and scripts, are no exception" {
	loader=$(ldd /bin/true | sed -n 's,^\s*\(/[^ ]*ld-[^ ]*\) .*,\1,p')
	launch "$loader" "$programs/launcher_hello" 3
	[ "$status" -eq 0 ]
	[ ! -s err ]
	[ "$(wc -l <out)" -eq 3 ]
	printf '#!/usr/bin/env sh\nexec %s 4\n' "$programs/launcher_hello" >script
	chmod +x script
	launch --stats=figures ./script
	[ "$status" -eq 0 ]
	[ ! -s err ]
	grep -x 'threads_made 4' figures
}

@test "launcher: GREENSHIM_OFF=1 runs natively" {
	GREENSHIM_OFF=1 launch --stats=figures "$programs/launcher_hello" 4
	[ "$status" -eq 0 ]
	[ "$(wc -l <out)" -eq 4 ]
	[ ! -e figures ]
}

@test "launcher: a bad GREENSHIM_STACK is reported in one line, and ignored" {
	GREENSHIM_STACK=huge launch "$programs/launcher_hello" 4
	[ "$status" -eq 0 ]
	[ "$(wc -l <out)" -eq 4 ]
	[ "$(wc -l <err)" -eq 1 ]
	grep GREENSHIM_STACK err
}

@test "launcher: options of any value never stop the program, and are complained of in one line" {
	local long name value

	long=$(printf '%0300d' 7)
	for name in STACK HUBS PREEMPT SEED FILES; do
		for value in '' - 0x10 99999999999999999999 '%s%n' $'a\nb\n' $'\x01\xff' \
			1025g "$long"; do
			export "GREENSHIM_$name=$value"
			launch "$programs/launcher_hello" 2
			[ "$status" -eq 0 ] && [ "$(wc -l <out)" -eq 2 ] && [ "$(wc -l <err)" -le 1 ] && continue
			echo "GREENSHIM_$name=$value: $status"
			cat out err
			return 1
		done
		unset "GREENSHIM_$name"
	done
	GREENSHIM_STATS=$(printf '/%0300d' 7) launch "$programs/launcher_hello" 2
	[ "$status" -eq 0 ]
	[ "$(wc -l <err)" -eq 1 ]
}

@test "launcher: --check says whether a program can run" {
	launch --check "$programs/launcher_hello"
	[ "$status" -eq 0 ]
	grep -iE 'sites' out
	compile 'int main(void) { return 3; }' -static
	launch --check ./program
	[ "$status" -eq 1 ]
	grep -h 'static' out err
	mkdir home
	echo 'int f(void) { return 3; }' >f.c
	cc -shared -fPIC -o home/libf.so f.c
	compile 'int f(void); int main(void) { return f(); }' -Lhome -lf -Wl,-rpath,'$ORIGIN'
	mv program home
	ln -s home/program link
	launch --check ./link
	[ "$status" -eq 0 ]
	launch --check no-such-program-anywhere
	refused 127 "not found"
}

@test "launcher: --dump of what is no process, and of a native one, is one line" {
	launch --dump 0
	refused 2 "cannot dump"
	launch --dump $$
	refused 1 "does not run under greenshim"
}

@test "launcher: works through a symbolic link and from PATH" {
	ln -s "$greenshim" gs
	PATH=$PWD:$PATH
	[ "$(gs echo hello)" = hello ]
	cd /
	[ "$(gs echo hello)" = hello ]
}

@test "launcher: installed, it finds its library; make uninstall takes everything away" {
	[ -w "$build" ] || skip "the build is not ours"
	make -s -C "$root" BUILD="$build" DESTDIR="$PWD/image" PREFIX=/usr install >make.log 2>&1 || { cat make.log && return 1; }
	greenshim=$PWD/image/usr/bin/greenshim
	unset GREENSHIM_LIBRARY
	launch --stats "$programs/launcher_hello" 3
	[ "$status" -eq 0 ]
	[ "$(wc -l <out)" -eq 3 ]
	grep -x 'threads_made 3' err
	launch sh -c 'echo "$LD_PRELOAD"'
	[ "$(cat out)" = "$PWD/image/usr/lib/greenshim/libgreenshim.so" ]
	launch bench
	[ "$status" -eq 2 ]
	grep -F "greenshim bench: no server given" err
	make -s -C "$root" BUILD="$build" DESTDIR="$PWD/image" PREFIX=/usr uninstall
	[ -z "$(find image -type f -o -type l)" ]
	[ ! -e image/usr/lib/greenshim ]
	[ ! -e image/usr/libexec/greenshim ]
}

@test "launcher: a program with a leak sanitizer runs natively, unless that is off" {
	local program=$BATS_TEST_TMPDIR/sanitized

	gcc -fsanitize=address -pthread -D_GNU_SOURCE -o "$program" "$root/tests/programs/once_basic.c" 2>/dev/null ||
		skip "no libasan"
	export ASAN_OPTIONS=verify_asan_link_order=0
	compare "$program"
	grep -q 'sanitizer looks for leaks.*runs natively' "$BATS_TEST_TMPDIR/greenshim.err"
	export ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0
	both "$program"
}

# Words that mean something, nearly something, or nothing.
words=(--hubs --hubs=2 --hubs=65 --stack --stack= --stack=16k --stack=8m 16k 8m 15k -1 --stats --stats=figures --stats= --preempt --preempt=off off 10
	10001 --files --files=pool direct pool --syscalls --syscalls=all sites all --seed --seed=7 7 --no-children --no-children=1
	--no --s --check --check=true --dump --dump=0 999999999 -h -V -hV -x --version=1 -- - '' ' ' '*' '%n%s' '$(false)' '`' "'" '"'
	';' $'\n' $'a\nb' $'\e[31m' $'\xff\xfe' '~' true /bin/true ./none .)

@test "launcher: whatever the arguments, an exit status of the table, and one line where it refuses" {
	local i n arguments

	RANDOM=1
	touch figures
	for ((i = 0; i < 400; i++)); do
		arguments=()
		for ((n = RANDOM % 6; n > 0; n--)); do
			arguments+=("${words[RANDOM % ${#words[@]}]}")
		done
		launch "${arguments[@]}"
		printf '%q ' "$status:" "${arguments[@]}" && echo
		case $status in
		0) ;;
		1) grep -qE -- '(--check|--dump)' <<<"${arguments[*]}" ;;
		2 | 126 | 127) refused "$status" "" >/dev/null ;;
		*) cat err && return 1 ;;
		esac
	done
}

@test "launcher: whatever the environment, the program runs, and each bad value is one line" {
	local i names=(STACK HUBS STATS PREEMPT FILES SYSCALLS SEED VERBOSE STALL NO_CHILDREN OFF DUMP) values name

	RANDOM=2
	run_natively native "$programs/key_basic"
	for ((i = 0; i < 100; i++)); do
		values=(LD_PRELOAD="$GREENSHIM_LIBRARY")
		for name in "${names[@]}"; do
			((RANDOM % 3)) || values+=("GREENSHIM_$name=${words[RANDOM % ${#words[@]}]#*=}")
		done
		printf '%q ' "${values[@]}" && echo
		run_natively under env "${values[@]}" "$programs/key_basic"
		[ "$status" -eq 0 ]
		cmp "$BATS_TEST_TMPDIR/native.out" "$BATS_TEST_TMPDIR/under.out"
		cat "$BATS_TEST_TMPDIR/under.err"
		refute env LC_ALL=C grep -avE '^greenshim: (GREENSHIM_[A-Z_]*=.* is ignored: expected |[0-9]+ system call sites)|^[a-z0-9_.]+ [0-9]+$' \
			"$BATS_TEST_TMPDIR/under.err"
	done
}

# bytes WHEN [CALL]: what a thread that waits takes with --small-tls WHEN.
bytes() {
	"$greenshim" --stack 256k --small-tls "$1" "$build/tests/bench/memory" 5000 ${2+"$2"}
}

unsure() {
	if "$build/greenshim-check" --small-tls "$1"; then
		echo "it is sure of $1"
		return 1
	fi
}

@test "launcher: --small-tls saves a waiting thread a page, by itself where no library comes late" {
	off=$(bytes off) on=$(bytes on) auto=$(bytes auto)
	echo "off $off, on $on, auto $auto"
	[ "$on" -lt $((off - 2500)) ]
	[ "$auto" -lt $((off - 2500)) ]
}

@test "launcher: a thread that waits in any call touches one page of its stack with --small-tls" {
	for call in lock cond read recv poll sleep; do
		bytes=$(bytes auto "$call")
		echo "$call: $bytes"
		[ "$bytes" -lt 7000 ]
	done
}

@test "launcher: --small-tls auto leaves the room to what may load a library" {
	cat >late.c <<-'END'
		__thread char own[1000] __attribute__((tls_model("initial-exec")));
		char *late(void) { return own; }
	END
	cc -shared -fPIC -o late.so late.c
	for way in dlopen dlmopen dlsym; do
		case $way in
		dlopen) call='dlopen("./late.so", RTLD_NOW)' ;;
		dlmopen) call='dlmopen(LM_ID_NEWLM, "./late.so", RTLD_NOW)' ;;
		dlsym) call='((void *(*)(const char *, int))dlsym(RTLD_DEFAULT, "dlopen"))("./late.so", RTLD_NOW)' ;;
		esac
		compile "#define _GNU_SOURCE
			#include <dlfcn.h>
			#include <stdio.h>
			int main(void) { void *o = $call; puts(o ? \"loaded\" : dlerror()); return !o; }"
		unsure ./program
		./program
		launch ./program
		[ "$status" -eq 0 ] || { cat out err && return 1; }
		launch --small-tls on ./program
		[ "$status" -eq 1 ] || { cat out err && return 1; }
		GREENSHIM_SMALL_TLS=on launch --small-tls off ./program
		[ "$status" -eq 0 ] || { cat out err && return 1; }
	done
}

@test "launcher: --small-tls auto is sure of nothing in an unknown library, program or environment" {
	compile 'int main(void) { return 0; }'
	"$build/greenshim-check" --small-tls ./program
	LD_AUDIT=./none.so unsure ./program
	LD_PRELOAD=$build/libgreenshim.so unsure ./program
	LD_LIBRARY_PATH=. unsure ./program
	GLIBC_TUNABLES=glibc.malloc.check=0 unsure ./program
	echo 'int f(void) { return 0; }' | cc -shared -fPIC -o libf.so -x c -
	compile 'int f(void); int main(void) { return f(); }' -L. -lf
	unsure ./program
	compile 'int main(void) { return 0; }' -Wl,-rpath,/opt
	unsure ./program
	compile 'int main(void) { return 0; }' -static
	unsure ./program
	echo 'int f(void) { return 0; }' >f.c
	cc -shared -fPIC -o libf.so f.c
	"$build/greenshim-check" --small-tls ./libf.so
	cc -shared -fPIC -Wl,-f,libmore.so -o libf.so f.c
	unsure ./libf.so
	unsure ./program.c
	unsure ./nothing
	unsure "$(type -P bash)"
	for size in 1 64 400 1000 2000; do
		head -c $size program >part
		unsure ./part
	done
}

@test "launcher: a program and what it starts find no trace of --small-tls, and their own tunables" {
	compile '#include <stdio.h>
		#include <stdlib.h>
		int main(void) { const char *t = getenv("GLIBC_TUNABLES"); puts(t ? t : "none"); return system("env | grep -i tuna"); }'
	./program >native || :
	launch --small-tls on ./program
	diff native out
	launch ./program
	diff native out
	export GLIBC_TUNABLES=glibc.malloc.tcache_count=3
	./program >native
	launch --small-tls on ./program
	diff native out
	launch --small-tls maybe ./program
	refused 2 "--small-tls"
}
