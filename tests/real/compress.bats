#!/usr/bin/env bats
# Threaded compressors: CPU work, condition variables, pipes and files. What
# they make is the same with any number of threads, so natively and under
# greenshim it must be the same to the byte, and give the data back.

load helpers

setup_file() {
	real_setup_file pigz xz zstd 7z lbzip2 plzip
	export data=$BATS_FILE_TMPDIR/data
	make_data >"$data"
}

teardown() {
	finish_all
}

# 24 MiB that compress neither well nor badly.
make_data() {
	local word

	for word in /usr/bin/gdb /usr/lib/x86_64-linux-gnu/libcrypto.so.3 /usr/bin/openssl /usr/bin/perl; do
		[ ! -f "$word" ] || cat "$word"
	done | head -c 16777216
	head -c 8388608 /dev/urandom | od -An -tx1 | head -c 8388608
}

# The same command by both; $1 is how many threads it makes at least.
both_ways() {
	local made=$1

	shift
	for how in native greenshim; do
		mode $how
		under "$@" <"$data" >"$BATS_TEST_TMPDIR/$how"
		check_threads "$made"
	done
	cmp "$BATS_TEST_TMPDIR/native" "$BATS_TEST_TMPDIR/greenshim"
	check_stats "$made"
}

@test "pigz with 8 threads makes the same file, which gunzip gives back" {
	both_ways 8 pigz -p 8 -b 512 -c
	gunzip <"$BATS_TEST_TMPDIR/greenshim" | cmp - "$data"
}

@test "pigz gives back what it made, reading and writing in threads" {
	mode greenshim
	gzip -1 <"$data" >"$BATS_TEST_TMPDIR/data.gz"
	under pigz -d -c "$BATS_TEST_TMPDIR/data.gz" | cmp - "$data"
	check_stats 1
}

@test "xz -T4 makes the same file, which xz -d gives back" {
	both_ways 4 xz -T4 -0 --block-size=4MiB -c
	xz -d <"$BATS_TEST_TMPDIR/greenshim" | cmp - "$data"
}

@test "xz -d -T4 gives the data back" {
	mode greenshim
	xz -T2 -0 --block-size=4MiB -c <"$data" >"$BATS_TEST_TMPDIR/data.xz"
	under xz -d -T4 -c <"$BATS_TEST_TMPDIR/data.xz" | cmp - "$data"
	check_stats 2
}

@test "zstd -T4 makes the same file, which zstd -d gives back" {
	both_ways 4 zstd -T4 -3 -B2MiB -c
	zstd -d -c <"$BATS_TEST_TMPDIR/greenshim" | cmp - "$data"
}

@test "7z with 4 threads makes an archive that gives the data back" {
	for how in native greenshim; do
		mode $how
		cp "$data" "$BATS_TEST_TMPDIR/data"
		(cd "$BATS_TEST_TMPDIR" && under 7z a -mx=1 -mmt=4 $how.7z data >7z.out)
		(cd "$BATS_TEST_TMPDIR" && rm data && under 7z x -mmt=4 $how.7z >7z.out)
		cmp "$BATS_TEST_TMPDIR/data" "$data"
	done
	check_stats 4
}

@test "lbzip2 and plzip with 4 threads make the same files, which they give back" {
	both_ways 4 lbzip2 -n4 -c
	lbzip2 -n4 -d <"$BATS_TEST_TMPDIR/greenshim" | cmp - "$data"
	both_ways 4 plzip -n4 -0 -c
	plzip -n4 -d <"$BATS_TEST_TMPDIR/greenshim" | cmp - "$data"
}
