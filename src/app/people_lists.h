/* The lists of `maxcart subscribers`, `catalogue` and `coupons`. */
#ifndef MC_APP_PEOPLE_LISTS_H
#define MC_APP_PEOPLE_LISTS_H

#include "app/query.h"

enum mc_err mc_list_subscribers(struct mc_invocation *run, const struct mc_query *query, struct mc_error *e);
enum mc_err mc_list_catalogue(struct mc_invocation *run, const struct mc_query *query, struct mc_error *e);
enum mc_err mc_list_coupons(struct mc_invocation *run, const struct mc_query *query, struct mc_error *e);

#endif
