/* Any bytes as a price and as a quantity: the same as the naive model on strings of digits. */
#include "../test/event/naive_price.h"
#include "event/price.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool naive_quantity(struct mc_str text, int32_t *quantity) {
    size_t zeros = 0;
    while (zeros < text.len && text.data[zeros] == '0')
        zeros++;
    if (text.len == zeros || text.len - zeros > 7)
        return false;
    *quantity = 0;
    for (size_t i = zeros; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        *quantity = *quantity * 10 + (text.data[i] - '0');
    }
    return *quantity <= 1000000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct mc_str text = {(const char *)data, size};
    int64_t minor = 0, naive_minor = 0;
    int32_t quantity = 0, naive = 0;
    bool good = mc_price_parse(text, &minor);
    assert(good == naive_price(text, &naive_minor));
    assert(!good || (minor == naive_minor && minor <= MC_PRICE_MAX && minor >= -MC_PRICE_MAX));
    good = mc_quantity_parse(text, &quantity);
    assert(good == naive_quantity(text, &naive) && (!good || quantity == naive));
    return 0;
}
