/* The face: the terminal, the keys and the drawing of one app. */
#ifndef PGCUTOVER_FACE_H
#define PGCUTOVER_FACE_H

struct app;

/* Takes the terminal, paints, calls app_start(), and runs the loop until the operator quits or a
 * signal ends it; gives the terminal back. The caller then stops and frees the app.
 * Returns the exit status: 0, 1 where it could not start (said on stderr), 128 + signal. */
int face_run(struct app *app);

#endif
