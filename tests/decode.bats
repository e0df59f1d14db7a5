# The decoder of x86-64 instructions against objdump, and against bytes that are none.

load helpers

setup() {
	[ "$(uname -m)" = x86_64 ] || skip "there is no code of x86-64 here"
	type -P objdump >/dev/null || skip "objdump is not on this machine"
}

# agrees NAME...: with objdump on all of these objects of the dynamic linker's path; at least one is there.
agrees() {
	local name path found=()

	for name in "$@"; do
		path=$(cc -print-file-name="$name")
		[ ! -e "$path" ] || found+=("$(readlink -f "$path")")
	done
	[ ${#found[@]} -gt 0 ] || skip "not on this machine"
	"$build/tests/sites/decode" "${found[@]}"
}

@test "decode: lengths, kinds, targets and operands in libc and the dynamic linker are objdump's" {
	agrees libc.so.6 ld-linux-x86-64.so.2
}

@test "decode: in libm and libgomp, with AVX and x87" {
	agrees libm.so.6 libgomp.so.1
}

@test "decode: in libstdc++" {
	agrees libstdc++.so.6
}

@test "decode: in libcrypto, which has every vector extension, and tables between its functions" {
	agrees libcrypto.so.3 libcrypto.so.1.1
}

# Every opcode of every map, of a rip-relative operand and of a register, with the prefixes that change lengths. Not 66 c7 f8, an xbegin
# rel16 that is refused; not d5, a prefix of APX; and no prefix after REX, where objdump forgets those before it. (In decimal: mawk.)
every_opcode() {
	awk 'BEGIN {
		split("|0x66,|0x48,|0x66,0x48,|0x67,|0xf2,|0xf3,|0x0f,|0x66,0x0f,|0x48,0x0f,|0xf2,0x0f,|0xf3,0x0f,|0x0f,0x38,|0x66,0x0f,0x38," \
		      "|0x0f,0x3a,|0x66,0x0f,0x3a,|0xc5,0xf8,|0xc5,0xfd,|0xc4,0xe1,0x79,|0xc4,0xe2,0x79,|0xc4,0xe3,0x79,|0xc4,0xe2,0xfa," \
		      "|0x62,0xf1,0x7c,0x48,|0x62,0xf2,0x7d,0x48,|0x62,0xf3,0x7d,0x48,|0x62,0xf5,0x7c,0x48,|0x62,0xf6,0x7d,0x48," \
		      "|0x8f,0xe8,0x78,|0x8f,0xe9,0x78,|0x8f,0xea,0x78,", prefixes, "|")
		print ".globl _start\n_start:"
		for (i in prefixes)
			for (opcode = 0; opcode < 256; opcode++)
				for (reg = 0; reg < 8; reg++)
					for (mode = 0; mode < 2; mode++) {
						modrm = reg * 8 + (mode ? 192 : 5)
						if (opcode == 213 || (prefixes[i] == "0x66," && opcode == 199 && modrm == 248))
							continue
						if (prefixes[i] ~ /0x48,$/ && opcode ~ /^(38|46|54|62|6[4-9]|7[0-9]|10[0-3]|24[023])$/)
							continue
						printf ".byte %s%d,%d\n.fill 13, 1, 0x90\n", prefixes[i], opcode, modrm
					}
	}'
}

@test "decode: every opcode" {
	every_opcode >"$BATS_TEST_TMPDIR/every.s"
	cc -nostdlib -static -o "$BATS_TEST_TMPDIR/every" "$BATS_TEST_TMPDIR/every.s"
	"$build/tests/sites/decode" "$BATS_TEST_TMPDIR/every"
}

@test "decode: two million random beginnings, where memory ends" {
	"$build/tests/sites/decode_fuzz" 2000000 1
}
