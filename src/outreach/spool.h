/* Delivery into a folder: one .eml file a message, named by its message id.
 *
 * A file is written under a temporary name (it begins with ".") and renamed, so a reader of the folder sees whole files
 * only; writing the same message again replaces the file by the same bytes. mc_spool_flush makes what was put durable:
 * call it before the ledger commits that the messages were handed over; a crash before it loses nothing, as they will
 * be put again. One owner a folder.
 */
#ifndef MC_OUTREACH_SPOOL_H
#define MC_OUTREACH_SPOOL_H

#include "base/err.h"
#include "base/str.h"

struct mc_spool;

/* Makes the folder if it is missing (its parent must exist). On success *out is the caller's, to be closed; on error it
 * is NULL. MC_ERR_IO: not a folder, no permission. */
enum mc_err mc_spool_open(struct mc_spool **out, const char *folder, struct mc_error *e);

/* Writes MESSAGE_ID.eml. The id must be mc_message_id_is_valid (asserted): no slash, no dot at its start. On an error
 * (MC_ERR_FULL, MC_ERR_IO) there is no new file, and an older one of the name is as it was. */
enum mc_err mc_spool_put(struct mc_spool *s, struct mc_str message_id, struct mc_str mail, struct mc_error *e);

/* Whether the folder has the message's file: whole, for nothing else gets its name. */
bool mc_spool_has(const char *folder, struct mc_str message_id);

/* All that was put is on the disk when this returns MC_OK. */
enum mc_err mc_spool_flush(struct mc_spool *s, struct mc_error *e);

/* Does not flush. */
void mc_spool_close(struct mc_spool **s);

#endif
