/* Every command there is, for the table in commands.c. */
#ifndef MC_APP_COMMANDS_H
#define MC_APP_COMMANDS_H

#include "app/command.h"

extern const struct mc_command mc_command_replay; /* cmd_replay.c */
extern const struct mc_command mc_command_report;
extern const struct mc_command mc_command_carts;
extern const struct mc_command mc_command_decisions;
extern const struct mc_command mc_command_sales;
extern const struct mc_command mc_command_rejects;
extern const struct mc_command mc_command_why;
extern const struct mc_command mc_command_subscribers;
extern const struct mc_command mc_command_catalogue;
extern const struct mc_command mc_command_coupons;
extern const struct mc_command mc_command_preview;
extern const struct mc_command mc_command_serve; /* cmd_serve.c */
extern const struct mc_command mc_command_keys;  /* cmd_access.c */
extern const struct mc_command mc_command_share;
extern const struct mc_command mc_command_send; /* cmd_send.c */
extern const struct mc_command mc_command_password;
extern const struct mc_command mc_command_simulate; /* cmd_simulate.c */
extern const struct mc_command mc_command_sql;      /* cmd_sql.c */
extern const struct mc_command mc_command_verify;   /* cmd_verify.c */
extern const struct mc_command mc_command_forecast; /* cmd_forecast.c */
extern const struct mc_command mc_command_clv;      /* cmd_clv.c */
extern const struct mc_command mc_command_config;
extern const struct mc_command mc_command_help_command;
extern const struct mc_command mc_command_version;

#endif
