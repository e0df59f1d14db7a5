/* waitq.h - an intrusive doubly linked list, used for every queue of waiters.
 * Owner: the object that embeds the head. A head is initialised by list_init; an all-zero node is unlinked. */
#ifndef CORE_WAITQ_H
#define CORE_WAITQ_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define LIST_ENTRY(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))
#define LIST_EACH(node, head) for (struct list *node = (head)->next; node != (head); node = node->next)
/* Safe against removal of `node` itself. */
#define LIST_EACH_SAFE(node, head)                                                        \
	for (struct list *node = (head)->next, *node##_next = node->next; node != (head); \
	     node = node##_next, node##_next = node->next)

static inline void list_init(struct list *head)
{
	head->next = head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

static inline bool list_linked(const struct list *node)
{
	return node->next;
}

static inline void list_insert(struct list *before, struct list *node)
{
	node->next = before;
	node->prev = before->prev;
	before->prev->next = node;
	before->prev = node;
}

static inline void list_push(struct list *head, struct list *node) /* at the tail */
{
	list_insert(head, node);
}

static inline void list_push_front(struct list *head, struct list *node)
{
	list_insert(head->next, node);
}

static inline void list_remove(struct list *node) /* an unlinked node is fine */
{
	if (!node->next)
		return;
	node->next->prev = node->prev;
	node->prev->next = node->next;
	node->next = node->prev = NULL;
}

static inline struct list *list_pop(struct list *head) /* from the front; NULL when empty */
{
	struct list *node = head->next;

	if (node == head)
		return NULL;
	head->next = node->next;
	node->next->prev = head;
	node->next = node->prev = NULL;
	return node;
}

#endif
