/* The fields of one well-formed row, one after the other: shared by the header and the byte-by-byte way of rows. */
#ifndef MC_EVENT_CSV_FIELDS_H
#define MC_EVENT_CSV_FIELDS_H

#include "base/buf.h"
#include "event/event.h"

struct mc_field_cursor {
    size_t at, end; /* the row's content that is left, as offsets into the buffer */
    bool done;      /* the last field was given */
};

/* The next field's content as a slice of `bytes`; false behind the last. A field with doubled quotes is unescaped to a
 * copy behind bytes->len, for which the caller reserved as many bytes as the row has. The row is well-formed. */
bool mc_csv_next_field(struct mc_buf *bytes, struct mc_field_cursor *cursor, struct mc_slice *field);

#endif
