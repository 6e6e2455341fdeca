/* Any bytes as a checkpoint: of the clock, and of a partition. What is refused can be closed; what is taken encodes to
 * bytes that are taken again, and goes on to its end. The first byte says which. */
#include "engine/partition.h"
#include "event/clock.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_clock(struct mc_str bytes) {
    struct mc_clock clock;
    if (!mc_clock_decode(&clock, bytes))
        return;
    struct mc_buf again = {0};
    mc_clock_encode(&clock, &again);
    assert(mc_str_equal(bytes, mc_buf_view(&again)));
    mc_buf_free(&again);
    for (const char *user = "abcdefg"; *user != '\0'; user++) {
        struct mc_time before = clock.now;
        mc_clock_event(&clock, (struct mc_time){MC_TIME_END_US - 1 - *user}, (struct mc_str){user, 1});
        assert(clock.now.us >= before.us && clock.witness_count < MC_CLOCK_WITNESSES);
    }
}

static void count_end(void *context, const struct mc_visit_end *end) {
    (void)end;
    ++*(uint64_t *)context;
}

static bool is_mine(void *context, uint64_t user_hash) {
    unsigned mask = *(const unsigned *)context;
    return (user_hash & mask) == 0;
}

static struct mc_partition *decode(struct mc_str bytes, unsigned mask, bool first, uint64_t *ends) {
    struct mc_partition *p;
    struct mc_error e = {0};
    struct mc_partition_options options = {.rules = mc_rules_default(), .sink = {ends, count_end}};
    assert(mc_partition_open(&p, &options, &e) == MC_OK);
    enum mc_err err = mc_partition_decode(p, bytes, is_mine, &mask, first, &e);
    assert(err == MC_OK || (err == MC_ERR_FORMAT && e.text[0] != '\0'));
    if (err != MC_OK)
        mc_partition_close(&p);
    return p;
}

static void live_on(struct mc_partition *p, uint64_t *ends) {
    struct mc_buf bytes = {0};
    mc_partition_encode(p, &bytes);
    uint64_t users = mc_partition_measure(p).users, visits = mc_partition_measure(p).visits, other_ends = 0;
    struct mc_partition *again = decode(mc_buf_view(&bytes), 0, true, &other_ends);
    assert(again != NULL && mc_partition_measure(again).users == users && mc_partition_measure(again).visits == visits);
    assert(mc_partition_advance(p, NULL, (struct mc_time){MC_TIME_END_US / 2}, NULL) == MC_OK);
    mc_partition_finish(p, (struct mc_time){MC_TIME_END_US - 1});
    mc_partition_finish(again, (struct mc_time){MC_TIME_END_US - 1});
    assert(*ends == visits && other_ends == visits && mc_partition_measure(p).visits == 0);
    mc_partition_close(&again);
    mc_buf_free(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    struct mc_str bytes = {(const char *)data + 1, size - 1};
    if (data[0] & 1) {
        check_clock(bytes);
        return 0;
    }
    uint64_t ends = 0;
    struct mc_partition *p = decode(bytes, data[0] >> 2 & 1, (data[0] & 2) == 0, &ends);
    if (p != NULL)
        live_on(p, &ends);
    mc_partition_close(&p);
    return 0;
}
