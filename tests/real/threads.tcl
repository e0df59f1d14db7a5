# Pools, shared variables and messages of Tcl's threads.
package require Thread

set pool [tpool::create -minworkers 4 -maxworkers 8]
set jobs {}
for {set i 0} {$i < 20} {incr i} {
	lappend jobs [tpool::post $pool "
		set sum 0
		for {set k 0} {\$k < 2000} {incr k} { incr sum \[expr {\$k * $i}\] }
		set sum
	"]
}
foreach job $jobs {
	tpool::wait $pool $job
	puts "job: [tpool::get $pool $job]"
}
tpool::release $pool

tsv::set shared n 0
set threads {}
for {set i 0} {$i < 10} {incr i} {
	lappend threads [thread::create -joinable {
		for {set k 0} {$k < 500} {incr k} { tsv::incr shared n }
	}]
}
foreach thread $threads { thread::join $thread }
puts "shared: [tsv::get shared n]"

set thread [thread::create]
puts "sent: [thread::send $thread {expr 6 * 7}]"
thread::send -async $thread {after 20; expr 5} ::answer
vwait ::answer
puts "answered: $::answer"

proc accept {channel address port} {
	puts $channel [string toupper [gets $channel]]
	close $channel
}
set server [socket -server accept -myaddr 127.0.0.1 0]
set port [lindex [fconfigure $server -sockname] 2]
thread::send -async $thread [list set port $port]
thread::send -async $thread {
	set channel [socket 127.0.0.1 $port]
	puts $channel hello
	flush $channel
	gets $channel
} ::said
vwait ::said
puts "over a socket: $::said"
thread::release $thread
puts "a child: [exec echo hello]"
exit 3
