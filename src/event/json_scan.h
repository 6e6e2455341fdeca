/* The shim over simdjson: where the tokens of a JSON text begin. The rest of the decoder is C and sees only this.
 *
 * simdjson's first stage is used, and not its On Demand reader: that reader looks only at what is asked for, so that
 * what it calls broken depends on the fields a program reads and on the instructions of the machine, and it cannot go
 * on behind a broken line. The log is decoded again after a crash, perhaps on another machine: the answer must be the
 * same. So json_walk checks the whole grammar over these positions.
 */
#ifndef MC_EVENT_JSON_SCAN_H
#define MC_EVENT_JSON_SCAN_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct mc_json_scanner; /* its memory: about 4 bytes a byte of the longest text, as far as there are tokens */

/* NULL: no memory. One thread at a time. */
struct mc_json_scanner *mc_json_scanner_open(void);
void mc_json_scanner_close(struct mc_json_scanner *scanner);

/* Scans bytes[from, end). On MC_OK *tokens are the offsets (from bytes[0]) of each bracket, comma, colon, opening quote
 * and first byte of anything else, outside of strings, in order, and behind them `end` twice; valid until the next
 * call. The text is then UTF-8, its strings are closed and hold no byte below the space; nothing else was checked.
 * MC_ERR_FORMAT: it is not so. MC_ERR_NOMEM. */
enum mc_err mc_json_scan(struct mc_json_scanner *scanner, const char *bytes, size_t from, size_t end,
                         const uint32_t **tokens);

/* Which of simdjson's variants runs here: "haswell", "icelake", "westmere", "fallback". */
const char *mc_json_scan_chosen(void);

/* For tests: another variant from now on, in all threads; false when this machine has it not. Open scanners keep
 * theirs. */
bool mc_json_scan_choose(const char *name);

#endif
