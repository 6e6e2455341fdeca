#include "store/sums.h"

#include "base/mem.h"

static bool has_room(struct mc_sums *sums) {
    if (sums->products.count < sums->cap)
        return true;
    size_t cap = sums->cap == 0 ? 256 : sums->cap * 2;
    struct mc_sum *list = mc_realloc(sums->list, cap * sizeof *list);
    if (list == NULL)
        return false;
    sums->list = list;
    sums->cap = cap;
    return true;
}

bool mc_sums_add(struct mc_sums *sums, struct mc_str product, __int128 units, __int128 revenue) {
    size_t before = sums->products.count;
    struct mc_strmap_entry *entry = NULL;
    if (has_room(sums))
        entry = mc_strmap_add(&sums->products, mc_hash64(product.data, product.len), product, (int64_t)before);
    if (entry == NULL)
        return false;
    struct mc_sum *sum = &sums->list[entry->value];
    if (sums->products.count > before)
        *sum = (struct mc_sum){0};
    sum->units += units;
    sum->revenue += revenue;
    return true;
}

void mc_sums_clear(struct mc_sums *sums) {
    mc_strmap_clear(&sums->products);
}

void mc_sums_free(struct mc_sums *sums) {
    mc_strmap_free(&sums->products);
    mc_free(sums->list);
    *sums = (struct mc_sums){0};
}
