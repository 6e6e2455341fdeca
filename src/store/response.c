#include "store/response.h"

#include "store/internal.h"

static enum mc_err is_clicked(struct mc_ledger *l, int64_t message, bool *found, bool *clicked, struct mc_error *e) {
    bool ready = mc_ledger_writable(l, e) == MC_OK && mc_outbox_flush(l, e) == MC_OK;
    sqlite3_stmt *s = ready ? mc_sql_get(l, MC_SQL_RESPONSE_OF, e) : NULL;
    *found = *clicked = false;
    if (s == NULL)
        return l->last_error;
    sqlite3_bind_int64(s, 1, message);
    enum mc_err err = mc_sql_step(l, MC_SQL_RESPONSE_OF, found, e);
    if (err != MC_OK || !*found)
        return err;
    *clicked = sqlite3_column_type(s, 0) != SQLITE_NULL;
    mc_sql_reset(l, MC_SQL_RESPONSE_OF);
    return MC_OK;
}

static enum mc_err note_click(struct mc_ledger *l, int64_t message, struct mc_wall at, struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_RESPONSE_CLICK, e);
    if (s == NULL)
        return l->last_error;
    sqlite3_bind_int64(s, 1, message);
    sqlite3_bind_int64(s, 2, at.us);
    mc_totals_add(l, MC_TOTAL_CLICKED, 1);
    return mc_sql_run(l, MC_SQL_RESPONSE_CLICK, e);
}

enum mc_err mc_response_click(struct mc_ledger *l, int64_t message, struct mc_wall at, bool *found,
                              struct mc_error *e) {
    bool clicked;
    enum mc_err err = is_clicked(l, message, found, &clicked, e);
    return err == MC_OK && *found && !clicked ? note_click(l, message, at, e) : err;
}
