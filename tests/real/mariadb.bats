#!/usr/bin/env bats
# MariaDB, a thread for each connection, and mysqlslap, a threaded client.

load helpers

setup_file() {
	real_setup_file mariadbd mariadb-install-db mysqlslap
	make_database
}

teardown() {
	finish_all
}

# The system's own configuration is never read: --no-defaults comes first.
make_database() {
	mariadb-install-db --no-defaults --user="$(id -un)" --datadir="$BATS_FILE_TMPDIR/data" \
		--auth-root-authentication-method=normal --skip-test-db \
		>"$BATS_FILE_TMPDIR/install.out" 2>&1
}

start_database() {
	cp -a "$BATS_FILE_TMPDIR/data" "$BATS_TEST_TMPDIR/data"
	socket=$BATS_TEST_TMPDIR/db.sock
	port=$(free_port)
	"$1" mariadbd mariadbd --no-defaults --user="$(id -un)" --datadir="$BATS_TEST_TMPDIR/data" \
		--socket="$socket" --port="$port" --bind-address=127.0.0.1 \
		--pid-file="$BATS_TEST_TMPDIR/db.pid" --thread-handling=one-thread-per-connection \
		--max-connections=1100 --back-log=1024 --innodb-buffer-pool-size=64M \
		--innodb-flush-log-at-trx-commit=2 --table-open-cache=2000 --skip-name-resolve
	[ "$1" != begin_natively ] || local pid=$helper_pid
	wait_for_port "$port"
	query 'create database shop; use shop;
		create table counter (id int primary key, n bigint not null) engine=innodb;
		insert into counter select seq, 0 from seq_1_to_10;
		create table sale (connection bigint, amount int) engine=innodb;'
}

query() {
	mariadb --no-defaults --socket="$socket" --user=root -N -e "$1"
}

# slap CLIENTS QUERIES: all clients together add one that many times, and sell.
slap() {
	echo "mysqlslap --no-defaults --host=127.0.0.1 --port=$port --user=root --create-schema=shop
		--no-drop --delimiter=; --concurrency=$1 --iterations=1 --number-of-queries=$2"
}

sales='update counter set n = n + 1 where id = 1 + connection_id() mod 10;
	insert into sale values (connection_id(), 7); select count(*) from counter where id < 4'

check_sales() {
	local sum

	sum=$(query "select sum(n), (select sum(amount) from shop.sale) from shop.counter")
	if [ "$sum" != "$(printf '%d\t%d' "$1" $(($1 * 7)))" ]; then
		echo "sums are $sum, not $1 and $(($1 * 7))"
		return 1
	fi
	query 'update shop.counter set n = 0; delete from shop.sale'
	query 'check table shop.counter, shop.sale' | grep -c 'status.*OK' | grep -qx 2
}

server() {
	mode "$1"
	start_database begin
	watched $(slap 100 3000) --query="$sales"
	check_threads 80
	check_sales 1000
	watched $(slap 1000 4000) --query="do sleep(1); $sales"
	check_threads 700
	check_sales 1000
	checksum
	finish TERM 0
	check_stats 800
}

# A table that is filled by joins and functions: its checksum is one number
# for whoever computes it.
checksum() {
	query 'use shop; create table hash engine=innodb as
		select a.seq * 1000 + b.seq as id, sha2(concat(a.seq, "-", b.seq), 256) as h
		from seq_1_to_100 a join seq_1_to_100 b order by id'
	query 'checksum table shop.hash' >"$BATS_FILE_TMPDIR/checksum.$mode"
	[ ! -f "$BATS_FILE_TMPDIR/checksum.native" ] ||
		diff "$BATS_FILE_TMPDIR/checksum.native" "$BATS_FILE_TMPDIR/checksum.$mode"
}

client() {
	mode "$1"
	start_database begin_natively
	begin slap $(slap 100 3000) --query="$sales"
	watched tail --pid="$pid" -f /dev/null
	await_end 0
	check_threads 100
	check_sales 1000
	check_stats 100
}

@test "mariadb natively: 100 and 1,000 connections" {
	server native
}

@test "mariadb under greenshim: 100 and 1,000 connections" {
	server greenshim
}

@test "mariadb under greenshim, on as many OS threads as it finds work for" {
	server default
}

@test "mysqlslap natively: 100 connections" {
	client native
}

@test "mysqlslap under greenshim: 100 connections" {
	client greenshim
}
