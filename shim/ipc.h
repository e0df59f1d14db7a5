/* ipc.h - System V semaphores and queues, POSIX queues, the kernel's asynchronous i/o. */
#ifndef SHIM_IPC_H
#define SHIM_IPC_H

/* CLONE_SYSVSEM: what the kernel does when the first thread is made. */
void ipc_undo_list(void);
/* The process has left what it had: it is to be made again. */
void ipc_undo_list_gone(void);

#endif
