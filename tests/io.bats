# Reads and writes on what is no socket, and descriptors: as natively, and one thread's wait does not stop another.

load helpers

@test "pipes: reads and writes that wait, large ones, atomic ones, vectors, many readers, ends that go away" {
	both io_pipe
	assert_parked read 10
	assert_parked write
	assert_parked writev
	assert_parked preadv2
	assert_os_threads_one
}

@test "threads wake each other through pipes, eventfd and socket pairs, whatever else becomes of these" {
	both io_channel
	assert_parked read 4000
	[ "$(stat_of polls)" -lt 2000 ]
	assert_os_threads_one
}

@test "FIFOs: an open that waits for the other end stops nobody else" {
	both io_fifo
	assert_stat offloaded 2
}

@test "eventfd, timerfd, inotify, signalfd wait; files and /dev/null do not" {
	both io_event
	assert_parked read 6
	assert_os_threads_one
}

@test "eventfd, timerfd, epoll: every function, its errors, many waiters, signals, a child" {
	both event_all
	assert_parked read 10
}

@test "terminals: lines, raw input with VMIN and VTIME, more output than fits" {
	both io_tty
	assert_parked read 4
}

@test "sendfile, splice, tee, vmsplice: more than fits, nothing there yet" {
	both io_splice
	assert_parked sendfile
	assert_parked splice
	assert_parked tee
	assert_parked vmsplice
	assert_os_threads_one
}

@test "close, dup2, shutdown and close_range while another thread is in a call on the descriptor" {
	both fd_close
	assert_parked read
	assert_parked recvfrom
	assert_parked accept
}

@test "close of sets, timers, queues and pidfds while another thread waits on them" {
	both fd_close_kinds
	assert_parked epoll_wait 2
	assert_parked waitid
	assert_parked mq_timedreceive
}

@test "O_NONBLOCK and timeouts are the program's own, also through duplicates and children" {
	both fd_flags
	assert_parked read 10
}

@test "stdio on sockets and pipes in one thread does not stop another" {
	both stdio_wait
	assert_parked read 5
	assert_parked write
}

@test "what the kernel goes on with by itself: io_getevents, io_uring" {
	both io_kernel
}

@test "io: every descriptor that the limit allows is the program's" {
	both fd_numbers
}
