/* From the settings to what the modules take. The structs borrow the strings of the settings. */
#ifndef MC_APP_WIRING_H
#define MC_APP_WIRING_H

#include "app/config.h"
#include "engine/user.h"
#include "outreach/mailer.h"

/* The policy that the settings say; `replayed` and `stale_by_clock` are the caller's to set (false here). */
void mc_config_policy(const struct mc_config *c, struct mc_policy *policy);

/* The engine's rules that the settings say; the wall is the caller's to set. */
struct mc_rules mc_config_rules(const struct mc_config *c);

void mc_config_sender(const struct mc_config *c, struct mc_sender *sender);

/* The mail server of the settings, whatever the transport. */
void mc_config_smtp(const struct mc_config *c, struct mc_smtp_settings *smtp);

/* `templates` from mc_config_templates. Mail server and webhook are left out unless mail.transport says so. */
void mc_config_mailer(const struct mc_config *c, const char *templates, struct mc_mailer_settings *settings);

/* mail.templates, or the folder that came with this program: replaces the text in `path`, which starts as {0} or used
 * and is the caller's to free. */
void mc_config_templates(const struct mc_config *c, struct mc_buf *path);

#endif
