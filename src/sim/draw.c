#include "sim/draw.h"

#include "base/mem.h"
#include <assert.h>

/* Vose's method: cells that hold less than their part are filled up by cells that hold more. Parts are in units in
 * which a full cell is `total` (so a cell begins as weight x count): exact until the last division. */
static void pair_up(struct mc_alias_cell *cells, unsigned __int128 *parts, uint32_t *order, uint32_t count,
                    uint64_t total) {
    uint32_t small = 0, large = count;
    for (uint32_t i = 0; i < count; i++)
        order[parts[i] < total ? small++ : --large] = i;
    while (small > 0 && large < count) {
        uint32_t s = order[--small], l = order[large];
        cells[s] = (struct mc_alias_cell){(uint32_t)((parts[s] << 32) / total), l};
        parts[l] -= total - parts[s];
        if (parts[l] < total) {
            large++;
            order[small++] = l;
        }
    }
}

static uint64_t sum(const uint64_t *weights, uint32_t count) {
    uint64_t total = 0;
    assert(count > 0 && count < 1U << 20);
    for (uint32_t i = 0; i < count; i++) {
        assert(weights[i] < (uint64_t)1 << 40);
        total += weights[i];
    }
    assert(total > 0);
    return total;
}

enum mc_err mc_alias_build(struct mc_alias *a, const uint64_t *weights, uint32_t count, struct mc_error *e) {
    uint64_t total = sum(weights, count);
    unsigned __int128 *parts = mc_malloc(count * sizeof *parts);
    uint32_t *order = mc_malloc(count * sizeof *order);
    *a = (struct mc_alias){mc_malloc(count * sizeof *a->cells), count};
    if (parts == NULL || order == NULL || a->cells == NULL) {
        mc_alias_free(a);
    } else {
        for (uint32_t i = 0; i < count; i++) {
            parts[i] = (unsigned __int128)weights[i] * count;
            a->cells[i] = (struct mc_alias_cell){UINT32_MAX, i};
        }
        pair_up(a->cells, parts, order, count, total);
    }
    mc_free(parts);
    mc_free(order);
    return a->cells ? MC_OK : mc_error_set(e, MC_ERR_NOMEM, "no memory for a table of %u weights", count);
}

void mc_alias_free(struct mc_alias *a) {
    mc_free(a->cells);
    *a = (struct mc_alias){0};
}
