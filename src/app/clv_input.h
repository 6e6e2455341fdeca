/* What `maxcart clv` reads: orders, or customers summed up already; as arrays for the models.
 *
 * Customers are numbered in the order of their ids' bytes, so that nothing depends on the order of rows. A row that
 * cannot be used is left out, counted, and the first such is kept with its reason. Memory is the struct's until
 * mc_clv_input_close. One thread.
 */
#ifndef MC_APP_CLV_INPUT_H
#define MC_APP_CLV_INPUT_H

#include "base/buf.h"
#include "base/err.h"
#include "model/clv_summary.h"

#define MC_CLV_AMOUNT_MAX 1e12 /* of one order, either way */

struct mc_clv_input {
    struct mc_clv_order *orders; /* NULL when customers were read */
    size_t order_count;
    struct mc_clv_customer *customers; /* by number; NULL when orders were read; may be taken (and set to NULL) */
    size_t count;                      /* of customers */
    uint64_t rows, refused;
    uint64_t first_refused; /* its row */
    char reason[96];
    struct mc_str *ids; /* by number */
    struct mc_buf text; /* of the ids */
};

/* customer_id,date,amount. `today`: days since 1970; a row dated more than a day after it is refused. MC_ERR_IO,
 * MC_ERR_FORMAT (header; no usable row), MC_ERR_NOMEM. */
enum mc_err mc_clv_input_orders(const char *path, int32_t today, struct mc_clv_input *in, struct mc_error *e);

/* customer_id,frequency,recency,T,monetary_value, the last of which may be missing; times in `unit_days` already. */
enum mc_err mc_clv_input_summary(const char *path, struct mc_clv_input *in, struct mc_error *e);

void mc_clv_input_close(struct mc_clv_input *in);

#endif
