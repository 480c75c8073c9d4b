/* Asks the servers what the panels show, on sessions of its own, and never more than one question
 * of a kind at a time. Its sessions are read-only for the server too. */
#ifndef PGCUTOVER_SAMPLER_H
#define PGCUTOVER_SAMPLER_H

#include <stdbool.h>

struct app;
struct sampler;

/* Connects to every node and begins to sample. */
struct sampler *sampler_new(struct app *app);
void sampler_free(struct sampler *sampler);

/* Asks these again at once (`id` NULL: all), without waiting for their interval. */
void sampler_refresh(struct sampler *sampler, const char *id);

/* Every sample has been answered, or its node can't be: what `status` waits for. */
bool sampler_settled(const struct sampler *sampler);

#endif
