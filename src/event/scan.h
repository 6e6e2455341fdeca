/* Where the commas and line feeds are: the structural scan of CSV bytes that hold no quotes.
 *
 * One pass of 64 bytes a step makes a bit mask of structural bytes and writes their positions; it also says whether the
 * bytes hold anything that needs a slower look. The widest instructions of this machine are chosen at the first call;
 * all variants give the same positions (test/event/scan_test.c).
 */
#ifndef MC_EVENT_SCAN_H
#define MC_EVENT_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mc_scan {
    size_t count;   /* positions written */
    bool has_high;  /* some byte is 0x80 or above: UTF-8 must be checked */
    bool has_nul;   /* some byte is 0 */
    bool has_edges; /* white space, or another byte below it but LF, is the first byte or beside a structural one */
};

/* Past the last position a scan may write this many more. */
enum { MC_SCAN_SLACK = 64 };

/* Writes the positions of ',' and '\n' within bytes[0, len) in rising order. `positions` has room for as many plus
 * MC_SCAN_SLACK. len is below 2^32. Any thread. */
struct mc_scan mc_scan_structurals(const char *bytes, size_t len, uint32_t *positions);

/* The variants by name, for tests and benches: "scalar", "avx2", "avx512". False when this machine cannot run it. */
bool mc_scan_variant(const char *name, const char *bytes, size_t len, uint32_t *positions, struct mc_scan *out);

/* Which one mc_scan_structurals runs here. */
const char *mc_scan_chosen(void);

#endif
