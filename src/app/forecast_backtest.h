/* The forecast on the user's own past: the last `horizon` periods of each series are hidden, forecast, and compared,
 * beside naive rivals. One thread, but for what options->each does. */
#ifndef MC_APP_FORECAST_BACKTEST_H
#define MC_APP_FORECAST_BACKTEST_H

#include "app/forecast_table.h"
#include "model/forecast_accuracy.h"

enum { MC_BACKTEST_LINES_MAX = 12 };

struct mc_backtest_line {
    const char *method; /* static text */
    bool has_quantiles;
    struct mc_accuracy_result result;
};

struct mc_backtest {
    struct mc_backtest_line lines[MC_BACKTEST_LINES_MAX]; /* the first is ours */
    size_t line_count;
    size_t horizon;
    size_t series, left_out; /* left out: too short to hide anything */
};

/* MC_ERR_USAGE: no series is long enough; MC_ERR_NOMEM. */
enum mc_err mc_backtest_run(const struct mc_forecast_table *t, const struct mc_forecast_options *options,
                            struct mc_backtest *out, struct mc_error *e);

/* A table for people, with a sentence on what it says. */
void mc_backtest_text(struct mc_buf *b, const struct mc_backtest *backtest);

#endif
