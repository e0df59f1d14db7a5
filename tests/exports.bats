# What the libraries show to the outside, and what the layers may refer to.

load helpers

# The names that a shared object's dynamic symbol table defines, without versions.
exported() {
	nm -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort
}

# The names that a version script lists.
listed() {
	sed -n '/global:/,/local:/s/^[[:space:]]*\([a-z_][a-z0-9_]*\);.*/\1/p' "$1" | sort
}

# The names that greenlet.h declares as exported: functions, and objects.
declared() {
	local all

	all=$(tr '\n' ' ' <"$root/core/greenlet.h" | grep -oE 'GREENLET_API [^;]*;')
	{
		sed -nE 's/^[^(]*[ *](greenlet_[a-z0-9_]+)\(.*/\1/p' <<<"$all"
		grep -F 'GREENLET_API extern const' <<<"$all" | sed 's/.*struct [a-z_]* //' | grep -oE 'greenlet_[a-z0-9_]+'
	} | sort
}

@test "exports: libgreenshim.so shows the interposed functions alone" {
	diff <(listed "$root/shim/libgreenshim.map") <(exported "$build/libgreenshim.so")
}

@test "exports: libgreenlet.so shows what greenlet.h declares, no more and no less" {
	[ "$(declared | wc -l)" -gt 10 ]
	diff <(declared) <(exported "$build/libgreenlet.so")
}

@test "exports: libgreenlet.a too, so that a program may link libev beside it" {
	diff <(declared) <(nm --defined-only -g "$build/libgreenlet.a" | awk 'NF == 3 { print $3 }' | sort)
	cat >"$BATS_TEST_TMPDIR/two.c" <<-'END'
		#include <ev.h>
		#include <greenlet.h>
		#include <stdio.h>

		int main(void)
		{
			printf("%d\n", ev_version_major() + (greenlet_sleep(0) < 0));
			return 0;
		}
	END
	cc -I"$root/core" -o "$BATS_TEST_TMPDIR/two" "$BATS_TEST_TMPDIR/two.c" "$build/libgreenlet.a" -lev -lm -pthread
	[ "$("$BATS_TEST_TMPDIR/two")" -eq 4 ]
}

@test "exports: the preloaded library needs libc alone, and neither a writable nor an executable extra" {
	readelf -dW "$build/libgreenshim.so" >"$BATS_TEST_TMPDIR/dynamic"
	refute grep -vxE 'libc\.so\.6|libpthread\.so\.0|libdl\.so\.2|ld-linux-.*' \
		<(sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' "$BATS_TEST_TMPDIR/dynamic")
	refute grep TEXTREL "$BATS_TEST_TMPDIR/dynamic"
	grep -q 'BIND_NOW\|FLAGS_1.*NOW' "$BATS_TEST_TMPDIR/dynamic"
	refute grep -E 'GNU_STACK.* R?W?E |LOAD.* RWE ' <(readelf -lW "$build/libgreenshim.so")
}

@test "exports: layers, exports and vector registers pass make lint" {
	BUILD=$build run "$root/scripts/lint" layers exported vectors
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "exports: greenlet.pc compiles and links a program against the installed library" {
	type -P pkg-config >/dev/null || skip "pkg-config is not on this machine"
	cd "$BATS_TEST_TMPDIR"
	make -s -C "$root" BUILD="$build" DESTDIR= PREFIX="$PWD/image" install >make.log 2>&1 || { cat make.log && return 1; }
	printf '#include <greenlet.h>\nint main(void) { return greenlet_sleep(0) < 0; }\n' >one.c
	export PKG_CONFIG_PATH=$PWD/image/lib/pkgconfig
	# shellcheck disable=SC2046 # words they are
	cc -o one one.c $(pkg-config --cflags --libs greenlet)
	LD_LIBRARY_PATH=$PWD/image/lib ./one
	[ "$(pkg-config --modversion greenlet)" = "$("$greenshim" --version | cut -d' ' -f2)" ]
}
