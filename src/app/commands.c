#include "app/commands.h"

const struct mc_command *const mc_commands[] = {
    &mc_command_serve,    &mc_command_keys,     &mc_command_share,        &mc_command_password,  &mc_command_send,
    &mc_command_replay,   &mc_command_report,   &mc_command_carts,        &mc_command_decisions, &mc_command_sales,
    &mc_command_rejects,  &mc_command_why,      &mc_command_subscribers,  &mc_command_catalogue, &mc_command_coupons,
    &mc_command_preview,  &mc_command_simulate, &mc_command_clv,          &mc_command_sql,       &mc_command_verify,
    &mc_command_forecast, &mc_command_config,   &mc_command_help_command, &mc_command_version,   NULL,
};
