/* Persons who are waited for: send and holdout carts to be checked a second time, or still inside the attribution
 * window. What of the outbox must be found at every purchase and every move of the clock; rebuilt from it (L4).
 *
 *     due heap:   those in state waiting, by (due, user, session, opening time)
 *     queue:      all, in order of insertion, which is nearly that of due; the front leaves when the clock has passed
 *                 due + attribution window + 24 h. Purchases that come later than that are late ones, and look in the
 *                 table instead
 *     persons:    person -> list of its waiters
 * Private to store/.
 */
#ifndef MC_STORE_WAITING_H
#define MC_STORE_WAITING_H

#include "engine/effect.h"
#include "store/strmap.h"

struct mc_waiter {
    struct mc_waiter *next_of_person, *next_in_queue;
    int64_t id; /* of the outbox row */
    struct mc_time due, expires, opened, first_cart;
    bool holdout;
    bool checked;                /* passed the second check */
    bool gone;                   /* withheld: in the queue only */
    bool unwritten;              /* its row in the outbox is held back until its check, see mc_outbox_flush */
    uint64_t people;             /* mc_ledger.people when it was decided; 0: read from the table */
    struct mc_time recovered_at; /* none: not yet */
    __int128 recovered_minor;
    struct mc_str user, session; /* in bytes */
    uint32_t product_count;
    struct mc_str *products; /* in the same block, sorted */
};

struct mc_waiting {
    struct mc_waiter **heap;
    size_t heap_count, heap_cap;
    struct mc_waiter *front, *back;
    size_t count;
    struct mc_strmap persons; /* value: index into lists */
    struct mc_waiter **lists;
    size_t list_cap, empty_lists;
};

/* Copies the cart's names and products. NULL when there is no memory. */
struct mc_waiter *mc_waiter_new(struct mc_str user, struct mc_str session, const struct mc_cart_item *items,
                                uint32_t item_count);

/* Takes the waiter over: into the person's list, the queue and, if it is not checked, the heap. False when there is no
 * memory: then it is still the caller's. */
bool mc_waiting_add(struct mc_waiting *w, uint64_t person_hash, struct mc_str person, struct mc_waiter *waiter);

/* The first that is due at or before `clock`, taken from the heap (it stays in list and queue); NULL: none. */
struct mc_waiter *mc_waiting_pop_due(struct mc_waiting *w, struct mc_time clock);

/* The list of a person, NULL if empty. */
struct mc_waiter *mc_waiting_of(const struct mc_waiting *w, uint64_t person_hash, struct mc_str person);

/* Withheld: leaves the person's list, is freed when the queue comes to it. */
void mc_waiting_drop(struct mc_waiting *w, uint64_t person_hash, struct mc_str person, struct mc_waiter *waiter);

/* The person `from` has become part of `to`. False when there is no memory: nothing has changed. */
bool mc_waiting_move(struct mc_waiting *w, uint64_t from_hash, struct mc_str from, uint64_t to_hash, struct mc_str to);

/* Frees the front of the queue, which must be out of the heap. */
void mc_waiting_pop_front(struct mc_waiting *w, uint64_t person_hash, struct mc_str person);

bool mc_waiter_has(const struct mc_waiter *waiter, struct mc_str product);

void mc_waiter_free(struct mc_waiter *waiter);
void mc_waiting_free(struct mc_waiting *w);

#endif
