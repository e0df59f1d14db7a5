/* What the C library of bullseye does not have yet, for the test programs. */
#define strerrorname_np strerror
#define sigabbrev_np strsignal
#define SYS_epoll_pwait2 441
#define CLOSE_RANGE_CLOEXEC 4
#define close_range(first, last, flags) syscall(436, first, last, flags)
