# Finding and patching system calls: what is found against objdump's disassembly, what is written by executing it, and
# what happens where nothing may be written.

load helpers

# compare_sites NAME_OR_PATH [--exact]: a library by its name in the loader's cache.
compare_sites() {
	local path=$1

	shift
	[[ $path == /* ]] || path=$(ldconfig -p | sed -n "s,^\s*$path (.*x86-64.*) => ,,p" | head -n 1)
	[ -r "$path" ] || return 0
	"$build/greenshim-check" --sites "$path" >sites || return 1
	python3 "$root/tests/sites/compare.py" "$@" "$path" sites
}

loader() {
	ldd "$BASH" | sed -n 's,^\s*\(/[^ ]*ld-[^ ]*\) .*,\1,p'
}

setup() {
	[ "$(uname -m)" = x86_64 ] || skip "compares with objdump for x86-64"
	cd "$BATS_TEST_TMPDIR"
}

@test "sites: in glibc's objects, every syscall instruction; windows that nothing else leads to" {
	local object some=0

	for object in libc.so.6 "$(loader)" libpthread.so.0 librt.so.1 libanl.so.1 libresolv.so.2; do
		compare_sites "$object" --exact >out || { cat out && return 1; }
		cat out
		some=$((some + $(sed -n 's/.*; \([0-9]*\) sites found.*/\1/p' out)))
	done
	[ "$some" -gt 400 ]
}

@test "sites: none of libc's and the loader's is left" {
	local object

	for object in "$(ldd "$BASH" | sed -n 's,.*=> \(.*/libc\.so\.6\) .*,\1,p')" "$(loader)"; do
		"$build/greenshim-check" --sites "$object" | tail -n 1 | tee last
		grep ' left 0$' last
	done
}

@test "sites: in other libraries and programs, the same where something is found" {
	local object

	for object in libgomp.so.1 libcrypto.so.3 libstdc++.so.6 libgcc_s.so.1 liburing.so.2 libuv.so.1 libglib-2.0.so.0 \
		/usr/bin/python3.11 /usr/bin/perl; do
		compare_sites "$object" || return 1
	done
}

# Changes to a true list that each must be noticed.
@test "sites: the comparison notices what is wrong" {
	local libc script

	libc=$(ldd "$BASH" | sed -n 's,.*=> \(.*/libc\.so\.6\) .*,\1,p')
	"$build/greenshim-check" --sites "$libc" >true
	for script in '5d' 's/^\([0-9a-f]* \)202 before/\1203 before/' '0,/ before /s/\(before [0-9a-f]*\)\([0-9a-f]\) /\1f /' \
		'0,/ across / s/ across / before /' '0,/ native /s/ \([0-9]*\) native 0 0/ \1 before 28000 28005/' \
		'0,/ 202 before /s/ 202 before.*/ 202 native 0 0/' '$s/found 5/found 6/'; do
		sed "$script" true >false
		refute cmp -s true false
		! python3 "$root/tests/sites/compare.py" --exact "$libc" false >out || { echo "$script passed" && return 1; }
	done
}

@test "sites: stubs of every kind run, pass and answer; what is too far away is refused" {
	run "$build/tests/sites/stub"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *" sites" ]]
}

# sites_with FOLDER: found, patched and left in a program that uses the C library of that folder.
sites_with() {
	rm -f figures
	LD_LIBRARY_PATH=$1 GREENSHIM_STATS=figures LD_PRELOAD=$GREENSHIM_LIBRARY "$programs/launcher_hello" 2 >/dev/null
	grep -x 'threads_made 2' figures >/dev/null
	sed -n 's/^sites_[a-z]* //p' figures | tr '\n' ' '
}

@test "sites: what the build found beforehand is what a search finds; another library is searched" {
	local libc usual found patched left

	libc=$(ldd "$BASH" | sed -n 's,.*=> \(.*/libc\.so\.6\) .*,\1,p')
	diff <("$build/greenshim-check" --table "$libc" "$(loader)") "$build/known.inc"
	mkdir same other changed
	cp "$libc" same/libc.so.6
	"$build/greenshim-check" --sites "$libc" >list
	# Another build id; and the same, but one call has another number: getpid's instead of sched_setaffinity's.
	python3 - "$libc" "$(readelf -n "$libc" | sed -n 's/.*Build ID: //p')" "$(sed -n 's/^[0-9a-f]* 203 before \([0-9a-f]*\) .*/\1/p' list)" <<-'END'
		import struct, sys
		data = open(sys.argv[1], "rb").read()
		id, site = bytes.fromhex(sys.argv[2]), int(sys.argv[3].split()[0], 16)
		at = data.index(id)
		open("other/libc.so.6", "wb").write(data[:at] + bytes(len(id)) + data[at + len(id):])
		phoff, = struct.unpack_from("<Q", data, 32)
		for i in range(struct.unpack_from("<H", data, 56)[0]):
		    kind, _, offset, address, _, size = struct.unpack_from("<IIQQQQ", data, phoff + 56 * i)
		    if kind == 1 and address <= site < address + size:
		        at = site - address + offset
		assert data[at:at + 5] == bytes.fromhex("b8cb000000")
		open("changed/libc.so.6", "wb").write(data[:at + 1] + b"\x27" + data[at + 2:])
	END
	usual=$(sites_with same)
	read -r found patched left <<<"$usual"
	echo "$usual"
	[ "$patched" -gt 200 ]
	[ "$(sites_with other)" = "$usual" ]
	[ "$(sites_with changed)" = "$found $((patched - 1)) $left " ]
}

@test "sites: no memory is writable and executable at once, and text is changed in this process alone" {
	local pid i libc

	mkfifo end
	GREENSHIM_STATS=$BATS_TEST_TMPDIR/stats "$greenshim" "$programs/dump_target" <end >/dev/null &
	pid=$!
	exec {writer}>end
	# Once libc's text is in several pieces, the first thread was made.
	for ((i = 0; i < 200; i++)); do
		[ "$(grep -c ' r-xp .*/libc\.so\.6' "/proc/$pid/maps")" -lt 2 ] || break
		sleep 0.05
	done
	cp "/proc/$pid/maps" maps
	echo >&"$writer"
	wait "$pid"
	cat maps
	[ "$(grep -c ' r-xp .*/libc\.so\.6' maps)" -ge 2 ]
	refute grep -E '^[0-9a-f]+-[0-9a-f]+ .wx' maps
	grep -xE 'sites_patched [1-9][0-9]+' "$BATS_TEST_TMPDIR/stats"
}

# denied WHAT: five threads say hello natively and under greenshim, where WHAT is denied.
denied() {
	run_natively native "$build/tests/sites/deny" "$1" "$programs/launcher_hello" 5
	[ "$status" -ne 77 ] || skip "$(cat "$BATS_TEST_TMPDIR/native.out")"
	[ "$status" -eq 0 ]
	run_under denied "$build/tests/sites/deny" "$1" "$programs/launcher_hello" 5
	[ "$status" -eq 0 ]
	diff "$BATS_TEST_TMPDIR/native.out" "$BATS_TEST_TMPDIR/denied.out"
	cat "$BATS_TEST_TMPDIR/denied.err"
}

ran_natively() {
	[ "$(wc -l <"$BATS_TEST_TMPDIR/denied.err")" -eq 1 ]
	grep -E "^greenshim: system calls could not be redirected: .*$1.*; the program runs natively$" "$BATS_TEST_TMPDIR/denied.err"
	refute grep -rE '^threads_made [1-9]' "$statistics"
}

ran_as_greenlets() {
	[ ! -s "$BATS_TEST_TMPDIR/denied.err" ]
	assert_stat threads_made 5
	assert_stat sites_patched 100
}

@test "sites: where nothing is denied, threads are greenlets" {
	denied none
	ran_as_greenlets
}

@test "sites: so they are where memory may not become executable" {
	denied gain
	ran_as_greenlets
	denied exec
	ran_as_greenlets
	denied move
	ran_as_greenlets
}

@test "sites: so they are where there is no memfd, or a limit for a file's size" {
	denied file
	ran_as_greenlets
	(
		ulimit -f 0
		GREENSHIM_STATS=stderr "$greenshim" "$programs/launcher_hello" 5 2>&1 | cat
	) | tee limited
	grep -x 'hello from thread 4' limited
	grep -x 'threads_made 5' limited
}

@test "sites: where code cannot be made at all, the program runs natively, and one line says so" {
	denied file,gain
	ran_natively "code cannot be made executable: Permission denied"
	denied file,exec
	ran_natively "code cannot be made executable: Operation not permitted"
	denied file,move
	ran_natively "code cannot be made executable: Operation not permitted"
}

@test "sites: where the signal that greenshim needs is another's, the program runs natively, and one line says so" {
	denied signal
	[ "$(wc -l <"$BATS_TEST_TMPDIR/denied.err")" -eq 1 ]
	grep "^greenshim: the last signal is another's, .*: Operation not permitted; the program runs natively$" \
		"$BATS_TEST_TMPDIR/denied.err"
	refute grep -rE '^threads_made [1-9]' "$statistics"
}

@test "sites: threads that wait by calls of their own, in functions that no table describes: natively, and one line says so" {
	local name=thread_undescribed

	compare $name
	mv "$BATS_TEST_TMPDIR/greenshim.err" "$BATS_TEST_TMPDIR/denied.err"
	ran_natively "wait in code that no table describes"
	run_natively check "$build/greenshim-check" "$programs/$name"
	[ "$status" -eq 1 ]
	grep -x ".*/$name cannot run under greenshim: it has threads that wait in code that no table describes" \
		"$BATS_TEST_TMPDIR/check.out"
}

@test "sites: a function is looked at once, whatever lies behind it that no table describes" {
	cat >behind.s <<-'END'
		.globl described, last
		described:
		        .cfi_startproc
		        mov $35, %eax
		        syscall
		        ret
		        .cfi_endproc
		        mov $1, %eax
		        syscall
		        ret
		        mov $0, %eax
		        syscall
		        ret
		last:
		        .cfi_startproc
		        ret
		        .cfi_endproc
		        .section .note.GNU-stack
	END
	${CC:-cc} -shared -nostdlib -o behind.so behind.s
	"$build/greenshim-check" --sites ./behind.so >list
	cat list
	[ "$(tail -n 1 list)" = "found 1 redirected 1 native 0 left 0" ]
}

# damaged FILE...: what --check says of each: one line, and the exit status 1.
damaged() {
	local file status

	for file in "$@"; do
		chmod +x "$file"
		status=0
		timeout 60 "$build/greenshim-check" "$file" >"$BATS_TEST_TMPDIR/said" 2>&1 || status=$?
		[ "$status" -eq 1 ] && [ "$(wc -l <"$BATS_TEST_TMPDIR/said")" -eq 1 ] && continue
		echo "$file: exit status $status"
		cat "$BATS_TEST_TMPDIR/said"
		return 1
	done
}

@test "sites: damaged files, with counts and offsets of any value, are looked at without a crash" {
	for seed in 1 2 3; do
		"$build/tests/sites/object_fuzz" "$(cc -print-file-name=ld-linux-x86-64.so.2)" 3000 $seed
	done
}

@test "sites: --check of a damaged file is one line" {
	local size

	cd "$BATS_TEST_TMPDIR"
	for size in 0 1 3 4 16 63 64 100 800 12000; do
		head -c $size /bin/true >cut.$size
	done
	# e_phoff, e_phentsize, e_phnum, the first segment's p_vaddr
	for at in 32 39 54 56; do
		cp /bin/true field.$at
		printf '\377\377' | dd of=field.$at bs=1 seek=$at conv=notrunc status=none
	done
	damaged cut.* field.*
}
